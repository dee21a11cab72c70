#include "postgres/types.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace pgkeep::postgres {
namespace {

/// One half of an LSN: 1 to 8 hexadecimal digits and nothing else.
std::optional<std::uint32_t> parse_half(std::string_view digits) {
  std::uint32_t value = 0;
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  const auto [stop, error] = std::from_chars(begin, end, value, 16);
  if (digits.size() > 8 || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

} // namespace

std::string to_text(Lsn lsn) {
  return fmt::format("{:X}/{:X}", lsn.value >> 32U, lsn.value & 0xFFFF'FFFFU);
}

base::Result<Lsn> parse_lsn(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto high = parse_half(text.substr(0, slash));
    const auto low = parse_half(text.substr(slash + 1));
    if (high && low) return Lsn{(std::uint64_t{*high} << 32U) | *low};
  }
  return base::Error{.code = base::Code::corrupt,
                     .what = "not a position in the WAL",
                     .expected = "two hexadecimal numbers, such as 16/B374D848"};
}

std::string to_text(ServerVersion version) {
  return fmt::format("{}.{}", version.major(), version.minor());
}

} // namespace pgkeep::postgres
