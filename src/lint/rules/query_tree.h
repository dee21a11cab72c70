/// The queries of a statement, each with what its FROM makes known: which table an alias is, which
/// query stands around it. What a rule about queries walks.
///
/// Private to src/lint/rules. Pure; the nodes are the Script's, the tables the Schema's.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lint/text_rule.h"

namespace pgkeep::lint {

/// An item of FROM.
struct Source {
  std::string alias;     ///< By which columns name it; empty for a join or a call without one.
  RelationName relation; ///< Empty where it is no table: a sub-select, a function, a CTE.
  const TableState* table = nullptr;    ///< Null where nobody knows it.
  postgres::Node node = {};             ///< RangeVar, RangeSubselect, ...
  bool may_be_missing = false;          ///< On the NULL side of an outer join.
  bool is_with = false;                 ///< Names a query of WITH.
  std::optional<std::size_t> join = {}; ///< Place among Query::joins of the innermost one.

  /// A table of which every column is known.
  [[nodiscard]] bool is_known() const { return table != nullptr && table->are_columns_known; }
};

enum class Place : std::uint8_t {
  top,       ///< The statement itself, or a branch of its UNION.
  view,      ///< What a view or CREATE TABLE AS holds.
  insert,    ///< What INSERT takes.
  with,      ///< A query of WITH.
  from,      ///< A sub-select in FROM.
  exists,    ///< Of EXISTS.
  condition, ///< Of IN, ANY, ALL or an expression.
};

/// One SELECT (of a UNION each branch), UPDATE, DELETE or INSERT.
struct Query {
  postgres::Node node = {};
  Place place = Place::top;
  const Query* outer = nullptr;    ///< Whose columns it may name; null for none.
  std::string_view root_kind = {}; ///< Of the whole statement.
  std::vector<Source> sources = {};
  std::vector<postgres::Node> joins = {}; ///< JoinExpr, in the order of the text.

  [[nodiscard]] const Source* source(std::string_view alias) const;
  /// Reads nothing but the server's own catalogs.
  [[nodiscard]] bool is_about_catalog() const;
  /// Those of WHERE that all must hold: AND taken apart.
  [[nodiscard]] std::span<const postgres::Node> where() const {
    return std::span(conditions_).first(where_count_);
  }
  /// The same, and behind them those of inner joins.
  [[nodiscard]] std::span<const postgres::Node> conditions() const { return conditions_; }

private:
  friend class Queries;
  /// Once all joins are known.
  void keep_conditions();
  std::vector<postgres::Node> conditions_ = {};
  std::size_t where_count_ = 0;
};

/// What a name means in a query.
struct Meaning {
  const Query* query = nullptr; ///< Which of the nested ones has it.
  const Source* source = nullptr;
  const ColumnState* column = nullptr;
  explicit operator bool() const { return source != nullptr; }
};

/// All queries of a statement, outer ones before those inside of them.
class Queries {
public:
  Queries(const postgres::Node& root, const Schema& schema);
  [[nodiscard]] const std::deque<Query>& all() const { return all_; }

private:
  struct Frame {
    const Query* outer = nullptr;
    Place place = Place::top;
    std::vector<std::string> with = {}; ///< Names of WITH in sight.
  };
  void visit(const postgres::Node& node, const Frame& frame);
  void visit_children(const postgres::Node& node, const Frame& frame);
  void visit_select(const postgres::Node& node, Frame frame);
  void visit_change(const postgres::Node& node, Frame frame);
  void add_with(const postgres::Node& with, Frame& frame);
  void add_source(Query& query, const postgres::Node& item, const Frame& frame, bool may_be_missing,
                  std::optional<std::size_t> join);
  void add_join(Query& query, const postgres::Node& item, const Frame& frame, bool may_be_missing);

  const Schema& schema_;
  std::string_view root_kind_;
  std::deque<Query> all_; // Queries point to each other: their places must last.
};

/// Of a ColumnRef: none where it cannot be told (an unknown table is in sight, or two have it).
Meaning meaning_of(const postgres::Node& column, const Query& query);
/// How findings name a column: "public.orders.id", "id" where its table is not known.
std::string column_object(const Meaning& meaning, const postgres::Node& column);
/// {"orders", "id"}; empty for other nodes and for t.*.
std::vector<std::string> column_names(const postgres::Node& column);
/// "*" or "t.*".
bool is_star(const postgres::Node& column);
/// AND taken apart: adds its parts.
void add_conjuncts(const postgres::Node& condition, std::vector<postgres::Node>& parts);
std::vector<postgres::Node> conjuncts(const postgres::Node& condition);
/// count, sum, min, ... as written.
bool is_aggregate(const postgres::Node& node);
bool has_aggregate(const postgres::Node& node);
/// Walks an expression without the queries inside of it; visits nodes of these kinds.
void walk_expression(const postgres::Node& node, const postgres::KindSet& kinds,
                     base::FunctionRef<bool(const postgres::Node&)> visit);
/// The same for all of a query but the queries inside of it.
void walk_own(const Query& query, const postgres::KindSet& kinds,
              base::FunctionRef<bool(const postgres::Node&)> visit);
/// Whether the values of these columns name at most one row.
bool is_key(const TableState& table, const std::vector<std::string>& columns);
/// The columns of this source that conditions set equal to something.
std::vector<std::string> equated_columns(const Query& query, const Source& source);

/// The queries of the statement; made once for all rules.
const Queries& queries_of(const Subject& subject);

} // namespace pgkeep::lint
