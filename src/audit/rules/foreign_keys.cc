// Foreign keys: what they cost when nobody indexes them, and where two of them, or none, say the
// same.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "audit/families.h"
#include "audit/rules/index_shape.h"
#include "audit/rules/reference_names.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"
#include "audit/rules/type_change.h"

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::Constraint;
using catalog::Index;
using catalog::OidNumber;
using catalog::Relation;

constexpr double kCascadeRows = 1'000'000;
constexpr int kCascadeChain = 3;
constexpr int kCascadeDepthMax = 4; // Deeper chains are as bad, and cycles must end.

bool is_own_foreign_key(const Constraint& constraint) {
  return constraint.type == "f" && !constraint.is_inherited;
}

bool acts_on_rows(const std::string& action) {
  return action == "c" || action == "n" || action == "d";
}

std::string key_object(const Snapshot& db, const Constraint& key) {
  const Relation* const relation = db.relation(key.relation);
  if (relation == nullptr) return key.name;
  if (key.columns.size() == 1) {
    if (const Column* const column = db.column(key.relation, key.columns.front()))
      return catalog::column_object(*relation, *column);
  }
  return fmt::format("{} ({})", catalog::qualified_name(*relation),
                     catalog::column_list(db, key.relation, key.columns));
}

std::string constraint_object(const Snapshot& db, const Constraint& key) {
  const Relation* const relation = db.relation(key.relation);
  return (relation == nullptr ? "" : catalog::qualified_name(*relation) + ".") +
         postgres::quote_identifier(key.name);
}

std::string target_name(const Snapshot& db, const Constraint& key) {
  const Relation* const target = db.relation(key.target);
  return target == nullptr ? "another table" : catalog::qualified_name(*target);
}

/// Whether rows of the parent are deleted or re-keyed, as far as the counters tell.
bool parent_changes(const TableTree& tree, const Relation& parent) {
  for (const Relation* const leaf : tree.leaves(parent)) {
    if (leaf->deleted < 0 || leaf->updated < 0) return true; // Not known: better said than silent.
    if (leaf->deleted + leaf->updated > 0) return true;
  }
  return false;
}

/// An invalid index that would do once it is rebuilt.
const Index* broken_index_for(const Snapshot& db, const Constraint& key) {
  for (const Index& index : db.indexes_of(key.relation)) {
    Index mended = index;
    mended.is_valid = mended.is_ready = true;
    const bool is_leftover = index.name.find("_ccnew") != std::string::npos ||
                             index.name.find("_ccold") != std::string::npos;
    if (!is_usable(index) && !is_leftover && !index.is_partitioned && index.is_live &&
        answers_equality(db, mended, key.columns))
      return &index;
  }
  return nullptr;
}

/// The foreign keys of one table that no index serves, the widest first.
std::vector<const Constraint*> unserved(const Snapshot& db, const TableTree& tree,
                                        const Relation& relation) {
  std::vector<const Constraint*> keys;
  for (const Constraint& key : db.constraints_of(relation.oid)) {
    // Two keys over the same columns need one index: said once.
    const bool is_known = std::ranges::any_of(
        keys, [&](const Constraint* other) { return other->columns == key.columns; });
    if (is_own_foreign_key(key) && !is_known && !has_index_for(db, tree, relation, key.columns))
      keys.push_back(&key);
  }
  std::ranges::stable_sort(keys, [](const Constraint* left, const Constraint* right) {
    return left->columns.size() > right->columns.size();
  });
  return keys;
}

/// Indexes that this report already asks for, on one table.
struct Planned {
  std::vector<std::int32_t> columns;
  Fix fix;
};

