// Constraints that do not hold, hold twice, or are missing where the names promise them.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "audit/families.h"
#include "audit/rules/index_shape.h"
#include "audit/rules/missing_checks.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::Constraint;
using catalog::Index;
using catalog::OidNumber;
using catalog::Relation;
using catalog::Trigger;

constexpr int kNullsNotDistinct = 150'000;

std::string constraint_object(const Relation& relation, const std::string& name) {
  return catalog::qualified_name(relation) + "." + postgres::quote_identifier(name);
}

std::string_view kind_of(const Constraint& constraint) {
  if (constraint.type == "f") return "foreign key";
  return constraint.type == "n" ? "NOT NULL" : "CHECK";
}

/// Domains: their constraints have no table, and the Snapshot has no names for them.
void add_domains(const Snapshot& db, Sink& out) {
  for (const catalog::UserType& type : db.types) {
    if (type.kind != "d" || !type.has_unvalidated_constraint) continue;
    const std::string name = postgres::quote_qualified(type.schema, type.name);
    const std::string validate = fmt::format(
        "DO $do$ DECLARE c name; BEGIN FOR c IN SELECT conname FROM pg_catalog.pg_constraint WHERE "
        "contypid = {}::pg_catalog.regtype AND NOT convalidated LOOP EXECUTE pg_catalog.format("
        "'ALTER DOMAIN %s VALIDATE CONSTRAINT %I', {}, c); END LOOP; END $do$",
        postgres::quote_literal(name), postgres::quote_literal(name));
    out.add(
        {.object = name,
         .message = "a constraint of this domain was never checked against the rows that are there",
         .evidence = Json{{"domain", name}},
         .fix = Fix{.safety = Safety::blocks_writes,
                    .phase = Phase::keys,
                    .sql = {validate},
                    .note = "Reads every table that uses the domain while writes to them wait; "
                            "fails and changes nothing when a value breaks it."}});
  }
}

void constraint_not_valid(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const TableTree tree(db);
  for (const Constraint& constraint : db.constraints) {
    if (constraint.is_validated || !constraint.is_enforced || constraint.is_inherited) continue;
    const Relation* const relation = db.relation(constraint.relation);
    if (relation == nullptr) continue;
    const auto rows = static_cast<std::int64_t>(std::max(0.0, tree.rows(*relation)));
    const std::string name = postgres::quote_identifier(constraint.name);
    out.add(
        {.object = constraint_object(*relation, constraint.name),
         .message = fmt::format("this {} was never checked against the {} rows that were there "
                                "before it",
                                kind_of(constraint), human_count(rows)),
         .evidence = Json{{"definition", constraint.definition}, {"rows", rows}},
         .fix = Fix{.safety = Safety::online,
                    .phase = Phase::keys,
                    .sql = {fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}",
                                        catalog::qualified_name(*relation), name)},
                    .note = "Reads the table beside reads and writes; fails and changes nothing "
                            "when a row breaks the constraint: mend the row first."}});
  }
  add_domains(db, out);
}

/// What is disabled on one table: a trigger of one's own, or the triggers of one foreign key.
struct Disabled {
  std::vector<std::string> triggers;
  std::string constraint;
  std::string function;
};

using DisabledByName = std::map<std::string, Disabled>;

std::unordered_map<OidNumber, DisabledByName> disabled_triggers(const Snapshot& db) {
  std::unordered_map<OidNumber, DisabledByName> found;
  for (const Trigger& trigger : db.triggers) {
    if (trigger.enabled != "D") continue;
    const std::string key = trigger.is_internal && !trigger.constraint.empty()
                                ? "constraint " + trigger.constraint
                                : trigger.name;
    Disabled& entry = found[trigger.relation][key];
    entry.triggers.push_back(trigger.name);
    entry.constraint = trigger.is_internal ? trigger.constraint : "";
    entry.function = trigger.function;
  }
  return found;
}

