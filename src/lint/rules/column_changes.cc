#include "lint/rules/column_changes.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "catalog/name_words.h"
#include "postgres/quote.h"

namespace pgkeep::lint {

using catalog::is_one_of;
using postgres::Node;

namespace {

Node without_casts(Node node) {
  while (node.is("TypeCast"))
    node = node.node("arg");
  return node;
}

} // namespace

std::string ColumnChange::object() const {
  return object_of(relation, name);
}

Node ColumnChange::constraint(std::string_view wanted) const {
  for (const Node& each : definition.nodes("constraints")) {
    if (each.name("contype") == wanted) return each;
  }
  return {};
}

Node ColumnChange::default_value() const {
  const Node own = definition.node("raw_default");
  return own ? own : constraint("CONSTR_DEFAULT").node("raw_expr");
}

bool are_columns_listed(const Node& create) {
  const postgres::NodeList elements = create.nodes("table_elts");
  return create.nodes("inh_relations").empty() && !create.node("of_typename") &&
         std::ranges::none_of(elements,
                              [](const Node& each) { return each.is("TableLikeClause"); });
}

namespace {

std::vector<ColumnChange> read_columns(const LoneSubject& subject) {
  std::vector<ColumnChange> columns;
  for (const Change& change : subject.changes) {
    const bool is_new = change.operation == Operation::add_column;
    if (change.is_of_temporary || (!is_new && change.operation != Operation::alter_column_type))
      continue;
    const Node definition = is_new ? change.node : change.node.node("def");
    const Node type = definition.node("type_name");
    columns.push_back({.relation = change.relation,
                       .name = change.name,
                       .definition = definition,
                       .type = type_of(type),
                       .offset = change.offset,
                       .type_offset = type.offset().value_or(change.offset),
                       .is_new = is_new});
  }
  return columns;
}

} // namespace

const std::vector<ColumnChange>& columns_of(const LoneSubject& subject) {
  if (subject.columns == nullptr)
    subject.columns = std::make_shared<const std::vector<ColumnChange>>(read_columns(subject));
  return *subject.columns;
}

const std::vector<std::reference_wrapper<const Change>>& changes_of(const Section& section) {
  return section.lasting;
}

std::string column_list(const std::vector<std::string>& columns) {
  std::vector<std::string> quoted;
  quoted.reserve(columns.size());
  for (const std::string& column : columns)
    quoted.push_back(postgres::quote_identifier(column));
  return base::join(quoted, ", ");
}

bool is_text_type(std::string_view type) {
  return is_one_of(type, {"text", "varchar", "bpchar", "citext"});
}

bool is_integer_type(std::string_view type) {
  return is_one_of(type, {"int2", "int4", "int8"});
}

std::string_view type_below_serial(std::string_view type) {
  if (is_one_of(type, {"serial", "serial4"})) return "int4";
  if (is_one_of(type, {"bigserial", "serial8"})) return "int8";
  return is_one_of(type, {"smallserial", "serial2"}) ? "int2" : "";
}

std::string_view function_name(const Node& call) {
  const postgres::NodeList names = call.nodes_if("FuncCall", "funcname");
  return names.empty() ? std::string_view{} : names.back().text("sval");
}

std::vector<std::string> columns_in(const Node& expression) {
  std::vector<std::string> columns;
  postgres::walk(expression, postgres::kinds<"ColumnRef">(), [&](const Node& node) {
    if (!node.is("ColumnRef")) return true;
    const std::vector<std::string> names = postgres::strings_of(node.nodes("fields"));
    if (!names.empty() && std::ranges::find(columns, names.back()) == columns.end())
      columns.push_back(names.back());
    return false;
  });
  return columns;
}

std::optional<std::string_view> string_view_constant(const Node& node) {
  const Node bare = without_casts(node);
  if (!bare.is("A_Const") || bare.flag("isnull")) return std::nullopt;
  const Node value = bare.node("sval");
  if (!value) return std::nullopt;
  return value.text("sval");
}

std::optional<std::string> string_constant(const Node& node) {
  const auto text = string_view_constant(node);
  if (!text) return std::nullopt;
  return std::string(*text);
}

std::optional<std::int64_t> integer_constant(const Node& node) {
  if (!node.is("A_Const") || node.flag("isnull")) return std::nullopt;
  const Node value = node.node("ival");
  if (!value) return std::nullopt;
  return value.number("ival");
}

bool is_null_constant(const Node& node) {
  const Node bare = without_casts(node);
  return bare.is("A_Const") && bare.flag("isnull");
}

bool is_constant(const Node& node) {
  return without_casts(node).is("A_Const");
}

findings::Fix write_instead(std::string note, std::vector<std::string> sql) {
  return {.safety = findings::Safety::manual,
          .sql = std::move(sql),
          .note = std::move(note) + "; the text has not run yet, so it is the text that changes."};
}

} // namespace pgkeep::lint
