#include "pool/client_login.h"

#include <fmt/format.h>

#include "base/text.h"
#include "pool/console_command.h"
#include "wire/bytes.h"
#include "wire/message.h"

namespace pgkeep::pool {
namespace {

using Step = ClientLogin::Step;

constexpr int kNegotiationsMax = 4;         ///< TLS and GSSAPI, each asked for twice.
constexpr std::uint16_t kProtocolMinor = 0; ///< The newest that is spoken here.
constexpr std::string_view kOptionPrefix = "_pq_.";
constexpr std::string_view kNegotiationRefused = "N";
constexpr std::string_view kNegotiationTaken = "S";
constexpr std::size_t kHeaderBytes = 8; ///< Of a startup packet: its length and its version.

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

std::string bad_header(std::string_view bytes) {
  std::string text = "bad packet header: '";
  for (const char byte : bytes.substr(0, kHeaderBytes))
    text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text + '\'';
}

ClientLogin::ClientLogin(DirectoryPtr directory, Origin origin, std::string random)
    : files_(std::move(directory)), directory_(*files_), origin_(std::move(origin)),
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
    return gone_on(startup());
  case Stage::handshake:
    return take_records({});
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
  if (!read) return refuse(bad_header(received_));
  if (!*read) return {};
  startup_ = **std::move(read);
  const std::string header = received_.substr(0, kHeaderBytes);
  received_.erase(0, startup_.bytes);
  return first_wish(header);
}

Step ClientLogin::first_wish(std::string_view header) {
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
  if (startup_.major != wire::kProtocolMajor) return refuse(bad_header(header));
  return session();
}

Step ClientLogin::begin_handshake(std::string answer) {
  tls_ = TlsSession::to_client(directory_.tls);
  if (!tls_) return drop("failed to accept SSL");
  stage_ = Stage::handshake;
  // With an SSLRequest the client waits for the answer before it says more.
  return take_records(std::move(answer));
}

/// Nothing but whole records goes to the library.
Step ClientLogin::take_records(std::string answer) {
  const TlsRecords::Found found = records_.look(received_, tls_->is_tls13());
  if (found.is_too_long || received_.size() > kHandshakeBytesMax) return drop("bad packet");
  record_bytes_ = found.bytes;
  return {.kind = found.bytes == 0 ? Step::Kind::wait : Step::Kind::work,
          .send = std::move(answer)};
}

Step ClientLogin::shake_hands() {
  Step step;
  std::string records = received_.substr(0, record_bytes_);
  received_ =
      received_.substr(record_bytes_); // With room for no more, as long as the client likes.
  const TlsSession::Progress progress = tls_->shake_hands(records, step.handshake);
  if (progress == TlsSession::Progress::done) received_.insert(0, records);
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
  replication_ = replication_of(startup_.parameter("replication"));
  for (const auto& [name, value] : startup_.parameters) {
    if (name.starts_with(kOptionPrefix)) {
      unknown.push_back(name);
    } else if (auto refusal = take_parameter(name, value)) {
      return *std::move(refusal);
    }
  }
  if (startup_.minor > kProtocolMinor || !unknown.empty())
    wire::append_negotiate_version(greeting_, kProtocolMinor, unknown);
  if (directory_.settings().application_name_add_host) add_host();
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
    if (replication_ == Replication::none) return take_options(value);
  } else if (const auto index = directory_.tracked.index_of(name)) {
    take_tracked(*index, value);
  } else if (name == "replication" || directory_.ignored_parameters.contains(name)) {
    // Known already, or somebody else's business.
  } else if (directory_.settings().keep_session_settings && replication_ == Replication::none) {
    session_.insert_or_assign(name, value);
  } else {
    Step step = refuse(fmt::format("unsupported startup parameter: {}", name));
    step.log.push_back(fmt::format("unsupported startup parameter: {}={}", name, value));
    return step;
  }
  return std::nullopt;
}

void ClientLogin::take_tracked(std::size_t index, std::string_view value) {
  if (is_said_at_start(directory_.tracked.name(index), value)) parameters_.set(index, value);
}

void ClientLogin::add_host() {
  const auto index = directory_.tracked.index_of("application_name");
  if (!index) return;
  const std::string name(parameters_.get(*index).value_or("app"));
  parameters_.set(*index, fmt::format("{} - {}", name, origin_.details));
}

std::optional<Step> ClientLogin::take_options(std::string_view options) {
  const bool may_ignore = directory_.ignored_parameters.contains("options");
  for (options = base::trim(options); !options.empty(); options = base::trim(options)) {
    std::string word;
    if (const bool is_long = options.starts_with("--"); is_long || options.starts_with("-c")) {
      options.remove_prefix(2);
      if (!is_long) options = base::trim(options);
      word = take_word(options);
    }
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
      return refuse("unsupported options startup parameter: only '-c config=val' and "
                    "'--config=val' are allowed");
    const std::string name = word.substr(0, equals);
    if (const auto index = directory_.tracked.index_of(name)) {
      take_tracked(*index, word.substr(equals + 1));
    } else if (may_ignore || directory_.ignored_parameters.contains(name)) {
      continue;
    } else if (directory_.settings().keep_session_settings) {
      session_.insert_or_assign(name, word.substr(equals + 1));
    } else {
      Step step = refuse(fmt::format("unsupported startup parameter in options: {}", name));
      step.log.push_back(fmt::format("unsupported startup parameter in options: {}", word));
      return step;
    }
  }
  return std::nullopt;
}

} // namespace pgkeep::pool