void add_disabled(const Relation& relation, const Disabled& disabled, Sink& out) {
  const std::string table = catalog::qualified_name(relation);
  Fix fix{.safety = Safety::online, .phase = Phase::repair};
  for (const std::string& name : disabled.triggers) {
    const std::string quoted = postgres::quote_identifier(name);
    fix.sql.push_back(fmt::format("ALTER TABLE {} ENABLE TRIGGER {}", table, quoted));
    fix.undo.push_back(fmt::format("ALTER TABLE {} DISABLE TRIGGER {}", table, quoted));
  }
  const bool is_foreign_key = !disabled.constraint.empty();
  fix.note = is_foreign_key
                 ? "Needs a superuser. Rows that came in meanwhile are not checked by it: look for "
                   "orphans, or drop the foreign key and add it again."
                 : "What the trigger should have done meanwhile is not made up for.";
  std::string message = "is disabled: what it guards or records happens no more";
  if (is_foreign_key) {
    message = fmt::format("the foreign key {} is not checked on this table: its triggers are "
                          "disabled",
                          disabled.constraint);
  }
  out.add({.object = constraint_object(relation, is_foreign_key ? disabled.constraint
                                                                : disabled.triggers.front()),
           .message = std::move(message),
           .evidence = Json{{"triggers", Json::list(disabled.triggers)},
                            {"function", disabled.function},
                            {"constraint", disabled.constraint}},
           .fix = std::move(fix)});
}

void add_replica_roles(const Snapshot& db, Sink& out) {
  for (const catalog::RoleSetting& setting : db.role_settings) {
    if (setting.name != "session_replication_role" || setting.value != "replica") continue;
    const bool is_role = !setting.role.empty();
    std::string target = is_role ? "ROLE " + postgres::quote_identifier(setting.role)
                                 : "DATABASE " + postgres::quote_identifier(setting.database);
    if (is_role && !setting.database.empty())
      target += " IN DATABASE " + postgres::quote_identifier(setting.database);
    out.add({.object = is_role ? "role " + setting.role : "database " + setting.database,
             .message = "every session of it runs as a replica: no trigger fires and no foreign "
                        "key is checked",
             .evidence = Json{{"role", setting.role},
                              {"database", setting.database},
                              {"session_replication_role", setting.value}},
             .fix = Fix{
                 .safety = Safety::online,
                 .phase = Phase::repair,
                 .sql = {fmt::format("ALTER {} RESET session_replication_role", target)},
                 .undo = {fmt::format("ALTER {} SET session_replication_role = 'replica'", target)},
                 .note = "New sessions get it; sessions that are open keep what they have."}});
  }
}

void trigger_disabled(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const auto found = disabled_triggers(db);
  for (const Relation& relation : db.relations) {
    const auto here = found.find(relation.oid);
    if (here == found.end()) continue;
    const auto above = relation.is_partition ? found.find(relation.parent) : found.end();
    for (const auto& [name, disabled] : here->second) {
      // ENABLE TRIGGER on the parent reaches the partitions' copies.
      if (above != found.end() && above->second.contains(name)) continue;
      add_disabled(relation, disabled, out);
    }
  }
  add_replica_roles(db, out);
}

int rank_of(const Snapshot& db, const Constraint& constraint) {
  const Index* const index = db.index(constraint.index);
  int rank = constraint.type == "p" ? 8 : 0;
  if (index != nullptr && index->supports_foreign_key) rank += 4;
  if (index != nullptr && index->is_replica_identity) rank += 2;
  return rank + (constraint.is_validated ? 1 : 0);
}

/// What two constraints share when one is enough.
std::string meaning_of(const Snapshot& db, const Constraint& constraint) {
  if (constraint.type == "c") return "c|" + constraint.definition;
  const Index* const index = db.index(constraint.index);
  if (index == nullptr) return {};
  if (constraint.type == "x") return "x|" + constraint.definition;
  if (constraint.type != "p" && constraint.type != "u") return {};
  const bool lets_nulls_repeat = !index->nulls_not_distinct &&
                                 std::ranges::any_of(constraint.columns, [&](std::int32_t number) {
                                   const Column* const column =
                                       db.column(constraint.relation, number);
                                   return column != nullptr && !column->not_null;
                                 });
  return fmt::format("u|{}|{}|{}", shape_of(*index), constraint.is_deferrable, lets_nulls_repeat);
}

