#include "postgres/quote.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>

namespace pgkeep::postgres {
namespace {

/// Words that need quotes as a name: all of pg_get_keywords() of PostgreSQL 18 but the unreserved
/// ones. It is a superset of 14's, and a word too many costs two quotes only.
constexpr std::array<std::string_view, 164> kKeywords = {
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
};
static_assert(std::ranges::is_sorted(kKeywords, std::ranges::less{}),
              "words of one letter stand together");

/// Where those of each first letter begin, and where the last ones end: of a dozen words few are as
/// long as the name.
constexpr std::array<std::size_t, 27> kKeywordPlaces = [] {
  std::array<std::size_t, 27> places{};
  for (const std::string_view word : kKeywords) {
    for (auto letter = static_cast<std::size_t>(word.front() - 'a') + 1; letter < 27; ++letter)
      ++places[letter];
  }
  return places;
}();

bool is_keyword(std::string_view name) {
  if (name.front() == '_') return false;
  const auto letter = static_cast<std::size_t>(name.front() - 'a');
  const auto begin = kKeywords.begin() + kKeywordPlaces[letter];
  const auto end = kKeywords.begin() + kKeywordPlaces[letter + 1];
  return std::find(begin, end, name) != end;
}

bool is_plain(std::string_view name) {
  const auto starts = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto goes_on = [&](char c) { return starts(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && starts(name.front()) && std::ranges::all_of(name, goes_on) &&
         !is_keyword(name);
}

void append_doubled(std::string& out, std::string_view text, std::string_view doubled) {
  for (const char c : text) {
    if (doubled.find(c) != std::string_view::npos) out += c;
    out += c;
  }
}

} // namespace

std::string quote_identifier(std::string_view name) {
  if (is_plain(name)) return std::string(name);
  std::string out = "\"";
  append_doubled(out, name, "\"");
  return out += '"';
}

std::string quote_qualified(std::string_view schema, std::string_view name) {
  return quote_identifier(schema) + "." + quote_identifier(name);
}

std::string quote_literal(std::string_view value) {
  // With E the text means the same whatever standard_conforming_strings says.
  std::string out = value.find('\\') == std::string_view::npos ? "'" : "E'";
  append_doubled(out, value, "'\\");
  return out += '\'';
}

} // namespace pgkeep::postgres
