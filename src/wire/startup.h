/// What a client says first: that it wants a session, TLS, or a running query cancelled.
///
/// Pure functions over the bytes that are there. Threads: any. Source: PostgreSQL manual,
/// protocol-message-formats (StartupMessage, CancelRequest, SSLRequest, GSSENCRequest) and
/// protocol-flow (direct TLS); the limit is MAX_STARTUP_PACKET_LENGTH of the server's pqcomm.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pgkeep::wire {

inline constexpr std::size_t kStartupBytesMax = 10'000;
inline constexpr std::uint16_t kProtocolMajor = 3;

enum class FirstWish : std::uint8_t { session, cancel, tls, gss_encryption };

struct Startup {
  FirstWish wish = FirstWish::session;
  std::size_t bytes = 0; ///< How many it took; what follows was sent behind it.

  // Of a session.
  std::uint16_t major = kProtocolMajor; ///< Another than kProtocolMajor is not spoken here.
  std::uint16_t minor = 0;
  std::vector<std::pair<std::string, std::string>> parameters = {};      ///< As sent, in order.
  [[nodiscard]] std::string_view parameter(std::string_view name) const; ///< Empty: not given.

  // Of a cancel request.
  std::uint32_t process = 0;
  std::string key = {}; ///< 4 bytes, up to 256 from version 3.2 on.
};

/// None while more bytes are needed; no more than kStartupBytesMax ever are. Errors: Code::corrupt,
/// after which the connection can only be closed.
base::Result<std::optional<Startup>> startup_of(std::string_view bytes);

/// A TLS handshake at once, without SSLRequest before it (PostgreSQL 17 and later).
bool is_direct_tls(std::string_view bytes);

/// What a client sends: the same, the other way round.
void append_startup(std::string& out, std::uint16_t minor,
                    const std::vector<std::pair<std::string, std::string>>& parameters);
void append_tls_request(std::string& out);
void append_cancel_request(std::string& out, std::uint32_t process, std::string_view key);

} // namespace pgkeep::wire
