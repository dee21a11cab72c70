/// The statements that objects of a Model are dropped, made and changed by, in the form that stops
/// nobody where that is easy: indexes CONCURRENTLY, constraints NOT VALID and then VALIDATE.
/// Private to src/migrate/declare. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "migrate/declare/action.h"
#include "migrate/declare/model.h"

namespace pgkeep::migrate::declaring {

/// Goes before anything is changed: what stands on tables and holds no rows.
bool is_light(const Object& object);
/// nullopt: it goes with something else, or cannot go.
std::optional<std::string> drop_statement(const Model& model, const Object& object, bool if_exists);
/// `is_table_new`: nobody uses the table yet.
Pieces create_pieces(const Model& model, const Object& object, bool is_table_new);
/// "CREATE VIEW x" -> "CREATE OR REPLACE VIEW x".
std::string or_replace(std::string_view sql);

/// The column proves to have no NULL before it is told so: no scan under a lock that stops reads.
Pieces set_not_null(const std::string& table, const Column& column);

/// The name of "orders_user on public.orders", where that is the table.
std::string name_on(const Object& object);
/// The last part of "public.orders", as it is quoted there.
std::string last_part(std::string_view identity);

} // namespace pgkeep::migrate::declaring
