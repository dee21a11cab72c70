/// What of a client's bytes goes to its server, and whether the client goes on.
///
/// Private to src/pool. Threads: plain values.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgkeep::pool {

struct Outgoing {
  enum class End : std::uint8_t {
    none,
    terminate,
    unknown,
    broken,
    simple_query,
    too_many_statements
  };
  std::string_view prefix; ///< Of a header that began in earlier bytes. In the loop's prefix_.
  std::string_view made;   ///< What was said in other words, and all before it. In its made_.
  std::string_view bytes;
  End end = End::none;
  [[nodiscard]] bool empty() const { return prefix.empty() && made.empty() && bytes.empty(); }
};

} // namespace pgkeep::pool