void add_duplicate(const Snapshot& db, const Relation& relation, const Constraint& other,
                   const Constraint& kept, Sink& out) {
  const std::string table = catalog::qualified_name(relation);
  const std::string name = postgres::quote_identifier(other.name);
  const Index* const index = db.index(other.index);
  const bool has_index = index != nullptr && other.type != "c";
  out.add({.severity = has_index ? Severity::warning : Severity::info,
           .object = constraint_object(relation, other.name),
           .message = has_index ? fmt::format("says the same as {} and keeps a second index of {}",
                                              kept.name, human_bytes(index->size_bytes))
                                : fmt::format("says the same as {}: every row is checked twice",
                                              kept.name),
           .evidence = Json{{"kept", kept.name},
                            {"definition", other.definition},
                            {"index_bytes", has_index ? index->size_bytes : 0}},
           .fix = Fix{.safety = Safety::online,
                      .phase = Phase::keys,
                      .sql = {fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, name)},
                      .undo = {fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", table, name,
                                           other.definition)}}});
}

void duplicate_constraint(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    std::map<std::string, std::vector<const Constraint*>> same;
    for (const Constraint& each : db.constraints_of(relation.oid)) {
      if (each.is_inherited) continue;
      const std::string meaning = meaning_of(db, each);
      if (!meaning.empty()) same[meaning].push_back(&each);
    }
    for (auto& [meaning, group] : same) {
      if (group.size() < 2) continue;
      std::ranges::stable_sort(group, [&](const Constraint* left, const Constraint* right) {
        const int a = rank_of(db, *left);
        const int b = rank_of(db, *right);
        return a != b ? a > b : left->oid < right->oid;
      });
      for (std::size_t i = 1; i < group.size(); ++i) {
        const Index* const index = db.index(group[i]->index);
        const bool is_used =
            group[i]->type == "p" || (index != nullptr && group[i]->type != "c" &&
                                      (index->supports_foreign_key || index->is_replica_identity));
        if (!is_used) add_duplicate(db, relation, *group[i], *group.front(), out);
      }
    }
  }
}

/// The columns of the index's key, or none where one is an expression.
std::vector<const Column*> key_columns(const Snapshot& db, const Index& index) {
  std::vector<const Column*> columns;
  for (std::size_t i = 0; i < index.columns.size() && std::cmp_less(i, index.key_count); ++i) {
    const Column* const column = db.column(index.relation, index.columns[i]);
    if (column == nullptr) return {};
    columns.push_back(column);
  }
  return columns;
}

std::string names_of(const std::vector<const Column*>& columns) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const Column* const column : columns)
    names.push_back(postgres::quote_identifier(column->name));
  return base::join(names, ", ");
}

bool is_full_unique(const Index& index) {
  return index.is_unique && !index.is_primary && index.predicate.empty() &&
         index.expressions.empty() && is_usable(index) && !index.is_partition;
}

void unique_nullable(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Index& index : db.indexes) {
    const Relation* const relation = db.relation(index.relation);
    if (relation == nullptr || !is_full_unique(index) || index.nulls_not_distinct) continue;
    const std::vector<const Column*> columns = key_columns(db, index);
    const auto nullable =
        std::ranges::find_if(columns, [](const Column* column) { return !column->not_null; });
    // A single nullable column is what "unique where given" is written as.
    if (columns.size() < 2 || nullable == columns.end()) continue;
    std::vector<std::string> sql;
    if (db.server.version >= kNullsNotDistinct) {
      sql.push_back(fmt::format("CREATE UNIQUE INDEX CONCURRENTLY ON {} ({}) NULLS NOT DISTINCT",
                                catalog::qualified_name(*relation), names_of(columns)));
    }
    out.add(
        {.object = catalog::qualified_name(index),
         .message = fmt::format("({}) is unique, but {} may be NULL, and such rows repeat freely",
                                names_of(columns), (*nullable)->name),
         .evidence = Json{{"definition", index.definition}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::keys,
                    .sql = std::move(sql),
                    .note = "Whether two rows without a value are the same is a decision: set "
                            "the column NOT NULL, or build the index NULLS NOT DISTINCT "
                            "(PostgreSQL 15), after the repeated rows are mended."}});
  }
}

const Column* deletion_mark(const Snapshot& db, const Relation& relation) {
  for (const Column& column : db.columns_of(relation)) {
    const bool is_time = is_one_of(column.base_type, {"timestamptz", "timestamp", "date"});
    if (is_time && catalog::names_deletion_mark(column.name) && !column.not_null) return &column;
  }
  return nullptr;
}

