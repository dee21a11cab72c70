// Primary keys: whether there is one, whether it lasts, what it costs. Also the rows of tables.h.
#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "audit/families.h"
#include "audit/rules/index_shape.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"
#include "audit/rules/tables.h"
#include "audit/rules/type_change.h"

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::Constraint;
using catalog::Index;
using catalog::OidNumber;
using catalog::Relation;
using catalog::Sequence;

constexpr std::size_t kKeyColumnsMax = 3;
constexpr double kRandomKeyRows = 1'000'000;
constexpr double kOverflowShare = 0.75; // From here on sequence-overflow says it.
constexpr int kIdentityOnPartitioned = 170'000;
constexpr int kUuidV7 = 180'000;

const Constraint* primary_key(const Snapshot& db, const Relation& relation) {
  for (const Constraint& each : db.constraints_of(relation.oid)) {
    if (each.type == "p") return &each;
  }
  return nullptr;
}

/// The key's only column; null where there is none or more.
const Column* single_key(const Snapshot& db, const Relation& relation) {
  const Constraint* const key = primary_key(db, relation);
  if (key == nullptr || key->columns.size() != 1) return nullptr;
  return db.column(relation.oid, key->columns.front());
}

/// A unique index that ADD PRIMARY KEY USING INDEX takes, or would take if it carried no
/// constraint. Source: PostgreSQL manual, sql-altertable: ADD table_constraint_using_index.
const Index* key_candidate(const Snapshot& db, const Relation& relation) {
  for (const Index& index : db.indexes_of(relation.oid)) {
    const std::span<const std::int32_t> all = index.columns;
    const auto keys = all.first(std::min(all.size(), static_cast<std::size_t>(index.key_count)));
    const bool is_plain = index.is_unique && index.is_immediate && is_usable(index) &&
                          index.method == "btree" && index.predicate.empty() &&
                          index.expressions.empty() && !index.nulls_not_distinct;
    const auto fits = [&](std::int32_t number) {
      const Column* const column = db.column(relation.oid, number);
      return column != nullptr && column->not_null;
    };
    if (!is_plain || !std::ranges::all_of(keys, fits)) continue;
    const bool is_default =
        std::ranges::all_of(index.key_options, [](std::int32_t option) { return option == 0; }) &&
        std::ranges::none_of(index.operator_classes,
                             [](const std::string& name) { return name.ends_with("pattern_ops"); });
    if (is_default) return &index;
  }
  return nullptr;
}

Fix promote_index(const Snapshot& db, const Relation& relation, const Index& index) {
  const std::string table = catalog::qualified_name(relation);
  FreeNames names(db);
  const std::string key =
      postgres::quote_identifier(names.take(relation.schema, relation.name, "_pkey"));
  Fix fix{.safety = Safety::online, .phase = Phase::keys};
  if (index.constraint.empty()) {
    fix.sql = {fmt::format("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY USING INDEX {}", table,
                           key, postgres::quote_identifier(index.name))};
    fix.undo = {fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, key),
                build_concurrently(index.definition)};
    fix.note = "The index is renamed to the constraint's name; the lock is brief.";
    return fix;
  }
  const std::string columns = catalog::column_list(
      db, relation.oid, std::span(index.columns).first(static_cast<std::size_t>(index.key_count)));
  fix.sql = {
      fmt::format("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} ({})", key, table, columns),
      fmt::format("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY USING INDEX {}", table, key, key)};
  fix.undo = {fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, key)};
  const std::string unique = postgres::quote_identifier(index.constraint);
  if (!index.supports_foreign_key && !index.is_replica_identity) {
    fix.sql.push_back(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, unique));
    fix.undo.insert(fix.undo.begin(), fmt::format("ALTER TABLE {} ADD CONSTRAINT {} UNIQUE ({})",
                                                  table, unique, columns));
  }
  fix.note = "The index of a constraint cannot be handed to another, so a second one is built "
             "without blocking, and takes the place of the unique constraint.";
  return fix;
}

/// The columns of "RANGE (created_at)"; empty where one is an expression.
std::vector<std::string> partition_columns(const Snapshot& db, const Relation& relation) {
  const std::size_t open = relation.partition_key.find('(');
  const std::size_t close = relation.partition_key.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return {};
  std::vector<std::string> found;
  for (const std::string& part :
       base::split(relation.partition_key.substr(open + 1, close - open - 1), ',')) {
    const std::string_view item = base::trim(part);
    const auto columns = db.columns_of(relation);
    const auto is_it = [&](const Column& column) {
      const std::string quoted = postgres::quote_identifier(column.name);
      return item == quoted || (item.starts_with(quoted) && item[quoted.size()] == ' ');
    };
    const auto at = std::ranges::find_if(columns, is_it);
    if (at == columns.end()) return {};
    found.push_back(postgres::quote_identifier(at->name));
  }
  return found;
}

