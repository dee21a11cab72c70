#include "base/clock.h"

#include <fmt/format.h>

#include <optional>

#include "base/text.h"

namespace pgkeep::base {

namespace {

/// Takes fixed-width numbers and single characters from the front of a text; remembers the first
/// failure.
class Reader {
public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
        failed_ = true;
        return 0;
      }
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void require(char wanted) { failed_ = !take(wanted) || failed_; }
  /// Digits after the decimal point as microseconds; those after the sixth are dropped.
  int fraction() {
    int value = 0;
    int scale = 100'000;
    bool any = false;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      value += (rest_.front() - '0') * scale;
      scale /= 10;
      any = true;
      rest_.remove_prefix(1);
    }
    failed_ = failed_ || !any;
    return value;
  }
  void fail() { failed_ = true; }
  [[nodiscard]] bool next_is_digit() const {
    return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9';
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool failed() const { return failed_; }

private:
  std::string_view rest_; // The caller's text, which outlives this reader.
  bool failed_ = false;
};

// "Z", "+00", "-03:30", "+0530" or, as old time zones have it, "+00:53:28".
std::chrono::seconds read_offset(Reader& reader) {
  if (reader.take('Z') || reader.take('z')) return {};
  const bool is_negative = reader.take('-');
  if (!is_negative) reader.require('+');
  const int hours = reader.digits(2);
  int minutes = 0;
  int seconds = 0;
  if (reader.take(':')) {
    minutes = reader.digits(2);
    if (reader.take(':')) seconds = reader.digits(2);
  } else if (reader.next_is_digit()) {
    minutes = reader.digits(2);
  }
  if (hours > 15 || minutes > 59 || seconds > 59) reader.fail();
  const auto offset =
      std::chrono::hours(hours) + std::chrono::minutes(minutes) + std::chrono::seconds(seconds);
  return is_negative ? -offset : offset;
}

std::optional<Timestamp> read_timestamp(std::string_view text) {
  Reader reader(text);
  const int year = reader.digits(4);
  reader.require('-');
  const int month = reader.digits(2);
  reader.require('-');
  const int day = reader.digits(2);
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (reader.failed() || !date.ok()) return std::nullopt;
  Timestamp at = std::chrono::sys_days(date);
  if (reader.at_end()) return at;

  if (!reader.take('T')) reader.require(' ');
  const int hour = reader.digits(2);
  reader.require(':');
  const int minute = reader.digits(2);
  reader.require(':');
  const int second = reader.digits(2);
  const int micros = reader.take('.') ? reader.fraction() : 0;
  const std::chrono::seconds offset = read_offset(reader);
  if (reader.failed() || !reader.at_end() || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  at += std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) +
        std::chrono::microseconds(micros) - offset;
  return at;
}

} // namespace

Timestamp SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

std::string to_iso(Timestamp at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const auto days = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss<std::chrono::seconds> time(seconds - days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

Result<Timestamp> parse_timestamp(std::string_view text) {
  if (const std::optional<Timestamp> at = read_timestamp(trim(text))) return *at;
  return Error{
      .code = Code::usage,
      .what = fmt::format("not a time: \"{}\"", printable(ellipsize(text, 60))),
      .expected =
          "a date or a time with its UTC offset, such as 2026-11-21 or 2026-11-21T13:20:25Z"};
}

} // namespace pgkeep::base