void soft_delete_unique(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    const Column* const mark = relation.is_table() && !is_judged_at_parent(relation)
                                   ? deletion_mark(db, relation)
                                   : nullptr;
    if (mark == nullptr) continue;
    for (const Index& index : db.indexes_of(relation.oid)) {
      const std::vector<const Column*> columns = key_columns(db, index);
      if (!is_full_unique(index) || index.supports_foreign_key || columns.empty() ||
          std::ranges::find(columns, mark) != columns.end())
        continue;
      out.add(
          {.object = catalog::qualified_name(index),
           .message = fmt::format("a row marked in {} keeps its ({}), so nobody can use it again",
                                  mark->name, names_of(columns)),
           .evidence = Json{{"definition", index.definition}, {"mark", mark->name}},
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::keys,
                      .sql = {fmt::format("CREATE UNIQUE INDEX CONCURRENTLY ON {} ({}) WHERE {} "
                                          "IS NULL",
                                          catalog::qualified_name(relation), names_of(columns),
                                          postgres::quote_identifier(mark->name))},
                      .note = "Whether a deleted row still owns its value is a decision, and "
                              "ON CONFLICT must name the new condition: build the partial "
                              "index, adapt the statements, drop the full one."}});
    }
  }
}

constexpr Facts kKeyFacts = Facts::relations | Facts::columns | Facts::constraints;

constexpr Rule kConstraintRules[] = {
    {.id = "constraint-not-valid",
     .aliases = "foreign-key-not-valid",
     .title = "Constraint that was never validated",
     .why = "Old rows may break it, so nothing can rely on it, and the planner does not.",
     .how = "VALIDATE CONSTRAINT: it reads the table beside reads and writes.",
     .source = "PostgreSQL manual, sql-altertable: VALIDATE CONSTRAINT",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = Facts::relations | Facts::constraints,
     .judge = constraint_not_valid},
    {.id = "trigger-disabled",
     .title = "Disabled trigger",
     .why = "What it guards or records happens no more; a disabled foreign key lets orphans in.",
     .how = "ENABLE TRIGGER, then look at what came in meanwhile.",
     .source = "PostgreSQL manual, sql-altertable: DISABLE/ENABLE TRIGGER; check_postgres "
               "disabled_triggers",
     .severity = Severity::error,
     .area = Area::schema,
     .needs = Facts::relations | Facts::triggers | Facts::roles,
     .judge = trigger_disabled},
    {.id = "duplicate-constraint",
     .title = "Two constraints that say the same",
     .why = "Each write is checked twice, and unique ones keep two indexes.",
     .how = "Drop the one that no foreign key uses.",
     .source = "pgrubic; PostgreSQL manual, ddl-constraints",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = kKeyFacts | Facts::indexes,
     .judge = duplicate_constraint},
    {.id = "unique-nullable",
     .title = "Unique over columns that may be NULL",
     .why = "NULLs are never equal, so rows that look the same repeat.",
     .how = "NOT NULL, or NULLS NOT DISTINCT (PostgreSQL 15).",
     .source = "PostgreSQL manual, ddl-constraints: Unique Constraints",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns | Facts::indexes,
     .judge = unique_nullable},
    {.id = "soft-delete-unique",
     .title = "Full unique index beside a deletion mark",
     .why = "A deleted row keeps its name or address, and nobody can use it again.",
     .how = "A partial unique index over the rows that are not deleted.",
     .source = "PostgreSQL manual, indexes-partial",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns | Facts::indexes,
     .judge = soft_delete_unique},
    {.id = "status-without-check",
     .title = "Column of states without a list of them",
     .why = "A misspelt state comes in and no statement finds the row again.",
     .how = "CHECK (x IN (...)), or a lookup table.",
     .source = "PostgreSQL manual, ddl-constraints: Check Constraints",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = kKeyFacts,
     .judge = status_without_check},
    {.id = "check-missing-range",
     .title = "Two ends of a range that nothing compares",
     .why = "An end before its start makes every report over the range wrong.",
     .how = "CHECK (low <= high), or a range type with EXCLUDE.",
     .source = "PostgreSQL manual, ddl-constraints: Check Constraints; rangetypes",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = kKeyFacts,
     .judge = check_missing_range},
};

} // namespace

const std::span<const Rule> constraint_rules{kConstraintRules};

} // namespace pgkeep::audit
