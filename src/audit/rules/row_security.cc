// Row security: fences that are open, never closed, or that somebody walks around.
#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "audit/families.h"
#include "audit/rules/role_groups.h"

namespace pgkeep::audit {
namespace {

using catalog::OidNumber;
using catalog::Relation;

constexpr double kTenantShare = 0.6;
constexpr int kTenantTablesMin = 3;

std::string policy_object(const Relation& relation, const catalog::Policy& policy) {
  return fmt::format("policy {} on {}", postgres::quote_identifier(policy.name),
                     catalog::qualified_name(relation));
}

std::unordered_set<OidNumber> with_policy(const Snapshot& db) {
  std::unordered_set<OidNumber> oids;
  for (const catalog::Policy& policy : db.policies)
    oids.insert(policy.relation);
  return oids;
}

Fix alter_table(const Relation& relation, std::string_view action, std::string_view undo,
                std::string note) {
  const std::string name = catalog::qualified_name(relation);
  return {.safety = Safety::online,
          .phase = Phase::roles,
          .sql = {fmt::format("ALTER TABLE {} {}", name, action)},
          .undo = {fmt::format("ALTER TABLE {} {}", name, undo)},
          .note = std::move(note)};
}

void policy_without_rls(const Snapshot& db, const Limits&, Sink& out) {
  const std::unordered_set<OidNumber> fenced = with_policy(db);
  for (const Relation& relation : db.relations) {
    if (!fenced.contains(relation.oid) || relation.row_security) continue;
    const std::string name = catalog::qualified_name(relation);
    out.add(
        {.object = name,
         .message = fmt::format(
             "{} has policies and row security is off: everyone with SELECT sees every row", name),
         .evidence = Json{{"row_security", false}},
         .fix = alter_table(relation, "ENABLE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY",
                            "Rows that no policy lets through vanish for those roles at once: try "
                            "it on a copy as the program's role.")});
  }
}

void rls_no_policy(const Snapshot& db, const Limits&, Sink& out) {
  const std::unordered_set<OidNumber> fenced = with_policy(db);
  for (const Relation& relation : db.relations) {
    if (!relation.row_security || fenced.contains(relation.oid) || relation.is_partition) continue;
    const std::string name = catalog::qualified_name(relation);
    out.add(
        {.object = name,
         .message = fmt::format(
             "{} has row security and no policy: nobody but its owner and superusers sees a row",
             name),
         .evidence = Json{{"row_security", true}, {"policies", 0}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::roles,
                    .note = "Who may see which rows is a decision that no statement can make: "
                            "CREATE POLICY for the roles that need them."}});
  }
}

void rls_force_missing(const Snapshot& db, const Limits&, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (!relation.row_security || relation.force_row_security) continue;
    const catalog::Role* const owner = db.role(relation.owner);
    if (owner == nullptr || !owner->can_login || owner->superuser || owner->bypass_rls) continue;
    const std::string name = catalog::qualified_name(relation);
    out.add({.object = name,
             .message = fmt::format("{} is owned by {}, which logs in: its sessions see every row, "
                                    "whatever the policies say",
                                    name, owner->name),
             .evidence = Json{{"owner", owner->name}, {"sessions", owner->sessions}},
             .fix = alter_table(
                 relation, "FORCE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY",
                 "The owner's own jobs see only what a policy lets through from then on.")});
  }
}

bool is_tenant_column(std::string_view name) {
  constexpr auto kNames =
      std::to_array<std::string_view>({"tenant_id", "org_id", "organization_id", "organisation_id",
                                       "account_id", "workspace_id", "company_id"});
  return std::ranges::find(kNames, name) != kNames.end();
}

void rls_disabled(const Snapshot& db, const Limits&, Sink& out) {
  std::map<std::string, std::vector<const Relation*>> tables_with;
  int tables = 0;
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || relation.is_partition) continue;
    ++tables;
    for (const catalog::Column& column : db.columns_of(relation)) {
      if (is_tenant_column(column.name)) tables_with[column.name].push_back(&relation);
    }
  }
  std::unordered_set<OidNumber> reported; // A table may have two such columns.
  for (const auto& [column, users] : tables_with) {
    const auto share = static_cast<double>(users.size()) / std::max(1, tables);
    if (static_cast<int>(users.size()) < kTenantTablesMin || share < kTenantShare) continue;
    const bool some_are_fenced =
        std::ranges::any_of(users, [](const Relation* relation) { return relation->row_security; });
    for (const Relation* const relation : users) {
      if (relation->row_security || !reported.insert(relation->oid).second) continue;
      const std::string name = catalog::qualified_name(*relation);
      out.add({.severity = some_are_fenced ? Severity::warning : Severity::info,
               .object = name,
               .message = fmt::format(
                   "{} has {} like {:.0f} % of the tables, and no row security{}", name, column,
                   share * 100,
                   some_are_fenced ? ", which others have"
                                   : ": one forgotten WHERE shows a tenant another's rows"),
               .evidence = Json{{"column", column},
                                {"tables_with_column", static_cast<std::int64_t>(users.size())},
                                {"tables", tables},
                                {"some_are_fenced", some_are_fenced}},
               .fix = Fix{
                   .safety = Safety::manual,
                   .phase = Phase::roles,
                   .sql = {fmt::format("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", name)},
                   .note = "Each session must first say which tenant it serves (SET LOCAL in each "
                           "transaction), which is a change of the program: then a policy on that "
                           "column, FORCE, and a test as the program's role."}});
    }
  }
}

