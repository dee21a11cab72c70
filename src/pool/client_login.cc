#include "pool/client_login.h"

#include <fmt/format.h>

#include "base/text.h"
#include "pool/account.h"
#include "pool/console_command.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include "wire/password.h"

namespace pgkeep::pool {
namespace {

using Step = ClientLogin::Step;

constexpr int kNegotiationsMax = 4;         ///< TLS and GSSAPI, each asked for twice.
constexpr std::size_t kUserBytesMax = 128;  ///< As in PgBouncer.
constexpr std::size_t kSaltBytes = 4;       ///< Of MD5.
constexpr std::uint16_t kProtocolMinor = 0; ///< The newest that is spoken here.
constexpr std::string_view kOptionPrefix = "_pq_.";
constexpr std::string_view kNegotiationRefused = "N";
constexpr std::string_view kNegotiationTaken = "S";

AuthType auth_type_of(HbaMethod method) {
  switch (method) {
  case HbaMethod::trust:
    return AuthType::trust;
  case HbaMethod::md5:
    return AuthType::md5;
  case HbaMethod::plain:
    return AuthType::plain;
  case HbaMethod::scram:
    return AuthType::scram;
  case HbaMethod::peer:
    return AuthType::peer;
  case HbaMethod::cert:
    return AuthType::cert;
  case HbaMethod::ldap:
    return AuthType::ldap;
  case HbaMethod::reject:
    break;
  }
  return AuthType::reject;
}

/// One word of "options": a backslash takes what follows it as it is.
std::string take_word(std::string_view& text) {
  std::string word;
  while (!text.empty() && text.front() != ' ' && text.front() != '\t') {
    if (text.front() == '\\') text.remove_prefix(1);
    if (text.empty()) break;
    word.push_back(text.front());
    text.remove_prefix(1);
  }
  return word;
}

} // namespace

ClientLogin::ClientLogin(DirectoryPtr directory, Origin origin, std::string random)
    : files_(std::move(directory)), directory_(*files_), origin_(origin),
      random_(std::move(random)) {}

Step ClientLogin::refuse(std::string text) {
  stage_ = Stage::over;
  return {.kind = Step::Kind::refuse, .send = std::move(greeting_), .text = std::move(text)};
}

Step ClientLogin::drop(std::string text) {
  stage_ = Stage::over;
  return {.kind = Step::Kind::drop, .text = std::move(text)};
}

std::unique_ptr<TlsSession> ClientLogin::take_tls() {
  return tls_text_.empty() ? nullptr : std::move(tls_);
}

Step ClientLogin::feed(std::string_view bytes) {
  has_begun_ = has_begun_ || !bytes.empty();
  received_ += bytes;
  switch (stage_) {
  case Stage::startup:
    return startup();
  case Stage::handshake:
    if (received_.size() > kHandshakeBytesMax) return drop("bad packet");
    return {.kind = Step::Kind::work};
  case Stage::over:
    return {};
  default:
    return message();
  }
}

bool ClientLogin::offers_tls() const {
  return directory_.tls.clients && !origin_.is_unix;
}

Step ClientLogin::startup() {
  is_direct_ =
      negotiations_ == 0 && tls_text_.empty() && offers_tls() && wire::is_direct_tls(received_);
  if (is_direct_) return begin_handshake({});
  auto read = wire::startup_of(received_);
  if (!read) {
    stage_ = Stage::over;
    return {.kind = Step::Kind::drop, .text = "bad packet"};
  }
  if (!*read) return {};
  startup_ = **std::move(read);
  received_.erase(0, startup_.bytes);
  return first_wish();
}

Step ClientLogin::first_wish() {
  switch (startup_.wish) {
  case wire::FirstWish::cancel:
    stage_ = Stage::over;
    return {.kind = Step::Kind::cancel};
  case wire::FirstWish::tls:
  case wire::FirstWish::gss_encryption: {
    // What stands behind the request was sent before the answer: nobody honest does that.
    const std::string_view what =
        startup_.wish == wire::FirstWish::tls ? "SSL request" : "GSSAPI encryption request";
    if (!received_.empty()) return refuse(fmt::format("received unencrypted data after {}", what));
    if (++negotiations_ > kNegotiationsMax) return drop("bad packet");
    if (startup_.wish == wire::FirstWish::tls && !tls_text_.empty())
      return drop("SSL req inside SSL");
    if (startup_.wish == wire::FirstWish::tls && offers_tls())
      return begin_handshake(std::string(kNegotiationTaken));
    return {.send = std::string(kNegotiationRefused)};
  }
  case wire::FirstWish::session:
    break;
  }
  if (startup_.major == 2) return refuse("old V2 protocol not supported");
  if (startup_.major != wire::kProtocolMajor) {
    stage_ = Stage::over;
    return {.kind = Step::Kind::drop, .text = "bad packet"};
  }
  return session();
}

Step ClientLogin::begin_handshake(std::string answer) {
  tls_ = TlsSession::to_client(directory_.tls);
  if (!tls_) return drop("failed to accept SSL");
  stage_ = Stage::handshake;
  // With an SSLRequest the client waits for the answer before it says more.
  return {.kind = received_.empty() ? Step::Kind::wait : Step::Kind::work,
          .send = std::move(answer)};
}

Step ClientLogin::shake_hands() {
  Step step;
  const TlsSession::Progress progress = tls_->shake_hands(received_, step.handshake);
  if (progress == TlsSession::Progress::going_on) return step;
  const auto failed = [&](std::string problem) {
    Step end = drop("client unexpected eof");
    end.handshake = std::move(step.handshake);
    end.problem = std::move(problem);
    return end;
  };
  if (progress == TlsSession::Progress::failed)
    return failed(fmt::format("TLS handshake error: {}", tls_->problem()));
  if (is_direct_ && !tls_->has_named_protocol())
    return failed("received direct SSL connection request without ALPN protocol negotiation "
                  "extension");
  tls_text_ = tls_->text();
  certificate_ = tls_->certificate();
  stage_ = Stage::startup;
  // The startup packet comes along with the end of the handshake most of the time.
  const std::string rest = std::move(received_);
  received_.resize(rest.size() + TlsSession::kRecordBytesMax + 1);
  const TlsSession::Received received =
      tls_->receive(rest, received_.data(), received_.size(), step.handshake);
  received_.resize(received.count);
  if (received.is_over) return failed(tls_->problem());
  Step next = received_.empty() ? Step{} : startup();
  next.handshake = std::move(step.handshake);
  return next;
}

Step ClientLogin::session() {
  if (directory_.tls.client_mode >= TlsMode::require && tls_text_.empty() && !origin_.is_unix)
    return refuse("SSL required");
  std::vector<std::string_view> unknown;
  for (const auto& [name, value] : startup_.parameters) {
    if (name.starts_with(kOptionPrefix)) {
      unknown.push_back(name);
    } else if (auto refusal = take_parameter(name, value)) {
      return *std::move(refusal);
    }
  }
  if (startup_.minor > kProtocolMinor || !unknown.empty())
    wire::append_negotiate_version(greeting_, kProtocolMinor, unknown);
  if (user_.empty()) return refuse("no username supplied");
  if (database_name_.empty()) database_name_ = user_;
  if (is_full_ && !is_console()) return refuse("no more connections allowed (max_client_conn)");
  return find_user();
}

std::optional<Step> ClientLogin::take_parameter(const std::string& name, const std::string& value) {
  if (name == "database") {
    database_name_ = value;
  } else if (name == "user") {
    user_ = value;
  } else if (name == "options") {
    return take_options(value);
  } else if (const auto index = directory_.tracked.index_of(name)) {
    parameters_.set(*index, value);
  } else if (!directory_.ignored_parameters.contains(name)) {
    Step step = refuse(fmt::format("unsupported startup parameter: {}", name));
    step.log.push_back(fmt::format("unsupported startup parameter: {}={}", name, value));
    return step;
  }
  return std::nullopt;
}

std::optional<Step> ClientLogin::take_options(std::string_view options) {
  const bool may_ignore = directory_.ignored_parameters.contains("options");
  for (options = base::trim(options); !options.empty(); options = base::trim(options)) {
    std::string word;
    if (options.starts_with("-c")) {
      options = base::trim(options.substr(2));
      word = take_word(options);
    }
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
      return refuse("unsupported options startup parameter: only '-c config=val' is allowed");
    const std::string name = word.substr(0, equals);
    if (const auto index = directory_.tracked.index_of(name)) {
      parameters_.set(*index, word.substr(equals + 1));
    } else if (!may_ignore && !directory_.ignored_parameters.contains(name)) {
      return refuse(fmt::format("unsupported startup parameter in options: {}", name));
    }
  }
  return std::nullopt;
}

Step ClientLogin::find_user() {
  if (user_.size() >= kUserBytesMax) return refuse("username too long");
  if (is_console()) {
    if (auto step = find_console_user()) return *std::move(step);
  } else {
    database_ = directory_.configuration.database(database_name_);
  }
  Step step;
  const AuthType wanted = directory_.settings().auth_type;
  if (wanted == AuthType::any) {
    if (database_ == nullptr || database_->user.empty()) {
      step = refuse("bouncer config error");
      step.log.emplace_back("auth_type=any requires forced user");
      return step;
    }
    user_ = database_->user;
    is_known_ = true;
  } else if (const auto found = directory_.users.find(user_); found != directory_.users.end()) {
    stored_ = found->second;
    is_known_ = true;
  }
  std::vector<std::string> log;
  if (!is_known_) log.push_back(fmt::format("no such user: {}", user_));
  if (directory_.settings().log_connections)
    log.push_back(fmt::format("login attempt: db={} user={} tls={}", database_name_, user_,
                              tls_text_.empty() ? "no" : tls_text_));
  step = ask(type_for_client());
  step.log.insert(step.log.begin(), log.begin(), log.end());
  return step;
}

AuthType ClientLogin::type_for_client() {
  AuthType type = directory_.settings().auth_type;
  if (type == AuthType::hba) {
    rule_ = rule_for(directory_.hba, {.database = database_name_,
                                      .user = user_,
                                      .has_tls = !tls_text_.empty(),
                                      .address = origin_.address});
    // Methods that are not built were refused when the file was read.
    type = auth_type_of(rule_ == nullptr ? HbaMethod::reject : rule_->method);
  }
  if (type == AuthType::md5 && wire::stored_as(stored_.reveal()) == wire::StoredAs::scram)
    type = AuthType::scram;
  return type;
}

Step ClientLogin::ask(AuthType type) {
  type_ = type;
  std::string request = std::move(greeting_);
  switch (type) {
  case AuthType::any:
    greeting_ = std::move(request);
    return pass();
  case AuthType::trust:
    greeting_ = std::move(request);
    return is_known_ ? pass() : refuse("\"trust\" authentication failed");
  case AuthType::plain:
    wire::append_cleartext_request(request);
    stage_ = Stage::password;
    break;
  case AuthType::md5:
    wire::append_md5_request(request, std::string_view(random_).substr(0, kSaltBytes));
    stage_ = Stage::password;
    break;
  case AuthType::scram: {
    const std::string_view mechanisms[] = {wire::kScramSha256Plus, wire::kScramSha256};
    wire::append_sasl_request(request, std::span(mechanisms).subspan(binding().empty() ? 1 : 0));
    stage_ = Stage::sasl_first;
    break;
  }
  case AuthType::cert:
    greeting_ = std::move(request);
    return by_certificate();
  case AuthType::peer:
    greeting_ = std::move(request);
    stage_ = Stage::account;
    return {.kind = Step::Kind::work};
  default:
    return refuse("login rejected");
  }
  greeting_.clear();
  // A client may not send its answer before it was asked, so nothing is here yet to be read.
  return {.send = std::move(request)};
}

Step ClientLogin::message() {
  const auto header = wire::header_of(received_);
  if (!header) return {};
  if (header->type != wire::from_client::kPassword || !header->is_sound() ||
      header->message_bytes() > kPasswordBytesMax) {
    stage_ = Stage::over;
    return {.kind = Step::Kind::drop, .text = "bad packet"};
  }
  if (received_.size() < header->message_bytes()) return {};
  return {.kind = Step::Kind::work};
}

/// What SCRAM binds the channel to, where it can.
std::string_view ClientLogin::binding() const {
  return tls_text_.empty() ? std::string_view() : directory_.tls.binding;
}

Step ClientLogin::by_certificate() {
  const auto refused = [this](std::string_view why) {
    Step step = refuse("certificate authentication failed");
    if (!why.empty()) step.log.emplace_back(why);
    return step;
  };
  if (tls_text_.empty()) return refused("TLS connection required");
  // One that nobody we trust has signed counts as none.
  if (!certificate_.is_given || !certificate_.is_good)
    return refused("TLS client certificate required");
  if (!is_known_) return refused("");
  const std::string_view map = rule_ == nullptr ? std::string_view() : rule_->map;
  const bool may = !certificate_.common_name.empty() &&
                   may_be(directory_.ident, map, certificate_.common_name, user_);
  if (may) return pass();
  return refused(map.empty() ? std::string("TLS certificate name mismatch")
                             : fmt::format("ident map: {} does not have a match", map));
}

Step ClientLogin::by_account() {
  const auto name = origin_.account ? account_name(*origin_.account) : std::nullopt;
  const std::string_view map = rule_ == nullptr ? std::string_view() : rule_->map;
  if (name && is_known_ && may_be(directory_.ident, map, *name, user_)) return pass();
  Step step = refuse("unix socket login rejected");
  if (is_known_ && !map.empty())
    step.log.push_back(fmt::format("ident map {} cannot be matched", map));
  return step;
}

Step ClientLogin::work() {
  if (stage_ == Stage::handshake) return shake_hands();
  if (stage_ == Stage::account) return by_account();
  const auto header = wire::header_of(received_);
  PGKEEP_ASSERT(header && received_.size() >= header->message_bytes());
  const std::string body =
      received_.substr(wire::Header::kBytes, header->message_bytes() - wire::Header::kBytes);
  received_.erase(0, header->message_bytes());
  switch (stage_) {
  case Stage::sasl_first:
    return sasl_first(body);
  case Stage::sasl_final:
    return sasl_final(body);
  default:
    return check_password(body);
  }
}

Step ClientLogin::check_password(std::string_view body) {
  wire::Reader reader(body);
  const std::string_view password = reader.text();
  if (reader.failed() || !reader.at_end()) {
    stage_ = Stage::over;
    return {.kind = Step::Kind::drop, .text = "bad packet"};
  }
  if (password.empty()) return refuse("empty password returned by client");
  const std::string& stored = stored_.reveal();
  const bool fits = type_ == AuthType::plain
                        ? wire::fits_cleartext(stored, user_, password)
                        : wire::fits_md5(stored, user_,
                                         std::string_view(random_).substr(0, kSaltBytes), password);
  return is_known_ && fits ? pass() : refuse("password authentication failed");
}

wire::ScramVerifier ClientLogin::verifier() const {
  const std::string& stored = stored_.reveal();
  if (is_known_ && !stored.empty()) {
    if (auto verifier = wire::scram_verifier_of(stored)) return *verifier;
    const std::string salt =
        random_.substr(kSaltBytes + wire::kScramNonceBytes, wire::kScramSaltBytes);
    if (wire::stored_as(stored) == wire::StoredAs::plain) {
      const auto iterations = static_cast<int>(directory_.settings().scram_iterations);
      if (auto made = wire::make_verifier(stored_, salt, iterations)) return *std::move(made);
    }
  }
  return wire::mock_verifier(user_, directory_.mock_secret.reveal());
}

Step ClientLogin::sasl_first(std::string_view body) {
  wire::Reader reader(body);
  const std::string_view mechanism = reader.text();
  const std::uint32_t count = reader.uint32();
  const std::string_view data = reader.take(count);
  if (reader.failed() || !reader.at_end()) return refuse("SASL authentication failed");
  const bool is_bound = mechanism == wire::kScramSha256Plus && !binding().empty();
  if (mechanism != wire::kScramSha256 && !is_bound)
    return refuse("client selected an invalid SASL authentication mechanism");
  if (is_known_ && wire::stored_as(stored_.reveal()) == wire::StoredAs::md5) {
    Step step = refuse("SASL authentication failed");
    step.log.emplace_back("SCRAM authentication failed: user has MD5 secret");
    return step;
  }
  scram_.emplace(
      verifier(),
      wire::nonce_of(std::string_view(random_).substr(kSaltBytes, wire::kScramNonceBytes)),
      std::string(binding()));
  const auto answer = scram_->first(mechanism, data);
  if (!answer) return refuse("SASL authentication failed");
  stage_ = Stage::sasl_final;
  Step step;
  wire::append_sasl_continue(step.send, *answer);
  return step;
}

Step ClientLogin::sasl_final(std::string_view body) {
  const auto answer = scram_->final(body);
  if (!answer || !is_known_) {
    Step step = refuse("SASL authentication failed");
    step.log.emplace_back("password authentication failed");
    return step;
  }
  if (wire::stored_as(stored_.reveal()) == wire::StoredAs::scram) keys_ = scram_->keys();
  wire::append_sasl_final(greeting_, *answer);
  return pass();
}

bool ClientLogin::is_console() const {
  return database_name_ == kConsoleName;
}

/// Those who need not prove who they are; all others do as for any database.
std::optional<Step> ClientLogin::find_console_user() {
  const Settings& settings = directory_.settings();
  if (origin_.is_own_user && user_ == kConsoleName) {
    is_known_ = is_admin_ = true;
    Step step = pass();
    if (settings.log_connections) step.log.emplace_back("pgbouncer access from unix socket");
    return step;
  }
  if (settings.auth_type != AuthType::any) return std::nullopt;
  is_admin_ = is_listed(settings.admin_users, user_);
  user_ = kConsoleName; // As it shows whoever comes this way.
  is_known_ = true;
  return pass();
}

Step ClientLogin::pass_console() {
  const Settings& settings = directory_.settings();
  is_admin_ =
      is_admin_ || (settings.auth_type != AuthType::any && is_listed(settings.admin_users, user_));
  if (!is_admin_ && settings.auth_type != AuthType::any && !is_listed(settings.stats_users, user_))
    return refuse("not allowed");
  stage_ = Stage::over;
  return {.kind = Step::Kind::pass, .send = std::move(greeting_)};
}

Step ClientLogin::pass() {
  if (is_console()) return pass_console();
  if (database_ == nullptr) {
    Step step = refuse(fmt::format("no such database: {}", database_name_));
    if (directory_.settings().log_connections)
      step.log.push_back(fmt::format("login failed: db={} user={}", database_name_, user_));
    return step;
  }
  stage_ = Stage::over;
  return {.kind = Step::Kind::pass, .send = std::move(greeting_)};
}

} // namespace pgkeep::pool
