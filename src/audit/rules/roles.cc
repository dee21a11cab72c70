// Who may do too much: superusers, dangerous attributes and memberships, programs that own what
// they should only use.
#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "audit/families.h"
#include "audit/rules/role_groups.h"

namespace pgkeep::audit {
namespace {

constexpr catalog::OidNumber kBootstrapRole =
    10; ///< BOOTSTRAP_SUPERUSERID of the server's source: it cannot lose SUPERUSER.
constexpr int kSuperusersMax = 2;

bool is_tool(std::string_view application) {
  constexpr auto kTools = std::to_array<std::string_view>(
      {"psql",       "pgadmin", "pg_dump", "pg_basebackup", "pg_receivewal",
       "pg_restore", "pgkeep",  "patroni", "barman",        "pgbackrest",
       "wal-g",      "repmgr",  "dbeaver", "datagrip",      "postgres_exporter",
       "telegraf",   "datadog", "pgwatch", "vacuumdb",      "reindexdb"});
  return std::ranges::any_of(kTools, [&](std::string_view tool) {
    return base::contains_ignoring_case(application, tool);
  });
}

Fix take_superuser(const Snapshot& db, const std::string& role, const catalog::Role* known) {
  const std::string who = postgres::quote_identifier(role);
  if (known == nullptr || known->oid == kBootstrapRole) {
    return {
        .safety = Safety::manual,
        .phase = Phase::roles,
        .note = fmt::format(
            "{} is the role that made the cluster and cannot lose SUPERUSER: no statement can take "
            "it. Make a role for the program "
            "(CREATE ROLE ... LOGIN, with the rights it needs) and give the program that login.",
            role)};
  }
  std::vector<std::string> sql = everyday_grants(db, role);
  sql.push_back(fmt::format("ALTER ROLE {} NOSUPERUSER", who));
  return {.safety = Safety::online,
          .phase = Phase::roles,
          .sql = std::move(sql),
          .undo = {fmt::format("ALTER ROLE {} SUPERUSER", who)},
          .note = "It keeps reading and writing rows in this database; what else it did as "
                  "superuser (DDL on others' tables, other databases) ends. "
                  "Try it on a copy first."};
}

void app_is_superuser(const Snapshot& db, const Limits&, Sink& out) {
  struct Use {
    int sessions = 0;
    bool is_remote = false;
    std::string application;
  };
  std::map<std::string, Use> uses;
  for (const catalog::Session& session : db.sessions) {
    if (!session.is_superuser || session.is_own || session.backend_type != "client backend")
      continue;
    if (!session.is_remote && is_tool(session.application_name)) continue;
    Use& use = uses[session.user];
    ++use.sessions;
    use.is_remote = use.is_remote || session.is_remote;
    use.application = session.application_name;
  }
  for (const auto& [user, use] : uses) {
    out.add({.object = "role " + user,
             .message = fmt::format("{} session{} of superuser {} (application \"{}\"{}): one "
                                    "injected statement owns the server",
                                    use.sessions, use.sessions == 1 ? "" : "s", user,
                                    use.application, use.is_remote ? ", from another machine" : ""),
             .evidence = Json{{"sessions", use.sessions},
                              {"application_name", use.application},
                              {"remote", use.is_remote}},
             .fix = take_superuser(db, user, db.role(user))});
  }
}

void too_many_superusers(const Snapshot& db, const Limits&, Sink& out) {
  std::vector<std::string> names;
  for (const catalog::Role& role : db.roles) {
    if (role.superuser && role.can_login && !role.name.starts_with("rds") &&
        !role.name.starts_with("cloudsql"))
      names.push_back(role.name);
  }
  if (static_cast<int>(names.size()) <= kSuperusersMax) return;
  out.add({.object = "roles",
           .message = fmt::format("{} roles log in as superuser: {}", names.size(),
                                  base::join(names, ", ")),
           .evidence = Json{{"superusers", Json::list(names)}, {"limit", kSuperusersMax}},
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::roles,
                      .note = "Which of them a person still needs is not in the catalog, so no "
                              "statement can choose: for each other one run "
                              "ALTER ROLE name NOSUPERUSER after granting what it uses."}});
}

constexpr auto kServerGroups =
    std::to_array<std::string_view>({"pg_execute_server_program", "pg_read_server_files",
                                     "pg_write_server_files", "pg_write_all_data"});

void role_attributes_dangerous(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::Role& role : db.roles) {
    if (!role.can_login || role.superuser || is_administrative(role.name)) continue;
    std::vector<std::string> rights;
    std::vector<std::string> attributes;
    std::vector<std::string> undo_attributes;
    const auto attribute = [&](bool is_set, std::string_view name) {
      if (!is_set) return;
      rights.emplace_back(name);
      attributes.push_back(fmt::format("NO{}", name));
      undo_attributes.emplace_back(name);
    };
    attribute(role.create_role, "CREATEROLE");
    attribute(role.bypass_rls && !is_for_copies(role.name), "BYPASSRLS");
    attribute(role.replication && !is_for_copies(role.name), "REPLICATION");
    Fix fix{
        .safety = Safety::online,
        .phase = Phase::roles,
        .note =
            "What the role did with these rights fails from now on: look at its program first."};
    const std::string who = postgres::quote_identifier(role.name);
    if (!attributes.empty()) {
      fix.sql.push_back(fmt::format("ALTER ROLE {} {}", who, base::join(attributes, " ")));
      fix.undo.push_back(fmt::format("ALTER ROLE {} {}", who, base::join(undo_attributes, " ")));
    }
    for (const catalog::Membership& membership : db.memberships) {
      if (membership.member != role.name ||
          std::ranges::find(kServerGroups, membership.role) == kServerGroups.end())
        continue;
      rights.push_back(membership.role);
      fix.sql.push_back(
          fmt::format("REVOKE {} FROM {}", postgres::quote_identifier(membership.role), who));
      fix.undo.push_back(fmt::format("GRANT {} TO {}{}",
                                     postgres::quote_identifier(membership.role), who,
                                     membership.admin ? " WITH ADMIN OPTION" : ""));
    }
    if (rights.empty()) continue;
    out.add({.object = "role " + role.name,
             .message = fmt::format("{} logs in with {}", role.name, base::join(rights, ", ")),
             .evidence = Json{{"rights", Json::list(rights)}, {"sessions", role.sessions}},
             .fix = std::move(fix)});
  }
}