/// Whether any row may be written by what this policy says alone.
bool lets_write_all(const catalog::Policy& policy) {
  if (policy.command == "r") return false;
  if (policy.command == "a") return policy.check_is_true;
  return policy.using_is_true && (policy.check_is_true || policy.check_expression.empty());
}

/// Whether a RESTRICTIVE policy fences what this one lets through: then true is how one opens the
/// way up to that fence.
bool is_fenced(const catalog::Policy& policy, std::span<const catalog::Policy* const> others) {
  return std::ranges::any_of(others, [&](const catalog::Policy* other) {
    if (other->is_permissive || lets_write_all(*other)) return false;
    const bool same_command = other->command == "*" || other->command == policy.command;
    const auto binds = [&](const std::string& role) {
      return std::ranges::find(other->roles, role) != other->roles.end();
    };
    return same_command && (binds("public") || std::ranges::all_of(policy.roles, binds));
  });
}

void policy_always_true(const Snapshot& db, const Limits&, Sink& out) {
  std::unordered_map<OidNumber, std::vector<const catalog::Policy*>> by_table;
  for (const catalog::Policy& policy : db.policies)
    by_table[policy.relation].push_back(&policy);
  for (const catalog::Policy& policy : db.policies) {
    const Relation* const relation = db.relation(policy.relation);
    if (relation == nullptr || !policy.is_permissive || !lets_write_all(policy)) continue;
    // A way past the fence for administrators and copies is what such a policy is for.
    const bool is_for_keepers = std::ranges::all_of(policy.roles, [](const std::string& role) {
      return is_administrative(role) || is_for_copies(role);
    });
    if (is_for_keepers || is_fenced(policy, by_table[policy.relation])) continue;
    out.add(
        {.object = policy_object(*relation, policy),
         .message = fmt::format("policy {} lets {} write any row of {}; permissive policies add "
                                "up, so it undoes the others",
                                policy.name, base::join(policy.roles, ", "),
                                catalog::qualified_name(*relation)),
         .evidence = Json{{"command", policy.command}, {"roles", Json::list(policy.roles)}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::roles,
                    .note =
                        "Which rows may be written is a decision: no statement can find the "
                        "condition. Replace true by it, or make the fence a RESTRICTIVE policy."}});
  }
}

