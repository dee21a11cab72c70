/// Whether a DEFAULT gives each row its own value, so that ADD COLUMN must write them all.
///
/// Private to src/lint. Pure. Source: PostgreSQL manual, sql-altertable (Notes) and
/// xfunc-volatility.
#pragma once

#include <string>

#include "lint/context.h"
#include "postgres/sql_tree.h"

namespace pgkeep::lint {

/// The volatile function of the expression: "gen_random_uuid"; empty where there is none. A
/// function that neither the server brings nor the database knows counts as volatile: CREATE
/// FUNCTION makes it so unless it says otherwise.
std::string volatile_function_of(const postgres::Node& expression, const Context& context);

/// Of a ColumnDef: its DEFAULT; none where it has none.
postgres::Node default_of(const postgres::Node& column);
/// Of a column or a domain: its constraint of this type ("CONSTR_CHECK"); none where it has none,
/// and of any other node.
postgres::Node constraint_of(const postgres::Node& column, std::string_view type);

} // namespace pgkeep::lint
