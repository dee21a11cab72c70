// Figures are read as a decimal number and a unit; all arithmetic is in integers and checked, so
// that 0.1GB means the same everywhere.
#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "base/text.h"

namespace pgkeep::base {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr Unit kByteUnits[] = {
    {"B", 1}, {"kB", kKiB}, {"MB", kMiB}, {"GB", kGiB}, {"TB", 1024 * kGiB},
};
constexpr Unit kTimeUnits[] = {
    {"us", 1},           {"ms", 1'000},        {"s", 1'000'000},
    {"min", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000},
};

constexpr std::size_t kFractionDigitsMax =
    6; // With the largest factor (1 TB) the product still fits 63 bits.

enum class Problem : std::uint8_t { malformed, no_unit, unknown_unit, too_large };

struct Figure {
  std::int64_t amount = 0;
  std::optional<Problem> problem = {};
};

std::size_t count_digits(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789");
  return end == std::string_view::npos ? text.size() : end;
}

/// Nothing where the digits are more than 63 bits hold.
std::optional<std::int64_t> read_digits(std::string_view digits) {
  std::int64_t value = 0;
  for (const char digit : digits) {
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, digit - '0', &value))
      return std::nullopt;
  }
  return value;
}

Figure read_figure(std::string_view text, std::span<const Unit> units) {
  const std::size_t whole_digits = count_digits(text);
  if (whole_digits == 0) return {.problem = Problem::malformed};
  const std::optional<std::int64_t> whole = read_digits(text.substr(0, whole_digits));
  if (!whole) return {.problem = Problem::too_large};
  text.remove_prefix(whole_digits);

  std::int64_t fraction = 0;
  std::int64_t fraction_scale = 1;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::size_t digits = count_digits(text);
    if (digits == 0 || digits > kFractionDigitsMax) return {.problem = Problem::malformed};
    fraction = read_digits(text.substr(0, digits)).value_or(0);
    for (std::size_t i = 0; i < digits; ++i)
      fraction_scale *= 10;
    text.remove_prefix(digits);
  }
  const std::string_view name = trim(text);
  if (name.empty())
    return {.amount = *whole,
            .problem = fraction_scale == 1 ? Problem::no_unit : Problem::malformed};
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    std::int64_t amount = 0;
    if (__builtin_mul_overflow(*whole, unit.factor, &amount))
      return {.problem = Problem::too_large};
    if (__builtin_add_overflow(amount, fraction * unit.factor / fraction_scale, &amount))
      return {.problem = Problem::too_large};
    return {.amount = amount};
  }
  return {.problem = Problem::unknown_unit};
}

Error explain(Problem problem, std::string_view text, std::string_view kind, std::string expected) {
  const std::string shown = printable(ellipsize(text, 40));
  std::string what;
  switch (problem) {
  case Problem::malformed:
    what = fmt::format("not a {}: \"{}\"", kind, shown);
    break;
  case Problem::no_unit:
    what = fmt::format("a {} needs a unit: \"{}\"", kind, shown);
    break;
  case Problem::unknown_unit:
    what = fmt::format("unknown unit of a {}: \"{}\"", kind, shown);
    break;
  case Problem::too_large:
    what = fmt::format("{} too large: \"{}\"", kind, shown);
    break;
  }
  return Error{.code = Code::usage, .what = std::move(what), .expected = std::move(expected)};
}

// One decimal below 100, none where it would be a zero.
std::string short_figure(double value) {
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
}

} // namespace

Result<Bytes> parse_bytes(std::string_view text) {
  const Figure figure = read_figure(trim(text), kByteUnits);
  if (!figure.problem) return Bytes{figure.amount};
  return explain(*figure.problem, text, "size", "a size in B, kB, MB, GB or TB, such as 64MB");
}

Result<Duration> parse_duration(std::string_view text) {
  const Figure figure = read_figure(trim(text), kTimeUnits);
  if (!figure.problem || (*figure.problem == Problem::no_unit && figure.amount == 0))
    return Duration(figure.amount);
  return explain(*figure.problem, text, "duration",
                 "a duration in us, ms, s, min, h or d, such as 2s");
}

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array<std::string_view, 6> names = {"kB", "MB", "GB", "TB", "PB", "EB"};
  const std::string_view sign = bytes < 0 ? "-" : "";
  if (magnitude(bytes) < 1024)
    return fmt::format("{}{} {}", sign, magnitude(bytes), magnitude(bytes) == 1 ? "byte" : "bytes");
  double value = static_cast<double>(magnitude(bytes)) / 1024.0;
  std::size_t index = 0;
  // Half a unit below the border the figure would round up to "1024".
  while (value >= 1023.5 && index + 1 < names.size()) {
    value /= 1024.0;
    ++index;
  }
  return fmt::format("{}{} {}", sign, short_figure(value), names[index]);
}

// The largest unit of which there are two or more, or exactly one: "90 s" says more than "1 min".
std::string human_duration(Duration duration) {
  const std::uint64_t micros = magnitude(duration.count());
  if (micros == 0) return "0 s";
  const std::string_view sign = duration.count() < 0 ? "-" : "";
  for (std::size_t i = std::size(kTimeUnits); i-- > 0;) {
    const auto factor = static_cast<std::uint64_t>(kTimeUnits[i].factor);
    if (micros >= 2 * factor || micros == factor)
      return fmt::format("{}{} {}", sign, micros / factor, kTimeUnits[i].name);
  }
  return fmt::format("{}{} us", sign, micros);
}

std::string human_count(std::int64_t count) {
  const std::string digits = fmt::format("{}", magnitude(count));
  std::string text = count < 0 ? "-" : "";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string human_percent(double fraction) {
  if (!std::isfinite(fraction)) return "unknown";
  return fmt::format("{:.1f} %", fraction * 100.0);
}

} // namespace pgkeep::base