void rls_initplan(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::Policy& policy : db.policies) {
    const Relation* const relation = db.relation(policy.relation);
    if (relation == nullptr || !policy.calls_per_row) continue;
    out.add(
        {.object = policy_object(*relation, policy),
         .message =
             fmt::format("policy {} calls a function for each row of {} ({} rows) where once a "
                         "statement would do",
                         policy.name, catalog::qualified_name(*relation),
                         human_count(static_cast<std::int64_t>(std::max(0.0, relation->rows)))),
         .evidence = Json{{"using", policy.using_expression},
                          {"check", policy.check_expression},
                          {"rows", relation->rows}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::roles,
                    .note = "Texts in the policy are not in the Snapshot, so the statement cannot "
                            "be written here: wrap each call as (SELECT f(...)) with ALTER POLICY; "
                            "the planner then runs it once."}});
  }
}

void multiple_permissive(const Snapshot& db, const Limits&, Sink& out) {
  std::map<std::pair<OidNumber, std::string>, std::map<std::string, std::vector<std::string>>>
      by_table;
  for (const catalog::Policy& policy : db.policies) {
    if (!policy.is_permissive) continue;
    const std::vector<std::string> commands = policy.command == "*"
                                                  ? std::vector<std::string>{"r", "a", "w", "d"}
                                                  : std::vector<std::string>{policy.command};
    for (const std::string& role : policy.roles) {
      for (const std::string& command : commands)
        by_table[{policy.relation, role}][command].push_back(policy.name);
    }
  }
  for (const auto& [key, commands] : by_table) {
    const Relation* const relation = db.relation(key.first);
    const auto worst = std::ranges::max_element(
        commands, {}, [](const auto& entry) { return entry.second.size(); });
    if (relation == nullptr || worst == commands.end() || worst->second.size() < 2) continue;
    out.add(
        {.object = fmt::format("{} for role {}", catalog::qualified_name(*relation), key.second),
         .message = fmt::format("{} permissive policies are tried for each row: {}",
                                worst->second.size(), base::join(worst->second, ", ")),
         .evidence = Json{{"role", key.second}, {"policies", Json::list(worst->second)}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::roles,
                    .note = "Whether they should add up (OR) or fence (AND, RESTRICTIVE) is a "
                            "decision: write one policy that says what is meant."}});
  }
}

void security_definer_view(const Snapshot& db, const Limits&, Sink& out) {
  std::unordered_set<OidNumber> reported;
  for (const Relation& view : db.relations) {
    if (view.kind != "v" || view.view_security_invoker) continue;
    for (const OidNumber oid : view.view_tables) {
      const Relation* const table = db.relation(oid);
      if (table == nullptr || !table->row_security || !reported.insert(view.oid).second) continue;
      const bool owner_passes =
          view.owner_bypasses_rls || (view.owner == table->owner && !table->force_row_security);
      if (!owner_passes) {
        reported.erase(view.oid);
        continue;
      }
      const std::string name = catalog::qualified_name(view);
      const bool has_readers = view.public_select || !view.readers.empty();
      out.add(
          {.severity = has_readers ? Severity::warning : Severity::info,
           .object = name,
           .message = fmt::format(
               "view {} reads {} with the rights of {}, whom its row security does not bind", name,
               catalog::qualified_name(*table), view.owner),
           .evidence = Json{{"table", catalog::qualified_name(*table)}, {"view_owner", view.owner}},
           .fix = Fix{.safety = Safety::online,
                      .phase = Phase::roles,
                      .sql = {fmt::format("ALTER VIEW {} SET (security_invoker = on)", name)},
                      .undo = {fmt::format("ALTER VIEW {} RESET (security_invoker)", name)},
                      .note =
                          "Readers of the view need SELECT on the tables below it from then on."}});
    }
  }
}

