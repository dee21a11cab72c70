#include "pool/server_login.h"

#include <algorithm>

#include <fmt/format.h>

#include "wire/bytes.h"
#include "wire/password.h"
#include "wire/startup.h"

namespace pgkeep::pool {
namespace {

using Step = ServerLogin::Step;

constexpr std::string_view kCannotConnectNow = "57P03"; // It is starting up, or down.

Step failure(std::string text) {
  return {.kind = Step::Kind::fail, .text = std::move(text)};
}
/// The password that there is, if any, is not of the kind that the server asks for.
Step wrong_kind(std::string why) {
  Step step = failure("failed to answer authreq");
  step.log.push_back(std::move(why));
  step.server_text = "server login failed: wrong password type";
  return step;
}
Step cannot(std::string why) {
  Step step = failure("failed to answer authreq");
  step.log.push_back(std::move(why));
  return step;
}

bool needs_work(wire::Header header, std::string_view body) {
  if (header.type != wire::from_server::kAuthentication) return false;
  const auto request = wire::authentication_of(body);
  return request && !request->is(wire::AuthenticationKind::ok);
}

} // namespace

std::string ServerLogin::first() const {
  return opening_ ? TlsOpening::first() : startup();
}

std::string ServerLogin::startup() const {
  std::vector<std::pair<std::string, std::string>> all = {{"user", identity_.user},
                                                          {"database", identity_.database}};
  all.insert(all.end(), identity_.startup.begin(), identity_.startup.end());
  std::string packet;
  wire::append_startup(packet, 0, all);
  return packet;
}

/// A step of the opening as one of the login.
Step ServerLogin::opened(TlsOpening::Step step) {
  Step next{.handshake = std::move(step.send), .problem = std::move(step.problem)};
  switch (step.kind) {
  case TlsOpening::Step::Kind::wait:
    break;
  case TlsOpening::Step::Kind::work:
    next.kind = Step::Kind::work;
    break;
  case TlsOpening::Step::Kind::fail:
    next.kind = Step::Kind::fail;
    next.text = std::move(step.text);
    break;
  case TlsOpening::Step::Kind::secure:
    tls_ = opening_->take();
    binding_ = tls_->server_binding();
    next.secured = tls_->text();
    opening_.reset();
    next.send = startup();
    break;
  case TlsOpening::Step::Kind::plain:
    opening_.reset();
    next.send = startup();
    break;
  }
  return next;
}

Step ServerLogin::feed(std::string_view bytes) {
  if (opening_) return opened(opening_->feed(bytes));
  received_ += bytes;
  Step step = read();
  step.log.insert(step.log.begin(), log_.begin(), log_.end());
  log_.clear();
  return step;
}

/// What has been received, as far as it can be gone on with.
Step ServerLogin::read() {
  for (;;) {
    if (is_greeted_ && received_.empty()) return {.kind = Step::Kind::pass};
    const auto header = wire::header_of(received_);
    if (!header) return {};
    if (!header->is_sound() || header->message_bytes() > kMessageBytesMax)
      return failure("bad pkt header");
    if (received_.size() < header->message_bytes()) return {};
    const std::string_view body = std::string_view(received_).substr(
        wire::Header::kBytes, header->message_bytes() - wire::Header::kBytes);
    if (!is_greeted_ && needs_work(*header, body)) return {.kind = Step::Kind::work};
    auto step = message(*header, body);
    if (step && step->kind == Step::Kind::fail) return *std::move(step);
    received_.erase(0, header->message_bytes());
    if (step) return *std::move(step);
  }
}

Step ServerLogin::work() {
  if (opening_) return opened(opening_->work());
  const auto header = wire::header_of(received_);
  PGKEEP_ASSERT(header && received_.size() >= header->message_bytes());
  const std::string body =
      received_.substr(wire::Header::kBytes, header->message_bytes() - wire::Header::kBytes);
  received_.erase(0, header->message_bytes());
  Step step = authentication(body);
  if (step.kind != Step::Kind::wait || received_.empty()) return step;
  // What came behind the request; another request waits for the next bytes, as servers do.
  Step next = feed({});
  next.send.insert(0, step.send);
  return next;
}

std::optional<Step> ServerLogin::message(wire::Header header, std::string_view body) {
  if (is_greeted_) return behind_greeting(header, body);
  switch (header.type) {
  case wire::from_server::kAuthentication:
    if (!wire::authentication_of(body)) return failure("bad authentication pkt");
    is_authenticated_ = true;
    return std::nullopt;
  case wire::from_server::kParameterStatus:
    return parameter(body);
  case wire::from_server::kBackendKey: {
    wire::Reader reader(body);
    process_ = reader.uint32();
    cancel_key_ = reader.rest();
    if (reader.failed() || cancel_key_.empty()) return failure("bad cancel key");
    return std::nullopt;
  }
  case wire::from_server::kReadyForQuery:
    return take_ready();
  case wire::from_server::kError:
    if (!is_connect_query_running_) return failed(body);
    if (const auto fields = wire::error_fields_of(body))
      log_.push_back(fmt::format("S: error while executing exec_on_query: {}: {}", fields->severity,
                                 fields->message));
    return std::nullopt;
  case wire::from_server::kNotice:
  case wire::from_server::kNegotiateVersion:
    return std::nullopt;
  default:
    if (is_connect_query_running_) return std::nullopt; // Its results interest nobody.
    return failure("unknown pkt from server");
  }
}

std::optional<Step> ServerLogin::parameter(std::string_view body) {
  wire::Reader reader(body);
  const std::string_view name = reader.text();
  const std::string_view value = reader.text();
  if (reader.failed() || name.empty()) return failure("broken ParameterStatus packet");
  const auto same = std::ranges::find(
      parameters_, name, [](const auto& each) { return std::string_view(each.first); });
  if (same != parameters_.end()) {
    same->second = value;
  } else if (parameters_.size() == kParametersMax) {
    return failure("failed to store ParameterStatus");
  } else {
    parameters_.emplace_back(name, value);
  }
  return std::nullopt;
}

/// A server says something unasked: that its configuration changed, or that it goes down.
std::optional<Step> ServerLogin::behind_greeting(wire::Header header, std::string_view body) {
  switch (header.type) {
  case wire::from_server::kParameterStatus:
    return parameter(body);
  case wire::from_server::kNotice:
    return std::nullopt;
  case wire::from_server::kError: {
    Step step = failed(body);
    step.server_text.clear(); // Nobody's login was refused: the next connection may do.
    return step;
  }
  default:
    return failure("unknown pkt from server");
  }
}

std::optional<Step> ServerLogin::take_ready() {
  if (!is_authenticated_) return failure("unknown pkt from server");
  if (is_connect_query_running_ || identity_.connect_query.empty()) {
    is_greeted_ = true;
    return std::nullopt;
  }
  is_connect_query_running_ = true;
  Step step;
  wire::append_query(step.send, identity_.connect_query);
  return step;
}

Step ServerLogin::failed(std::string_view body) {
  Step step = failure("login failed");
  if (const auto fields = wire::error_fields_of(body)) {
    if (!fields->message.empty()) step.text = fields->message;
    step.server_sqlstate = fields->sqlstate;
    if (fields->sqlstate != kCannotConnectNow) step.server_text = step.text;
    step.log.push_back(
        fmt::format("server login failed: {} {}", fields->severity, fields->message));
  }
  return step;
}

Step ServerLogin::authentication(std::string_view body) {
  const auto request = wire::authentication_of(body);
  if (!request) return failure("bad authentication pkt");
  const std::string& stored = identity_.stored.reveal();
  const wire::StoredAs kind = wire::stored_as(stored);
  Step step;
  switch (static_cast<wire::AuthenticationKind>(request->kind)) {
  case wire::AuthenticationKind::cleartext:
    if (kind != wire::StoredAs::plain || stored.empty())
      return wrong_kind("cannot do plaintext authentication: wrong password type");
    wire::append_password(step.send, stored);
    return step;
  case wire::AuthenticationKind::md5: {
    const std::string digest =
        kind == wire::StoredAs::plain ? wire::md5_stored(stored, identity_.user) : stored;
    const std::string answer = wire::md5_answer(digest, request->data);
    if (stored.empty() || kind == wire::StoredAs::scram || answer.empty())
      return wrong_kind("cannot do MD5 authentication: wrong password type");
    wire::append_password(step.send, answer);
    return step;
  }
  case wire::AuthenticationKind::sasl:
  case wire::AuthenticationKind::sasl_continue:
  case wire::AuthenticationKind::sasl_final:
    return answer_sasl(body);
  default:
    return cannot(fmt::format("unknown/unsupported auth method: {}", request->kind));
  }
}

Step ServerLogin::answer_sasl(std::string_view body) {
  const auto request = wire::authentication_of(body);
  Step step;
  if (request->is(wire::AuthenticationKind::sasl)) {
    bool is_offered = false;
    bool is_bound = false;
    wire::Reader reader(request->data);
    for (std::string_view each = reader.text(); !each.empty(); each = reader.text()) {
      is_offered = is_offered || each == wire::kScramSha256;
      is_bound = is_bound || (each == wire::kScramSha256Plus && !binding_.empty());
    }
    const std::string& stored = identity_.stored.reveal();
    if (!is_offered && !is_bound) return cannot("no supported SASL mechanism was offered");
    const wire::ScramClient::Channel channel{.binding = is_bound ? binding_ : std::string(),
                                             .could_bind = !binding_.empty()};
    if (identity_.keys) {
      scram_.emplace(*identity_.keys, wire::nonce_of(random_), channel);
    } else if (wire::stored_as(stored) == wire::StoredAs::plain && !stored.empty()) {
      scram_.emplace(identity_.stored, wire::nonce_of(random_), channel);
    } else {
      return wrong_kind("cannot do SCRAM authentication: wrong password type");
    }
    wire::append_sasl_initial(step.send, is_bound ? wire::kScramSha256Plus : wire::kScramSha256,
                              scram_->first());
    return step;
  }
  if (!scram_) return cannot("SASL was not begun");
  if (request->is(wire::AuthenticationKind::sasl_continue)) {
    const auto answer = scram_->final(request->data);
    if (!answer) return cannot(answer.error().what);
    wire::append_sasl_response(step.send, *answer);
    return step;
  }
  if (auto proof = scram_->verify(request->data); !proof) return cannot(proof.error().what);
  return step;
}

} // namespace pgkeep::pool
