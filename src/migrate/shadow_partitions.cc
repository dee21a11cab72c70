// Ranges are counted with <chrono>'s calendar: the server is not asked, so that a plan, a lint and
// a rehearsal know the same partitions.
#include "migrate/shadow_partitions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/quote.h"
#include "postgres/sql_parser.h"

namespace pgkeep::migrate {
namespace {

using postgres::Node;
using postgres::TokenText;

/// More are made one by one, by somebody who has thought about it.
constexpr std::size_t kPartitionsMax = 1'000;
constexpr std::size_t kNameBytesMax = 63; // NAMEDATALEN - 1.
/// INCLUDING ALL. Source: PostgreSQL 15, src/include/nodes/parsenodes.h, CREATE_TABLE_LIKE_ALL.
constexpr std::int64_t kLikeAll = 0x7FFFFFFF;

enum class Unit : std::uint8_t { day, week, month, quarter, year };
struct Period {
  std::string_view name;
  Unit unit;
  int months; ///< 0: it is counted in days.
  int days;
};
constexpr auto kPeriods = std::to_array<Period>({{"day", Unit::day, 0, 1},
                                                 {"week", Unit::week, 0, 7},
                                                 {"month", Unit::month, 1, 0},
                                                 {"quarter", Unit::quarter, 3, 0},
                                                 {"year", Unit::year, 12, 0}});

/// `1 month` of `"1 month"`.
std::string without_quotes(const std::string& text) {
  return text.size() > 1 && text.starts_with('"') && text.ends_with('"')
             ? text.substr(1, text.size() - 2)
             : text;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole && number >= 0 ? std::optional(number) : std::nullopt;
}

/// Of "2024-01-31".
std::optional<std::chrono::year_month_day> date_of(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = whole_number(text.substr(0, 4));
  const auto month = whole_number(text.substr(5, 2));
  const auto day = whole_number(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  return date.ok() ? std::optional(date) : std::nullopt;
}

std::string text_of(const std::chrono::year_month_day& date) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

/// "2024", "2024_q1", "2024_01", "2024_01_31".
std::string label_of(const std::chrono::year_month_day& date, Unit unit) {
  const std::string day = base::replace_all(text_of(date), "-", "_");
  if (unit == Unit::year) return day.substr(0, 4);
  if (unit == Unit::quarter)
    return fmt::format("{}_q{}", day.substr(0, 4),
                       (static_cast<unsigned>(date.month()) - 1) / 3 + 1);
  return unit == Unit::month ? day.substr(0, 7) : day;
}

std::string range_text(std::string_view from, std::string_view to) {
  return fmt::format("FOR VALUES FROM ({}) TO ({})", postgres::quote_literal(from),
                     postgres::quote_literal(to));
}

/// The directive's arguments, and the partitions that they stand for.
class Generator {
public:
  Generator(const Step& step, std::string strategy, std::string table)
      : step_(step), strategy_(std::move(strategy)), table_(std::move(table)) {}

  base::Result<std::vector<ShadowPartition>> run() {
    PGKEEP_CHECK(check_strategy());
    if (!argument("every").empty()) PGKEEP_CHECK(add_ranges());
    if (!argument("parts").empty()) PGKEEP_CHECK(add_hashes());
    const std::string wanted = argument("default");
    if (!wanted.empty() && wanted != "yes" && wanted != "no")
      return bad("default", "default=yes or default=no");
    if (wanted == "yes" || (wanted.empty() && !argument("every").empty()))
      partitions_.push_back({.name = table_ + "_default", .bounds = "DEFAULT"});
    return std::move(partitions_);
  }

private:
  [[nodiscard]] std::string argument(std::string_view key) const {
    const std::string* const found = step_.directive.find(key);
    return found == nullptr ? "" : without_quotes(*found);
  }
  [[nodiscard]] base::Error bad(std::string_view key, std::string expected) const {
    return bad_shadow(step_, fmt::format("{}={} cannot be used here", key, argument(key)),
                      std::move(expected));
  }

  base::Result<> check_strategy() {
    if (!argument("every").empty() && strategy_ != "range")
      return bad("every", "PARTITION BY RANGE");
    if (!argument("parts").empty() && strategy_ != "hash") return bad("parts", "PARTITION BY HASH");
    if (argument("default") == "yes" && strategy_ == "hash")
      return bad("default", "no default: HASH partitions take every row");
    for (const char* const bound : {"from", "to"}) {
      if (argument("every").empty() != argument(bound).empty())
        return bad_shadow(step_, "the ranges of the partitions are not said",
                          "all of every=, from= and to=, such as every=month from=2024-01-01 "
                          "to=2026-01-01");
    }
    return {};
  }

  base::Result<> add(std::string_view label, std::string bounds) {
    if (partitions_.size() == kPartitionsMax)
      return bad_shadow(step_, "these are too many partitions",
                        fmt::format("up to {}", kPartitionsMax));
    partitions_.push_back(
        {.name = fmt::format("{}_p{}", table_, label), .bounds = std::move(bounds)});
    return {};
  }

  base::Result<> add_ranges() {
    std::string every = argument("every");
    if (every.starts_with("1 ")) every.erase(0, 2);
    const auto period = std::ranges::find(kPeriods, every, &Period::name);
    if (period != kPeriods.end()) return add_dates(*period);
    const auto width = whole_number(every);
    if (!width || *width < 1)
      return bad("every", "day, week, month, quarter, year, or a whole number for integers");
    return add_numbers(*width);
  }

  base::Result<> add_dates(const Period& period) {
    const auto from = date_of(argument("from"));
    const auto to = date_of(argument("to"));
    if (!from) return bad("from", "a date such as 2024-01-01");
    if (!to || *to <= *from) return bad("to", "a date behind that of from=, such as 2026-01-01");
    const unsigned month = static_cast<unsigned>(from->month());
    const bool begins =
        period.months == 0 || (from->day() == std::chrono::day{1} &&
                               (month - 1) % static_cast<unsigned>(period.months) == 0);
    if (!begins) return bad("from", fmt::format("the first day of a {}", period.name));
    for (std::chrono::year_month_day low = *from; low < *to;) {
      const std::chrono::year_month_day high =
          period.months > 0 ? low + std::chrono::months{period.months}
                            : std::chrono::year_month_day{std::chrono::sys_days{low} +
                                                          std::chrono::days{period.days}};
      PGKEEP_CHECK(add(label_of(low, period.unit), range_text(text_of(low), text_of(high))));
      low = high;
    }
    return {};
  }

  base::Result<> add_numbers(std::int64_t width) {
    const auto from = whole_number(argument("from"));
    const auto to = whole_number(argument("to"));
    if (!from) return bad("from", "a whole number, 0 or more");
    constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
    if (!to || *to <= *from || *to > kEnd - width)
      return bad("to", "a whole number greater than that of from=");
    for (std::int64_t low = *from; low < *to; low += width)
      PGKEEP_CHECK(add(fmt::format("{}", low),
                       fmt::format("FOR VALUES FROM ({}) TO ({})", low, low + width)));
    return {};
  }

  base::Result<> add_hashes() {
    const auto parts = whole_number(argument("parts"));
    if (!parts || *parts < 1) return bad("parts", "a whole number, such as parts=8");
    for (std::int64_t part = 0; part < *parts; ++part)
      PGKEEP_CHECK(add(fmt::format("{}", part),
                       fmt::format("FOR VALUES WITH (MODULUS {}, REMAINDER {})", *parts, part)));
    return {};
  }

  const Step& step_;
  std::string strategy_;
  std::string table_;
  std::vector<ShadowPartition> partitions_;
};

/// The one form: what else could stand in it would not be done.
base::Result<> check_form(const Step& step, const Node& root) {
  const auto elements = root.nodes("table_elts");
  const bool is_like = elements.size() == 1 && elements.front().is("TableLikeClause") &&
                       elements.front().number("options") == kLikeAll &&
                       lint::relation_of(elements.front().node("relation")) ==
                           lint::relation_of(root.node("relation"));
  const bool is_plain = root.nodes("options").empty() && root.text("tablespacename").empty() &&
                        root.text("access_method").empty() && !root.flag("if_not_exists") &&
                        root.node("relation").text("relpersistence") == "p" &&
                        root.nodes("inh_relations").empty();
  if (is_like && is_plain) return {};
  return bad_shadow(step, "the statement is not the one that makes a table partitions",
                    "CREATE TABLE t (LIKE t INCLUDING ALL) PARTITION BY ..., both times the same "
                    "table, and nothing else");
}

base::Result<ShadowPartition> partition_of(const Step& step, const StepStatement& statement) {
  const Node root = statement.statement->root;
  if (root.node("partspec") || !root.nodes("table_elts").empty() ||
      root.node("relation").text("relpersistence") != "p") {
    base::Error error = bad_shadow(step, "a partition of a shadow table is made with more",
                                   "FOR VALUES or DEFAULT, WITH and TABLESPACE alone");
    error.where = statement.where;
    return error;
  }
  const std::vector<TokenText> tokens = postgres::tokens_of(statement.sql);
  std::size_t at = 0; // CREATE TABLE [IF NOT EXISTS] name PARTITION OF parent rest
  while (at + 1 < tokens.size() && (tokens[at].text != "partition" || tokens[at + 1].text != "of"))
    ++at;
  at += 2;
  while (at + 2 < tokens.size() && tokens[at + 1].text == ".")
    at += 2;
  ++at;
  PGKEEP_ASSERT(at < tokens.size()); // The grammar wants bounds.
  const lint::RelationName name = lint::relation_of(root.node("relation"));
  return ShadowPartition{.schema = name.schema,
                         .name = name.name,
                         .bounds = statement.sql.substr(tokens[at].offset),
                         .has_options = !root.nodes("options").empty()};
}

base::Result<> check_names(const Step& step, const ShadowPartitioning& partitioning) {
  if (partitioning.partitions.empty())
    return bad_shadow(step, "there is no partition",
                      "CREATE TABLE ... PARTITION OF directly below, or every= (parts= for HASH)");
  std::vector<std::string> names;
  for (const ShadowPartition& each : partitioning.partitions) {
    if (each.name.size() > kNameBytesMax)
      return bad_shadow(step, fmt::format("the name {} is too long", each.name),
                        fmt::format("up to {} bytes", kNameBytesMax));
    if (std::ranges::find(names, each.name) != names.end())
      return bad_shadow(step, fmt::format("two partitions are named {}", each.name),
                        "a name of its own for each, whatever its schema");
    names.push_back(each.name);
  }
  return {};
}

} // namespace

bool is_partition_argument(std::string_view key) {
  constexpr auto keys =
      std::to_array<std::string_view>({"every", "from", "to", "parts", "default"});
  return std::ranges::find(keys, key) != keys.end();
}

base::Error bad_shadow(const Step& step, std::string what, std::string expected) {
  return {.code = base::Code::config,
          .what = std::move(what),
          .where = step.statements.front().where,
          .expected = std::move(expected)};
}

std::string name_of_token(const std::string& text) {
  if (text.size() < 2 || !text.starts_with('"')) return text;
  return base::replace_all(text.substr(1, text.size() - 2), "\"\"", "\"");
}

base::Result<ShadowPartitioning> shadow_partitioning(const Step& step) {
  const StepStatement& statement = step.statements.front();
  const Node root = statement.statement->root;
  PGKEEP_CHECK(check_form(step, root));
  const Node specification = root.node("partspec");
  ShadowPartitioning found;
  for (const Node& part : specification.nodes("part_params")) {
    if (part.node("expr"))
      return bad_shadow(step, "an expression cannot decide about partitions of a shadow table",
                        "columns alone: unique keys must contain them");
    found.columns.emplace_back(part.text("name"));
  }
  for (const TokenText& token : postgres::tokens_of(statement.sql)) {
    if (token.depth == 0 && token.text == "partition")
      found.by = statement.sql.substr(token.offset) + "\n"; // A comment may end it.
  }
  for (std::size_t i = 1; i < step.statements.size(); ++i) {
    PGKEEP_TRY(ShadowPartition partition, partition_of(step, step.statements[i]));
    found.partitions.push_back(std::move(partition));
  }
  Generator generator(step, base::to_lower(specification.text("strategy")),
                      lint::relation_of(root.node("relation")).name);
  PGKEEP_TRY(const std::vector<ShadowPartition> generated, generator.run());
  found.partitions.insert(found.partitions.end(), generated.begin(), generated.end());
  PGKEEP_CHECK(check_names(step, found));
  return found;
}

} // namespace pgkeep::migrate