Fix index_for(const Snapshot& db, const TableTree& tree, std::optional<FreeNames>& names,
              const Relation& relation, const Constraint& key, std::vector<Planned>& planned) {
  if (const Index* const broken = broken_index_for(db, key)) {
    return Fix{.safety = Safety::online,
               .phase = Phase::index_build,
               .sql = {"REINDEX INDEX CONCURRENTLY " + catalog::qualified_name(*broken)},
               .note = "The index is there and invalid: rebuilt, it serves."};
  }
  for (const Planned& each : planned) {
    const auto lead = std::span(each.columns).first(key.columns.size());
    const bool serves = std::ranges::all_of(key.columns, [&](std::int32_t column) {
      return std::ranges::find(lead, column) != lead.end();
    });
    if (serves) return each.fix;
  }
  if (!names) names.emplace(db);
  planned.push_back({key.columns, build_index_fix(db, tree, *names, relation, key.columns)});
  return planned.back().fix;
}

void foreign_key_without_index(const Snapshot& db, const Limits& limits, Sink& out) {
  const TableTree tree(db);
  std::optional<FreeNames> names;
  for (const Relation& relation : db.relations) {
    if (!relation.is_table()) continue;
    std::vector<Planned> planned;
    for (const Constraint* const key : unserved(db, tree, relation)) {
      const Relation* const parent = db.relation(key->target);
      const double rows = tree.rows(relation);
      const bool is_small = rows < static_cast<double>(limits.small_table_rows);
      const bool acts = acts_on_rows(key->on_delete) || acts_on_rows(key->on_update);
      const bool changes = parent == nullptr || acts || parent_changes(tree, *parent);
      const auto count = static_cast<std::int64_t>(std::max(0.0, rows));
      out.add({.severity = is_small || !changes ? Severity::info : Severity::warning,
               .object = key_object(db, *key),
               .message = fmt::format(
                   "no index on ({}): each row deleted from {} reads all {} rows of {}",
                   catalog::column_list(db, relation.oid, key->columns), target_name(db, *key),
                   human_count(count), catalog::qualified_name(relation)),
               .evidence = Json{{"constraint", key->name},
                                {"rows", count},
                                {"parent", target_name(db, *key)},
                                {"parent_deletes", parent == nullptr ? -1 : parent->deleted},
                                {"parent_updates", parent == nullptr ? -1 : parent->updated},
                                {"on_delete", key->on_delete}},
               .fix = index_for(db, tree, names, relation, *key, planned)});
    }
  }
}

/// Of the types in a group of joined columns, the one that holds the values of all.
std::string widest_type(const std::vector<const Column*>& group) {
  const Column* widest = group.front();
  for (const Column* const column : group) {
    if (is_integer(column->base_type) && is_integer(widest->base_type)) {
      if (integer_maximum(column->base_type) > integer_maximum(widest->base_type)) widest = column;
      continue;
    }
    const auto unlimited = [](const Column& each) {
      return each.base_type == "text" || each.type_modifier < 0;
    };
    if (unlimited(*widest)) continue;
    if (unlimited(*column) || column->type_modifier > widest->type_modifier) widest = column;
  }
  return widest->type_kind == "d" || widest->base_type == "bpchar" ? std::string("text")
                                                                   : widest->type;
}

struct Mismatch {
  std::string what;
  Severity severity = Severity::warning;
};

std::optional<Mismatch> mismatch(const Column& from, const Column& to) {
  if (is_text(from.base_type) && is_text(to.base_type)) {
    if ((from.base_type == "bpchar") != (to.base_type == "bpchar"))
      return Mismatch{"trailing blanks count in one and not in the other", Severity::warning};
    const bool is_shorter =
        from.type_modifier >= 0 && (to.type_modifier < 0 || from.type_modifier < to.type_modifier);
    if (is_shorter) return Mismatch{"longer keys cannot be referenced", Severity::warning};
    if (from.collation != to.collation)
      return Mismatch{"their collations differ, so the key's index may not serve", Severity::info};
    return std::nullopt; // text and varchar compare alike; a longer referencing column harms
                         // nobody.
  }
  if (from.base_type == to.base_type) return std::nullopt;
  const std::int64_t here = integer_maximum(from.base_type);
  const std::int64_t there = integer_maximum(to.base_type);
  if (here != 0 && there != 0 && here < there)
    return Mismatch{fmt::format("keys above {} cannot be referenced", human_count(here)),
                    Severity::warning};
  return Mismatch{"each check compares two types", Severity::warning};
}

