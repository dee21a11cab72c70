#include "base/secret.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include <array>
#include <cerrno>

#include "base/result.h"

namespace pgkeep::base {

Secret::~Secret() {
  // The whole capacity: a text that was moved away or made shorter leaves its bytes behind the end.
  // Never reallocates.
  value_.resize(value_.capacity());
  OPENSSL_cleanse(value_.data(), value_.size());
}

Secret Secret::random() {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  static_assert(alphabet.size() == 64);
  std::array<unsigned char, 24> bytes{};
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    // A password that is not random is worse than none, so there is no other source to fall back
    // to.
    PGKEEP_ASSERT(got > 0 || errno == EINTR);
    if (got > 0) filled += static_cast<std::size_t>(got);
  }
  std::string text;
  text.reserve(bytes.size() / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned group = static_cast<unsigned>(bytes[i]) << 16U |
                           static_cast<unsigned>(bytes[i + 1]) << 8U | bytes[i + 2];
    for (const unsigned shift : {18U, 12U, 6U, 0U})
      text += alphabet[group >> shift & 63U];
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return Secret(std::move(text));
}

} // namespace pgkeep::base
