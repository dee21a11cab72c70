// Who a client says it is, what is known of him, and how he proves it.
#include <fmt/format.h>

#include "pool/account.h"
#include "pool/client_login.h"
#include "pool/console_command.h"
#include "pool/ldap_auth.h"
#include "pool/pam_auth.h"
#include "wire/bytes.h"
#include "wire/message.h"
#include "wire/password.h"

namespace pgkeep::pool {
namespace {

using Step = ClientLogin::Step;

constexpr std::size_t kUserBytesMax = 128; ///< As in PgBouncer.
constexpr std::size_t kSaltBytes = 4;      ///< Of MD5.

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
  case HbaMethod::pam:
    return AuthType::pam;
  case HbaMethod::reject:
    break;
  }
  return AuthType::reject;
}

} // namespace

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
  } else if (wanted == AuthType::pam) {
    if (database_ != nullptr && database_->auth_user) {
      step = refuse("bouncer config error");
      step.log.emplace_back("PAM can't be used together with database authentication");
      return step;
    }
    is_known_ = true;
  } else if (const auto found = directory_.users.find(user_); found != directory_.users.end()) {
    stored_ = found->second;
    is_known_ = true;
  } else if (type_for_client() == AuthType::reject) {
    // By the HBA file, whatever a server says: it is not bothered.
  } else if (auto next = begin_question()) {
    return *std::move(next);
  }
  return go_on();
}

/// Where the server is to be asked; none: the user is known here or to nobody.
std::optional<Step> ClientLogin::begin_question() {
  const Settings& settings = directory_.settings();
  const bool may_use_console =
      is_listed(settings.admin_users, user_) || is_listed(settings.stats_users, user_);
  if (database_ == nullptr && !(is_console() && may_use_console)) return std::nullopt;
  const auto own_or = [&](std::optional<std::string> DatabaseDefinition::* own,
                          const std::string& of_all) -> const std::string& {
    return database_ != nullptr && database_->*own ? *(database_->*own) : of_all;
  };
  question_.user = own_or(&DatabaseDefinition::auth_user, settings.auth_user);
  if (question_.user.empty()) return std::nullopt;
  question_.query = own_or(&DatabaseDefinition::auth_query, settings.auth_query);
  question_.database_name = own_or(&DatabaseDefinition::auth_dbname, settings.auth_dbname);
  if (question_.database_name.empty()) question_.database_name = database_name_;
  question_.database = directory_.configuration.database(question_.database_name);
  std::string problem;
  if (question_.database_name == kConsoleName) { // The client's own, too.
    problem =
        fmt::format("cannot use the reserved \"{}\" database as an auth_dbname", kConsoleName);
  } else if (question_.database == nullptr) {
    problem =
        fmt::format("authentication database \"{}\" is not configured.", question_.database_name);
  }
  if (!problem.empty()) {
    Step step = refuse("bouncer config error");
    step.log.push_back(std::move(problem));
    return step;
  }
  was_asked_for_ = true;
  return Step{.kind = Step::Kind::ask};
}

Step ClientLogin::answered(std::optional<StoredUser> user) {
  if (user) {
    user_ = std::move(user->name);
    is_known_ = true;
    has_no_secret_ = !user->secret;
    if (user->secret) stored_ = server_secret_ = *std::move(user->secret);
  }
  return gone_on(go_on());
}

/// All is known of the user that can be.
Step ClientLogin::go_on() {
  std::vector<std::string> log;
  const AuthType type = type_for_client();
  if (!is_known_ && type != AuthType::reject && type != AuthType::pam)
    log.push_back(fmt::format("no such user: {}", user_));
  if (directory_.settings().log_connections) log.push_back(attempt());
  Step step = ask(type);
  step.log.insert(step.log.begin(), log.begin(), log.end());
  return step;
}

std::string ClientLogin::attempt() const {
  return fmt::format("login attempt: db={} user={} tls={} replication={}", database_name_, user_,
                     tls_text_.empty() ? "no" : tls_text_, name_of(replication_));
}

AuthType ClientLogin::type_for_client() {
  AuthType type = directory_.settings().auth_type;
  if (type == AuthType::hba) {
    rule_ = rule_for(directory_.hba, {.database = database_name_,
                                      .user = user_,
                                      .is_replication = replication_ == Replication::physical,
                                      .has_tls = !tls_text_.empty(),
                                      .address = origin_.address});
    // Methods that are not built were refused when the file was read.
    type = auth_type_of(rule_ == nullptr ? HbaMethod::reject : rule_->method);
  }
  // Of a user whom the server does not know nobody shall see it: he is asked as others are.
  const bool is_mock = was_asked_for_ && (!is_known_ || has_no_secret_);
  if (type == AuthType::md5 &&
      (is_mock || wire::stored_as(stored_.reveal()) == wire::StoredAs::scram))
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
  case AuthType::ldap:
  case AuthType::pam:
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
    return refuse(rule_ == nullptr ? "no authentication method is found" : "login rejected");
  }
  greeting_.clear();
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