void app_owns_schema(const Snapshot& db, const Limits&, Sink& out) {
  std::unordered_map<std::string_view, std::int64_t> owned_by;
  for (const catalog::Relation& relation : db.relations)
    owned_by[relation.owner] += relation.is_table() ? 1 : 0;
  // An owner who looks at his own database is no program.
  std::unordered_map<std::string_view, std::int64_t> own_sessions;
  for (const catalog::Session& session : db.sessions)
    own_sessions[session.user] += session.is_own ? 1 : 0;
  for (const catalog::Role& role : db.roles) {
    const std::int64_t owned = owned_by[role.name];
    const std::int64_t sessions = role.sessions - own_sessions[role.name];
    if (!role.can_login || role.superuser || owned == 0 || sessions <= 0 ||
        is_administrative(role.name))
      continue;
    out.add(
        {.object = "role " + role.name,
         .message = fmt::format("{} has {} sessions now and owns {} tables: the running program "
                                "may drop and alter them, and row security does not bind it",
                                role.name, sessions, owned),
         .evidence = Json{{"sessions", sessions}, {"tables_owned", owned}},
         .fix = Fix{
             .safety = Safety::manual,
             .phase = Phase::roles,
             .sql = {fmt::format("REASSIGN OWNED BY {} TO the_owner",
                                 postgres::quote_identifier(role.name))},
             .note =
                 "Migrations must first run as another role, which no statement can arrange: make "
                 "a NOLOGIN owner, let the migration tool "
                 "act as it, reassign, then grant the program SELECT, INSERT, UPDATE, DELETE."}});
  }
}

constexpr Rule kRoleRules[] = {
    {.id = "app-is-superuser",
     .title = "A program is connected as superuser",
     .why = "Whoever finds one hole in the program reads and deletes every database, and runs "
            "commands on the machine.",
     .how = "Give the program a role of its own with the rights on rows that it needs; take "
            "SUPERUSER away.",
     .source = "PostgreSQL manual, role-attributes: superuser status; pgwatch",
     .severity = Severity::error,
     .area = Area::roles,
     .needs = Facts::activity | Facts::activity_of_others | Facts::roles,
     .judge = app_is_superuser},
    {.id = "too-many-superusers",
     .title = "Many roles log in as superuser",
     .why = "Each one is a door around every privilege, row policy and log setting.",
     .how = "Keep one or two for people in an emergency; give the others what they use.",
     .source = "PostgreSQL manual, role-attributes; CIS PostgreSQL benchmark, section 4",
     .severity = Severity::warning,
     .area = Area::roles,
     .needs = Facts::roles,
     .judge = too_many_superusers},
    {.id = "role-attributes-dangerous",
     .title = "A login role has rights that lead to superuser's",
     .why = "CREATEROLE can grant itself almost any role before 16, server-file roles read and "
            "write as the server's account, BYPASSRLS ignores every policy.",
     .how = "Revoke what an ordinary role does not need.",
     .source = "PostgreSQL manual, role-attributes and predefined-roles",
     .severity = Severity::warning,
     .area = Area::roles,
     .needs = Facts::roles,
     .judge = role_attributes_dangerous},
    {.id = "app-owns-schema",
     .aliases = "owner-mixed",
     .title = "The running program owns its tables",
     .why =
         "An owner may drop, truncate and alter, grant to others, and is exempt from row security.",
     .how = "Split owner (no login), migrator (acts as owner) and program (rows only); `pgkeep up` "
            "does it so.",
     .source = "PostgreSQL manual, ddl-priv and ddl-rowsecurity",
     .severity = Severity::warning,
     .area = Area::roles,
     .needs = Facts::roles | Facts::relations | Facts::activity,
     .judge = app_owns_schema},
};

} // namespace

const std::span<const Rule> role_rules{kRoleRules};

} // namespace pgkeep::audit