Fix mismatch_fix(const Snapshot& db, const KeyGroups& groups, const Column& from,
                 const Column& to) {
  const std::vector<const Column*> group = groups.group(from);
  const bool are_integers =
      std::ranges::all_of(group, [](const Column* each) { return is_integer(each->base_type); });
  const bool are_texts =
      std::ranges::all_of(group, [](const Column* each) { return is_text(each->base_type); });
  if ((!are_integers && !are_texts) || from.collation != to.collation) {
    return Fix{.safety = Safety::manual,
               .phase = Phase::types,
               .note = "Which of the two types is right, and whether every value fits it, no "
                       "statement knows: decide, then change the other in one transaction with "
                       "the constraint dropped and added again."};
  }
  return change_type(db, groups, from,
                     {.type = widest_type(group),
                      .note = "Every column that a foreign key joins to it gets the widest type "
                              "among them."});
}

void foreign_key_type_mismatch(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  std::optional<KeyGroups> groups;
  for (const Constraint& key : db.constraints) {
    if (!is_own_foreign_key(key)) continue;
    for (std::size_t i = 0; i < key.columns.size() && i < key.target_columns.size(); ++i) {
      const Relation* const relation = db.relation(key.relation);
      const Relation* const target = db.relation(key.target);
      const Column* const from = db.column(key.relation, key.columns[i]);
      const Column* const to = db.column(key.target, key.target_columns[i]);
      if (relation == nullptr || target == nullptr || from == nullptr || to == nullptr) continue;
      const auto found = mismatch(*from, *to);
      if (!found) continue;
      if (!groups) groups.emplace(db);
      out.add({.severity = found->severity,
               .object = catalog::column_object(*relation, *from),
               .message = fmt::format("is {}, the key {} that it references is {}: {}", from->type,
                                      catalog::column_object(*target, *to), to->type, found->what),
               .evidence = Json{{"constraint", key.name},
                                {"type", from->type},
                                {"key_type", to->type},
                                {"collation", from->collation},
                                {"key_collation", to->collation}},
               .fix = mismatch_fix(db, *groups, *from, *to)});
    }
  }
}

using Pairs = std::map<std::int32_t, std::int32_t>; // Column -> referenced column.

Pairs pairs_of(const Constraint& key) {
  Pairs pairs;
  for (std::size_t i = 0; i < key.columns.size() && i < key.target_columns.size(); ++i)
    pairs[key.columns[i]] = key.target_columns[i];
  return pairs;
}

bool same_actions(const Constraint& left, const Constraint& right) {
  return left.on_delete == right.on_delete && left.on_update == right.on_update;
}

Fix drop_foreign_key(const Snapshot& db, const Constraint& key, const Constraint& kept) {
  const Relation* const relation = db.relation(key.relation);
  const std::string table = relation == nullptr ? "" : catalog::qualified_name(*relation);
  const std::string name = postgres::quote_identifier(key.name);
  Fix fix{.safety = Safety::online,
          .phase = Phase::keys,
          .sql = {fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, name)}};
  const std::string add =
      fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", table, name, key.definition);
  const bool is_partitioned = relation != nullptr && relation->kind == "p";
  if (is_partitioned || key.definition.ends_with("NOT VALID")) {
    fix.undo = {add};
  } else {
    fix.undo = {add + " NOT VALID",
                fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, name)};
  }
  if (!same_actions(key, kept)) {
    fix.safety = Safety::manual;
    fix.note = "The two act differently when a parent row goes, so which one is meant is a "
               "decision; this statement drops the younger.";
  }
  return fix;
}

/// The one to keep: valid before not valid, then the older.
bool is_better(const Constraint& left, const Constraint& right) {
  if (left.is_validated != right.is_validated) return left.is_validated;
  return left.oid < right.oid;
}

