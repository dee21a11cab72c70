// What is stored of a password, and made of one.
#include <charconv>

#include <fmt/format.h>

#include "wire/scram.h"
#include "wire/scram_keys.h"

namespace pgkeep::wire {
namespace {

constexpr std::string_view kPrefix = "SCRAM-SHA-256$";

/// Up to the separator, which is taken away as well.
std::string_view next_part(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return part;
}

std::optional<ScramKey> key_in(std::string_view text) {
  const auto bytes = from_base64(text);
  return bytes ? key_of(*bytes) : std::nullopt;
}

} // namespace

std::string ScramVerifier::text() const {
  return fmt::format("{}{}:{}${}:{}", kPrefix, iterations, base64(salt),
                     base64(bytes_of(stored_key)), base64(bytes_of(server_key)));
}

std::optional<ScramVerifier> scram_verifier_of(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const std::string_view iterations = next_part(text, ':');
  const auto salt = from_base64(next_part(text, '$'));
  const auto stored_key = key_in(next_part(text, ':'));
  const auto server_key = key_in(text);
  ScramVerifier verifier;
  const char* const end = iterations.data() + iterations.size();
  const auto [stop, failure] = std::from_chars(iterations.data(), end, verifier.iterations);
  const bool has_iterations = failure == std::errc() && stop == end && verifier.iterations > 0 &&
                              verifier.iterations <= kScramIterationsMax;
  if (!has_iterations || !salt || salt->empty() || !stored_key || !server_key) return std::nullopt;
  verifier.salt = *salt;
  verifier.stored_key = *stored_key;
  verifier.server_key = *server_key;
  return verifier;
}

base::Result<ScramVerifier> make_verifier(const base::Secret& password, std::string salt,
                                          int iterations) {
  ScramVerifier verifier{.iterations = iterations, .salt = std::move(salt)};
  const auto salted = salted_password(password.reveal(), verifier.salt, iterations);
  const auto client = salted ? hmac(*salted, "Client Key") : std::nullopt;
  const auto stored = client ? sha256(*client) : std::nullopt;
  const auto server = salted ? hmac(*salted, "Server Key") : std::nullopt;
  if (!stored || !server)
    return base::Error{.code = base::Code::io,
                       .what = "the cryptographic library cannot make SCRAM keys",
                       .hint = "Check the OpenSSL installation of this machine."};
  verifier.stored_key = *stored;
  verifier.server_key = *server;
  return verifier;
}

bool fits_verifier(const ScramVerifier& verifier, std::string_view password) {
  const auto made =
      make_verifier(base::Secret(std::string(password)), verifier.salt, verifier.iterations);
  return made && is_same_key(made->server_key, verifier.server_key);
}

bool fits_verifier(const ScramVerifier& verifier, const ScramClientKeys& keys) {
  const auto stored = sha256(keys.client_key);
  return stored && is_same_key(*stored, verifier.stored_key) &&
         is_same_key(keys.server_key, verifier.server_key);
}

ScramVerifier mock_verifier(std::string_view user, std::string_view secret, int iterations) {
  ScramVerifier verifier;
  verifier.iterations = iterations;
  ScramKey key{};
  for (std::size_t i = 0; i < secret.size(); ++i)
    key[i % key.size()] =
        static_cast<unsigned char>(key[i % key.size()] ^ static_cast<unsigned char>(secret[i]));
  const auto digest = hmac(key, user);
  verifier.salt = digest ? bytes_of(*digest).substr(0, kScramSaltBytes) : std::string_view{};
  // Of no password: a preimage of zeros is nobody's.
  return verifier;
}

} // namespace pgkeep::wire
