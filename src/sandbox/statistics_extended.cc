// Extended statistics have no input functions before 19. A throwaway server may do what no other
// should: for the time of this a cast from bytea to their types stands in its catalog. ndistinct
// and dependencies then go over byte by byte, the numbers of the columns put right.
//
// A list of most common combinations holds its values in a form of the server's own, so the server
// makes it: ANALYZE of a temporary table with the n combinations, the first of them n times, the
// last once, so that they come out in this order. Behind the values lie the items, each of one
// size; the live frequencies are put in there.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/quote.h"
#include "sandbox/statistics_slots.h"

namespace pgkeep::sandbox {
namespace {

using postgres::Rows;
using Bytes = std::vector<unsigned char>;

static_assert(std::endian::native == std::endian::little, "the servers' byte order");

/// n combinations take n * (n + 1) / 2 rows; ANALYZE samples 300 rows a unit of the target.
constexpr int kCombinationsMax = 1'000;
constexpr std::size_t kHeaderBytes = 12; ///< Magic number, type, number of items.

/// "\x0a0b"; empty where it is something else.
Bytes bytes_of(std::string_view hex) {
  Bytes bytes;
  if (!hex.starts_with("\\x")) return bytes;
  for (std::size_t at = 2; at + 1 < hex.size(); at += 2) {
    unsigned char byte = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
    bytes.push_back(byte);
  }
  return bytes;
}

std::string hex_of(const Bytes& bytes) {
  std::string hex = "\\x";
  for (const unsigned char byte : bytes)
    hex += fmt::format("{:02x}", byte);
  return hex;
}

template <typename Value>
std::optional<Value> get(const Bytes& bytes, std::size_t at) {
  Value value{};
  if (at + sizeof value > bytes.size()) return std::nullopt;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
template <typename Value>
void put(Bytes& bytes, std::size_t at, Value value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

using Numbers = std::map<std::int16_t, std::int16_t>;

/// Items are a double, the number of columns (in `count_bytes` bytes) and theirs. False where it is
/// not of that form. Expressions have negative numbers, which do not depend on the table.
bool renumber(Bytes& bytes, std::size_t count_bytes, const Numbers& numbers) {
  const auto items = get<std::uint32_t>(bytes, 8);
  std::size_t at = kHeaderBytes;
  for (std::uint32_t item = 0; items && item < *items; ++item) {
    at += sizeof(double);
    const auto count = count_bytes == 2
                           ? get<std::int16_t>(bytes, at).value_or(0)
                           : static_cast<std::int16_t>(get<std::int32_t>(bytes, at).value_or(0));
    at += count_bytes;
    for (int i = 0; i < count; ++i, at += sizeof(std::int16_t)) {
      const auto number = get<std::int16_t>(bytes, at);
      if (!number) return false;
      if (*number < 0) continue;
      const auto here = numbers.find(*number);
      if (here == numbers.end()) return false;
      put(bytes, at, here->second);
    }
  }
  return items && at == bytes.size();
}

/// The server's own list with the live frequencies: an item is a flag for NULL a column, two
/// doubles, and an index of 16 bits a column.
bool put_shares(Bytes& bytes, std::size_t columns, const std::vector<std::string>& shares,
                const std::vector<std::string>& base_shares) {
  const std::size_t item_bytes = columns * 3 + 2 * sizeof(double);
  const auto items = get<std::uint32_t>(bytes, 8);
  if (!items || *items != shares.size() || base_shares.size() != shares.size() ||
      bytes.size() < kHeaderBytes + *items * item_bytes)
    return false;
  std::size_t at = bytes.size() - *items * item_bytes + columns;
  for (std::size_t item = 0; item < shares.size(); ++item, at += item_bytes) {
    double share = 0;
    double base_share = 0;
    std::from_chars(shares[item].data(), shares[item].data() + shares[item].size(), share);
    std::from_chars(base_shares[item].data(), base_shares[item].data() + base_shares[item].size(),
                    base_share);
    put(bytes, at, share);
    put(bytes, at + sizeof(double), base_share);
  }
  return true;
}

/// The statistics object here.
struct ExtendedTarget {
  std::string oid;
  std::string table;                    ///< Quoted.
  std::vector<std::string> numbers;     ///< Of its columns, in the order of their numbers.
  std::vector<std::string> columns;     ///< Their names.
  std::vector<std::string> expressions; ///< SQL.
};

base::Result<std::optional<ExtendedTarget>> find_target(postgres::Connection& database,
                                                        const ExtendedStatistics& statistics) {
  const std::optional<std::string> parameters[] = {statistics.schema, statistics.name};
  PGKEEP_TRY(
      const Rows rows,
      database.query(
          "SELECT e.oid, t.nspname, c.relname, ARRAY(SELECT a.attnum FROM pg_attribute a WHERE "
          "a.attrelid = c.oid AND a.attnum = ANY (e.stxkeys) ORDER BY a.attnum), ARRAY(SELECT "
          "a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY "
          "(e.stxkeys) ORDER BY a.attnum), pg_get_statisticsobjdef_expressions(e.oid) FROM "
          "pg_statistic_ext e JOIN "
          "pg_namespace n ON n.oid = e.stxnamespace JOIN pg_class c ON c.oid = e.stxrelid JOIN "
          "pg_namespace t ON t.oid = c.relnamespace WHERE n.nspname = $1 AND e.stxname = $2",
          parameters));
  if (rows.count() == 0) return std::optional<ExtendedTarget>();
  return std::optional<ExtendedTarget>(
      ExtendedTarget{.oid = std::string(rows.text(0, 0)),
                     .table = postgres::quote_qualified(rows.text(0, 1), rows.text(0, 2)),
                     .numbers = postgres::parse_array(rows.text(0, 3)),
                     .columns = postgres::parse_array(rows.text(0, 4)),
                     .expressions = postgres::parse_array(rows.text(0, 5))});
}

/// From the numbers there to the numbers here, by name.
Numbers numbers_of(const ExtendedStatistics& statistics, const ExtendedTarget& target) {
  Numbers numbers;
  for (std::size_t there = 0; there < statistics.columns.size(); ++there) {
    for (std::size_t here = 0; here < target.columns.size(); ++here) {
      if (target.columns[here] == statistics.columns[there] && there < statistics.keys.size())
        numbers[static_cast<std::int16_t>(base::integer_or(statistics.keys[there], 0))] =
            static_cast<std::int16_t>(base::integer_or(target.numbers[here], 0));
    }
  }
  return numbers;
}

class Writer {
public:
  explicit Writer(postgres::Connection& database)
      : database_(database), has_inherited_(database.version().major() >= 15) {}

  /// False: not all of it.
  base::Result<bool> write(const ExtendedStatistics& statistics, const ExtendedTarget& target) {
    const Numbers numbers = numbers_of(statistics, target);
    bool is_whole = true;
    const auto in_place = [&](const std::optional<std::string>& hex, std::size_t count_bytes) {
      if (!hex) return std::optional<std::string>();
      Bytes bytes = bytes_of(*hex);
      if (renumber(bytes, count_bytes, numbers)) return std::optional(hex_of(bytes));
      is_whole = false;
      return std::optional<std::string>();
    };
    const std::optional<std::string> distinct = in_place(statistics.distinct, 4);
    const std::optional<std::string> dependencies = in_place(statistics.dependencies, 2);
    std::optional<std::string> common;
    if (statistics.common) {
      PGKEEP_TRY(common, make_common(statistics, target, numbers));
      is_whole = is_whole && common.has_value();
    }
    PGKEEP_CHECK(put_row(target.oid, statistics.is_inherited, distinct, dependencies, common));
    PGKEEP_TRY(const bool has_expressions, write_expressions(statistics, target));
    return is_whole && has_expressions;
  }

private:
  base::Result<> put_row(const std::string& oid, const std::string& is_inherited,
                         const std::optional<std::string>& distinct,
                         const std::optional<std::string>& dependencies,
                         const std::optional<std::string>& common) {
    const std::string of_inherited = has_inherited_ ? " AND stxdinherit = $2::bool" : "";
    Parameters parameters = {oid};
    if (has_inherited_) parameters.emplace_back(is_inherited);
    PGKEEP_CHECK(database_.query(
        "DELETE FROM pg_statistic_ext_data WHERE stxoid = $1::oid" + of_inherited, parameters));
    parameters.insert(parameters.end(), {distinct, dependencies, common});
    PGKEEP_CHECK(database_.query(
        fmt::format("INSERT INTO pg_statistic_ext_data (stxoid{}, stxdndistinct, stxddependencies, "
                    "stxdmcv) SELECT $1::oid{}, ${}::bytea::pg_ndistinct, "
                    "${}::bytea::pg_dependencies, ${}::bytea::pg_mcv_list",
                    has_inherited_ ? ", stxdinherit" : "", has_inherited_ ? ", $2::bool" : "",
                    has_inherited_ ? 3 : 2, has_inherited_ ? 4 : 3, has_inherited_ ? 5 : 4),
        parameters));
    return {};
  }

  /// nullopt where it cannot be made: too long, or of values that do not read.
  base::Result<std::optional<std::string>> make_common(const ExtendedStatistics& statistics,
                                                       const ExtendedTarget& target,
                                                       const Numbers& numbers) {
    const std::vector<std::string> shares =
        postgres::parse_array(statistics.common_shares.value_or("{}"));
    const std::vector<std::string> base =
        postgres::parse_array(statistics.common_base_shares.value_or("{}"));
    // A column that has another place here would stand in another place of the list.
    const bool is_in_order = std::ranges::is_sorted(numbers, {}, &Numbers::value_type::second);
    if (!is_in_order || numbers.size() != target.columns.size() || shares.empty() ||
        shares.size() > kCombinationsMax)
      return std::optional<std::string>();
    PGKEEP_CHECK(database_.execute("BEGIN"));
    auto list = analyzed(*statistics.common, target, static_cast<int>(shares.size()));
    PGKEEP_CHECK(database_.execute("ROLLBACK"));
    if (!list) {
      if (list.error().code != base::Code::sql) return std::move(list).error();
      return std::optional<std::string>();
    }
    Bytes bytes = bytes_of(*list);
    if (!put_shares(bytes, target.columns.size() + target.expressions.size(), shares, base))
      return std::optional<std::string>();
    return std::optional(hex_of(bytes));
  }

  base::Result<std::string> analyzed(const std::string& combinations, const ExtendedTarget& target,
                                     int count) {
    // Expressions come behind the columns, as in the list.
    std::vector<std::string> list;
    std::vector<std::string> names;
    list.reserve(target.columns.size() + target.expressions.size());
    names.reserve(list.capacity());
    for (const std::string& column : target.columns)
      list.push_back(postgres::quote_identifier(column));
    for (const std::string& expression : target.expressions)
      list.push_back("(" + expression + ")");
    for (std::size_t i = 0; i < list.size(); ++i) {
      names.push_back(fmt::format("c{}", i + 1));
      list[i] += " AS " + names.back();
    }
    PGKEEP_CHECK(database_.execute(
        fmt::format("CREATE TEMP TABLE pgkeep_combinations AS SELECT {} FROM {} LIMIT 0; CREATE "
                    "STATISTICS pg_temp.pgkeep_combinations (mcv) ON {} FROM pgkeep_combinations; "
                    "ALTER STATISTICS pg_temp.pgkeep_combinations SET STATISTICS {}",
                    base::join(list, ", "), target.table, base::join(names, ", "),
                    std::max(count, count * (count + 1) / 600 + 1))));
    PGKEEP_TRY(const Rows types,
               database_.query("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE "
                               "attrelid = 'pg_temp.pgkeep_combinations'::regclass AND attnum > 0 "
                               "ORDER BY attnum"));
    std::vector<std::string> values;
    values.reserve(list.size());
    for (int i = 0; i < types.count(); ++i)
      values.push_back(fmt::format("m[i][{}]::{}", i + 1, types.text(i, 0)));
    const std::optional<std::string> parameters[] = {combinations, std::to_string(count)};
    PGKEEP_CHECK(database_.query(
        fmt::format("INSERT INTO pgkeep_combinations SELECT {} FROM (SELECT $1::text[] AS m) m, "
                    "generate_series(1, $2::int) i, generate_series(i, $2::int)",
                    base::join(values, ", ")),
        parameters));
    PGKEEP_CHECK(database_.execute("ANALYZE pgkeep_combinations"));
    PGKEEP_TRY(const Rows rows,
               database_.query("SELECT d.stxdmcv::bytea FROM pg_statistic_ext e JOIN "
                               "pg_statistic_ext_data d ON d.stxoid = e.oid WHERE e.stxrelid = "
                               "'pg_temp.pgkeep_combinations'::regclass"));
    return rows.count() == 0 ? std::string() : std::string(rows.text(0, 0));
  }

  base::Result<bool> write_expressions(const ExtendedStatistics& statistics,
                                       const ExtendedTarget& target) {
    if (statistics.expressions.empty()) return true;
    if (statistics.expressions.size() != target.expressions.size()) return false;
    std::vector<std::string> list;
    list.reserve(target.expressions.size());
    for (std::size_t i = 0; i < target.expressions.size(); ++i)
      list.push_back(fmt::format("({}) AS e{}", target.expressions[i], i));
    // A view tells the types of expressions.
    PGKEEP_CHECK(database_.execute(fmt::format("CREATE TEMP VIEW pgkeep_expressions AS SELECT {} "
                                               "FROM {}",
                                               base::join(list, ", "), target.table)));
    auto done = write_each(statistics, target);
    PGKEEP_CHECK(database_.execute("DROP VIEW pgkeep_expressions"));
    if (done) return true;
    if (done.error().code != base::Code::sql) return std::move(done).error();
    return false;
  }

  base::Result<> write_each(const ExtendedStatistics& statistics, const ExtendedTarget& target) {
    PGKEEP_TRY(const Rows rows,
               database_.query("SELECT atttypid, attcollation FROM pg_attribute WHERE attrelid = "
                               "'pg_temp.pgkeep_expressions'::regclass AND attnum > 0 ORDER BY "
                               "attnum"));
    for (int row = 0; row < rows.count(); ++row) {
      const ValueStatistics& values = statistics.expressions[static_cast<std::size_t>(row)];
      const std::string type(rows.text(row, 0));
      PGKEEP_TRY(const auto facts, type_facts(database_, {type}));
      Parameters parameters = {target.oid};
      if (has_inherited_) parameters.emplace_back(statistics.is_inherited);
      const int first = static_cast<int>(parameters.size()) + 1;
      const bool is_known = !values.null_fraction.empty();
      if (is_known)
        add_slots(values, facts.at(type), type, std::string(rows.text(row, 1)), parameters);
      PGKEEP_CHECK(database_.query(
          fmt::format("UPDATE pg_statistic_ext_data SET stxdexpr = array_append(stxdexpr, {}) "
                      "WHERE stxoid = $1::oid{}",
                      is_known ? fmt::format("ROW(0::oid, 0::int2, false, {})::pg_statistic",
                                             slots_sql(first))
                               : "NULL::pg_statistic",
                      has_inherited_ ? " AND stxdinherit = $2::bool" : ""),
          parameters));
    }
    return {};
  }

  postgres::Connection& database_;
  bool has_inherited_;
};

constexpr std::array<const char*, 3> kTypes = {"pg_ndistinct", "pg_dependencies", "pg_mcv_list"};

base::Result<> write_all(postgres::Connection& database, const LiveStatistics& statistics,
                         std::vector<std::string>& notes) {
  Writer writer(database);
  for (const ExtendedStatistics& each : statistics.extended) {
    PGKEEP_TRY(const std::optional<ExtendedTarget> target, find_target(database, each));
    if (!target) continue; // Its table could not be made here, which is told already.
    const auto done = writer.write(each, *target);
    if (!done && done.error().code != base::Code::sql) return done.error();
    if (!done || !*done)
      notes.push_back(fmt::format("the extended statistics {}.{} were not carried over as a whole",
                                  each.schema, each.name));
  }
  return {};
}

} // namespace

base::Result<> write_extended(postgres::Connection& database, const LiveStatistics& statistics,
                              std::vector<std::string>& notes) {
  if (statistics.extended.empty()) return {};
  for (const char* const type : kTypes)
    PGKEEP_CHECK(database.execute(fmt::format("CREATE CAST (bytea AS {}) WITHOUT FUNCTION", type)));
  auto done = write_all(database, statistics, notes);
  for (const char* const type : kTypes)
    PGKEEP_CHECK(database.execute(fmt::format("DROP CAST (bytea AS {})", type)));
  return done;
}

} // namespace pgkeep::sandbox
