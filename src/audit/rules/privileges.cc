// What everyone may do: rights of PUBLIC on schemas, databases and tables, and rights that later
// objects will lack.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "audit/families.h"
#include "audit/rules/role_groups.h"

namespace pgkeep::audit {
namespace {

constexpr int kPartitionDepthMax = 32; ///< A damaged catalog must not make us walk in a circle.
constexpr double kReaderShare = 0.66;  ///< Two thirds of an owner's tables in a schema.

void public_create(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::Schema& schema : db.schemas) {
    if (!schema.public_create) continue;
    const std::string name = postgres::quote_identifier(schema.name);
    out.add({.object = "schema " + name,
             .message = fmt::format("every role may create objects in schema {}: a function "
                                    "planted there runs in other people's sessions",
                                    schema.name),
             .evidence = Json{{"schema", schema.name}, {"owner", schema.owner}},
             .fix = Fix{.safety = Safety::online,
                        .phase = Phase::roles,
                        .sql = {fmt::format("REVOKE CREATE ON SCHEMA {} FROM PUBLIC", name)},
                        .undo = {fmt::format("GRANT CREATE ON SCHEMA {} TO PUBLIC", name)},
                        .note = "A program that creates its own tables needs CREATE for its own "
                                "role: grant that by name."}});
  }
}

void public_database_rights(const Snapshot& db, const Limits&, Sink& out) {
  const catalog::Database* const database = db.current_database();
  if (database == nullptr || (!database->public_connect && !database->public_temporary) ||
      db.relations.empty())
    return;
  std::vector<std::string> rights;
  if (database->public_connect) rights.emplace_back("CONNECT");
  if (database->public_temporary) rights.emplace_back("TEMPORARY");
  const std::string name = postgres::quote_identifier(database->name);
  out.add({.object = "database " + name,
           .message = fmt::format("every role of the cluster has {} on database {}",
                                  base::join(rights, " and "), database->name),
           .evidence = Json{{"rights", Json::list(rights)}},
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::roles,
                      .sql = {fmt::format("REVOKE {} ON DATABASE {} FROM PUBLIC",
                                          base::join(rights, ", "), name)},
                      .undo = {fmt::format("GRANT {} ON DATABASE {} TO PUBLIC",
                                           base::join(rights, ", "), name)},
                      .note = "Which roles use this database is not in the catalog: grant CONNECT "
                              "to them first, then revoke."}});
}

std::string revoke_all(const catalog::Relation& relation) {
  return fmt::format("REVOKE SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON {} FROM PUBLIC",
                     catalog::qualified_name(relation));
}

bool is_public(const catalog::Relation& relation) {
  return relation.public_write || relation.public_select;
}

/// The topmost ancestor that is public too: one finding covers a tree of partitions.
const catalog::Relation* public_root(const Snapshot& db, const catalog::Relation& relation) {
  const catalog::Relation* root = &relation;
  const catalog::Relation* at = &relation;
  for (int depth = 0; at != nullptr && at->parent != 0 && depth < kPartitionDepthMax; ++depth) {
    at = db.relation(at->parent);
    if (at != nullptr && is_public(*at)) root = at;
  }
  return root;
}

void public_table_grants(const Snapshot& db, const Limits&, Sink& out) {
  struct Tree {
    const catalog::Relation* root = nullptr;
    bool is_written = false;
    std::vector<const catalog::Relation*> relations = {};
  };
  std::vector<Tree> trees;
  std::unordered_map<catalog::OidNumber, std::size_t> tree_of;
  for (const catalog::Relation& relation : db.relations) {
    if (!is_public(relation)) continue;
    const catalog::Relation* const root = public_root(db, relation);
    const auto [at, is_new] = tree_of.emplace(root->oid, trees.size());
    if (is_new) trees.push_back({.root = root});
    Tree& tree = trees[at->second];
    tree.is_written = tree.is_written || relation.public_write;
    tree.relations.push_back(&relation);
  }
  for (const Tree& tree : trees) {
    const std::string name = catalog::qualified_name(*tree.root);
    // A right on a parent is none on its partitions, so that each has its own to take.
    Fix fix{.safety = Safety::online,
            .phase = Phase::roles,
            .note = "Grant to the roles that use it by name first. Which of the writing rights "
                    "PUBLIC has is not in the Snapshot, so that the way back gives only SELECT."};
    for (const catalog::Relation* const relation : tree.relations) {
      fix.sql.push_back(revoke_all(*relation));
      if (relation->public_select) {
        fix.undo.push_back(
            fmt::format("GRANT SELECT ON {} TO PUBLIC", catalog::qualified_name(*relation)));
      }
    }
    out.add(
        {.severity = tree.is_written ? Severity::error : Severity::warning,
         .object = name,
         .message = fmt::format("every role of the cluster may {} {}{}",
                                tree.is_written ? "change the rows of" : "read", name,
                                tree.relations.size() > 1
                                    ? fmt::format(" ({} tables of its tree)", tree.relations.size())
                                    : ""),
         .evidence = Json{{"public_select", tree.root->public_select},
                          {"public_write", tree.is_written},
                          {"tables", static_cast<std::int64_t>(tree.relations.size())}},
         .fix = std::move(fix)});
  }
}

