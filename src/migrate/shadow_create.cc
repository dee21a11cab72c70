// The shadow table, its log and the triggers on the table.
//
// The triggers are FOR EACH ROW, which logical replication's apply fires too, and ENABLE ALWAYS,
// for sessions with session_replication_role = replica; their function is SECURITY DEFINER with a
// search_path of its own, so that every role that may write the table may go on to. The log is a
// logged table: an unlogged one would be empty after a crash, and the changes lost.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/shadow_run.h"
#include "migrate/shadow_sql.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

using postgres::quote_identifier;

constexpr std::string_view kTable = R"(
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass($1::text))";

/// The columns, in order, of the primary key or of a unique index on NOT NULL columns: the one that
/// was asked for, where one was.
constexpr std::string_view kKey = R"(
SELECT string_agg(a.attname, E'\x01' ORDER BY k.place), i.indexrelid
  FROM pg_index i
  JOIN pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_am m ON m.oid = ic.relam AND m.amname = 'btree'
  CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  JOIN pg_type y ON y.oid = a.atttypid
 WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
   AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
 GROUP BY i.indexrelid, i.indisprimary
HAVING bool_and(a.attnotnull)
       AND bool_and(y.typtype <> 'b' OR y.typnamespace = 'pg_catalog'::regnamespace)
       AND ($2::text[] IS NULL
            OR (SELECT array_agg(n ORDER BY n) FROM unnest($2::text[]) n)
               = array_agg(a.attname::text ORDER BY a.attname::text))
 ORDER BY i.indisprimary DESC, count(*), i.indexrelid LIMIT 1)";

/// Columns of the key that the new table lacks, or sorts in another way.
constexpr std::string_view kKeyOrder = R"(
SELECT o.attname
  FROM pg_catalog.pg_attribute o
  LEFT JOIN pg_catalog.pg_attribute s ON s.attrelid = pg_catalog.to_regclass($2::text)
       AND s.attname = o.attname AND NOT s.attisdropped
 WHERE o.attrelid = $1::oid AND o.attname = ANY ($3::text[])
   AND (s.attnum IS NULL OR s.attcollation <> o.attcollation
        OR s.atttypid <> o.atttypid
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_opclass a JOIN pg_catalog.pg_opclass b
                    ON a.opcfamily = b.opcfamily
              WHERE a.opcdefault AND b.opcdefault AND a.opcmethod = 403 AND b.opcmethod = 403
                AND a.opcintype = CASE o.atttypid WHEN 1043 THEN 25 ELSE o.atttypid END
                AND b.opcintype = CASE s.atttypid WHEN 1043 THEN 25 ELSE s.atttypid END)))";

/// Both rows of the log's trigger: "NEW.id, NEW.day".
std::string row_of(std::string_view record, const std::vector<std::string>& key) {
  std::vector<std::string> parts;
  parts.reserve(key.size());
  for (const std::string& each : key)
    parts.push_back(fmt::format("{}.{}", record, quote_identifier(each)));
  return base::join(parts, ", ");
}

/// The log: a key a row, in the table's own types, and the function that writes it.
std::string log_sql(const ShadowNames& names, const std::vector<std::string>& key) {
  std::vector<std::string> columns;
  std::vector<std::string> targets;
  for (std::size_t i = 0; i < key.size(); ++i) {
    targets.push_back(fmt::format("k{}", i + 1));
    columns.push_back(fmt::format("{} AS {}", quote_identifier(key[i]), targets.back()));
  }
  const std::string into =
      fmt::format("INSERT INTO {} ({}) VALUES", names.log(), base::join(targets, ", "));
  const std::string body = fmt::format(
      "\nBEGIN\n"
      "  IF TG_OP = 'TRUNCATE' THEN\n    INSERT INTO {2} (truncated) VALUES (true);\n"
      "    RETURN NULL;\n  END IF;\n"
      "  IF TG_OP <> 'INSERT' THEN\n    {0} ({1});\n  END IF;\n"
      "  IF TG_OP = 'INSERT' THEN\n    {0} ({3});\n"
      "  ELSIF TG_OP = 'UPDATE' AND ({3}) IS DISTINCT FROM ({1}) THEN\n    {0} ({3});\n  END IF;\n"
      "  RETURN NULL;\nEND\n",
      into, row_of("OLD", key), names.log(), row_of("NEW", key));
  return fmt::format("CREATE TABLE {0} AS SELECT {1}, false AS truncated FROM {2} WITH NO DATA; "
                     "ALTER TABLE {0} ALTER truncated SET DEFAULT false; "
                     "CREATE FUNCTION {0}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET "
                     "search_path = pg_catalog, pg_temp AS {3}",
                     names.log(), base::join(columns, ", "), names.table(),
                     postgres::quote_literal(body));
}

} // namespace

