// EXPLAIN writes conditions as SQL, which is parsed again; what only plans have, (SubPlan 1) and
// the like, becomes a parameter first.
#include "lint/rules/plan_scans.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/json.h"
#include "catalog/name_words.h"
#include "lint/rules/query_tree.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using postgres::Node;

constexpr int kDepthMax = 100; ///< As parse_json() has it.

std::string text_of(const Json& node, std::string_view name) {
  const Json* const found = node.find(name);
  const std::string* const text = found == nullptr ? nullptr : found->as_string();
  return text == nullptr ? std::string{} : *text;
}

const Json::Array& plans_below(const Json& node) {
  static const Json::Array kNone;
  const Json* const plans = node.find("Plans");
  return plans == nullptr || plans->as_array() == nullptr ? kNone : *plans->as_array();
}

/// "(SubPlan 1)", "(hashed SubPlan 2)", "(InitPlan 1).col1" become $0.
std::string without_plans(std::string filter) {
  for (const std::string_view begin : {"(SubPlan ", "(hashed SubPlan ", "(InitPlan "}) {
    for (std::size_t at = filter.find(begin); at != std::string::npos;
         at = filter.find(begin, at + 1)) {
      std::size_t end = filter.find(')', at);
      if (end == std::string::npos) return filter;
      ++end;
      if (filter.compare(end, 4, ".col") == 0)
        end = std::min(filter.find_first_not_of("0123456789", end + 4), filter.size());
      filter.replace(at, end - at, "$0");
    }
  }
  return filter;
}

/// EXPLAIN's text as a condition; none where it is not understood.
std::optional<postgres::Tree> condition_tree(const std::string& text) {
  auto tree = postgres::Tree::parse("SELECT WHERE " + without_plans(text));
  return tree ? std::optional(*std::move(tree)) : std::nullopt;
}

bool has_value(const std::string& condition) {
  const auto tree = condition.empty() ? std::nullopt : condition_tree(condition);
  bool found = false;
  if (tree) {
    postgres::walk(tree->root(), [&](const Node& node) {
      if (node.is("ParamRef") || node.is("A_Const")) found = true;
      return !found;
    });
  }
  return found;
}

/// Whether something but a join chooses among the rows.
bool is_narrowed(const Json& node, int depth) {
  if (depth > kDepthMax) return false;
  if (has_value(text_of(node, "Filter")) || has_value(text_of(node, "Index Cond"))) return true;
  return std::ranges::any_of(plans_below(node),
                             [&](const Json& each) { return is_narrowed(each, depth + 1); });
}

/// The scan of all rows that the node passes on; null where it is another one.
const Json* whole_scan(const Json& node) {
  const std::string type = text_of(node, "Node Type");
  if (type == "Seq Scan") return node.find("Filter") == nullptr ? &node : nullptr;
  const Json::Array& below = plans_below(node);
  const bool passes_on = is_one_of(type, {"Hash", "Sort", "Materialize", "Memoize"});
  return passes_on && below.size() == 1 ? whole_scan(below.front()) : nullptr;
}

class ScanReader {
public:
  explicit ScanReader(const Schema& schema) : schema_(schema) {}

  /// `is_cut`: only the first rows are wanted, in the order in which the node gives them.
  void read(const Json& node, bool is_cut, int depth) {
    if (depth > kDepthMax) return;
    const std::string type = text_of(node, "Node Type");
    if (is_full_scan(node, type, is_cut)) add(node, text_of(node, "Filter"));
    read_join(node);
    is_cut = type == "Limit" ||
             (is_cut && !is_one_of(type, {"Sort", "Aggregate", "Hash", "WindowAgg", "SetOp"}));
    for (const Json& each : plans_below(node))
      read(each, is_cut, depth + 1);
  }
  std::vector<FullScan> take() { return std::move(scans_); }

private:
  /// All of an index read in its order is as much work as all of the table.
  [[nodiscard]] bool is_full_scan(const Json& node, std::string_view type, bool is_cut) const {
    if (node.find("Filter") == nullptr) return false;
    if (type == "Seq Scan") return true;
    const bool is_index = type == "Index Scan" || type == "Index Only Scan";
    if (!is_index || is_cut || node.find("Index Cond") != nullptr ||
        node.find("Order By") != nullptr)
      return false;
    const TableState* const table = schema_.find(relation_in(node));
    const std::string name = text_of(node, "Index Name");
    return table != nullptr && std::ranges::none_of(table->indexes, [&](const IndexState& each) {
             return each.name == name && each.is_partial;
           });
  }

