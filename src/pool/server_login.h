/// How a pooler logs in to a server: from the startup packet to the first ReadyForQuery.
///
/// A state machine without sockets, the other side of ClientLogin: bytes in, a Step out; what takes
/// time is done by work(), on a thread that may be busy. TLS comes first where it is wanted; behind
/// it bytes and steps are plain ones. Threads: one object, one thread at a time.
/// Source: PostgreSQL manual, protocol-flow (Start-up); PgBouncer's manual, config (password,
/// connect_query).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "pool/tls_opening.h"
#include "wire/error_fields.h"
#include "wire/message.h"
#include "wire/scram.h"

namespace pgkeep::pool {

/// As whom, and with what. Plain values.
struct ServerIdentity {
  std::string user = {};
  std::string database = {};
  std::vector<std::pair<std::string, std::string>> startup = {}; ///< More parameters.
  base::Secret stored = {}; ///< A password, "md5..." or a verifier (of no use without keys).
  std::optional<wire::ScramClientKeys> keys = {};
  std::string connect_query = {};
};

class ServerLogin {
public:
  struct Step {
    enum class Kind : std::uint8_t {
      wait, ///< For more bytes, once `send` is sent.
      work, ///< Call work().
      pass, ///< The server is ready.
      fail, ///< Close it: `text` says why.
    };
    Kind kind = Kind::wait;
    std::string send = {};
    std::string text = {};
    /// What all who wait are told, if there is no other server; empty: they go on waiting.
    std::string server_text = {};
    std::string server_sqlstate = {};
    std::vector<std::string> log = {};
    std::string handshake = {}; ///< Of TLS: is sent before `send`, and as it is.
    std::string problem = {};   ///< Of the handshake: a warning for the log.
    std::string secured = {};   ///< What TLS was agreed on, once it was.
  };

  /// Longer ones no server sends to somebody who logs in.
  static constexpr std::size_t kMessageBytesMax = 65'536;
  static constexpr int kParametersMax = 256;

  /// `random`: wire::kScramNonceBytes unpredictable bytes. `opening`: null for no TLS.
  ServerLogin(ServerIdentity identity, std::string random,
              std::unique_ptr<TlsOpening> opening = nullptr)
      : identity_(std::move(identity)), random_(std::move(random)), opening_(std::move(opening)) {}

  [[nodiscard]] std::string first() const;
  Step feed(std::string_view bytes);
  Step work();

  /// What the server reported, in its order.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& parameters() const {
    return parameters_;
  }
  [[nodiscard]] std::uint32_t process() const { return process_; }
  [[nodiscard]] const std::string& cancel_key() const { return cancel_key_; }
  /// It let us in: what it says from then on is no refusal.
  [[nodiscard]] bool is_greeted() const { return is_greeted_; }
  /// What is sent to the server now, but for Step::handshake, would break it.
  [[nodiscard]] bool is_in_handshake() const { return opening_ != nullptr; }
  /// Once, after the handshake: from then on whoever runs this encrypts `send` and decrypts what he
  /// feeds.
  [[nodiscard]] std::unique_ptr<TlsSession> take_tls() { return std::move(tls_); }

private:
  [[nodiscard]] std::string startup() const;
  Step opened(TlsOpening::Step step);
  Step read();
  std::optional<Step> message(wire::Header header, std::string_view body);
  Step authentication(std::string_view body);
  Step answer_sasl(std::string_view data);
  std::optional<Step> parameter(std::string_view body);
  Step failed(std::string_view body);
  std::optional<Step> take_ready();
  std::optional<Step> behind_greeting(wire::Header header, std::string_view body);

  ServerIdentity identity_;
  std::string random_;
  std::unique_ptr<TlsOpening> opening_; ///< Null once it is over.
  std::unique_ptr<TlsSession> tls_;
  std::string binding_; ///< Of the channel, where it has one.
  std::string received_;
  bool is_authenticated_ = false;
  bool is_connect_query_running_ = false;
  bool is_greeted_ = false;      ///< All that is still to come is what it says unasked.
  std::vector<std::string> log_; ///< For the next step.
  std::optional<wire::ScramClient> scram_;
  std::vector<std::pair<std::string, std::string>> parameters_;
  std::uint32_t process_ = 0;
  std::string cancel_key_;
};

} // namespace pgkeep::pool