using Reported = std::set<OidNumber>; // Each key is said once, however many are like it.

void judge_pair(const Snapshot& db, const Constraint& left, const Constraint& right,
                bool want_equal, Reported& reported, Sink& out) {
  const Pairs a = pairs_of(left);
  const Pairs b = pairs_of(right);
  const bool is_equal = a == b;
  if (is_equal != want_equal || left.target != right.target) return;
  if (is_equal) {
    const Constraint& kept = is_better(left, right) ? left : right;
    const Constraint& other = &kept == &left ? right : left;
    if (!reported.insert(other.oid).second) return;
    out.add({.object = constraint_object(db, other),
             .message = fmt::format("says the same as {}: every write is checked twice", kept.name),
             .evidence = Json{{"kept", kept.name}, {"definition", other.definition}},
             .fix = drop_foreign_key(db, other, kept)});
    return;
  }
  const Constraint& small = a.size() < b.size() ? left : right;
  const Pairs& inner = a.size() < b.size() ? a : b;
  const Pairs& outer = a.size() < b.size() ? b : a;
  const Constraint& large = &small == &left ? right : left;
  const bool is_inside = inner.size() < outer.size() &&
                         std::ranges::all_of(
                             inner,
                             [&](const auto& pair) {
                               const auto found = outer.find(pair.first);
                               return found != outer.end() && found->second == pair.second;
                             });
  if (!is_inside || !reported.insert(small.oid).second) return;
  // With MATCH SIMPLE the wider one lets a row pass in which any of its columns is NULL.
  const bool implies =
      large.is_validated && std::ranges::all_of(large.columns, [&](std::int32_t number) {
        const Column* const column = db.column(large.relation, number);
        return column != nullptr && column->not_null;
      });
  out.add({.severity = implies ? Severity::warning : Severity::info,
           .object = constraint_object(db, small),
           .message = fmt::format("{} joins the same tables by these columns and more", large.name),
           .evidence = Json{{"wider", large.name},
                            {"definition", small.definition},
                            {"wider_definition", large.definition}},
           .fix = implies ? drop_foreign_key(db, small, large)
                          : Fix{.safety = Safety::manual,
                                .note = "The wider key lets rows pass in which one of its columns "
                                        "is NULL, so which of the two is meant is a decision."}});
}

void judge_pairs(const Snapshot& db, bool want_equal, Sink& out) {
  for (const Relation& relation : db.relations) {
    Reported reported;
    std::vector<const Constraint*> keys;
    for (const Constraint& each : db.constraints_of(relation.oid)) {
      if (is_own_foreign_key(each)) keys.push_back(&each);
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      for (std::size_t j = i + 1; j < keys.size(); ++j)
        judge_pair(db, *keys[i], *keys[j], want_equal, reported, out);
    }
  }
}

void foreign_key_duplicate(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  judge_pairs(db, true, out);
}

void foreign_key_intersecting(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  judge_pairs(db, false, out);
}

using Cascades = std::unordered_map<OidNumber, std::vector<const Constraint*>>; // By parent.

int chain_below(const Cascades& cascades, OidNumber table, int depth) {
  const auto found = cascades.find(table);
  if (found == cascades.end() || depth >= kCascadeDepthMax) return 0;
  int longest = 0;
  for (const Constraint* const key : found->second) {
    if (key->relation != table)
      longest = std::max(longest, 1 + chain_below(cascades, key->relation, depth + 1));
  }
  return longest;
}