/// A client need not wait until it is asked: what it knows that it will be asked for may be here.
Step ClientLogin::gone_on(Step step) {
  const bool is_asked =
      stage_ == Stage::password || stage_ == Stage::sasl_first || stage_ == Stage::sasl_final;
  if (step.kind != Step::Kind::wait || !is_asked || received_.empty()) return step;
  Step next = message();
  step.kind = next.kind;
  step.text = std::move(next.text);
  return step;
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
  if (stage_ == Stage::handshake) return gone_on(shake_hands());
  if (stage_ == Stage::account) return by_account();
  const auto header = wire::header_of(received_);
  PGKEEP_ASSERT(header && received_.size() >= header->message_bytes());
  const std::string body =
      received_.substr(wire::Header::kBytes, header->message_bytes() - wire::Header::kBytes);
  received_.erase(0, header->message_bytes());
  switch (stage_) {
  case Stage::sasl_first:
    return gone_on(sasl_first(body));
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
  if (is_slow()) return check_outside(std::string(password));
  const std::string& stored = stored_.reveal();
  const bool fits = type_ == AuthType::plain
                        ? wire::fits_cleartext(stored, user_, password)
                        : wire::fits_md5(stored, user_,
                                         std::string_view(random_).substr(0, kSaltBytes), password);
  if (is_known_ && !has_no_secret_ && fits) return pass();
  if (type_ == AuthType::plain && wire::stored_as(stored) != wire::StoredAs::scram) take_time();
  return refuse("password authentication failed");
}

/// As long as a password is compared with a verifier, or one is made of it: so that how long a
/// refusal takes does not tell what is stored of the user, or whether there is one.
void ClientLogin::take_time() const {
  const wire::ScramVerifier mock = mock_verifier();
  static_cast<void>(wire::make_verifier(directory_.mock_secret, mock.salt, mock.iterations));
}

wire::ScramVerifier ClientLogin::mock_verifier() const {
  return wire::mock_verifier(user_, directory_.mock_secret.reveal(),
                             static_cast<int>(directory_.settings().scram_iterations));
}

/// PAM knows its users itself; of LDAP's only those come in that are users here as well.
Step ClientLogin::check_outside(const std::string& password) {
  const base::Secret secret(password);
  base::Result<> fits;
  if (type_ == AuthType::pam) {
    fits = fits_pam(user_, secret, origin_.host);
  } else if (!is_known_) {
    fits = base::Error{.code = base::Code::refused, .what = {}};
  } else {
    const auto words = rule_ != nullptr ? base::Result<std::vector<std::string>>(rule_->options)
                                        : ldap_words_in(directory_.settings().auth_ldap_options);
    const auto options = words ? ldap_options_of(*words) : words.error();
    fits = options ? fits_ldap(*options, user_, secret) : options.error();
  }
  if (fits) {
    server_secret_ = secret;
    return pass();
  }
  Step step =
      refuse(type_ == AuthType::pam ? "PAM authentication failed" : "LDAP authentication failed");
  if (!fits.error().what.empty()) step.log.push_back(fits.error().what);
  return step;
}

/// Whether a verifier is made of what is stored, once the client has said its proof.
bool ClientLogin::is_stored_plain() const {
  return is_known_ && !stored_.empty() &&
         wire::stored_as(stored_.reveal()) == wire::StoredAs::plain;
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
  // All but users with a verifier see the same: a salt of ours, and no more before their proof.
  auto verifier = wire::scram_verifier_of(stored_.reveal());
  scram_.emplace(
      verifier ? *std::move(verifier) : mock_verifier(),
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
  const bool is_plain = is_stored_plain();
  if (is_plain) {
    const wire::ScramVerifier mock = mock_verifier();
    if (auto made = wire::make_verifier(stored_, mock.salt, mock.iterations))
      scram_->set_verifier(*std::move(made));
  }
  const auto answer = scram_->final(body);
  if (!answer || !is_known_) {
    if (!is_plain) take_time();
    Step step = refuse("SASL authentication failed");
    const bool is_md5 = wire::stored_as(stored_.reveal()) == wire::StoredAs::md5;
    step.log.emplace_back(is_md5 ? "SCRAM authentication failed: user has MD5 secret"
                                 : "password authentication failed");
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
    if (settings.log_connections)
      step.log.insert(step.log.end(), {"pgbouncer access from unix socket", attempt()});
    return step;
  }
  if (settings.auth_type != AuthType::any) return std::nullopt;
  is_admin_ = is_listed(settings.admin_users, user_);
  user_ = kConsoleName; // As it shows whoever comes this way.
  is_known_ = true;
  Step step = pass();
  if (settings.log_connections) step.log.push_back(attempt());
  return step;
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
