#include "roles/scram.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "roles/crypto_failed.h"

namespace pgkeep::roles {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSaltBytes = 16;
using Key = std::array<unsigned char, kKeyBytes>;

std::string base64(std::span<const unsigned char> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

bool keyed_hash(const Key& key, std::string_view text, Key& out) {
  unsigned int length = 0;
  return HMAC(EVP_sha256(), key.data(), kKeyBytes,
              reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(),
              &length) != nullptr;
}

} // namespace

base::Result<std::string> scram_verifier(const base::Secret& password, int iterations) {
  const std::string& text = password.reveal();
  if (text.empty() || std::ranges::any_of(text, [](char c) { return c < 0x20 || c > 0x7e; })) {
    return base::Error{.code = base::Code::unsupported,
                       .what = "a password has characters outside printable ASCII",
                       .expected = "1 or more of the characters ! to ~ and space",
                       .hint = "Choose another password."};
  }
  std::array<unsigned char, kSaltBytes> salt{};
  if (RAND_bytes(salt.data(), kSaltBytes) != 1) return crypto_failed("RAND_bytes");
  Key salted{};
  if (PKCS5_PBKDF2_HMAC(text.data(), static_cast<int>(text.size()), salt.data(), kSaltBytes,
                        iterations, EVP_sha256(), kKeyBytes, salted.data()) != 1) {
    return crypto_failed("PBKDF2");
  }
  Key client{};
  Key server{};
  Key stored{};
  if (!keyed_hash(salted, "Client Key", client) || !keyed_hash(salted, "Server Key", server))
    return crypto_failed("HMAC");
  SHA256(client.data(), kKeyBytes, stored.data());
  return fmt::format("SCRAM-SHA-256${}:{}${}:{}", iterations, base64(salt), base64(stored),
                     base64(server));
}

} // namespace pgkeep::roles
