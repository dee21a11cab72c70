// A renamed column: a second column with the new name, kept equal by a trigger both ways until no
// old code runs; then the copy goes and the old one takes its name, so that indexes, constraints,
// defaults, rights and comments are what they were. A renamed table: a view with the old name.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/rewrite/carry.h"
#include "migrate/rewrite/dependents.h"
#include "migrate/rewrite/sync.h"
#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::Node;
using postgres::quote_identifier;
using postgres::quote_literal;

constexpr std::string_view kIgnoreRename =
    "-- pgkeep:ignore rename-column: no code with the old name runs any more\n";

bool is_inherited(const Work& work, const Target& table) {
  return table.relation->kind != "r" || table.relation->parent != 0 ||
         std::ranges::any_of(work.database()->relations, [&](const catalog::Relation& each) {
           return each.parent == table.relation->oid;
         });
}

/// Why there can be no copy of the column; empty: there can.
std::string obstacle(const Work& work, const Target& table, const catalog::Column* column) {
  if (work.database() == nullptr || table.relation == nullptr || column == nullptr)
    return "the copy that old and new code need has a type that is only known with --database";
  if (is_inherited(work, table))
    return fmt::format("{} is partitioned or inherited: there is no online form yet", table.text);
  if (!column->generated.empty())
    return "the column is generated: rename it when no old code runs, or put a view before the "
           "table";
  return {};
}

class ColumnRename {
public:
  ColumnRename(const Work& work, const Target& table, const catalog::Column& column,
               std::string_view new_name, Replacement& out)
      : work_(work), table_(table), column_(column), out_(out), alter_(alter_table(table)),
        from_(quote_identifier(column.name)), to_(quote_identifier(new_name)),
        sync_{.table = table_,
              .column = column.name,
              .first = from_,
              .second = to_,
              .second_value = "NEW." + from_,
              .first_value = "NEW." + to_,
              .is_text_compared = !has_equality(column.base_type),
              .update_when =
                  differing({.original = from_, .copy = to_, .original_as = "NEW." + from_},
                            !has_equality(column.base_type))} {}

  void make(const std::string& key) {
    expand(key);
    const std::string drop =
        fmt::format("{};\n-- pgkeep:ignore drop-column: a copy, which the trigger kept equal\n"
                    "{} DROP COLUMN {}",
                    sync_.drop(false), alter_, to_);
    out_.later.push_back({.text = fmt::format("{};\n{}{} RENAME COLUMN {} TO {}", drop,
                                              kIgnoreRename, alter_, from_, to_),
                          .place = Place::own});
    out_.later_down.push_back(
        {.text = fmt::format("{}{} RENAME COLUMN {} TO {}", kIgnoreRename, alter_, to_, from_),
         .place = Place::own});
    std::ranges::copy(out_.up, std::back_inserter(out_.later_down));
    out_.down.push_back(
        {.text = fmt::format("{};\n{} DROP COLUMN {}", sync_.drop(false), alter_, to_),
         .place = Place::own});
    work_.changed(
        fmt::format("{0}.{1} gets a copy {2}, kept equal both ways; the later file lets {1} "
                    "take the name",
                    table_.text, from_, to_));
    say_not_carried(work_, table_, column_, std::array{to_});
    say_update_triggers(work_, table_, column_, to_);
  }

private:
  void expand(const std::string& key) {
    std::string type = column_.type;
    if (!column_.collation.empty())
      type += fmt::format(" COLLATE {}", quote_identifier(column_.collation));
    out_.up.push_back({.text = fmt::format("{} ADD COLUMN {} {};\n{};\n{}", alter_, to_, type,
                                           sync_.create_function(false), sync_.create_triggers()),
                       .place = Place::own});
    // New code has the rights of old code; they go with the copy, and the old column keeps its own.
    for (const std::string& setting : copy_settings(work_, table_, column_, to_))
      out_.up.back().text += ";\n" + setting;
    out_.up.push_back({.text = in_batches(
                           key, fmt::format("UPDATE {0} SET {1} = {2} WHERE {1} IS NULL AND {2} IS "
                                            "NOT NULL",
                                            table_.text, to_, from_)),
                       .place = Place::alone});
    // New code must find rows by the new name as fast; they go with the copy.
    for (const IndexCopy& copy : copy_indexes(work_, table_, column_, to_))
      out_.up.push_back({.text = copy.create, .place = Place::alone});
    out_.up.push_back(
        {.text = fmt::format("ANALYZE {} ({})", table_.text, to_), .place = Place::own});
  }

  const Work& work_;
  const Target& table_;
  const catalog::Column& column_;
  Replacement& out_;
  std::string alter_;
  std::string from_; ///< As SQL.
  std::string to_;
  Sync sync_;
};

