#include "base/hash.h"

#include <array>

#include <fmt/format.h>
#include <openssl/sha.h>

namespace pgkeep::base {

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  // The one-shot form: it fetches no algorithm by name, and SHA-256 is always there.
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  std::string out;
  for (const unsigned char byte : digest)
    out += fmt::format("{:02x}", byte);
  return out;
}

} // namespace pgkeep::base
