// Materialized views that read the table. None can be told to read another one: a copy of each is
// filled from the new table while everybody works, with its indexes, and takes its name in the
// swap. What it shows is as of then, as after a REFRESH; that writers go on changes nothing.
//
// Its query names relations as the server writes them, schema and all; the parser says where. What
// they are called stays, for columns are spoken of by it: the shadow has the table's name in our
// schema for as long as the copy is made, so that the server writes the query afterwards as it did.
// Where our schema has that name already it stands as an alias ("FROM pgkeep.shadow_1 orders"),
// which means the same. Source: PostgreSQL, ruleutils.c, set_rtable_names(),
// get_from_clause_item().
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/shadow_run.h"
#include "migrate/shadow_sql.h"
#include "migrate/watch.h"
#include "postgres/quote.h"
#include "postgres/sql_parser.h"
#include "postgres/sql_tree.h"

namespace pgkeep::migrate {
namespace {

constexpr std::string_view kCopies = R"(
SELECT format('pgkeep.%I', relname) FROM pg_class
 WHERE relnamespace = 'pgkeep'::regnamespace AND relkind = 'm'
   AND relname ~ ('^shadow_' || $1 || '_mv_[0-9]+$') ORDER BY oid)";

/// What is named in our schema; types are named as tables.
constexpr std::string_view kNames = R"(
SELECT relname FROM pg_class WHERE relnamespace = 'pgkeep'::regnamespace
 UNION
SELECT typname FROM pg_type WHERE typnamespace = 'pgkeep'::regnamespace)";

} // namespace

std::string shadow_query(std::string_view query, std::span<const ShadowMoved> moved) {
  const auto tree = postgres::Tree::parse(query);
  if (!tree) return {};
  const std::vector<postgres::TokenText> tokens = postgres::tokens_of(query);
  std::map<std::size_t, std::pair<std::size_t, std::string>>
      edits; // Begin, end, what stands there.
  postgres::walk(tree->root(), [&](const postgres::Node& node) {
    if (!node.is("RangeVar") || !node.offset()) return true;
    const auto found = std::ranges::find_if(moved, [&](const ShadowMoved& each) {
      return each.schema == node.text("schemaname") && each.name == node.text("relname");
    });
    const auto token = std::ranges::find(tokens, *node.offset(), &postgres::TokenText::offset);
    if (found == moved.end() || tokens.end() - token < 3) return true;
    const postgres::TokenText& name = *(token + 2); // schema . name
    std::string other =
        found->is_free ? postgres::quote_qualified("pgkeep", found->name) : found->other;
    if (!found->is_free && !node.node("alias"))
      other += " " + postgres::quote_identifier(found->name);
    edits[token->offset] = {name.offset + name.text.size(), std::move(other)};
    return true;
  });
  std::string out;
  std::size_t at = 0;
  for (const auto& [begin, edit] : edits) {
    out.append(query.substr(at, begin - at)).append(edit.second);
    at = edit.first;
  }
  return out.append(query.substr(at));
}

