/// One connection's TLS, without its socket: what the network brought goes in, what is to be sent
/// comes out.
///
/// Nothing is kept here but what the library needs: bytes that came are taken at once, records that
/// are made are appended to a buffer of the caller's, so that several leave in one system call and
/// a full socket is the caller's business alone. Private to src/pool. Threads: one object, one
/// thread at a time; a handshake costs half a millisecond and is for a worker. Source:
/// SSL_read_ex(3), BIO_meth_new(3); RFC 8446.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "pool/tls_context.h"

struct ssl_st;

namespace pgkeep::pool {

void free_tls(ssl_st* session) noexcept;

class TlsSession {
public:
  enum class Progress : std::uint8_t { going_on, done, failed };
  /// What came of the bytes that the network brought.
  struct Received {
    std::size_t count = 0; ///< Of plain bytes.
    bool is_over = false;  ///< The other side sends no more, or nonsense: see problem().
  };
  /// Of the other side's certificate.
  struct Certificate {
    bool is_given = false;
    bool is_good = false;    ///< As far as the authorities go.
    std::string common_name; ///< Empty: none, or one with a NUL in it.
  };
  /// A record holds so much; whoever receives must have room for this much more than he gives.
  static constexpr std::size_t kRecordBytesMax = 16'384;

  /// A client's. Null where the library has no memory.
  static std::unique_ptr<TlsSession> to_client(const TlsContexts& contexts);
  /// A server's: its name goes along (unless it is an address), for those who have several.
  static std::unique_ptr<TlsSession> to_server(const TlsContexts& contexts,
                                               const std::string& host);
  TlsSession(const TlsSession&) = delete;
  TlsSession(TlsSession&&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  TlsSession& operator=(TlsSession&&) = delete;
  ~TlsSession() = default;

  /// Goes on with the handshake. What it took is gone from `bytes`: behind the handshake there may
  /// be more. `out` gets what is to be sent, whether it failed or not.
  Progress shake_hands(std::string& bytes, std::string& out);
  /// Takes all of the bytes; `room` is kRecordBytesMax larger. `out` as above.
  Received receive(std::string_view bytes, char* plain, std::size_t room, std::string& out);
  /// Appends the records. False where the session is over.
  bool send(std::string_view plain, std::string& out);
  /// Appends the last record: that nothing follows.
  void say_goodbye(std::string& out);

  /// "handshake failed: error:...": for the log.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// "TLSv1.3/TLS_AES_256_GCM_SHA384/ECDH=X25519", as PgBouncer prints it.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] Certificate certificate() const;
  /// Whether the server's certificate is one of this host, by its name or address.
  [[nodiscard]] bool is_of(const std::string& host) const;
  /// tls-server-end-point of the server's certificate; see end_point_hash_of().
  [[nodiscard]] std::string server_binding() const;
  /// As far as it is known.
  [[nodiscard]] bool is_tls13() const;
  /// It speaks PostgreSQL by its own word (ALPN).
  [[nodiscard]] bool has_named_protocol() const;

private:
  friend struct TlsBio;
  TlsSession() = default;
  static std::unique_ptr<TlsSession> of(const TlsContexts::Context& context);
  void fail(std::string_view what, int result);

  std::unique_ptr<ssl_st, base::Release<free_tls>> tls_;
  std::string_view input_;        ///< The caller's, while a call runs.
  std::string* output_ = nullptr; ///< The caller's, while a call runs.
  std::string problem_;
};

} // namespace pgkeep::pool
