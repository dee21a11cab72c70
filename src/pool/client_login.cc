#include "pool/client_login.h"

#include <fmt/format.h>

#include "base/text.h"
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

Step ClientLogin::feed(std::string_view bytes) {
  has_begun_ = has_begun_ || !bytes.empty();
  received_ += bytes;
  switch (stage_) {
  case Stage::startup:
    return startup();
  case Stage::over:
    return {};
  default:
    return message();
  }
}

Step ClientLogin::startup() {
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
    if (++negotiations_ > kNegotiationsMax) {
      stage_ = Stage::over;
      return {.kind = Step::Kind::drop, .text = "bad packet"};
    }
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

Step ClientLogin::session() {
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
  if (is_full_) return refuse("no more connections allowed (max_client_conn)");
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
  database_ = directory_.configuration.database(database_name_);
  if (user_.size() >= kUserBytesMax) return refuse("username too long");
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
    log.push_back(fmt::format("login attempt: db={} user={} tls=no", database_name_, user_));
  step = ask(type_for_client());
  step.log.insert(step.log.begin(), log.begin(), log.end());
  return step;
}

AuthType ClientLogin::type_for_client() const {
  AuthType type = directory_.settings().auth_type;
  if (type == AuthType::hba) {
    const HbaRule* rule = rule_for(
        directory_.hba, {.database = database_name_, .user = user_, .address = origin_.address});
    const HbaMethod method = rule == nullptr ? HbaMethod::reject : rule->method;
    // Methods that are not built were refused when the file was read; cert stands for "nobody".
    type = method == HbaMethod::trust   ? AuthType::trust
           : method == HbaMethod::md5   ? AuthType::md5
           : method == HbaMethod::plain ? AuthType::plain
           : method == HbaMethod::scram ? AuthType::scram
                                        : AuthType::cert;
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
    const std::string_view mechanisms[] = {wire::kScramSha256};
    wire::append_sasl_request(request, mechanisms);
    stage_ = Stage::sasl_first;
    break;
  }
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

Step ClientLogin::work() {
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
  if (mechanism != wire::kScramSha256)
    return refuse("client selected an invalid SASL authentication mechanism");
  if (is_known_ && wire::stored_as(stored_.reveal()) == wire::StoredAs::md5) {
    Step step = refuse("SASL authentication failed");
    step.log.emplace_back("SCRAM authentication failed: user has MD5 secret");
    return step;
  }
  scram_.emplace(verifier(), wire::nonce_of(std::string_view(random_).substr(
                                 kSaltBytes, wire::kScramNonceBytes)));
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

Step ClientLogin::pass() {
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
