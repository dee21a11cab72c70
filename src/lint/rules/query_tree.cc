// The walk keeps the query around, the names of WITH and where a query stands; each SELECT without
// UNION becomes a Query. Names are looked up from the inside out, as the server does.
#include "lint/rules/query_tree.h"

#include <algorithm>

#include "catalog/name_words.h"
#include "lint/rules/column_changes.h"

namespace pgkeep::lint {

using catalog::is_one_of;
using postgres::KindSet;
using postgres::Node;

namespace {

std::string alias_of(const Node& item) {
  return std::string(item.node("alias").text("aliasname"));
}

bool is_null_side_left(const Node& join) {
  return is_one_of(join.name("jointype"), {"JOIN_RIGHT", "JOIN_FULL"});
}
bool is_null_side_right(const Node& join) {
  return is_one_of(join.name("jointype"), {"JOIN_LEFT", "JOIN_FULL"});
}

bool is_change(const Node& node) {
  return node.is("InsertStmt") || node.is("UpdateStmt") || node.is("DeleteStmt");
}

const KindSet& query_kinds() {
  return postgres::kinds<"SelectStmt InsertStmt UpdateStmt DeleteStmt">();
}

} // namespace

const Source* Query::source(std::string_view alias) const {
  const auto found = std::ranges::find(sources, alias, &Source::alias);
  return found == sources.end() ? nullptr : &*found;
}

bool Query::is_about_catalog() const {
  return !sources.empty() && std::ranges::all_of(sources, [](const Source& each) {
    return each.relation.name.starts_with("pg_") ||
           is_one_of(each.relation.schema, {"pg_catalog", "information_schema"});
  });
}

void Query::keep_conditions() {
  if (!node.is("InsertStmt")) add_conjuncts(node.node("where_clause"), conditions_);
  where_count_ = conditions_.size();
  for (const Node& join : joins) {
    if (join.name("jointype") == "JOIN_INNER") add_conjuncts(join.node("quals"), conditions_);
  }
}

Queries::Queries(const Node& root, const Schema& schema)
    : schema_(schema), root_kind_(root.kind()) {
  const bool is_view = root.is("ViewStmt") || root.is("CreateTableAsStmt");
  visit(root, {.place = is_view ? Place::view : Place::top});
}

void Queries::visit(const Node& node, const Frame& frame) {
  if (node.is("SelectStmt")) return visit_select(node, frame);
  if (is_change(node)) return visit_change(node, frame);
  if (!node.is("SubLink")) return visit_children(node, frame);
  Frame inner = frame;
  inner.place = node.name("sub_link_type") == "EXISTS_SUBLINK" ? Place::exists : Place::condition;
  visit(node.node("testexpr"), frame);
  visit(node.node("subselect"), inner);
}

void Queries::visit_children(const Node& node, const Frame& frame) {
  // What stands between a node and the queries below it changes nothing for them.
  postgres::walk(node, query_kinds() | postgres::kinds<"SubLink">(), [&](const Node& each) {
    visit(each, frame);
    return false;
  });
}

void Queries::add_with(const Node& with, Frame& frame) {
  const bool is_recursive = with && with.flag("recursive");
  const std::vector<Node> queries = with ? with.nodes("ctes") : std::vector<Node>{};
  if (is_recursive) {
    for (const Node& each : queries)
      frame.with.emplace_back(each.text("ctename"));
  }
  for (const Node& each : queries) {
    Frame inner = frame;
    inner.place = Place::with;
    visit(each.node("ctequery"), inner);
    if (!is_recursive) frame.with.emplace_back(each.text("ctename"));
  }
}

void Queries::visit_select(const Node& node, Frame frame) {
  add_with(node.node("with_clause"), frame);
  if (node.node("larg")) {
    visit_select(node.node("larg"), frame);
    return visit_select(node.node("rarg"), frame);
  }
  Query& query = all_.emplace_back();
  query.node = node;
  query.place = frame.place;
  query.outer = frame.outer;
  query.root_kind = root_kind_;
  for (const Node& item : node.nodes("from_clause"))
    add_source(query, item, frame, false, std::nullopt);
  query.keep_conditions();
  Frame inner = frame;
  inner.outer = &query;
  for (const postgres::Field& field :
       std::initializer_list<postgres::Field>{"distinct_clause", "target_list", "group_clause",
                                              "window_clause", "values_lists", "sort_clause"}) {
    for (const Node& each : node.nodes(field))
      visit(each, inner);
  }
  for (const postgres::Field& field : std::initializer_list<postgres::Field>{
           "where_clause", "having_clause", "limit_offset", "limit_count"})
    visit(node.node(field), inner);
  for (const Node& join : query.joins)
    visit(join.node("quals"), inner);
}

void Queries::visit_change(const Node& node, Frame frame) {
  add_with(node.node("with_clause"), frame);
  Query& query = all_.emplace_back();
  query.node = node;
  query.place = frame.place;
  query.outer = frame.outer;
  query.root_kind = root_kind_;
  add_source(query, node.node("relation"), {.outer = frame.outer}, false, std::nullopt);
  Frame inner = frame;
  inner.outer = &query;
  inner.place = Place::condition;
  if (node.is("InsertStmt")) {
    Frame taken = frame;
    taken.place = Place::insert;
    visit(node.node("select_stmt"), taken);
    visit(node.node("on_conflict_clause"), inner);
  } else {
    for (const Node& item : node.nodes(node.is("UpdateStmt") ? "from_clause" : "using_clause"))
      add_source(query, item, frame, false, std::nullopt);
    query.keep_conditions();
    visit(node.node("where_clause"), inner);
    for (const Node& join : query.joins)
      visit(join.node("quals"), inner);
  }
  if (node.is("UpdateStmt")) {
    for (const Node& each : node.nodes("target_list"))
      visit(each, inner);
  }
  for (const Node& each : node.nodes("returning_list"))
    visit(each, inner);
}

void Queries::add_join(Query& query, const Node& item, const Frame& frame, bool may_be_missing) {
  const std::size_t place = query.joins.size();
  query.joins.push_back(item);
  const std::size_t first = query.sources.size();
  add_source(query, item.node("larg"), frame, may_be_missing || is_null_side_left(item), place);
  add_source(query, item.node("rarg"), frame, may_be_missing || is_null_side_right(item), place);
  // The alias of a join hides the names inside of it.
  if (item.node("alias")) {
    query.sources.resize(first);
    query.sources.push_back({.alias = alias_of(item), .relation = {}, .node = item});
  }
}

void Queries::add_source(Query& query, const Node& item, const Frame& frame, bool may_be_missing,
                         std::optional<std::size_t> join) {
  if (item.is("JoinExpr")) return add_join(query, item, frame, may_be_missing);
  Source source{
      .alias = {}, .relation = {}, .node = item, .may_be_missing = may_be_missing, .join = join};
  if (item.is("RangeVar")) {
    source.relation = relation_of(item);
    source.alias = item.node("alias") ? alias_of(item) : source.relation.name;
    source.is_with = source.relation.schema.empty() &&
                     std::ranges::find(frame.with, source.relation.name) != frame.with.end();
    if (source.is_with) {
      source.relation = {};
    } else {
      source.table = schema_.find(source.relation);
    }
    // Renamed columns: what the table says is no longer so.
    if (!item.node("alias").nodes("colnames").empty()) source.table = nullptr;
  } else if (item.is("RangeSubselect") || item.is("RangeFunction")) {
    source.alias = alias_of(item);
  }
  query.sources.push_back(std::move(source));
  if (item.is("RangeVar")) return;
  Frame inner = frame;
  inner.place = Place::from;
  inner.outer = item.is("RangeSubselect") && !item.flag("lateral") ? frame.outer : &query;
  visit_children(item, inner);
}

std::vector<std::string> column_names(const Node& column) {
  return is_star(column) ? std::vector<std::string>{}
                         : postgres::strings_of(column.nodes_if("ColumnRef", "fields"));
}

bool is_star(const Node& column) {
  const postgres::NodeList fields = column.nodes_if("ColumnRef", "fields");
  return !fields.empty() && fields.back().is("A_Star");
}

Meaning meaning_of(const Node& column, const Query& query) {
  const postgres::NodeList fields = column.nodes_if("ColumnRef", "fields");
  if (fields.empty() || fields.back().is("A_Star")) return {};
  const std::string_view name = fields.back().text("sval");
  for (const Query* at = &query; at != nullptr; at = at->outer) {
    if (fields.size() > 1) {
      const Source* const source = at->source(fields[fields.size() - 2].text("sval"));
      if (source == nullptr) continue;
      return {at, source, source->table == nullptr ? nullptr : source->table->column(name)};
    }
    const Source* found = nullptr;
    const ColumnState* known = nullptr;
    for (const Source& source : at->sources) {
      const ColumnState* const its = source.table == nullptr ? nullptr : source.table->column(name);
      if (its == nullptr) {
        // What is not known may have it.
        if (!source.is_known() && at->sources.size() > 1) return {};
        continue;
      }
      if (found != nullptr) return {};
      found = &source;
      known = its;
    }
    if (found != nullptr) return {at, found, known};
    if (std::ranges::any_of(at->sources, [](const Source& each) { return !each.is_known(); }))
      return at->sources.size() == 1 ? Meaning{at, &at->sources.front(), nullptr} : Meaning{};
  }
  return {};
}

void add_conjuncts(const Node& condition, std::vector<Node>& parts) {
  if (!condition) return;
  if (!condition.is("BoolExpr") || condition.name("boolop") != "AND_EXPR")
    return parts.push_back(condition);
  for (const Node& each : condition.nodes("args"))
    add_conjuncts(each, parts);
}

std::vector<Node> conjuncts(const Node& condition) {
  std::vector<Node> parts;
  add_conjuncts(condition, parts);
  return parts;
}

bool is_aggregate(const Node& node) {
  return node.is("FuncCall") && !node.node("over") &&
         (node.flag("agg_star") || is_one_of(function_name(node), {"count",
                                                                   "sum",
                                                                   "avg",
                                                                   "min",
                                                                   "max",
                                                                   "array_agg",
                                                                   "string_agg",
                                                                   "json_agg",
                                                                   "jsonb_agg",
                                                                   "bool_or",
                                                                   "bool_and",
                                                                   "every",
                                                                   "stddev",
                                                                   "variance",
                                                                   "percentile_cont",
                                                                   "percentile_disc",
                                                                   "mode",
                                                                   "json_object_agg",
                                                                   "jsonb_object_agg",
                                                                   "bit_or",
                                                                   "bit_and",
                                                                   "any_value"}));
}

void walk_expression(const Node& node, const KindSet& kinds,
                     base::FunctionRef<bool(const Node&)> visit) {
  postgres::walk(node, kinds | postgres::kinds<"SelectStmt">(),
                 [&](const Node& each) { return !each.is("SelectStmt") && visit(each); });
}

bool has_aggregate(const Node& node) {
  bool found = false;
  walk_expression(node, postgres::kinds<"FuncCall">(), [&](const Node& each) {
    found = found || is_aggregate(each);
    return !found;
  });
  return found;
}

void walk_own(const Query& query, const KindSet& kinds,
              base::FunctionRef<bool(const Node&)> visit) {
  postgres::walk(query.node, kinds | query_kinds(), [&](const Node& each) {
    if (each == query.node) return true;
    return !each.is("SelectStmt") && !is_change(each) && visit(each);
  });
}

bool is_key(const TableState& table, const std::vector<std::string>& columns) {
  const auto covers = [&](const std::vector<std::string>& key) {
    return !key.empty() && std::ranges::all_of(key, [&](const std::string& each) {
      return std::ranges::find(columns, each) != columns.end();
    });
  };
  return std::ranges::any_of(table.constraints,
                             [&](const ConstraintState& each) {
                               return (each.type == 'p' || each.type == 'u') &&
                                      covers(each.columns);
                             }) ||
         std::ranges::any_of(table.indexes, [&](const IndexState& each) {
           return each.is_unique && !each.is_partial && covers(each.columns);
         });
}

std::vector<std::string> equated_columns(const Query& query, const Source& source) {
  std::vector<std::string> columns;
  std::vector<Node> all(query.conditions().begin(), query.conditions().end());
  if (source.join) add_conjuncts(query.joins[*source.join].node("quals"), all);
  for (const Node& each : all) {
    const bool is_equality = each.is("A_Expr") && each.name("kind") == "AEXPR_OP" &&
                             each.nodes("name").back().text("sval") == "=";
    if (!is_equality) continue;
    for (const postgres::Field& side : {postgres::Field("lexpr"), postgres::Field("rexpr")}) {
      const Node operand = each.node(side);
      const Meaning meaning = operand.is("ColumnRef") ? meaning_of(operand, query) : Meaning{};
      if (meaning.source == &source) columns.push_back(column_names(operand).back());
    }
  }
  return columns;
}

std::string column_object(const Meaning& meaning, const Node& column) {
  const std::vector<std::string> names = column_names(column);
  const std::string name = names.empty() ? std::string{} : names.back();
  return meaning && meaning.source->relation ? object_of(meaning.source->relation, name) : name;
}

const Queries& queries_of(const Subject& subject) {
  if (subject.queries == nullptr) {
    static const Schema nothing;
    static const Queries none({}, nothing);
    if ((subject.kinds & query_kinds()).none()) return none;
    subject.queries =
        std::make_shared<const Queries>(subject.statement.root, subject.context.schema);
  }
  return *subject.queries;
}

} // namespace pgkeep::lint
