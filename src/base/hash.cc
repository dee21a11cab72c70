#include "base/hash.h"

#include <array>
#include <memory>

#include <openssl/evp.h>

#include "base/fd.h"
#include "base/result.h"

namespace pgkeep::base {

std::string sha256_hex(std::string_view bytes) {
  // Fetched once: by name it takes longer than a short text does. Where there is no SHA-256
  // nothing works.
  using Digest = std::unique_ptr<EVP_MD, Release<EVP_MD_free>>;
  static const Digest sha256(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  PGKEEP_ASSERT(sha256 != nullptr);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const int hashed =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, sha256.get(), nullptr);
  PGKEEP_ASSERT(hashed == 1);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(std::size_t{2} * size);
  for (unsigned int i = 0; i < size; ++i) {
    out += kDigits[digest.at(i) >> 4U];
    out += kDigits[digest.at(i) & 15U];
  }
  return out;
}

} // namespace pgkeep::base