std::string array_literal(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  quoted.reserve(items.size());
  for (const std::string& each : items)
    quoted.push_back("\"" + base::replace_all(base::replace_all(each, "\\", "\\\\"), "\"", "\\\"") +
                     "\"");
  return "{" + base::join(quoted, ",") + "}";
}

base::Result<> ShadowRun::resolve() {
  const std::optional<std::string> name[] = {alter_.table};
  PGKEEP_TRY(const postgres::Rows rows, servers_.work.query(std::string(kTable), name));
  if (rows.count() == 0)
    return base::Error{.code = base::Code::sql,
                       .what = fmt::format("there is no table {}", alter_.table),
                       .where = step_.step.statements.front().where};
  names_ = {.oid = std::stoll(std::string(rows.text(0, 0))),
            .schema = std::string(rows.text(0, 1)),
            .name = std::string(rows.text(0, 2))};
  return {};
}

base::Result<> ShadowRun::refuse_what_cannot() {
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid)};
  PGKEEP_TRY(auto lines, texts_of(servers_.eyes, std::string(kShadowRefusals), values));
  if (lines.empty()) {
    PGKEEP_TRY(lines, texts_of(servers_.eyes, shadow_dependent_refusals(), values));
  }
  if (!lines.empty())
    return refused(base::join(lines, "; "),
                   "a table of its own, whose dependents are views, materialized views, rules, "
                   "policies, SQL functions and foreign keys");
  PGKEEP_TRY(const auto copies, matviews());
  static_cast<void>(copies);
  return {};
}

base::Result<> ShadowRun::choose_key() {
  std::optional<std::string> wanted;
  if (!options_.key.empty()) wanted = array_literal(options_.key);
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid), wanted};
  PGKEEP_TRY(const postgres::Rows rows, servers_.eyes.query(std::string(kKey), values));
  if (rows.count() == 0)
    return refused(wanted ? fmt::format("{} has no unique index on ({}) alone, NOT NULL",
                                        names_.table(), base::join(options_.key, ", "))
                          : fmt::format("{} has no primary key, nor another unique index on NOT "
                                        "NULL columns of built-in types",
                                        names_.table()),
                   "a key by which each row is found");
  position_.key = base::split(rows.text(0, 0), '\x01');
  position_.end = {std::string(rows.text(0, 1))}; // The index, for as long as create() runs.
  return {};
}

base::Result<> ShadowRun::check_key_order() {
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid), names_.shadow(),
                                               array_literal(position_.key)};
  PGKEEP_TRY(const auto lines, texts_of(servers_.work, std::string(kKeyOrder), values));
  for (const ShadowAlter::Using& each : alter_.usings) {
    if (std::ranges::find(position_.key, each.column) != position_.key.end())
      return refused(fmt::format("USING gives the column {} of the key other values", each.column),
                     "key=COLUMN of a unique index that the statement leaves alone");
  }
  if (lines.empty()) return {};
  return refused(fmt::format("the statement drops {} of the key, or makes it sort in another way",
                             base::join(lines, ", ")),
                 "key=COLUMN of a unique index that the statement leaves alone");
}

