/// Whether a condition can be false at all. Private to src/lint/rules. Pure; knows no types.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "postgres/sql_tree.h"

namespace pgkeep::lint {

/// Why it is true or NULL for every row; none where it may be false (or is not understood).
std::optional<std::string> why_never_false(const postgres::Node& condition);
/// A comparison with NULL as written, which is neither true nor false: "x = NULL".
bool compares_with_null(const postgres::Node& node);
/// The name of a plain operator: "="; empty for other nodes.
std::string_view operator_of(const postgres::Node& node);

} // namespace pgkeep::lint
