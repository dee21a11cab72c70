/// Rows of a statement as the structs of a Snapshot: result columns are matched to fields BY NAME.
///
/// A field without a column keeps its default; so does one whose value is NULL or cannot be read as
/// the field's type (that is logged). A column without a field is a broken invariant: the readers'
/// SQL is ours. The mapping is computed once per result, and the number of conversions is columns x
/// rows: 100,000 columns of a large database are an ordinary case.
///
/// Conversions: bool from t/f, integers and doubles in plain text ("Infinity", "-Infinity" and
/// "NaN" too), text as it is, lists from array literals. Timestamps are to be sent as Unix seconds
/// (extract(epoch from ...)). Private to src/catalog. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/snapshot.h"
#include "postgres/conn.h"

namespace pgkeep::catalog {

/// Instantiated in decode.cc for every struct that readers fill, and no other: a new one needs its
/// line there.
template <typename T>
std::vector<T> decode_rows(const postgres::Rows& rows);

/// The first row, or the defaults where there is none.
template <typename T>
T decode_row(const postgres::Rows& rows) {
  std::vector<T> all = decode_rows<T>(rows);
  return all.empty() ? T{} : std::move(all.front());
}

/// One value each; false = not of that form, and the target is unchanged.
bool decode_value(std::string_view text, bool& target);
bool decode_value(std::string_view text, std::int32_t& target);
bool decode_value(std::string_view text, std::uint32_t& target);
bool decode_value(std::string_view text, std::int64_t& target);
bool decode_value(std::string_view text, double& target);
bool decode_value(std::string_view text, std::string& target);
bool decode_value(std::string_view text, std::vector<std::string>& target);
bool decode_value(std::string_view text, std::vector<std::int32_t>& target);
bool decode_value(std::string_view text, std::vector<std::uint32_t>& target);

} // namespace pgkeep::catalog
