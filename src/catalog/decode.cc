// One pass over the result: the column of every field is looked up once, then each row is a fold
// over the fields.
#include "catalog/decode.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/log.h"
#include "catalog/fields.h"

namespace pgkeep::catalog {
namespace {

/// Numbers that the server computed as numeric or double ("12.0", "1e+20") are rounded into the
/// integer's range.
template <typename Integer>
bool decode_integer(std::string_view text, Integer& target) {
  Integer value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && stop == end) {
    target = value;
    return true;
  }
  double real = 0;
  if (!decode_value(text, real) || std::isnan(real)) return false;
  using Limits = std::numeric_limits<Integer>;
  // As a double, the largest 64-bit integer rounds up to one that does not fit, hence >= and not >.
  if (real >= static_cast<double>(Limits::max())) {
    target = Limits::max();
  } else if (real <= static_cast<double>(Limits::min())) {
    target = Limits::min();
  } else {
    target = static_cast<Integer>(std::llround(real));
  }
  return true;
}

/// "{1,2,3}", and "1 2 3" of int2vector and oidvector, without a list of strings in between.
template <typename Integer>
bool decode_integers(std::string_view text, std::vector<Integer>& target) {
  if (text.size() >= 2 && text.front() == '{' && text.back() == '}') {
    text = text.substr(1, text.size() - 2);
  }
  std::vector<Integer> values;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    Integer value{};
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error == std::errc{}) {
      at = stop;
    } else if (std::string_view(at, end).starts_with("NULL")) {
      at += 4;
    } else {
      return false;
    }
    values.push_back(value);
    if (at == end) break;
    if ((*at != ',' && *at != ' ') || at + 1 == end) return false;
    ++at;
  }
  target = std::move(values);
  return true;
}

/// Says which column it is, before the assertion that ends the process.
template <typename T>
void log_strangers(const postgres::Rows& rows) {
  for (int column = 0; column < rows.column_count(); ++column) {
    bool is_known = false;
    Fields<T>::each([&](std::string_view name, auto) {
      is_known = is_known || name == rows.column_name(column);
    });
    if (!is_known)
      base::log::error("a reader's column has no field in fields.h",
                       {{"column", rows.column_name(column)}});
  }
}

template <typename T>
std::array<int, field_count<T>()> columns_of_fields(const postgres::Rows& rows) {
  std::array<int, field_count<T>()> columns{};
  std::size_t next = 0;
  int matched = 0;
  Fields<T>::each([&](std::string_view name, auto) {
    columns[next] = rows.column_index(name);
    if (columns[next++] >= 0) ++matched;
  });
  // Every column must have found its field; names are unique on both sides.
  if (matched != rows.column_count()) log_strangers<T>(rows);
  PGKEEP_ASSERT(matched == rows.column_count());
  return columns;
}

struct Source {
  const postgres::Rows& rows;
  int row;
};

template <typename Member>
void decode_field(const Source& source, int column, std::string_view name, Member& target) {
  if (column < 0 || source.rows.is_null(source.row, column)) return;
  if (!decode_value(source.rows.text(source.row, column), target)) {
    base::log::warn("value of a catalog column is not of the expected form", {{"column", name}});
  }
}

/// Structs in a row (Outside's) are no columns.
template <Listed Nested>
void decode_field(const Source&, int column, std::string_view, Nested&) {
  PGKEEP_ASSERT(column < 0);
}

} // namespace

bool decode_value(std::string_view text, bool& target) {
  if (text == "t" || text == "true") {
    target = true;
  } else if (text == "f" || text == "false") {
    target = false;
  } else {
    return false;
  }
  return true;
}

bool decode_value(std::string_view text, std::int32_t& target) {
  return decode_integer(text, target);
}
bool decode_value(std::string_view text, std::uint32_t& target) {
  return decode_integer(text, target);
}
bool decode_value(std::string_view text, std::int64_t& target) {
  return decode_integer(text, target);
}

bool decode_value(std::string_view text, double& target) {
  double value = 0;
  // from_chars knows "inf", "infinity" and "nan" in any case.
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return false;
  target = value;
  return true;
}

