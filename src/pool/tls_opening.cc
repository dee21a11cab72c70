#include "pool/tls_opening.h"

#include <array>

#include <fmt/format.h>

#include "wire/startup.h"

namespace pgkeep::pool {
namespace {

using Step = TlsOpening::Step;

Step failure(std::string text, std::string problem = {}) {
  return {.kind = Step::Kind::fail, .text = std::move(text), .problem = std::move(problem)};
}

} // namespace

std::unique_ptr<TlsOpening> TlsOpening::of(const TlsContexts& contexts, const std::string& host) {
  if (!contexts.servers) return nullptr;
  return std::unique_ptr<TlsOpening>(new TlsOpening(contexts, host));
}

std::string TlsOpening::first() {
  std::string request;
  wire::append_tls_request(request);
  return request;
}

Step TlsOpening::feed(std::string_view bytes) {
  if (session_) {
    received_ += bytes;
    if (received_.size() > kBytesMax) return failure("TLS startup failed");
    return {.kind = Step::Kind::work};
  }
  if (bytes.empty()) return {};
  const char answer = bytes.front();
  if (answer != 'S' && answer != 'N') return failure("bad sslreq answer");
  if (bytes.size() > 1) return failure("received unencrypted data after SSL response");
  if (answer == 'N') {
    if (contexts_.server_mode >= TlsMode::require) return failure("server refused SSL");
    return {.kind = Step::Kind::plain};
  }
  session_ = TlsSession::to_server(contexts_, host_);
  if (!session_) return failure("sslreq processing failed");
  return {.kind = Step::Kind::work}; // The first word is ours.
}

Step TlsOpening::work() {
  Step step;
  switch (session_->shake_hands(received_, step.send)) {
  case TlsSession::Progress::going_on:
    return step;
  case TlsSession::Progress::failed:
    step.kind = Step::Kind::fail;
    step.text = "server conn crashed?";
    step.problem = session_->problem();
    return step;
  case TlsSession::Progress::done:
    break;
  }
  if (contexts_.server_mode == TlsMode::verify_full && !session_->is_of(host_))
    return failure("server conn crashed?",
                   fmt::format("name `{}' not present in server certificate", host_));
  // Tickets may follow at once; a server says nothing else before it is asked.
  std::array<char, TlsSession::kRecordBytesMax * 2> plain; // NOLINT(*-member-init): written first.
  const std::string rest = std::move(received_);
  if (rest.size() > TlsSession::kRecordBytesMax) return failure("TLS startup failed");
  if (!rest.empty()) {
    const auto received = session_->receive(rest, plain.data(), plain.size(), step.send);
    if (received.is_over || received.count > 0)
      return failure("TLS startup failed", session_->problem());
  }
  step.kind = Step::Kind::secure;
  return step;
}

} // namespace pgkeep::pool
