/// The records with which a client begins TLS, looked at before the library takes them.
///
/// The library makes room for a ClientHello as soon as it reads how long it says it is, up to 131
/// kB: whoever sends but its front has that of us until client_login_timeout, and nobody counts
/// connections that have not said what they want. So one that is longer than any honest client's is
/// refused first, and of a record that is not whole the library learns nothing. Private to
/// src/pool. Threads: one object, one thread at a time. Source: RFC 8446, sections 4 and 5.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgkeep::pool {

class TlsRecords {
public:
  /// With keys for all groups, a ticket and what pads it, an honest one has about two.
  static constexpr std::size_t kHelloBytesMax = 16'384;

  struct Found {
    std::size_t bytes = 0; ///< Of whole records; or of what is none, which the library may judge.
    bool is_too_long = false;
  };
  /// `bytes` are those behind the ones that were found before. `is_tls13`: as far as it is known.
  Found look(std::string_view bytes, bool is_tls13);

private:
  bool may_be_taken(std::string_view handshake);

  std::size_t hello_left_ = 0; ///< Of a ClientHello in several records.
  bool is_over_ = false;       ///< No ClientHello may come any more.
};

} // namespace pgkeep::pool