  static RelationName relation_in(const Json& node) {
    return {.schema = text_of(node, "Schema"), .name = text_of(node, "Relation Name")};
  }

  /// All rows of a table read to join them with a few: an index would look them up.
  void read_join(const Json& node) {
    const Json::Array& sides = plans_below(node);
    std::string condition = text_of(node, "Hash Cond");
    if (condition.empty()) condition = text_of(node, "Merge Cond");
    if (condition.empty()) condition = text_of(node, "Join Filter");
    if (condition.empty() || sides.size() != 2) return;
    for (const std::size_t side : {0U, 1U}) {
      const Json* const whole = whole_scan(sides[side]);
      if (whole != nullptr && is_narrowed(sides[1 - side], 0)) add(*whole, condition);
    }
  }

  void add(const Json& node, std::string condition) {
    FullScan scan{.relation = relation_in(node), .filter = std::move(condition)};
    const auto tree = condition_tree(scan.filter);
    if (!tree) return;
    alias_ = text_of(node, "Alias");
    table_ = schema_.find(scan.relation);
    for (const Node& each : conjuncts(tree->root().node("where_clause")))
      add_condition(each, scan);
    scans_.push_back(std::move(scan));
  }

  void add_condition(const Node& condition, FullScan& scan) {
    const bool is_plain = condition.is("A_Expr") && condition.name("kind") == "AEXPR_OP";
    const bool is_any = condition.is("A_Expr") && condition.name("kind") == "AEXPR_OP_ANY";
    if (!is_plain && !is_any) return;
    const std::vector<std::string> names = postgres::strings_of(condition.nodes("name"));
    const std::string op = names.empty() ? std::string{} : names.back();
    std::string column = own_column(condition.node("lexpr"), condition.node("rexpr"));
    if (column.empty() && is_plain)
      column = own_column(condition.node("rexpr"), condition.node("lexpr"));
    if (column.empty()) return;
    if (op == "=")
      put(scan.equated, std::move(column));
    else if (is_plain && is_one_of(op, {"<", ">", "<=", ">="}))
      put(scan.ranged, std::move(column));
  }

  static void put(std::vector<std::string>& list, std::string name) {
    if (std::ranges::find(list, name) == list.end()) list.push_back(std::move(name));
  }

  /// A bare column of the scanned table that an index can look up, compared with something else.
  [[nodiscard]] std::string own_column(Node side, const Node& other) const {
    const bool is_cast = side.is("TypeCast");
    if (is_cast) side = side.node("arg");
    const std::string name = name_of(side);
    const ColumnState* const column =
        name.empty() || table_ == nullptr ? nullptr : table_->column(name);
    // varchar is compared as text, which its index serves; true and false are too few values.
    const bool is_served = column != nullptr && column->type.name != "bool" &&
                           (!is_cast || column->type.name == "varchar");
    bool is_alone = true;
    postgres::walk(other, [&](const Node& node) {
      if (!name_of(node).empty()) is_alone = false;
      return true;
    });
    return is_served && is_alone ? name : std::string{};
  }

  /// Of a column of the scanned table; empty for other nodes.
  [[nodiscard]] std::string name_of(const Node& node) const {
    const std::vector<std::string> names = column_names(node);
    if (names.empty()) return {};
    const bool is_own = names.size() == 1 || names[names.size() - 2] == alias_;
    return is_own ? names.back() : std::string{};
  }

  const Schema& schema_;
  std::string alias_;                 ///< Of the scan that is read.
  const TableState* table_ = nullptr; ///< The same; the schema's.
  std::vector<FullScan> scans_;
};

} // namespace

std::vector<FullScan> full_scans_in(std::string_view plan, const Schema& schema) {
  const auto json = base::parse_json(plan);
  if (!json || json->as_array() == nullptr || json->as_array()->empty()) return {};
  const Json* const top = json->as_array()->front().find("Plan");
  if (top == nullptr) return {};
  ScanReader reader(schema);
  reader.read(*top, false, 0);
  return reader.take();
}

} // namespace pgkeep::lint
