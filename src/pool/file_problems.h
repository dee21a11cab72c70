/// What stands in the pooler's files and was not understood: passed over, as PgBouncer does, and
/// told where the files are read.
///
/// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace pgkeep::pool {

/// Of a text whose name is not known here.
struct LineProblem {
  int line = 0;
  std::string what;
  friend bool operator==(const LineProblem&, const LineProblem&) = default;
};

struct FileProblem {
  enum class Kind : std::uint8_t {
    warning, ///< A line, or a part of it, counts for nothing.
    error    ///< A file, or the rest of it.
  };
  Kind kind = Kind::warning;
  std::string where; ///< "hba.conf:3"; empty: `what` names the file.
  std::string what;

  [[nodiscard]] std::string text() const {
    return where.empty() ? what : fmt::format("{}: {}", where, what);
  }
};

} // namespace pgkeep::pool
