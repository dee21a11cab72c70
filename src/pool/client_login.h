/// How a client comes in: from its first byte to the moment at which it may be welcomed.
///
/// A state machine without sockets: bytes in, a Step out. Checking a password may take
/// milliseconds, so feed() stops before it (Step::Kind::work), and whoever runs it calls work() on
/// a thread that may be busy; so is a TLS handshake, behind which bytes and steps are plain ones.
/// What a refused client is told is in PgBouncer's words. Threads: one object, one thread at a
/// time. Source: PostgreSQL manual, protocol-flow (Start-up); PgBouncer's manual, config
/// (Authentication settings); messages of PgBouncer 1.18.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/auth_query.h"
#include "pool/directory.h"
#include "pool/replication.h"
#include "pool/tls_records.h"
#include "pool/tls_session.h"
#include "wire/scram.h"
#include "wire/session_state.h"
#include "wire/startup.h"

namespace pgkeep::pool {

/// "bad packet header: '5100000001616263'": what is said of bytes that begin no message.
std::string bad_header(std::string_view bytes);

class ClientLogin {
public:
  struct Step {
    enum class Kind : std::uint8_t {
      wait,   ///< For more bytes, once `send` is sent.
      work,   ///< Call work(), once `send` is sent.
      ask,    ///< Ask a server what it stores of the user: see question(), then answered().
      pass,   ///< It may come in.
      refuse, ///< Tell it `text`, and close.
      drop,   ///< Close without a word.
      cancel, ///< It wants a query of somebody else cancelled: see cancel_process().
    };
    Kind kind = Kind::wait;
    std::string send = {};
    std::string text = {}; ///< Why it is closed: for the log, and for the client if refused.
    std::vector<std::string> log = {};
    std::string handshake = {}; ///< Of TLS: is sent before `send`, and as it is.
    std::string problem = {};   ///< Of the handshake: a warning for the log.
  };
  struct Origin {
    bool is_unix = false;
    bool is_own_user = false; ///< The account that runs the pooler, by a Unix socket.
    std::optional<IpAddress> address = {};
    std::optional<std::uint32_t> account = {}; ///< Who it is, by a Unix socket.
    std::string host = {};                     ///< For PAM: "127.0.0.1", "unix".
    std::string details = {};                  ///< For application_name_add_host.
  };

  /// A password or a step of SASL: longer ones are nobody's.
  static constexpr std::size_t kPasswordBytesMax = 8192;
  /// Of a TLS handshake, with all certificates that a client may send.
  static constexpr std::size_t kHandshakeBytesMax = 131'072;

  /// `random`: kRandomBytes unpredictable bytes.
  static constexpr std::size_t kRandomBytes = 4 + wire::kScramNonceBytes;
  ClientLogin(DirectoryPtr directory, Origin origin, std::string random);

  Step feed(std::string_view bytes);
  Step work();
  /// auth_query: where to ask, as whom, and what. Of the directory, but for the name.
  struct Question {
    const DatabaseDefinition* database = nullptr;
    std::string database_name = {};
    std::string_view user = {};
    std::string_view query = {};
  };
  [[nodiscard]] const Question& question() const { return question_; }
  /// None: the server knows no such user.
  Step answered(std::optional<StoredUser> user);
  /// Whether work() asks somebody outside, who may take seconds.
  [[nodiscard]] bool is_slow() const { return type_ == AuthType::pam || type_ == AuthType::ldap; }
  /// Whether the next client would be one too many: asked once a client said what it wants.
  void set_full(bool is_full) { is_full_ = is_full; }

