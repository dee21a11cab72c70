// Every list of a Snapshot gives its objects; Snapshot::definitions adds what the structs do not
// say. Values that are as usual ("no", empty, the default) are no properties, so that an absent one
// and the usual one are the same.
#include "catalog/inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/text.h"
#include "postgres/quote.h"

namespace pgkeep::catalog {
namespace {

constexpr std::int32_t kVersionFactor = 10'000;
constexpr std::int32_t kMaintainSince = 17;
constexpr std::int32_t kNotNullNamesSince = 18;
constexpr std::string_view kOwnSchema = "pgkeep";
constexpr std::string_view kLoose = "definition (loose)";

std::string_view kind_word(const Relation& relation) {
  if (relation.kind == "v") return "view";
  if (relation.kind == "m") return "materialized view";
  return relation.kind == "f" ? "foreign table" : "table";
}

bool is_own(std::string_view object) {
  return object == kOwnSchema || object.starts_with("pgkeep.") ||
         object.find(" on pgkeep.") != std::string_view::npos;
}

std::string sorted_list(std::vector<std::string> items) {
  std::ranges::sort(items);
  return base::join(items, ", ");
}

std::string without_maintain(std::string text) {
  text = base::replace_all(std::move(text), " MAINTAIN*", "");
  text = base::replace_all(std::move(text), " MAINTAIN", "");
  text = base::replace_all(std::move(text), "=MAINTAIN* ", "=");
  return base::replace_all(std::move(text), "=MAINTAIN ", "=");
}

std::string_view enabled_word(std::string_view letter) {
  if (letter == "D") return "disabled";
  if (letter == "R") return "replica";
  return letter == "A" ? "always" : "";
}

std::string_view function_kind(std::string_view letter) {
  if (letter == "p") return "procedure";
  if (letter == "a") return "aggregate";
  return letter == "w" ? "window" : "function";
}

std::string_view volatility_word(std::string_view letter) {
  if (letter == "i") return "immutable";
  return letter == "s" ? "stable" : "volatile";
}

/// An expression, and a digest of it where its text constants were taken out.
std::string with_digest(const std::string& expression, const std::string& digest, bool is_wanted) {
  if (!is_wanted || digest.empty()) return expression;
  return fmt::format("{} [sha256:{}]", expression, digest);
}

class Collector {
public:
  Collector(const Snapshot& db, const Comparability& comparable)
      : db_(db), comparable_(comparable) {}
  Inventory collect();

private:
  /// One object's properties; does nothing for pgkeep's own.
  struct Writer {
    Item* item;
    const DiffOptions& options;
    Writer& set(std::string_view property, std::string value) {
      if (item != nullptr && !value.empty())
        item->properties.emplace_back(property, std::move(value));
      return *this;
    }
    Writer& flag(std::string_view property, bool value) {
      return set(property, value ? "true" : "");
    }
    Writer& owner(const std::string& role) {
      return options.ignore_owners ? *this : set("owner", role);
    }
  };
  Writer add(ObjectKey key, ObjectKey parent = {}) {
    if (is_own(key.object)) return {.item = nullptr, .options = comparable_.options};
    Item& item = inventory_[std::move(key)];
    item.exists = true;
    if (item.parent.kind.empty()) item.parent = std::move(parent);
    return {.item = &item, .options = comparable_.options};
  }
  [[nodiscard]] bool knows(Facts section) const { return has(comparable_.known, section); }
  [[nodiscard]] ObjectKey key_of(const Relation& relation) const {
    return {.kind = std::string(kind_word(relation)), .object = qualified_name(relation)};
  }
  [[nodiscard]] static ObjectKey key_on(std::string_view kind, const std::string& name,
                                        const Relation& relation) {
    return {.kind = std::string(kind),
            .object = fmt::format("{} on {}", postgres::quote_identifier(name),
                                  qualified_name(relation))};
  }
  void add_schemas();
  void add_relations();
  void add_columns();
  void add_constraints();
  void add_indexes();
  void add_sequences();
  void add_triggers();
  void add_functions();
  void add_policies();
  void add_extensions();
  void add_settings();
  void add_default_privileges();
  void add_definitions();
  void add_definition(const Definition& each);