void foreign_key_cascade(const Snapshot& db, const Limits& limits, Sink& out) {
  const TableTree tree(db);
  Cascades cascades;
  for (const Constraint& key : db.constraints) {
    if (is_own_foreign_key(key) && key.on_delete == "c") cascades[key.target].push_back(&key);
  }
  for (const Constraint& key : db.constraints) {
    const Relation* const relation = db.relation(key.relation);
    if (!is_own_foreign_key(key) || key.on_delete != "c" || relation == nullptr) continue;
    const double rows = tree.rows(*relation);
    const int chain = 1 + chain_below(cascades, key.relation, 0);
    const bool is_long =
        chain >= kCascadeChain && rows >= static_cast<double>(limits.small_table_rows);
    if (rows < kCascadeRows && !is_long) continue;
    out.add(
        {.object = key_object(db, key),
         .message = fmt::format("deleting from {} cascades into {} rows{}", target_name(db, key),
                                human_count(static_cast<std::int64_t>(rows)),
                                is_long ? fmt::format(", and on through {} tables", chain) : ""),
         .evidence = Json{{"constraint", key.name}, {"rows", rows}, {"chain", chain}},
         .fix = Fix{.safety = Safety::manual,
                    .note = "Whether children should go silently is a decision: delete them in "
                            "batches first and let the key only refuse (NO ACTION)."}});
  }
}

constexpr Facts kForeignKeyFacts = Facts::relations | Facts::columns | Facts::constraints;

constexpr Rule kForeignKeyRules[] = {
    {.id = "foreign-key-without-index",
     .aliases = "fk-without-index",
     .title = "Foreign key without an index on its own columns",
     .why =
         "Deleting or re-keying one parent row reads the whole child table while locks are held.",
     .how = "Index the referencing columns, concurrently; as the leading columns, in any order.",
     .source = "PostgreSQL manual, ddl-constraints: Foreign Keys",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = kForeignKeyFacts | Facts::indexes,
     .judge = foreign_key_without_index},
    {.id = "foreign-key-type-mismatch",
     .aliases = "fk-type-mismatch",
     .title = "Foreign key of another type than the key",
     .why = "Keys that do not fit cannot be referenced, and each check compares two types.",
     .how = "Give both the wider type.",
     .source = "pg-index-health: foreign keys with column type mismatch",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = kForeignKeyFacts,
     .judge = foreign_key_type_mismatch},
    {.id = "foreign-key-duplicate",
     .aliases = "fk-duplicated",
     .title = "Two foreign keys that say the same",
     .why = "Every write is checked twice, and a change to one leaves the other in force.",
     .how = "Drop the younger.",
     .source = "pg-index-health: duplicated foreign keys",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = kForeignKeyFacts,
     .judge = foreign_key_duplicate},
    {.id = "foreign-key-intersecting",
     .aliases = "fk-intersecting",
     .title = "Foreign key contained in another",
     .why = "The wider one checks it already: each write pays for both.",
     .how = "Drop the narrower where the wider one's columns are NOT NULL.",
     .source = "pg-index-health: intersected foreign keys",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = kForeignKeyFacts,
     .judge = foreign_key_intersecting},
    {.id = "foreign-key-missing",
     .title = "Column that looks like a reference without a foreign key",
     .why = "Rows that point nowhere come in unseen, and joins lose them.",
     .how = "Mend the rows, then add the key NOT VALID and validate it.",
     .source = "PostgreSQL manual, ddl-constraints: Foreign Keys",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = kForeignKeyFacts,
     .judge = foreign_key_missing},
    {.id = "foreign-key-cascade",
     .title = "Cascade into a large table or through many",
     .why = "One DELETE becomes millions in one transaction, with all their locks, WAL and lag.",
     .how = "Delete the children in batches first.",
     .source = "pgrubic; pgkeep: from 1,000,000 rows or three tables in a row",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = kForeignKeyFacts,
     .judge = foreign_key_cascade},
    {.id = "array-as-relation",
     .title = "Keys of other rows in an array",
     .why = "No foreign key can check an array's elements, and joins cannot use a plain index.",
     .how = "A junction table with two foreign keys.",
     .source = "sqlcheck: multi-valued attributes",
     .severity = Severity::info,
     .area = Area::schema,
     .needs = Facts::relations | Facts::columns,
     .judge = array_as_relation},
};

} // namespace

const std::span<const Rule> foreign_key_rules{kForeignKeyRules};

} // namespace pgkeep::audit
