/// The arithmetic of SCRAM-SHA-256. Private to src/wire. Threads: pure functions, but for
/// OpenSSL's. Source: RFC 5802, section 3.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/scram.h"

namespace pgkeep::wire {

std::string base64(std::string_view bytes);
/// None where it is no base64 without blanks.
std::optional<std::string> from_base64(std::string_view text);

std::optional<ScramKey> hmac(const ScramKey& key, std::string_view text);
std::optional<ScramKey> sha256(const ScramKey& key);
/// Hi(Normalize(password), salt, iterations).
std::optional<ScramKey> salted_password(std::string_view password, std::string_view salt,
                                        int iterations);
ScramKey exclusive_or(const ScramKey& a, const ScramKey& b);
bool is_same_key(const ScramKey& a, const ScramKey& b); ///< In the same time for any two.
inline std::string_view bytes_of(const ScramKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}
std::optional<ScramKey> key_of(std::string_view bytes);

} // namespace pgkeep::wire