base::Result<std::vector<ShadowRun::Matview>> ShadowRun::matviews() {
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid)};
  PGKEEP_TRY(const postgres::Rows rows, servers_.eyes.query(shadow_matviews(), values));
  PGKEEP_TRY(auto taken, texts_of(servers_.eyes, std::string(kNames), {}));
  std::vector<ShadowMoved> moved;
  std::string to; // Statements that give them their names, and back.
  std::string back;
  const auto move = [&](std::string_view kind, std::string_view schema, std::string_view name,
                        std::string_view copy) {
    const bool is_free = std::ranges::find(taken, name) == taken.end();
    moved.push_back({.schema = std::string(schema),
                     .name = std::string(name),
                     .other = postgres::quote_qualified("pgkeep", copy),
                     .is_free = is_free});
    if (!is_free) return;
    taken.emplace_back(name);
    to += fmt::format("ALTER {} {} RENAME TO {};\n", kind, moved.back().other,
                      postgres::quote_identifier(name));
    back +=
        fmt::format(";\nALTER {} {} RENAME TO {}", kind, postgres::quote_qualified("pgkeep", name),
                    postgres::quote_identifier(copy));
  };
  move("TABLE", names_.schema, names_.name, fmt::format("shadow_{}", names_.oid));
  std::vector<Matview> views;
  for (int row = 0; row < rows.count(); ++row) {
    const std::string name = postgres::quote_qualified(rows.text(row, 1), rows.text(row, 2));
    const std::string query = shadow_query(rows.text(row, 5), moved);
    if (query.empty())
      return refused(fmt::format("the query of the materialized view {} has syntax that is not "
                                 "understood here",
                                 name),
                     "one that is dropped before, and made again after");
    views.push_back(
        {.oid = std::string(rows.text(row, 0)),
         .name = name,
         .copy = postgres::quote_qualified("pgkeep", rows.text(row, 3)),
         .create = fmt::format("{}{}{}{}{}", to, rows.text(row, 4), query, rows.text(row, 6), back),
         .settings = rows.is_null(row, 7) ? std::string() : std::string(rows.text(row, 7))});
    move("MATERIALIZED VIEW", rows.text(row, 1), rows.text(row, 2), rows.text(row, 3));
  }
  return views;
}

base::Result<> ShadowRun::build_matviews(bool anew) {
  PGKEEP_TRY(const std::vector<Matview> views, matviews());
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid)};
  PGKEEP_TRY(const auto there, texts_of(servers_.eyes, std::string(kCopies), values));
  const auto is_wanted = [&](const std::string& copy) {
    return std::ranges::find(views, copy, &Matview::copy) != views.end();
  };
  const bool drops = anew || !std::ranges::all_of(there, is_wanted);
  if (!there.empty() && drops) {
    PGKEEP_CHECK(begin("DROP MATERIALIZED VIEW " + base::join(there, ", ")));
    PGKEEP_CHECK(commit(position_));
  }
  for (const Matview& each : views) {
    if (!drops && std::ranges::find(there, each.copy) != there.end()) continue;
    PGKEEP_CHECK(build_matview(each));
  }
  return {};
}

/// In one transaction: the copy is there with all that it has, or not at all.
base::Result<> ShadowRun::build_matview(const Matview& view) {
  const std::optional<std::string> values[] = {view.oid, view.copy, "f"};
  PGKEEP_TRY(const postgres::Rows indexes,
             servers_.eyes.query(std::string(kShadowIndexes), values));
  PGKEEP_TRY(const postgres::Rows statistics,
             servers_.eyes.query(std::string(kShadowStatistics), std::span(values).first(2)));
  const Watch watch(servers_.work, servers_.eyes, [&](const std::string& text, double fraction) {
    step_.tell({.kind = "progress",
                .text = fmt::format("fills {}: {}", view.name, text),
                .fraction = fraction});
  });
  PGKEEP_CHECK(begin("SET LOCAL max_parallel_maintenance_workers = 0;\n" + view.create));
  if (!view.settings.empty()) PGKEEP_CHECK(servers_.work.execute(view.settings));
  for (int row = 0; row < indexes.count(); ++row) {
    if (indexes.text(row, 5) != "t") continue;
    PGKEEP_CHECK(servers_.work.execute(fmt::format("SET LOCAL default_tablespace = {};\n{}",
                                                   postgres::quote_literal(indexes.text(row, 2)),
                                                   indexes.text(row, 1))));
  }
  for (int row = 0; row < statistics.count(); ++row)
    PGKEEP_CHECK(servers_.work.execute(std::string(statistics.text(row, 1))));
  PGKEEP_CHECK(servers_.work.execute("ANALYZE " + view.copy));
  PGKEEP_CHECK(commit(position_));
  step_.tell({.kind = "note",
              .text = fmt::format("{} was filled from the new table: its rows are as of now, until "
                                  "it is refreshed",
                                  view.name)});
  return {};
}

} // namespace pgkeep::migrate