  /// Which its database() is of.
  [[nodiscard]] const DirectoryPtr& files() const { return files_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] const std::string& database_name() const { return database_name_; }
  /// It is for the console, and may change things there.
  [[nodiscard]] bool is_console() const;
  [[nodiscard]] bool is_admin() const { return is_admin_; }
  [[nodiscard]] bool is_known() const { return is_known_; } ///< The user.
  /// Null where there is none of that name.
  [[nodiscard]] const DatabaseDefinition* database() const { return database_; }
  [[nodiscard]] const ParameterValues& parameters() const { return parameters_; }
  /// Those that are not tracked, where they are kept all the same.
  [[nodiscard]] const wire::SessionSettings& session_settings() const { return session_; }
  [[nodiscard]] Replication replication() const { return replication_; }
  /// Of one that replicates, as it came: the server reads it.
  [[nodiscard]] std::string_view options() const { return startup_.parameter("options"); }
  /// What its password opens a server with, where auth_file has but a verifier.
  [[nodiscard]] const std::optional<wire::ScramClientKeys>& keys() const { return keys_; }
  /// What opens a server for this user and no file holds: what auth_query found, or a password that
  /// somebody outside took as right. Empty: nothing.
  [[nodiscard]] const base::Secret& server_secret() const { return server_secret_; }
  /// What was sent behind the last message that is the login's.
  [[nodiscard]] std::string_view rest() const { return received_; }
  [[nodiscard]] std::uint32_t cancel_process() const { return startup_.process; }
  [[nodiscard]] const std::string& cancel_key() const { return startup_.key; }
  [[nodiscard]] bool has_begun() const { return has_begun_; } ///< A byte came.
  /// What is sent to the client now, but for Step::handshake, would break it.
  [[nodiscard]] bool is_in_handshake() const { return stage_ == Stage::handshake; }
  /// Once, after the handshake: from then on whoever runs this encrypts `send` and decrypts what he
  /// feeds. Null before, and where there is none.
  [[nodiscard]] std::unique_ptr<TlsSession> take_tls();

private:
  enum class Stage : std::uint8_t {
    startup,
    handshake,
    password,
    sasl_first,
    sasl_final,
    account, ///< The name of the client's account is asked for.
    over
  };

  Step startup();
  Step first_wish(std::string_view header);
  [[nodiscard]] bool offers_tls() const;
  Step begin_handshake(std::string answer);
  Step take_records(std::string answer);
  Step shake_hands();
  Step drop(std::string text);
  Step session();
  std::optional<Step> take_parameter(const std::string& name, const std::string& value);
  std::optional<Step> take_options(std::string_view options);
  void take_tracked(std::size_t index, std::string_view value);
  void add_host();
  Step find_user();
  std::optional<Step> find_console_user();
  Step pass_console();
  std::optional<Step> begin_question();
  Step go_on();
  Step ask(AuthType type);
  [[nodiscard]] std::string attempt() const; ///< A line for the log.
  [[nodiscard]] AuthType type_for_client();
  Step by_certificate();
  Step by_account();
  [[nodiscard]] std::string_view binding() const;
  Step message();
  [[nodiscard]] Step gone_on(Step step);
  Step check_password(std::string_view body);
  Step check_outside(const std::string& password);
  Step sasl_first(std::string_view body);
  Step sasl_final(std::string_view body);
  [[nodiscard]] wire::ScramVerifier mock_verifier() const;
  [[nodiscard]] bool is_stored_plain() const;
  void take_time() const;
  Step pass();
  Step refuse(std::string text);

  DirectoryPtr files_; ///< Of the time of its coming, even if they are read again meanwhile.
  const Directory& directory_;
  Origin origin_;
  std::string random_;
  Stage stage_ = Stage::startup;
  std::string received_;
  bool has_begun_ = false;
  bool is_full_ = false;
  bool is_known_ = false;      ///< The user is in auth_file, or needs not be.
  bool is_admin_ = false;      ///< Of the console.
  bool has_no_secret_ = false; ///< It exists, and no password fits.
  bool was_asked_for_ = false; ///< By auth_query.
  int negotiations_ = 0;
  wire::Startup startup_;
  std::string user_;
  std::string database_name_;
  const DatabaseDefinition* database_ = nullptr;
  ParameterValues parameters_;
  wire::SessionSettings session_;
  Replication replication_ = Replication::none;
  base::Secret stored_; ///< What auth_file has of the user.
  Question question_;
  base::Secret server_secret_;
  AuthType type_{};
  std::optional<wire::ScramServer> scram_;
  std::optional<wire::ScramClientKeys> keys_;
  std::string greeting_; ///< To be sent before what comes next.
  const HbaRule* rule_ = nullptr;
  std::unique_ptr<TlsSession> tls_;
  TlsRecords records_;
  std::size_t record_bytes_ = 0; ///< Of received_: those of whole records.
  bool is_direct_ = false;       ///< TLS without an SSLRequest before it.
  std::string tls_text_;         ///< Of the log; empty: no TLS.
  TlsSession::Certificate certificate_;
};

} // namespace pgkeep::pool
