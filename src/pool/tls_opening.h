/// How a connection to a server becomes a TLS one: SSLRequest, one byte of answer, the handshake.
///
/// A state machine without sockets: bytes in, a Step out; the handshake is done by work(), on a
/// thread that may be busy. What a server sends behind its answer in the clear is never used
/// (CVE-2021-23222). Private to src/pool. Threads: one object, one thread at a time. Source:
/// PostgreSQL manual, protocol-flow (SSL Session Encryption); PgBouncer's manual, config
/// (server_tls_sslmode), and the words of its 1.18.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pool/tls_session.h"

namespace pgkeep::pool {

class TlsOpening {
public:
  struct Step {
    enum class Kind : std::uint8_t {
      wait,   ///< For more bytes, once `send` is sent.
      work,   ///< Call work().
      plain,  ///< The server has no TLS, and that is allowed.
      secure, ///< Once `send` is sent: see take().
      fail,   ///< Close it: `text` says why.
    };
    Kind kind = Kind::wait;
    std::string send = {};
    std::string text = {};
    std::string problem = {}; ///< Of the handshake: for the log.
  };
  /// A handshake is shorter, whatever chain of certificates it brings.
  static constexpr std::size_t kBytesMax = 131'072;

  /// Null where servers are not asked for TLS.
  static std::unique_ptr<TlsOpening> of(const TlsContexts& contexts, const std::string& host);

  /// What is sent first.
  [[nodiscard]] static std::string first();
  Step feed(std::string_view bytes);
  Step work();
  /// After Kind::secure.
  [[nodiscard]] std::unique_ptr<TlsSession> take() { return std::move(session_); }

private:
  TlsOpening(const TlsContexts& contexts, std::string host)
      : contexts_(contexts), host_(std::move(host)) {}

  TlsContexts contexts_;
  std::string host_;
  std::unique_ptr<TlsSession> session_; ///< None before the server's answer.
  std::string received_;
};

} // namespace pgkeep::pool
