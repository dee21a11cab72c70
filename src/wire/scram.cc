#include "wire/scram.h"

#include <charconv>

#include <fmt/format.h>

#include "wire/scram_keys.h"

namespace pgkeep::wire {
namespace {

constexpr std::size_t kMessageBytesMax = 10'000;
constexpr std::size_t kSaltBytesMax = 1'024;
constexpr std::string_view kBindingHeader = "p=tls-server-end-point,,";

base::Error malformed(std::string_view hint) {
  return {.code = base::Code::refused,
          .what = "malformed SCRAM message",
          .hint = std::string(hint),
          .sqlstate = "08P01"};
}
base::Error malformed_by_client() {
  return malformed("Use a client that speaks SCRAM-SHA-256.");
}
base::Error malformed_by_server() {
  return malformed("Look whether it is PostgreSQL that answers at that address.");
}
base::Error wrong_password() {
  return {.code = base::Code::refused,
          .what = "password authentication failed",
          .hint = "Check user and password.",
          .sqlstate = "28P01"};
}
base::Error no_crypto() {
  return {.code = base::Code::io,
          .what = "the cryptographic library failed at HMAC",
          .hint = "Check the OpenSSL installation of this machine."};
}

/// Attributes "x=value", with commas between, in a fixed order.
class Attributes {
public:
  explicit Attributes(std::string_view text) : text_(text) {}
  /// The value of the next one, which must have this name.
  std::optional<std::string_view> next(char name) {
    if (!has_more_ || text_.size() < 2 || text_[0] != name || text_[1] != '=') return std::nullopt;
    const std::size_t end = text_.find(',');
    const std::string_view value = text_.substr(2, end == std::string_view::npos ? end : end - 2);
    has_more_ = end != std::string_view::npos;
    text_ = has_more_ ? text_.substr(end + 1) : std::string_view{};
    return value;
  }
  [[nodiscard]] bool is_over() const { return !has_more_; }

private:
  std::string_view text_;
  bool has_more_ = true;
};

bool is_nonce(std::string_view text) {
  for (const char c : text) {
    if (c < '!' || c > '~' || c == ',') return false;
  }
  return !text.empty();
}

/// Of "n,,n=,r=..." or "p=...,,n=,r=...": the header, with its last comma.
std::optional<std::string_view> header_of_first(std::string_view message) {
  const std::size_t first = message.find(',');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = message.find(',', first + 1);
  // An authorization identity between the commas is not supported by PostgreSQL either.
  if (second != first + 1) return std::nullopt;
  return message.substr(0, second + 1);
}

} // namespace

std::string nonce_of(std::string_view random) {
  return base64(random);
}

ScramServer::ScramServer(ScramVerifier verifier, std::string nonce, std::string binding)
    : verifier_(std::move(verifier)), nonce_(std::move(nonce)), binding_(std::move(binding)) {}

base::Result<std::string> ScramServer::first(std::string_view mechanism, std::string_view message) {
  if (message.size() > kMessageBytesMax || message.find('\0') != std::string_view::npos)
    return malformed_by_client();
  const auto header = header_of_first(message);
  if (!header) return malformed_by_client();
  const bool is_plus = mechanism == kScramSha256Plus;
  if (!is_plus && mechanism != kScramSha256) return malformed_by_client();
  if (is_plus) {
    if (*header != kBindingHeader || binding_.empty()) return malformed_by_client();
    wanted_binding_ = base64(std::string(*header).append(binding_));
  } else if (*header == "n,," || *header == "y,,") {
    // "y": the client could have bound the channel and believes that we cannot.
    if (header->starts_with('y') && !binding_.empty())
      return base::Error{.code = base::Code::refused,
                         .what = "SCRAM channel binding negotiation error",
                         .hint = "Somebody between client and server may have removed the offer of "
                                 "SCRAM-SHA-256-PLUS.",
                         .sqlstate = "28000"};
    wanted_binding_ = base64(*header);
  } else {
    return malformed_by_client();
  }
  const std::string_view bare = message.substr(header->size());
  Attributes attributes(bare);
  // The name is that of the startup packet: this one counts for nothing.
  const auto name = attributes.next('n');
  const auto nonce = name ? attributes.next('r') : std::nullopt;
  if (!nonce || !is_nonce(*nonce)) return malformed_by_client();
  nonce_ = std::string(*nonce).append(nonce_);
  std::string answer =
      fmt::format("r={},s={},i={}", nonce_, base64(verifier_.salt), verifier_.iterations);
  exchanged_ = fmt::format("{},{}", bare, answer);
  return answer;
}

base::Result<std::string> ScramServer::final(std::string_view message) {
  if (message.size() > kMessageBytesMax || exchanged_.empty()) return malformed_by_client();
  const std::size_t proof_at = message.rfind(",p=");
  if (proof_at == std::string_view::npos) return malformed_by_client();
  const std::string_view without_proof = message.substr(0, proof_at);
  const auto proof_bytes = from_base64(message.substr(proof_at + 3));
  const auto proof = proof_bytes ? key_of(*proof_bytes) : std::nullopt;
  Attributes attributes(without_proof);
  const auto binding = attributes.next('c');
  const auto nonce = binding ? attributes.next('r') : std::nullopt;
  if (!proof || !nonce || *nonce != nonce_ || *binding != wanted_binding_)
    return malformed_by_client();
  const std::string text = fmt::format("{},{}", exchanged_, without_proof);
  const auto signature = hmac(verifier_.stored_key, text);
  const auto ours = hmac(verifier_.server_key, text);
  if (!signature || !ours) return no_crypto();
  const ScramKey client_key = exclusive_or(*proof, *signature);
  const auto stored = sha256(client_key);
  if (!stored) return no_crypto();
  if (!is_same_key(*stored, verifier_.stored_key)) return wrong_password();
  keys_ = {.client_key = client_key, .server_key = verifier_.server_key};
  return fmt::format("v={}", base64(bytes_of(*ours)));
}

ScramClient::ScramClient(base::Secret password, std::string nonce, Channel channel)
    : password_(std::move(password)), nonce_(std::move(nonce)), channel_(std::move(channel)) {}
ScramClient::ScramClient(const ScramClientKeys& keys, std::string nonce, Channel channel)
    : keys_(keys), nonce_(std::move(nonce)), channel_(std::move(channel)) {}

std::string ScramClient::header() const {
  if (!channel_.binding.empty()) return std::string(kBindingHeader);
  return channel_.could_bind ? "y,," : "n,,";
}

std::string ScramClient::first() {
  exchanged_ = fmt::format("n=,r={}", nonce_);
  return header() + exchanged_;
}

base::Result<std::string> ScramClient::final(std::string_view message) {
  if (message.size() > kMessageBytesMax || exchanged_.empty()) return malformed_by_server();
  Attributes attributes(message);
  const auto nonce = attributes.next('r');
  const auto salt_text = nonce ? attributes.next('s') : std::nullopt;
  const auto count_text = salt_text ? attributes.next('i') : std::nullopt;
  if (!count_text || !is_nonce(*nonce) || !nonce->starts_with(nonce_) ||
      nonce->size() == nonce_.size())
    return malformed_by_server();
  const auto salt = from_base64(*salt_text);
  int iterations = 0;
  const char* const end = count_text->data() + count_text->size();
  const auto [stop, failure] = std::from_chars(count_text->data(), end, iterations);
  // A server may not keep us busy for ever.
  if (!salt || salt->empty() || salt->size() > kSaltBytesMax || failure != std::errc() ||
      stop != end || iterations < 1 || iterations > kScramIterationsMax)
    return malformed_by_server();
  if (password_) {
    const auto salted = salted_password(password_->reveal(), *salt, iterations);
    const auto client = salted ? hmac(*salted, "Client Key") : std::nullopt;
    const auto server = salted ? hmac(*salted, "Server Key") : std::nullopt;
    if (!client || !server) return no_crypto();
    keys_ = {.client_key = *client, .server_key = *server};
  }
  const std::string without_proof =
      fmt::format("c={},r={}", base64(header() + channel_.binding), *nonce);
  const std::string text = fmt::format("{},{},{}", exchanged_, message, without_proof);
  const auto stored = sha256(keys_.client_key);
  const auto signature = stored ? hmac(*stored, text) : std::nullopt;
  const auto theirs = hmac(keys_.server_key, text);
  if (!signature || !theirs) return no_crypto();
  server_signature_ = *theirs;
  const ScramKey proof = exclusive_or(keys_.client_key, *signature);
  return fmt::format("{},p={}", without_proof, base64(bytes_of(proof)));
}

base::Result<> ScramClient::verify(std::string_view message) const {
  Attributes attributes(message);
  const auto signature = attributes.next('v');
  const auto bytes = signature ? from_base64(*signature) : std::nullopt;
  const auto key = bytes ? key_of(*bytes) : std::nullopt;
  if (!key || !is_same_key(*key, server_signature_))
    return base::Error{.code = base::Code::refused,
                       .what = "the server cannot prove that it knows the password",
                       .hint = "It may be another server that took this one's place.",
                       .sqlstate = "28P01"};
  // Of all messages the only one whose end no signature covers: refused as libpq does.
  if (!attributes.is_over()) return malformed_by_server();
  return {};
}

} // namespace pgkeep::wire
