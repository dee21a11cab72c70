#include "base/hash.h"

#include <array>
#include <memory>

#include <openssl/evp.h>

#include "base/fd.h"
#include "base/result.h"

namespace pgkeep::base {

std::array<unsigned char, 32> sha256(std::string_view bytes) {
  // Fetched once: by name it takes longer than a short text does. Where there is no SHA-256
  // nothing works.
  using Digest = std::unique_ptr<EVP_MD, Release<EVP_MD_free>>;
  static const Digest sha256(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  PGKEEP_ASSERT(sha256 != nullptr);
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  // Used again: a new one costs as much as a short text.
  using Work = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX_free>>;
  thread_local const Work work(EVP_MD_CTX_new());
  PGKEEP_ASSERT(work != nullptr);
  const bool is_hashed = EVP_DigestInit_ex2(work.get(), sha256.get(), nullptr) == 1 &&
                         EVP_DigestUpdate(work.get(), bytes.data(), bytes.size()) == 1 &&
                         EVP_DigestFinal_ex(work.get(), digest.data(), &size) == 1;
  PGKEEP_ASSERT(is_hashed && size == digest.size());
  return digest;
}

std::string sha256_hex(std::string_view bytes) {
  const auto digest = sha256(bytes);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(2 * digest.size(), '0');
  for (std::size_t i = 0; i < digest.size(); ++i) {
    out[2 * i] = kDigits[digest[i] >> 4U];
    out[2 * i + 1] = kDigits[digest[i] & 15U];
  }
  return out;
}

} // namespace pgkeep::base