/// Owner, schema.
using Place = std::pair<std::string, std::string>;

bool covers_next(const Snapshot& db, const Place& place, const std::string& reader) {
  const auto& [owner, schema] = place;
  return std::ranges::any_of(db.default_privileges, [&](const catalog::DefaultPrivilege& grant) {
    return grant.owner == owner && grant.object_type == "r" && grant.privilege == "SELECT" &&
           (grant.schema.empty() || grant.schema == schema) &&
           (grant.grantee == "public" || grant.grantee == reader ||
            db.is_member(reader, grant.grantee));
  });
}

Finding lacks_next(const Place& place, const std::string& reader, std::int64_t read,
                   std::int64_t tables) {
  const auto& [owner, schema] = place;
  const auto statement = [&](std::string_view verb, std::string_view word) {
    return fmt::format("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} {} SELECT ON TABLES {} "
                       "{}",
                       postgres::quote_identifier(owner), postgres::quote_identifier(schema), verb,
                       word, postgres::quote_identifier(reader));
  };
  return {.object = fmt::format("role {} in schema {} of {}", reader, schema, owner),
          .message = fmt::format(
              "{} reads {} of {} tables of {} in schema {}, and will not see the next one that is "
              "created",
              reader, read, tables, owner, schema),
          .evidence = Json{{"owner", owner},
                           {"reader", reader},
                           {"schema", schema},
                           {"tables_read", read},
                           {"tables", tables}},
          .fix = Fix{.safety = Safety::online,
                     .phase = Phase::roles,
                     .sql = {statement("GRANT", "TO")},
                     .undo = {statement("REVOKE", "FROM")},
                     .note = "Default privileges count for objects that exactly this owner "
                             "creates. A role that also writes needs INSERT, UPDATE and DELETE "
                             "granted alike, and USAGE on sequences."}};
}

/// Owner and reader of existing tables: will the reader see the next one? Who reads but a few of
/// them was given just these.
void default_privileges_missing(const Snapshot& db, const Limits&, Sink& out) {
  std::map<Place, std::int64_t> tables;
  std::map<Place, std::map<std::string, std::int64_t>> read_by;
  for (const catalog::Relation& relation : db.relations) {
    if (!relation.is_table() || relation.is_partition) continue;
    const Place place{relation.owner, relation.schema};
    ++tables[place];
    for (const std::string& reader : relation.readers)
      ++read_by[place][reader];
  }
  for (const auto& [place, readers] : read_by) {
    for (const auto& [reader, read] : readers) {
      const catalog::Role* const role = db.role(reader);
      const auto share = static_cast<double>(read) / static_cast<double>(tables[place]);
      if (share < kReaderShare || (role != nullptr && role->superuser) ||
          is_administrative(reader) || db.is_member(reader, "pg_read_all_data") ||
          db.is_member(reader, place.first) || covers_next(db, place, reader))
        continue;
      out.add(lacks_next(place, reader, read, tables[place]));
    }
  }
}

constexpr Rule kPrivilegeRules[] = {
    {.id = "public-create",
     .aliases = "public-schema-create",
     .title = "Every role may create objects in a schema",
     .why = "Who can create a function on somebody's search_path runs code with that somebody's "
            "rights (CVE-2018-1058).",
     .how = "Revoke CREATE from PUBLIC; upgrades from before 15 keep the old grant.",
     .source = "PostgreSQL manual, ddl-schemas: Usage Patterns; release notes of 15",
     .severity = Severity::error,
     .area = Area::roles,
     .needs = Facts::schemas,
     .judge = public_create},
    {.id = "public-database-rights",
     .title = "Every role of the cluster may connect to this database",
     .why = "A role made for another database can look around here and fill the disk with "
            "temporary tables.",
     .how = "Revoke from PUBLIC, grant CONNECT to the roles that belong here.",
     .source = "PostgreSQL manual, ddl-priv: default privileges",
     .severity = Severity::info,
     .area = Area::roles,
     .needs = Facts::databases | Facts::relations,
     .judge = public_database_rights},
    {.id = "public-table-grants",
     .title = "Tables that every role may read or change",
     .why = "Every account of the cluster, also the least one, reaches these rows.",
     .how = "Revoke from PUBLIC and grant to roles by name.",
     .source = "PostgreSQL manual, ddl-priv",
     .severity = Severity::error,
     .area = Area::roles,
     .needs = Facts::relations,
     .judge = public_table_grants},
    {.id = "default-privileges-missing",
     .aliases = "default-role-missing",
     .title = "The next table will not be readable by those who read today's",
     .why = "GRANT ... ON ALL TABLES covers what exists; after the next migration the program "
            "fails with \"permission denied\".",
     .how = "ALTER DEFAULT PRIVILEGES for the role that creates tables.",
     .source = "PostgreSQL manual, sql-alterdefaultprivileges",
     .severity = Severity::info,
     .area = Area::roles,
     .needs = Facts::relations | Facts::default_privileges | Facts::roles,
     .judge = default_privileges_missing},
};

} // namespace

const std::span<const Rule> privilege_rules{kPrivilegeRules};

} // namespace pgkeep::audit