bool decode_value(std::string_view text, std::string& target) {
  target.assign(text);
  return true;
}

bool decode_value(std::string_view text, std::vector<std::string>& target) {
  if (text == "{}") {
    target.clear();
    return true;
  }
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return false;
  target = postgres::parse_array(text);
  return true;
}

bool decode_value(std::string_view text, std::vector<std::int32_t>& target) {
  return decode_integers(text, target);
}
bool decode_value(std::string_view text, std::vector<std::uint32_t>& target) {
  return decode_integers(text, target);
}

template <typename T>
std::vector<T> decode_rows(const postgres::Rows& rows) {
  const auto columns = columns_of_fields<T>(rows);
  std::vector<T> result(static_cast<std::size_t>(rows.count()));
  Source source{.rows = rows, .row = 0};
  for (T& object : result) {
    std::size_t next = 0;
    for_each_field(object, [&](std::string_view name, auto& target) {
      decode_field(source, columns[next++], name, target);
    });
    ++source.row;
  }
  return result;
}

template std::vector<Server> decode_rows(const postgres::Rows&);
template std::vector<Standby> decode_rows(const postgres::Rows&);
template std::vector<Setting> decode_rows(const postgres::Rows&);
template std::vector<FileError> decode_rows(const postgres::Rows&);
template std::vector<HbaRule> decode_rows(const postgres::Rows&);
template std::vector<Database> decode_rows(const postgres::Rows&);
template std::vector<Background> decode_rows(const postgres::Rows&);
template std::vector<Archiver> decode_rows(const postgres::Rows&);
template std::vector<Role> decode_rows(const postgres::Rows&);
template std::vector<Membership> decode_rows(const postgres::Rows&);
template std::vector<RoleSetting> decode_rows(const postgres::Rows&);
template std::vector<Session> decode_rows(const postgres::Rows&);
template std::vector<LockTable> decode_rows(const postgres::Rows&);
template std::vector<PreparedTransaction> decode_rows(const postgres::Rows&);
template std::vector<Schema> decode_rows(const postgres::Rows&);
template std::vector<Relation> decode_rows(const postgres::Rows&);
template std::vector<Column> decode_rows(const postgres::Rows&);
template std::vector<Constraint> decode_rows(const postgres::Rows&);
template std::vector<Index> decode_rows(const postgres::Rows&);
template std::vector<Sequence> decode_rows(const postgres::Rows&);
template std::vector<Trigger> decode_rows(const postgres::Rows&);
template std::vector<Function> decode_rows(const postgres::Rows&);
template std::vector<Policy> decode_rows(const postgres::Rows&);
template std::vector<Extension> decode_rows(const postgres::Rows&);
template std::vector<Language> decode_rows(const postgres::Rows&);
template std::vector<PublishedTable> decode_rows(const postgres::Rows&);
template std::vector<Subscription> decode_rows(const postgres::Rows&);
template std::vector<Replica> decode_rows(const postgres::Rows&);
template std::vector<Slot> decode_rows(const postgres::Rows&);
template std::vector<DefaultPrivilege> decode_rows(const postgres::Rows&);
template std::vector<LargeObjects> decode_rows(const postgres::Rows&);
template std::vector<SecretPlace> decode_rows(const postgres::Rows&);
template std::vector<Statement> decode_rows(const postgres::Rows&);
template std::vector<StatementsInfo> decode_rows(const postgres::Rows&);
template std::vector<Progress> decode_rows(const postgres::Rows&);
template std::vector<WalDirectory> decode_rows(const postgres::Rows&);
template std::vector<ArchiveStatus> decode_rows(const postgres::Rows&);
template std::vector<CollationUse> decode_rows(const postgres::Rows&);
template std::vector<Tablespace> decode_rows(const postgres::Rows&);
template std::vector<UserType> decode_rows(const postgres::Rows&);
template std::vector<Definition> decode_rows(const postgres::Rows&);

} // namespace pgkeep::catalog
