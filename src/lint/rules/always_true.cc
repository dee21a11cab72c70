#include "lint/rules/always_true.h"

#include <algorithm>

#include <fmt/format.h>

#include "catalog/name_words.h"
#include "lint/rules/column_changes.h"

namespace pgkeep::lint {

using catalog::is_one_of;
using postgres::Node;

namespace {

bool is_true(const Node& node) {
  return node.is("A_Const") && node.node("boolval").number("boolval") != 0;
}

bool are_same(const Node& left, const Node& right) {
  return left && right && postgres::digest(left) == postgres::digest(right);
}

/// x <> 'a' OR x <> 'b': whichever x is, it is not one of them.
bool are_two_exclusions(const Node& left, const Node& right) {
  const bool are_both = operator_of(left) == "<>" && operator_of(right) == "<>";
  return are_both && left.node("lexpr").is("ColumnRef") &&
         are_same(left.node("lexpr"), right.node("lexpr")) && is_constant(left.node("rexpr")) &&
         is_constant(right.node("rexpr")) && !are_same(left.node("rexpr"), right.node("rexpr"));
}

/// x > 0 OR x <= 0.
bool are_opposites(const Node& left, const Node& right) {
  const std::string_view here = operator_of(left);
  const std::string_view there = operator_of(right);
  const bool turn = (here == "=" && there == "<>") || (here == "<>" && there == "=") ||
                    (here == "<" && there == ">=") || (here == ">=" && there == "<") ||
                    (here == ">" && there == "<=") || (here == "<=" && there == ">");
  return turn && are_same(left.node("lexpr"), right.node("lexpr")) &&
         are_same(left.node("rexpr"), right.node("rexpr"));
}

std::optional<std::string> why_or(const std::vector<Node>& arms) {
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (auto reason = why_never_false(arms[i])) return reason;
    for (std::size_t j = i + 1; j < arms.size(); ++j) {
      if (are_two_exclusions(arms[i], arms[j]))
        return "a value cannot equal both, so one side of OR always holds";
      if (are_opposites(arms[i], arms[j])) return "the two sides of OR leave no value out";
    }
  }
  return std::nullopt;
}

std::optional<std::string> why_and(const std::vector<Node>& arms) {
  std::optional<std::string> reason;
  for (const Node& arm : arms) {
    reason = why_never_false(arm);
    if (!reason) return std::nullopt;
  }
  return reason;
}

} // namespace

std::string_view operator_of(const Node& node) {
  if (!node.is("A_Expr") || node.name("kind") != "AEXPR_OP") return {};
  const postgres::NodeList names = node.nodes("name");
  return names.empty() ? std::string_view{} : names.back().text("sval");
}

bool compares_with_null(const Node& node) {
  const std::string_view name = operator_of(node);
  if (!is_one_of(name, {"=", "<>", "<", ">", "<=", ">="})) return false;
  return is_null_constant(node.node("lexpr")) || is_null_constant(node.node("rexpr"));
}

std::optional<std::string> why_never_false(const Node& condition) {
  if (is_true(condition)) return "it is the constant true";
  if (is_null_constant(condition)) return "it is NULL";
  if (compares_with_null(condition)) return "a comparison with NULL is NULL, which passes";
  if (condition.is("BoolExpr")) {
    const postgres::NodeList arms = condition.nodes("args");
    if (condition.name("boolop") == "OR_EXPR") return why_or(arms);
    if (condition.name("boolop") == "AND_EXPR") return why_and(arms);
    return std::nullopt;
  }
  if (!condition.is("A_Expr")) return std::nullopt;
  if (condition.name("kind") == "AEXPR_IN") {
    const bool is_not = postgres::strings_of(condition.nodes("name")).back() == "<>";
    const postgres::NodeList values = condition.node("rexpr").nodes_if("List", "items");
    if (!is_not && std::ranges::any_of(values, is_null_constant))
      return "NULL stands among the values, so what is not there gives NULL, which passes";
    return std::nullopt;
  }
  const bool can_equal = is_one_of(operator_of(condition), {"=", "<=", ">="});
  if (can_equal && are_same(condition.node("lexpr"), condition.node("rexpr")))
    return "both sides are the same";
  return std::nullopt;
}

} // namespace pgkeep::lint