constexpr Rule kRowSecurityRules[] = {
    {.id = "policy-without-rls",
     .aliases = "rls-policies-but-disabled",
     .title = "Policies exist and row security is off",
     .why = "The policies look like a fence and do nothing.",
     .how = "ENABLE ROW LEVEL SECURITY.",
     .source = "PostgreSQL manual, ddl-rowsecurity; splinter",
     .severity = Severity::error,
     .area = Area::roles,
     .needs = Facts::relations | Facts::policies,
     .judge = policy_without_rls},
    {.id = "rls-no-policy",
     .title = "Row security without a policy",
     .why = "Default deny: the program sees an empty table.",
     .how = "Create the policy, or disable row security.",
     .source = "PostgreSQL manual, ddl-rowsecurity; splinter",
     .severity = Severity::info,
     .area = Area::roles,
     .needs = Facts::relations | Facts::policies,
     .judge = rls_no_policy},
    {.id = "rls-force-missing",
     .aliases = "rls-owner-exempt",
     .title = "Row security does not bind the owner, who logs in",
     .why = "An owner is exempt without FORCE: the program that owns its tables sees every "
            "tenant's rows.",
     .how = "FORCE ROW LEVEL SECURITY, or another owner.",
     .source = "PostgreSQL manual, ddl-rowsecurity",
     .severity = Severity::warning,
     .area = Area::roles,
     .needs = Facts::relations | Facts::roles,
     .judge = rls_force_missing},
    {.id = "rls-disabled",
     .aliases = "rls-missing-on-tenant-table",
     .title = "A tenant's table without row security",
     .why = "One forgotten WHERE shows one customer the rows of another.",
     .how = "A policy on the tenant column, FORCE, and a test as the program's role.",
     .source = "splinter; PostgreSQL manual, ddl-rowsecurity",
     .severity = Severity::warning,
     .area = Area::roles,
     .needs = Facts::relations | Facts::columns,
     .judge = rls_disabled},
    {.id = "policy-always-true",
     .aliases = "rls-always-true",
     .title = "A policy that lets any row be written",
     .why = "Permissive policies are joined by OR: one that is true opens the fence of all others.",
     .how = "Write the condition, or make it RESTRICTIVE.",
     .source = "PostgreSQL manual, sql-createpolicy; splinter",
     .severity = Severity::warning,
     .area = Area::roles,
     .needs = Facts::relations | Facts::policies,
     .judge = policy_always_true},
    {.id = "rls-initplan",
     .title = "A policy calls a function once a row",
     .why = "A sequential scan pays for the call on each row, about twice the time.",
     .how = "(SELECT current_setting(...)) is computed once a statement.",
     .source = "splinter (auth_rls_initplan); PostgreSQL manual, ddl-rowsecurity",
     .severity = Severity::info,
     .area = Area::roles,
     .needs = Facts::relations | Facts::policies,
     .judge = rls_initplan},
    {.id = "multiple-permissive",
     .aliases = "rls-many-permissive",
     .title = "Several permissive policies for one role and command",
     .why = "Each is tried for each row, and together they let through more than any one of them "
            "says.",
     .how = "One policy, or RESTRICTIVE ones.",
     .source = "PostgreSQL manual, sql-createpolicy; splinter",
     .severity = Severity::info,
     .area = Area::roles,
     .needs = Facts::relations | Facts::policies,
     .judge = multiple_permissive},
    {.id = "security-definer-view",
     .aliases = "view-bypasses-rls",
     .title = "A view walks around row security",
     .why = "A view reads with its owner's rights: who may read the view sees every row.",
     .how = "security_invoker = on (15 and later).",
     .source = "PostgreSQL manual, sql-createview and rules-privileges; splinter",
     .severity = Severity::warning,
     .area = Area::roles,
     .needs = Facts::relations | Facts::policies,
     .version_min = 15,
     .judge = security_definer_view},
};

} // namespace

const std::span<const Rule> row_security_rules{kRowSecurityRules};

} // namespace pgkeep::audit