std::string free_column_name(const Snapshot& db, const Relation& relation) {
  const auto is_taken = [&](std::string_view name) {
    return std::ranges::any_of(db.columns_of(relation),
                               [&](const Column& column) { return column.name == name; });
  };
  std::string name = "id";
  for (int number = 1; is_taken(name); ++number)
    name = number == 1 ? "row_id" : fmt::format("row_id{}", number);
  return name;
}

Fix add_key_column(const Snapshot& db, const TableTree& tree, const Relation& relation) {
  const std::string table = catalog::qualified_name(relation);
  const std::string column = free_column_name(db, relation);
  Fix fix{.safety = Safety::blocks_all,
          .phase = Phase::keys,
          .undo = {fmt::format("ALTER TABLE {} DROP COLUMN {}", table, column)},
          .note =
              "Rewrites the table while reads and writes wait. If the columns at hand already "
              "name a row, make those the key instead. A subscriber needs the new column first."};
  if (relation.kind == "p") {
    std::vector<std::string> columns = partition_columns(db, relation);
    if (columns.empty()) {
      return Fix{.safety = Safety::manual,
                 .note =
                     "A primary key must hold the partition key, and this one is an "
                     "expression: give each partition a unique index, or partition by a column."};
    }
    columns.insert(columns.begin(), column);
    const bool has_identity = db.server.version >= kIdentityOnPartitioned;
    fix.sql = {
        fmt::format("ALTER TABLE {} ADD COLUMN {} {}", table, column,
                    has_identity ? "bigint GENERATED ALWAYS AS IDENTITY" : "bigserial"),
        fmt::format("ALTER TABLE {} ADD PRIMARY KEY ({})", table, base::join(columns, ", "))};
    return fix;
  }
  if (!tree.children(relation.oid).empty()) {
    return Fix{.safety = Safety::manual,
               .note = "Other tables inherit from it, and a key does not reach their rows: choose "
                       "partitions first (see table-inheritance)."};
  }
  fix.sql = {
      fmt::format("ALTER TABLE {} ADD COLUMN {} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                  table, column)};
  return fix;
}

/// Relations whose updates or deletes a publication sends, and their roots.
std::unordered_set<OidNumber> published(const Snapshot& db, const TableTree& tree) {
  std::unordered_set<OidNumber> found;
  for (const catalog::PublishedTable& table : db.published_tables) {
    const Relation* const relation =
        table.publishes_updates ? db.relation(table.relation) : nullptr;
    if (relation == nullptr) continue;
    found.insert(relation->oid);
    found.insert(tree.root(*relation).oid);
  }
  return found;
}

void missing_primary_key(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const TableTree tree(db);
  const std::unordered_set<OidNumber> sent = published(db, tree);
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation) ||
        primary_key(db, relation) != nullptr || relation.column_count == 0)
      continue;
    const bool breaks = sent.contains(relation.oid) &&
                        (relation.replica_identity == "d" || relation.replica_identity == "n");
    const Index* const index = relation.kind == "p" ? nullptr : key_candidate(db, relation);
    const auto rows = static_cast<std::int64_t>(std::max(0.0, tree.rows(relation)));
    std::string message = fmt::format("{} rows and no primary key", human_count(rows));
    if (index != nullptr)
      message += fmt::format("; the unique index {} can become it", index->name);
    if (breaks) message += "; it is published, so UPDATE and DELETE on it fail";
    out.add({.severity = breaks ? Severity::error : Severity::warning,
             .object = catalog::qualified_name(relation),
             .message = std::move(message),
             .evidence = Json{{"rows", rows},
                              {"replica_identity", relation.replica_identity},
                              {"is_published", sent.contains(relation.oid)},
                              {"unique_index", index == nullptr ? "" : index->name}},
             .fix = index != nullptr ? promote_index(db, relation, *index)
                                     : add_key_column(db, tree, relation)});
  }
}

