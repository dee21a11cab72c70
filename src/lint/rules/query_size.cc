// Queries that have grown over all measure.
#include <algorithm>

#include <fmt/format.h>

#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/query_tree.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Severity;

/// geqo_threshold: from here on the planner guesses the order of joins.
constexpr std::size_t kJoinedMax = 11;
/// Tables and sub-selects of a whole statement: ours, twice what a reader keeps in mind.
constexpr std::size_t kPartsMax = 16;

bool is_sub_select(const Query& query) {
  return query.place == Place::from || query.place == Place::exists ||
         query.place == Place::condition;
}

void spaghetti(const Subject& subject, TextSink& out) {
  std::size_t tables = 0;
  std::size_t sub_selects = 0;
  std::size_t joined = 0;
  for (const Query& query : queries_of(subject).all()) {
    const auto own = static_cast<std::size_t>(std::ranges::count_if(
        query.sources, [](const Source& each) { return !each.relation.name.empty(); }));
    tables += own;
    joined = std::max(joined, own);
    if (is_sub_select(query)) ++sub_selects;
  }
  if (joined <= kJoinedMax && tables + sub_selects <= kPartsMax) return;
  out.add(subject.statement.begin,
          {.message = joined > kJoinedMax
                          ? fmt::format("{} tables in one FROM: the planner no longer tries all "
                                        "orders of joins",
                                        joined)
                          : fmt::format("{} tables and {} sub-selects in one statement: hardly "
                                        "anybody can say what it does, or why it is slow",
                                        tables, sub_selects),
           .evidence = Json{{"tables", static_cast<std::int64_t>(tables)},
                            {"tables_joined", static_cast<std::int64_t>(joined)},
                            {"sub_selects", static_cast<std::int64_t>(sub_selects)}},
           .fix = write_instead("Take it apart: several queries, a view for what is repeated, or "
                                "a table of intermediate results")});
}

constexpr TextRule kQuerySizeRules[] = {
    {.card = {.id = "spaghetti",
              .title = "Query of too many parts",
              .why = "Its plan changes with each table that grows, and nobody can say why.",
              .how = "Several smaller queries, each with a plan that can be read.",
              .source = "PostgreSQL manual, runtime-config-query: geqo_threshold, "
                        "join_collapse_limit; SQL Antipatterns, Spaghetti Query",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = spaghetti,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
};

} // namespace

const std::span<const TextRule> query_size_rules{kQuerySizeRules};

} // namespace pgkeep::lint
