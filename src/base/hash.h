/// SHA-256, for checksums of files and texts. Thread-safe. Source: FIPS 180-4, by OpenSSL.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace pgkeep::base {

std::array<unsigned char, 32> sha256(std::string_view bytes);
/// 64 hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

} // namespace pgkeep::base