void key_composite_wide(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation)) continue;
    const Constraint* const key = primary_key(db, relation);
    if (key == nullptr || key->columns.size() <= kKeyColumnsMax) continue;
    out.add({.object = catalog::qualified_name(relation),
             .message = fmt::format("the primary key has {} columns, and every table that points "
                                    "here must repeat them",
                                    key->columns.size()),
             .evidence = Json{{"columns", catalog::column_list(db, relation.oid, key->columns)}},
             .fix = Fix{.safety = Safety::manual,
                        .note = "Whether a surrogate key pays depends on the statements that join "
                                "here: add one and keep these columns unique."}});
  }
}

void key_varchar(const Snapshot& db, const Limits& limits, Sink& out) {
  const TableTree tree(db);
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation)) continue;
    const Column* const column = single_key(db, relation);
    // A short list of codes is what a text key is good for.
    if (column == nullptr || !is_text(column->base_type) ||
        tree.rows(relation) < static_cast<double>(limits.small_table_rows))
      continue;
    out.add(
        {.object = catalog::column_object(relation, *column),
         .message =
             fmt::format("the primary key of {} rows is {}",
                         human_count(static_cast<std::int64_t>(tree.rows(relation))), column->type),
         .evidence = Json{{"type", column->type},
                          {"average_width", column->average_width},
                          {"rows", tree.rows(relation)}},
         .fix = Fix{.safety = Safety::manual,
                    .note = "Every table and statement that uses the key changes with it: add "
                            "a bigint identity key, move the references, keep the text unique."}});
  }
}

void uuid_v4_key(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const TableTree tree(db);
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation)) continue;
    const Column* const column = single_key(db, relation);
    if (column == nullptr || column->base_type != "uuid" || tree.rows(relation) < kRandomKeyRows)
      continue;
    const std::string& made_by = column->default_expression;
    if (made_by.find("gen_random_uuid") == std::string::npos &&
        made_by.find("uuid_generate_v4") == std::string::npos)
      continue;
    const std::string alter =
        fmt::format("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT ",
                    catalog::qualified_name(relation), postgres::quote_identifier(column->name));
    Fix fix{.safety = Safety::manual,
            .note = "This server has no function for time-ordered keys: let the application make "
                    "UUIDs of version 7, or move to PostgreSQL 18, which has uuidv7()."};
    if (db.server.version >= kUuidV7) {
      fix = {.safety = Safety::online,
             .phase = Phase::keys,
             .sql = {alter + "uuidv7()"},
             .undo = {alter + made_by},
             .note = "New keys tell when their row was made; old rows keep theirs."};
    }
    out.add({.object = catalog::column_object(relation, *column),
             .message = fmt::format("{} rows with random keys: each insert lands on another page "
                                    "of the index",
                                    human_count(static_cast<std::int64_t>(tree.rows(relation)))),
             .evidence = Json{{"default", made_by}, {"rows", tree.rows(relation)}},
             .fix = std::move(fix)});
  }
}

/// How much of its type's range a key has used; -1 = unknown.
double used_share(const Sequence& sequence, std::int64_t maximum) {
  if (!sequence.has_last_value || maximum <= 0) return sequence.may_read ? 0 : -1;
  return static_cast<double>(sequence.last_value) / static_cast<double>(maximum);
}

void int_key(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const KeyGroups groups(db);
  for (const Sequence& sequence : db.sequences) {
    const Relation* const relation = db.relation(sequence.relation);
    if (relation == nullptr || is_judged_at_parent(*relation)) continue;
    const Column* const column = single_key(db, *relation);
    const std::int64_t maximum = column == nullptr ? 0 : integer_maximum(column->base_type);
    const bool is_narrow = maximum > 0 && maximum <= std::numeric_limits<std::int32_t>::max();
    if (!is_narrow || column->number != sequence.column) continue;
    const double share = used_share(sequence, maximum);
    if (share >= kOverflowShare) continue;
    const std::string used =
        share < 0 ? "its use could not be read" : fmt::format("{} used", human_percent(share));
    out.add({.object = catalog::column_object(*relation, *column),
             .message = fmt::format("a growing key of type {} ends at {} ({})", column->type,
                                    human_count(maximum), used),
             .evidence = Json{{"type", column->type},
                              {"maximum", maximum},
                              {"last_value", sequence.last_value},
                              {"sequence", catalog::qualified_name(sequence)}},
             .fix = change_type(db, groups, *column,
                                {.type = "bigint",
                                 .note = "Rewrites the table and those that reference it; cheap "
                                         "while they are small, an outage later."})});
  }
}