bool rename_column(const Work& work, const Target& table, Replacement& out) {
  const Node& root = work.statement.root;
  const std::string_view name = root.text("subname");
  const catalog::Column* const column =
      work.database() == nullptr ? nullptr : table.column(*work.database(), name);
  std::string why = obstacle(work, table, column);
  std::optional<std::string> key;
  if (why.empty()) key = batch_key(work, table);
  if (why.empty() && !key) why = fmt::format("{} has no key for a backfill in batches", table.text);
  if (!why.empty()) {
    work.left_alone(fmt::format("RENAME COLUMN breaks old code at once: {}", why));
    return false;
  }
  ColumnRename(work, table, *column, root.text("newname"), out).make(*key);
  return true;
}

/// The view's owner and rights become the table's.
std::string copy_rights(const std::string& table, const std::string& view) {
  const std::string text = quote_literal(table);
  const std::string in_format = base::replace_all(base::replace_all(view, "'", "''"), "%", "%%");
  return fmt::format(
      "DO $pgkeep$\nDECLARE\n  command text;\nBEGIN\n  FOR command IN\n"
      "    SELECT pg_catalog.format('ALTER VIEW {0} OWNER TO %I', "
      "pg_catalog.pg_get_userbyid(c.relowner))\n"
      "    FROM pg_catalog.pg_class c\n"
      "    WHERE c.oid = {1}::pg_catalog.regclass\n"
      "      AND pg_catalog.pg_get_userbyid(c.relowner) <> CURRENT_USER\n"
      "    UNION ALL\n"
      "    SELECT pg_catalog.format('GRANT %s ON {0} TO %s', a.privilege_type,\n"
      "      CASE a.grantee WHEN 0 THEN 'PUBLIC'\n"
      "        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)\n"
      "    FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a\n"
      "    WHERE c.oid = {1}::pg_catalog.regclass AND a.grantee <> c.relowner\n"
      "      AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')\n"
      "    UNION ALL\n"
      "    SELECT pg_catalog.format('GRANT %s (%I) ON {0} TO %s', a.privilege_type, c.attname,\n"
      "      CASE a.grantee WHEN 0 THEN 'PUBLIC'\n"
      "        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)\n"
      "    FROM pg_catalog.pg_attribute c CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) a\n"
      "    WHERE c.attrelid = {1}::pg_catalog.regclass AND NOT c.attisdropped\n"
      "      AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')\n"
      "  LOOP\n    EXECUTE command;\n  END LOOP;\nEND\n$pgkeep$",
      in_format, text);
}

bool rename_table(const Work& work, const Target& table, Replacement& out) {
  const Node& root = work.statement.root;
  if (table.relation != nullptr && !table.relation->is_table()) return false;
  const std::string fresh = table.beside(root.text("newname"));
  std::vector<std::string> columns;
  if (table.relation != nullptr) {
    for (const catalog::Column& each : work.database()->columns_of(*table.relation))
      columns.push_back(quote_identifier(each.name));
  }
  if (columns.empty()) columns.emplace_back("*");
  // Rights and row security stay those of who asks: 15 and newer.
  const std::string_view invoker =
      work.context.server_major >= 15 ? " WITH (security_invoker = true)" : "";
  const std::string view =
      fmt::format("CREATE VIEW {}{} AS SELECT {} FROM {};\n{}", table.text, invoker,
                  base::join(columns, ", "), fresh, copy_rights(fresh, table.text));
  out.up.push_back(
      {.text = fmt::format("-- pgkeep:ignore rename-table: the old name stays, as a view\n{};\n{}",
                           work.sql(), view),
       .place = Place::own});
  out.down.push_back({.text = fmt::format("DROP VIEW {};\n-- pgkeep:ignore rename-table: the view "
                                          "made way\nALTER TABLE {} RENAME TO {}",
                                          table.text, fresh, quote_identifier(table.name.name)),
                      .place = Place::own});
  out.later.push_back({.text = fmt::format("DROP VIEW {}", table.text), .place = Place::own});
  out.later_down.push_back({.text = view, .place = Place::own});
  work.changed(
      fmt::format("{} stays as an updatable view until the later file; TRUNCATE, COPY FROM "
                  "and DDL need the new name at once",
                  table.text));
  if (columns.front() == "*")
    work.changed("the view takes the columns of now: with --database they are named");
  return true;
}

} // namespace

bool rewrite_rename(const Work& work, Replacement& out) {
  for (const lint::Change& change : work.statement.changes) {
    if (!work.is_in_use(change.relation)) return false;
    const bool is_column = change.operation == lint::Operation::rename_column;
    if (!is_column && change.operation != lint::Operation::rename_table) continue;
    if (work.statement.root.flag("missing_ok")) {
      work.left_alone("ALTER TABLE IF EXISTS: the steps of the safe form need the table");
      return false;
    }
    const Target table = work.target(change.relation);
    return is_column ? rename_column(work, table, out) : rename_table(work, table, out);
  }
  return false;
}

} // namespace pgkeep::migrate::rewriting
