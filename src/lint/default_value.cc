#include "lint/default_value.h"

#include <algorithm>
#include <array>

namespace pgkeep::lint {
namespace {

using postgres::Node;

constexpr auto kVolatile = std::to_array<std::string_view>({
    "random",
    "random_normal",
    "gen_random_uuid",
    "uuidv4",
    "uuidv7",
    "clock_timestamp",
    "timeofday",
    "nextval",
    "currval",
    "lastval",
    "setval",
    "gen_random_bytes",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
});

/// What defaults are made of, stable or immutable, of the server and its own extensions.
constexpr auto kSteady = std::to_array<std::string_view>({
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "timezone",
    "date_trunc",
    "date_part",
    "extract",
    "make_date",
    "make_time",
    "make_timestamp",
    "make_timestamptz",
    "make_interval",
    "to_timestamp",
    "to_date",
    "to_char",
    "to_number",
    "age",
    "justify_days",
    "current_setting",
    "current_database",
    "current_schema",
    "txid_current",
    "pg_current_xact_id",
    "pg_backend_pid",
    "inet_client_addr",
    "lower",
    "upper",
    "initcap",
    "btrim",
    "ltrim",
    "rtrim",
    "concat",
    "concat_ws",
    "format",
    "length",
    "char_length",
    "substr",
    "substring",
    "left",
    "right",
    "replace",
    "regexp_replace",
    "repeat",
    "reverse",
    "lpad",
    "rpad",
    "split_part",
    "chr",
    "ascii",
    "md5",
    "sha256",
    "encode",
    "decode",
    "convert_to",
    "abs",
    "ceil",
    "ceiling",
    "floor",
    "round",
    "trunc",
    "power",
    "sqrt",
    "mod",
    "int4range",
    "int8range",
    "numrange",
    "daterange",
    "tsrange",
    "tstzrange",
    "point",
    "box",
    "circle",
    "json_build_object",
    "json_build_array",
    "jsonb_build_object",
    "jsonb_build_array",
    "json_object",
    "jsonb_object",
    "to_json",
    "to_jsonb",
    "array_fill",
    "array_append",
    "string_to_array",
    "array_to_string",
    "to_tsvector",
    "to_tsquery",
    "hstore",
    "uuid_nil",
    "uuid_generate_v3",
    "uuid_generate_v5",
    "st_makepoint",
    "st_setsrid",
});

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_volatile(const std::vector<std::string>& parts, const Context& context) {
  const std::string& name = parts.back();
  if (is_one_of(kVolatile, name)) return true;
  const bool is_servers = parts.size() > 1 && parts.front() == "pg_catalog";
  if (context.database != nullptr && !is_servers) {
    bool is_known = false;
    bool says_volatile = false;
    for (const catalog::Function& function : context.database->functions) {
      if (function.name != name || (parts.size() > 1 && function.schema != parts.front())) continue;
      is_known = true;
      says_volatile = says_volatile || function.volatility == "v";
    }
    if (is_known) return says_volatile;
  }
  return !is_servers && !is_one_of(kSteady, name);
}

} // namespace

std::string volatile_function_of(const Node& expression, const Context& context) {
  std::string found;
  postgres::walk(expression, postgres::kinds<"FuncCall">(), [&](const Node& node) {
    const std::vector<std::string> parts = postgres::strings_of(node.nodes("funcname"));
    if (found.empty() && !parts.empty() && is_volatile(parts, context)) found = parts.back();
    return found.empty();
  });
  return found;
}

Node default_of(const Node& column) {
  return constraint_of(column, "CONSTR_DEFAULT").node("raw_expr");
}

Node constraint_of(const Node& column, std::string_view type) {
  const bool has_any = column.is("ColumnDef") || column.is("CreateDomainStmt");
  if (!has_any) return {};
  for (const Node& constraint : column.nodes("constraints")) {
    if (constraint.name("contype") == type) return constraint;
  }
  return {};
}

} // namespace pgkeep::lint