constexpr Rule kKeyRules[] = {
    {.id = "missing-primary-key",
     .aliases = "no-primary-key",
     .title = "Table without a primary key",
     .why = "No row can be named: duplicates cannot be told apart or removed, logical replication "
            "cannot update or delete, and no foreign key can point here.",
     .how =
         "Make an existing unique index over NOT NULL columns the key, or add an identity column.",
     .source = "PostgreSQL manual, ddl-constraints: Primary Keys; logical-replication-publication",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns | Facts::constraints | Facts::indexes |
              Facts::publications,
     .judge = missing_primary_key},
    {.id = "key-composite-wide",
     .title = "Primary key of many columns",
     .why = "Every referencing table repeats all of them, and every index entry is wide.",
     .how = "Add a surrogate key and keep the natural one unique.",
     .source = "pglinter; pgkeep: more than three columns",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns | Facts::constraints,
     .judge = key_composite_wide},
    {.id = "key-varchar",
     .title = "Text as the primary key of a growing table",
     .why = "The text is repeated in every referencing row and index, compares slowly, and changes "
            "when the world does.",
     .how = "A bigint identity or uuid key; the text stays unique beside it.",
     .source = "pg-index-health: primary keys with varchar",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns | Facts::constraints,
     .judge = key_varchar},
    {.id = "uuid-v4-key",
     .title = "Random UUIDs as the key of a large table",
     .why = "Each insert touches another page of the index: more full-page writes, more memory, "
            "slower inserts than with ordered keys.",
     .how = "Time-ordered UUIDs: uuidv7() from PostgreSQL 18, or made by the application.",
     .source = "PostgreSQL manual, functions-uuid; pgkeep: from 1,000,000 rows",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns | Facts::constraints,
     .judge = uuid_v4_key},
    {.id = "int-key",
     .aliases = "int-primary-key-growing smallint",
     .title = "Growing key of a type that ends",
     .why = "When the last number is given out every insert fails, and widening a big table then "
            "is an outage.",
     .how = "bigint for the key and every column that references it, while the tables are small.",
     .source = "PostgreSQL manual, datatype-numeric; schemalint; squawk: prefer-bigint-over-int",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns | Facts::constraints | Facts::sequences,
     .judge = int_key},
    {.id = "table-inheritance",
     .title = "Table inheritance",
     .why = "Keys, unique constraints and foreign keys of the parent do not hold for the children.",
     .how = "Declarative partitions, or a foreign key.",
     .source = "PostgreSQL manual, ddl-inherit: Caveats; PostgreSQL wiki, Don't Do This",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations,
     .judge = table_inheritance},
    {.id = "table-without-columns",
     .title = "Table without columns",
     .why = "It holds nothing; somebody forgot it.",
     .how = "Drop it.",
     .source = "pg-index-health: empty tables",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns,
     .judge = table_without_columns},
    {.id = "too-many-columns",
     .title = "Table of more than 100 columns",
     .why = "Each update copies the whole row, and few statements need all of it.",
     .how = "Split off what is read or written apart.",
     .source = "Atlas PG110; pg-index-health",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns,
     .judge = too_many_columns},
    {.id = "identifier-too-long",
     .aliases = "name-truncated",
     .title = "Name that the server has probably cut",
     .why = "Names end after 63 bytes without a word: two long names can become one, and code "
            "looks for a name that is not there.",
     .how = "Choose a shorter name.",
     .source = "PostgreSQL manual, sql-syntax-lexical: Identifiers and Key Words",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns,
     .judge = identifier_too_long},
    {.id = "unlogged-in-production",
     .aliases = "unlogged-table",
     .title = "Unlogged table",
     .why = "A crash empties it, and neither a replica nor a physical backup has its rows.",
     .how = "SET LOGGED; leave only what can be made again.",
     .source = "PostgreSQL manual, sql-createtable: UNLOGGED",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = Facts::relations | Facts::constraints,
     .judge = unlogged_in_production},
    {.id = "column-order-padding",
     .aliases = "column-padding",
     .title = "Space lost between columns",
     .why = "Each fixed-width value starts at a multiple of its size: in a bad order the gaps are "
            "read, cached and backed up as well.",
     .how = "Wide fixed types first and text last, at the next rewrite.",
     .source = "postgres_dba, p1 alignment padding; PostgreSQL manual, storage-page-layout",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns | Facts::column_stats,
     .judge = column_order_padding},
};

} // namespace

const std::span<const Rule> key_rules{kKeyRules};

} // namespace pgkeep::audit
