// What everyone may do: rights of PUBLIC on schemas, databases and tables, and rights that later
// objects will lack.
#include <algorithm>
#include <map>
#include <set>

#include "audit/families.h"
#include "audit/rules/role_groups.h"

namespace pgkeep::audit {
namespace {

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

void public_table_grants(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::Relation& relation : db.relations) {
    if (!relation.public_write && !relation.public_select) continue;
    if (relation.is_partition && db.relation(relation.parent) != nullptr) continue;
    const std::string name = catalog::qualified_name(relation);
    const std::string_view rights =
        relation.public_write ? "INSERT, UPDATE, DELETE, TRUNCATE" : "SELECT";
    Fix fix{.safety = Safety::online,
            .phase = Phase::roles,
            .sql = {fmt::format("REVOKE SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON {} FROM PUBLIC",
                                name)},
            .undo = {fmt::format(
                "GRANT {}{} ON {} TO PUBLIC", relation.public_select ? "SELECT" : "",
                relation.public_write ? (relation.public_select ? ", INSERT, UPDATE, DELETE"
                                                                : "INSERT, UPDATE, DELETE")
                                      : "",
                name)},
            .note = "Grant to the roles that use it by name first."};
    out.add({.severity = relation.public_write ? Severity::error : Severity::warning,
             .object = name,
             .message = fmt::format("every role of the cluster may {} {}",
                                    relation.public_write ? "change the rows of" : "read", name),
             .evidence = Json{{"public_select", relation.public_select},
                              {"public_write", relation.public_write},
                              {"rights", rights}},
             .fix = std::move(fix)});
  }
}

void default_privileges_missing(const Snapshot& db, const Limits&, Sink& out) {
  // Owner and reader of existing tables: will the reader see the next one?
  std::map<std::pair<std::string, std::string>, std::set<std::string>> schemas_of;
  for (const catalog::Relation& relation : db.relations) {
    if (!relation.is_table() || relation.is_partition) continue;
    for (const std::string& reader : relation.readers) {
      if (reader != "public" && !is_administrative(reader))
        schemas_of[{relation.owner, reader}].insert(relation.schema);
    }
  }
  for (const auto& [pair, schemas] : schemas_of) {
    const auto& [owner, reader] = pair;
    const auto covers = [&](const std::string& schema) {
      return std::ranges::any_of(db.default_privileges,
                                 [&](const catalog::DefaultPrivilege& grant) {
                                   return grant.owner == owner && grant.object_type == "r" &&
                                          grant.privilege == "SELECT" &&
                                          (grant.schema.empty() || grant.schema == schema) &&
                                          (grant.grantee == "public" || grant.grantee == reader ||
                                           db.is_member(reader, grant.grantee));
                                 });
    };
    if (db.is_member(reader, "pg_read_all_data")) continue;
    for (const std::string& schema : schemas) {
      if (covers(schema)) continue;
      const std::string sql = fmt::format(
          "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} {{}} SELECT ON TABLES {{}} {}",
          postgres::quote_identifier(owner), postgres::quote_identifier(schema),
          postgres::quote_identifier(reader));
      out.add(
          {.object = fmt::format("role {} in schema {}", reader, schema),
           .message = fmt::format(
               "{} reads tables of {} in schema {}, and will not see the next one that is created",
               reader, owner, schema),
           .evidence = Json{{"owner", owner}, {"reader", reader}, {"schema", schema}},
           .fix = Fix{
               .safety = Safety::online,
               .phase = Phase::roles,
               .sql = {fmt::format(fmt::runtime(sql), "GRANT", "TO")},
               .undo = {fmt::format(fmt::runtime(sql), "REVOKE", "FROM")},
               .note = "Default privileges count for objects that exactly this owner creates."}});
    }
  }
}

constexpr Rule kRules[] = {
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

const std::span<const Rule> privilege_rules{kRules};

} // namespace pgkeep::audit
