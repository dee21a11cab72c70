#include "wire/password.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/result.h"
#include "wire/scram.h"

namespace pgkeep::wire {
namespace {

constexpr std::string_view kMd5Prefix = "md5";
constexpr std::size_t kMd5Digits = 32;

std::string md5_hex(std::string_view first, std::string_view second) {
  // Fetched once: OpenSSL 3.0 looks it up by name each time otherwise.
  static EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  std::array<unsigned char, 16> digest{};
  const std::string text = std::string(first).append(second);
  unsigned size = 0;
  // A library without MD5 (FIPS) answers nothing: no password fits then.
  if (md5 == nullptr ||
      EVP_Digest(text.data(), text.size(), digest.data(), &size, md5, nullptr) != 1)
    return {};
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest)
    hex.append(1, kDigits[byte >> 4U]).append(1, kDigits[byte & 0xfU]);
  return hex;
}

bool is_same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace

StoredAs stored_as(std::string_view stored) {
  const std::string_view digits = stored.substr(std::min(kMd5Prefix.size(), stored.size()));
  const bool is_hex = std::ranges::all_of(
      digits, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (stored.starts_with(kMd5Prefix) && digits.size() == kMd5Digits && is_hex) return StoredAs::md5;
  return scram_verifier_of(stored) ? StoredAs::scram : StoredAs::plain;
}

std::string md5_stored(std::string_view password, std::string_view user) {
  const std::string hex = md5_hex(password, user);
  return hex.empty() ? hex : std::string(kMd5Prefix).append(hex);
}

std::string md5_answer(std::string_view stored, std::string_view salt) {
  if (!stored.starts_with(kMd5Prefix)) return {};
  const std::string hex = md5_hex(stored.substr(kMd5Prefix.size()), salt);
  return hex.empty() ? hex : std::string(kMd5Prefix).append(hex);
}

bool fits_cleartext(std::string_view stored, std::string_view user, std::string_view password) {
  if (stored.empty() || password.empty()) return false; // As in the server: no login without one.
  switch (stored_as(stored)) {
  case StoredAs::plain:
    return is_same(stored, password);
  case StoredAs::md5:
    return is_same(stored, md5_stored(password, user));
  case StoredAs::scram:
    return fits_verifier(*scram_verifier_of(stored), password);
  }
  return false;
}

bool fits_md5(std::string_view stored, std::string_view user, std::string_view salt,
              std::string_view answer) {
  if (stored.empty()) return false;
  const StoredAs kind = stored_as(stored);
  if (kind == StoredAs::scram) return false;
  const std::string wanted =
      md5_answer(kind == StoredAs::md5 ? std::string(stored) : md5_stored(stored, user), salt);
  return !wanted.empty() && is_same(wanted, answer);
}

} // namespace pgkeep::wire