/// What makes the index of the key on the shadow.
base::Result<std::string> ShadowRun::key_index_sql(const std::string& index_oid) {
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid), names_.shadow(),
                                               alter_.partitioning ? "t" : "f"};
  PGKEEP_TRY(const postgres::Rows indexes,
             servers_.eyes.query(std::string(kShadowIndexes), values));
  std::string sql;
  for (int row = 0; row < indexes.count(); ++row) {
    if (indexes.text(row, 4) != index_oid) continue;
    sql = indexes.text(row, 1);
    if (sql.empty() && alter_.partitioning) sql = indexes.text(row, 3);
  }
  if (sql.empty())
    return refused("the index of the key has a form that is not known", "a plain unique index");
  return sql;
}

/// All of it in one transaction: there is the whole, or nothing.
base::Result<> ShadowRun::create() {
  PGKEEP_CHECK(resolve());
  PGKEEP_CHECK(refuse_what_cannot());
  if (alter_.partitioning) PGKEEP_CHECK(refuse_partitioning());
  PGKEEP_CHECK(choose_key());
  const std::string index_oid = position_.end.front();
  position_.end.clear();
  std::vector<std::optional<std::string>> values = {fmt::format("{}", names_.oid), names_.shadow(),
                                                    std::nullopt};
  if (alter_.partitioning) values.back() = alter_.partitioning->by;
  PGKEEP_TRY(auto statements, texts_of(servers_.eyes, std::string(kShadowCreate), values));
  values.pop_back();
  PGKEEP_TRY(const std::string key_index, key_index_sql(index_oid));
  statements.push_back(log_sql(names_, position_.key));
  Position after = position_;
  after.phase = "created";
  after.oid = names_.oid;
  after.schema = names_.schema;
  after.name = names_.name;
  position_.oid = names_.oid;
  PGKEEP_TRY(after.definition, definition());
  PGKEEP_CHECK(begin("SET LOCAL lock_timeout = '5s'"));
  // What the others say of columns goes to the partitions too, where they are there.
  PGKEEP_CHECK(servers_.work.execute(statements.front()));
  if (alter_.partitioning) PGKEEP_CHECK(make_partitions());
  statements.erase(statements.begin());
  PGKEEP_CHECK(servers_.work.execute(base::join(statements, ";\n")));
  // Here the user's statement meets its table: an error in it is found before anything is copied.
  if (!alter_.partitioning) PGKEEP_CHECK(servers_.work.execute(alter_.on(names_.shadow())));
  PGKEEP_TRY(const auto lines,
             texts_of(servers_.work,
                      "SELECT pg_catalog.set_config('search_path', 'pg_catalog', true)", {}));
  PGKEEP_TRY(const auto stuck, texts_of(servers_.work, std::string(kShadowColumnRefusals), values));
  if (!stuck.empty())
    return refused(base::join(stuck, "; "),
                   "views and functions that are dropped before, and made again after");
  PGKEEP_CHECK(check_key_order());
  PGKEEP_CHECK(servers_.work.execute(key_index));
  PGKEEP_CHECK(commit(after));
  step_.tell({.kind = "note",
              .text = fmt::format("{} was made; rows are found by ({})", names_.shadow(),
                                  base::join(position_.key, ", "))});
  return {};
}

base::Result<> ShadowRun::catch_changes() {
  Position after = position_;
  after.phase = "copying";
  const std::string sql = fmt::format(
      "CREATE TRIGGER {1} AFTER INSERT OR UPDATE OR DELETE ON {0} FOR EACH ROW EXECUTE FUNCTION "
      "{3}(); CREATE TRIGGER {2} AFTER TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION {3}(); "
      "ALTER TABLE {0} ENABLE ALWAYS TRIGGER {1}, ENABLE ALWAYS TRIGGER {2}",
      names_.table(), names_.trigger(), names_.truncate_trigger(), names_.log());
  return politely(lint::LockMode::share_row_exclusive,
                  {{.schema = names_.schema, .name = names_.name}}, [&]() -> base::Result<> {
                    PGKEEP_CHECK(begin(fmt::format(
                        "SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = {}",
                        patience_.lock_try.count())));
                    const auto locked = std::chrono::steady_clock::now();
                    PGKEEP_CHECK(servers_.work.execute(sql));
                    return commit_locked(after, locked);
                  });
}

} // namespace pgkeep::migrate