  const Snapshot& db_;
  const Comparability& comparable_;
  Inventory inventory_;
  std::unordered_map<std::string, std::string> relation_kinds_ = {}; ///< By qualified name.
};

void Collector::add_schemas() {
  for (const Schema& each : db_.schemas)
    add({.kind = "schema", .object = postgres::quote_identifier(each.name)}).owner(each.owner);
}

void Collector::add_relations() {
  for (const Relation& each : db_.relations) {
    const Relation* const parent = each.is_partition ? db_.relation(each.parent) : nullptr;
    Writer writer = add(key_of(each));
    writer.owner(each.owner)
        .flag("unlogged", each.persistence == "u")
        .set("partition of", parent == nullptr ? "" : qualified_name(*parent))
        .set("partition bound", each.partition_bound)
        .set("partition key", each.partition_key)
        .set("options", sorted_list(each.options))
        .flag("row security", each.row_security)
        .flag("row security forced", each.force_row_security);
    if (each.is_table() && each.replica_identity != "d")
      writer.set("replica identity", each.replica_identity);
  }
}

void Collector::add_columns() {
  for (const Relation& relation : db_.relations) {
    for (const Column& each : db_.columns_of(relation)) {
      std::string value =
          with_digest(each.default_expression, each.default_digest, comparable_.has_digests);
      add({.kind = "column", .object = column_object(relation, each)}, key_of(relation))
          .set("type", each.type)
          .flag("not null", each.not_null)
          .set(each.generated.empty() ? "default" : "generated as", std::move(value))
          .set("generated", each.generated == "v"   ? "virtual"
                            : each.generated == "s" ? "stored"
                                                    : "")
          .set("identity", each.identity == "a"   ? "always"
                           : each.identity == "d" ? "by default"
                                                  : "")
          .set("collation", each.collation);
    }
  }
}

void Collector::add_constraints() {
  for (const Constraint& each : db_.constraints) {
    const Relation* const relation = db_.relation(each.relation);
    if (relation == nullptr) continue;
    if (each.type == "n") {
      // That it is there is the column's; from 18 on it may not hold yet.
      const Column* const column =
          each.columns.empty() ? nullptr : db_.column(each.relation, each.columns.front());
      if (column == nullptr || !comparable_.names_not_null || !knows(Facts::columns)) continue;
      add({.kind = "column", .object = column_object(*relation, *column)}, key_of(*relation))
          .flag("not null is not valid", !each.is_validated);
      continue;
    }
    // A key to a partitioned table has rows of the server's for each partition.
    const Relation* const target = db_.relation(each.target);
    if (each.type == "f" && each.is_inherited && target != nullptr && target->is_partition)
      continue;
    add(key_on("constraint", each.name, *relation), key_of(*relation))
        .set("definition", each.definition)
        .flag("not valid", !each.is_validated)
        .flag("not enforced", !each.is_enforced);
  }
}

void Collector::add_indexes() {
  for (const Index& each : db_.indexes) {
    const Relation* const relation = db_.relation(each.relation);
    if (relation == nullptr) continue;
    ObjectKey parent = each.constraint.empty() ? key_of(*relation)
                                               : key_on("constraint", each.constraint, *relation);
    add({.kind = "index", .object = qualified_name(each)}, std::move(parent))
        .set("definition", each.definition)
        .flag("invalid", !each.is_valid)
        .flag("replica identity", each.is_replica_identity);
  }
}

void Collector::add_sequences() {
  for (const Sequence& each : db_.sequences) {
    const Relation* const table = db_.relation(each.relation);
    const Column* const column = db_.column(each.relation, each.column);
    ObjectKey parent;
    if ((each.is_owned || each.is_identity) && table != nullptr && column != nullptr)
      parent = {.kind = "column", .object = column_object(*table, *column)};
    std::string owned_by = parent.object;
    add({.kind = "sequence", .object = qualified_name(each)}, std::move(parent))
        .owner(each.owner)
        .set("type", each.type)
        .set("minimum", fmt::format("{}", each.minimum))
        .set("maximum", fmt::format("{}", each.maximum))
        .set("start", fmt::format("{}", each.start))
        .set("increment", fmt::format("{}", each.increment))
        .flag("cycles", each.cycles)
        .set("owned by", std::move(owned_by));
  }
}

void Collector::add_triggers() {
  for (const Trigger& each : db_.triggers) {
    const Relation* const relation = db_.relation(each.relation);
    if (relation == nullptr) continue;
    // The name of a constraint's own trigger holds an oid.
    ObjectKey key = key_on("trigger", each.name, *relation);
    if (each.is_internal)
      key.object =
          fmt::format("{} of {} on {}", each.function, postgres::quote_identifier(each.constraint),
                      qualified_name(*relation));
    add(std::move(key), key_of(*relation))
        .set("function", each.function)
        .set("fires", std::string(enabled_word(each.enabled)));
  }
}

void Collector::add_functions() {
  for (const Function& each : db_.functions) {
    ObjectKey parent;
    if (each.language == "internal") {
      // A range type brings functions that are called as it is.
      constexpr std::string_view kSuffix = "_multirange";
      std::string_view type = each.name;
      if (type.ends_with(kSuffix)) type.remove_suffix(kSuffix.size());
      parent = {.kind = "type", .object = postgres::quote_qualified(each.schema, type)};
    }
    add({.kind = "function",
         .object = fmt::format("{}({})", postgres::quote_qualified(each.schema, each.name),
                               each.arguments)},
        std::move(parent))
        .owner(each.owner)
        .set("kind", std::string(function_kind(each.kind)))
        .set("language", each.language)
        .set("volatility", std::string(volatility_word(each.volatility)))
        .flag("security definer", each.security_definer);
  }
}

void Collector::add_policies() {
  const bool with_digests = comparable_.has_digests;
  for (const Policy& each : db_.policies) {
    const Relation* const relation = db_.relation(each.relation);
    if (relation == nullptr) continue;
    add(key_on("policy", each.name, *relation), key_of(*relation))
        .flag("restrictive", !each.is_permissive)
        .set("roles", sorted_list(each.roles))
        .set("command", each.command)
        .set("using", with_digest(each.using_expression, each.using_digest, with_digests))
        .set("check", with_digest(each.check_expression, each.check_digest, with_digests));
  }
}

void Collector::add_extensions() {
  if (knows(Facts::extensions)) {
    for (const Extension& each : db_.extensions) {
      // Each major version of the server brings its own; of others only what was chosen counts.
      const bool is_usual = !comparable_.is_same_version && each.version == each.default_version;
      add({.kind = "extension", .object = postgres::quote_identifier(each.name)})
          .set("version", is_usual ? "the server's" : each.version)
          .set("schema", postgres::quote_identifier(each.schema));
    }
  }
  if (knows(Facts::languages)) {
    for (const Language& each : db_.languages) {
      add({.kind = "language", .object = postgres::quote_identifier(each.name)})
          .flag("trusted", each.is_trusted);
    }
  }
  if (knows(Facts::subscriptions)) {
    for (const Subscription& each : db_.subscriptions) {
      add({.kind = "subscription", .object = postgres::quote_identifier(each.name)})
          .flag("disabled", !each.is_enabled);
    }
  }
  // Snapshots without details know that much.
  if (!knows(Facts::types) || knows(Facts::details)) return;
  for (const UserType& each : db_.types) {
    add({.kind = "type", .object = postgres::quote_qualified(each.schema, each.name)})
        .set("kind", each.kind);
  }
}

void Collector::add_settings() {
  if (comparable_.options.ignore_settings) return;
  if (knows(Facts::roles)) {
    for (const RoleSetting& each : db_.role_settings) {
      if (each.database.empty() || each.database != db_.server.database) continue;
      const std::string of =
          each.role.empty() ? "" : " of " + postgres::quote_identifier(each.role);
      add({.kind = "setting", .object = each.name + of}).set("value", each.value);
    }
  }
  const Database* const database = db_.current_database();
  if (!knows(Facts::databases) || database == nullptr) return;
  add({.kind = "database", .object = "(this one)"})
      .set("encoding", database->encoding)
      .set("locale", database->collate);
}

void Collector::add_default_privileges() {
  if (comparable_.options.ignore_grants) return;
  std::map<std::string, std::vector<std::string>> rights;
  for (const DefaultPrivilege& each : db_.default_privileges) {
    if (each.schema == kOwnSchema) continue;
    std::string object = fmt::format("{} of {} to {}", each.object_type, each.owner, each.grantee);
    if (!each.schema.empty()) object += " in " + postgres::quote_identifier(each.schema);
    if (each.privilege != "MAINTAIN" || comparable_.knows_maintain)
      rights[std::move(object)].push_back(each.privilege);
  }
  for (auto& [object, list] : rights)
    inventory_[{.kind = "default privileges", .object = object}].properties.emplace_back(
        "grants", sorted_list(std::move(list)));
}

void Collector::add_definition(const Definition& each) {
  const bool is_attribute =
      each.property == "owner" || each.property == "grants" || each.property == "comment";
  std::string_view property = each.property;
  // Both are there: one of them is compared.
  const bool has_loose =
      each.kind == "view" || each.kind == "materialized view" || each.kind == "rule";
  if (property == kLoose) {
    if (comparable_.is_same_version) return;
    property = "definition";
  } else if (property == "definition" && !comparable_.is_same_version) {
    // Aggregates have the one and no other.
    if (has_loose || (each.kind == "function" && each.value.starts_with("md5:"))) return;
  }
  if (property == "not-null constraint" && !comparable_.names_not_null) return;
  std::string value = each.value;
  if (property == "grants" && !comparable_.knows_maintain)
    value = without_maintain(std::move(value));
  Item& item = inventory_[{.kind = each.kind, .object = each.object}];
  item.exists = item.exists || !is_attribute;
  item.properties.emplace_back(property, std::move(value));
  if (each.kind != "rule" || !item.parent.kind.empty()) return;
  const std::size_t on = each.object.find(" on ");
  if (on == std::string::npos) return;
  std::string table = each.object.substr(on + 4);
  if (const auto kind = relation_kinds_.find(table); kind != relation_kinds_.end())
    item.parent = {.kind = kind->second, .object = std::move(table)};
}

void Collector::add_definitions() {
  for (const Relation& each : db_.relations)
    relation_kinds_.emplace(qualified_name(each), kind_word(each));
  for (const Definition& each : db_.definitions) {
    const DiffOptions& options = comparable_.options;
    if (is_own(each.object)) continue;
    if (each.property == "owner" && options.ignore_owners) continue;
    Facts section = Facts::details;
    if (each.property == "comment") {
      section = Facts::comments;
      if (options.ignore_comments) continue;
    } else if (each.property == "grants") {
      section = Facts::grants;
      if (options.ignore_grants) continue;
    } else if (each.kind == "view" || each.kind == "materialized view" || each.kind == "rule" ||
               each.kind == "function" || each.kind == "trigger" || each.kind == "event trigger") {
      // Of these kinds `details` knows a tablespace or a storage, which stands and falls alike.
      section = Facts::definitions;
    }
    if (knows(section)) add_definition(each);
  }
}

Inventory Collector::collect() {
  inventory_.reserve(db_.columns.size() + db_.relations.size() * 4);
  if (knows(Facts::schemas)) add_schemas();
  if (knows(Facts::relations)) add_relations();
  if (knows(Facts::columns)) add_columns();
  if (knows(Facts::constraints)) add_constraints();
  if (knows(Facts::indexes)) add_indexes();
  if (knows(Facts::sequences)) add_sequences();
  if (knows(Facts::triggers)) add_triggers();
  if (knows(Facts::functions)) add_functions();
  if (knows(Facts::policies)) add_policies();
  if (knows(Facts::default_privileges)) add_default_privileges();
  add_extensions();
  add_settings();
  add_definitions();
  for (auto& [key, item] : inventory_)
    std::ranges::sort(item.properties);
  return std::move(inventory_);
}

} // namespace

Comparability comparability(const Snapshot& before, const Snapshot& after,
                            const DiffOptions& options) {
  const std::int32_t old_major = before.server.version / kVersionFactor;
  const std::int32_t new_major = after.server.version / kVersionFactor;
  const auto both = [&](std::int32_t since) { return std::min(old_major, new_major) >= since; };
  const auto neither = [&](std::int32_t since) { return std::max(old_major, new_major) < since; };
  constexpr Facts kNewer[] = {Facts::definitions, Facts::details, Facts::comments, Facts::grants};
  const auto keeps_digests = [&](const Snapshot& db) {
    return std::ranges::any_of(kNewer, [&](Facts one) { return has(db.present, one); });
  };
  return {.known = before.present & after.present,
          .options = options,
          .has_digests = keeps_digests(before) && keeps_digests(after),
          .is_same_version = old_major == new_major,
          .knows_maintain = both(kMaintainSince) || neither(kMaintainSince),
          .names_not_null = both(kNotNullNamesSince)};
}

Inventory take_inventory(const Snapshot& db, const Comparability& comparable) {
  return Collector(db, comparable).collect();
}

} // namespace pgkeep::catalog
