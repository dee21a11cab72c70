// Who may do what, and what is set for all: rows' policies, grants, extensions, the cluster.
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "lint/families.h"
#include "lint/rules/places.h"
#include "lint/rules/shared_card.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Fix;
using findings::Phase;
using findings::Safety;
using findings::Severity;
using postgres::Node;
using postgres::quote_identifier;

const catalog::Relation* relation_of_database(const Context& context, const RelationName& name) {
  if (context.database == nullptr) return nullptr;
  const auto found =
      std::ranges::find_if(context.database->relations, [&](const catalog::Relation& each) {
        return each.name == name.name &&
               each.schema == (name.schema.empty() ? "public" : name.schema);
      });
  return found == context.database->relations.end() ? nullptr : &*found;
}

bool creates_policy_on(const Node& root, const RelationName& table) {
  return root.is("CreatePolicyStmt") && relation_of(root.node("table")).name == table.name;
}

bool enables_security_of(const Node& root, const RelationName& table) {
  const postgres::NodeList commands = root.nodes_if("AlterTableStmt", "cmds");
  return root.is("AlterTableStmt") && root.node("relation").text("relname") == table.name &&
         std::ranges::any_of(commands, [](const Node& command) {
           return command.name("subtype") == "AT_EnableRowSecurity";
         });
}

/// Policy and row security come together: before, everybody saw all rows by right.
bool is_introduced_here(const LoneSubject& subject, const RelationName& table) {
  const auto enables = [&](const Node& root) { return enables_security_of(root, table); };
  return std::ranges::any_of(roots_before(subject), enables) ||
         std::ranges::any_of(roots_after(subject), enables);
}

void create_policy(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::create_policy || !context.is_in_use(change.relation))
      continue;
    const catalog::Relation* const known = relation_of_database(context, change.relation);
    // A policy works from the moment that row security is on; before, it waits.
    if (known != nullptr && !known->row_security) continue;
    if (is_introduced_here(subject, change.relation)) continue;
    const bool narrows = !change.node.flag("permissive");
    const std::string object = object_of(change.relation, change.name);
    out.add(offset_of_name(subject, change),
            {.severity = narrows ? Severity::warning : Severity::info,
             .object = object,
             .message = narrows ? fmt::format("A restrictive policy hides rows of {} from queries "
                                              "that see them now",
                                              context.with_size(change.relation))
                                : fmt::format("The policy decides with the first query after the "
                                              "commit who sees rows of {}",
                                              context.with_size(change.relation)),
             .evidence = Json{{"policy", object}, {"restrictive", narrows}},
             .fix = by_hand("Which rows a role should see is not in the text. Count them as each "
                            "role (SET LOCAL ROLE ...) on a clone before and after.")});
  }
}

/// Whether some policy lets rows through: of the text, before or after, or of the database.
bool has_policy(const Subject& subject, const RelationName& table) {
  const auto creates = [&](const Node& root) { return creates_policy_on(root, table); };
  if (std::ranges::any_of(roots_before(subject), creates)) return true;
  if (subject.context.shares_transaction() && std::ranges::any_of(roots_after(subject), creates))
    return true;
  const catalog::Relation* const known = relation_of_database(subject.context, table);
  return known != nullptr &&
         std::ranges::any_of(subject.context.database->policies, [&](const catalog::Policy& each) {
           return each.relation == known->oid && each.is_permissive;
         });
}

void enable_rls(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::enable_row_security || !context.is_in_use(change.relation) ||
        has_policy(subject, change.relation))
      continue;
    out.add(
        offset_of_word(subject, "enable", subject.statement.begin),
        {.object = change.relation.text(),
         .message = fmt::format("Row security without a policy hides every row of {} from all "
                                "but its owner",
                                context.with_size(change.relation)),
         .evidence = Json{{"table", change.relation.text()}, {"policies", 0}},
         .fix = by_hand("Which rows a role may see is for a person to say. CREATE POLICY first, "
                        "in the same transaction, and try it as each role on a clone.")});
  }
}

void force_rls(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::force_row_security || !context.is_in_use(change.relation))
      continue;
    const bool is_covered = has_policy(subject, change.relation);
    out.add(offset_of_word(subject, "force", subject.statement.begin),
            {.severity = is_covered ? Severity::info : Severity::warning,
             .object = change.relation.text(),
             .message = fmt::format("From now on the owner of {} sees only rows that a policy "
                                    "shows it: migrations, dumps and jobs that run as owner too",
                                    context.with_size(change.relation)),
             .evidence = Json{{"table", change.relation.text()}, {"has_policy", is_covered}},
             .fix = by_hand("What runs as owner is not in the text. Give backups and migrations a "
                            "role with BYPASSRLS, and try the owner's jobs on a clone.")});
  }
}

/// PUBLIC among the roles of GRANT or REVOKE; no node where it is not.
Node public_grantee(const Node& grant) {
  for (const Node& each : grant.nodes("grantees")) {
    if (each.name("roletype") == "ROLESPEC_PUBLIC") return each;
  }
  return {};
}

/// The names after ON; one text for ALL TABLES IN SCHEMA.
std::string objects_text(const Node& grant) {
  std::vector<std::string> names;
  for (const Node& each : grant.nodes("objects")) {
    if (each.is("RangeVar")) names.push_back(relation_of(each).text());
    if (each.is("String")) names.push_back(quote_identifier(each.text("sval")));
    if (each.is("ObjectWithArgs")) names.push_back(relation_of(each.nodes("objname")).text());
  }
  return enumerate(names);
}

bool touches_what_is_in_use(const Context& context, const Node& grant) {
  const postgres::NodeList objects = grant.nodes("objects");
  return std::ranges::any_of(objects, [&](const Node& each) {
    return !each.is("RangeVar") || context.is_in_use(relation_of(each));
  });
}

/// Rights that do harm in anybody's hands; SELECT and the like are advice.
bool has_writing_right(const Node& grant) {
  const postgres::NodeList privileges = grant.nodes("privileges");
  if (privileges.empty()) return true; // ALL.
  return std::ranges::any_of(privileges, [](const Node& each) {
    const std::string_view name = each.text("priv_name");
    return name != "usage" && name != "execute" && name != "connect" && name != "select";
  });
}

void grant_to_public(const LoneSubject& subject, const Node& root, TextSink& out) {
  const Node everybody = public_grantee(root);
  if (!everybody) return;
  const bool is_writing = has_writing_right(root);
  const std::string objects = objects_text(root);
  out.add(everybody.offset().value_or(subject.statement.begin),
          {.severity = is_writing ? Severity::warning : Severity::info,
           .object = objects,
           .message = fmt::format("Every role, also one that is made later, gets this right on {}",
                                  objects.empty() ? "all of it" : objects),
           .evidence = Json{{"objects", objects}, {"writes", is_writing}},
           .fix = by_hand("Which role needs the right is for a person to say: grant it to that "
                          "role alone.")});
}

void grant_revoke(const Subject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (root.is("GrantRoleStmt") && !root.flag("is_grant")) {
    out.add(subject.statement.begin,
            {.message = "What the role could do as a member fails in running sessions at once",
             .evidence = Json{{"statement", "REVOKE role"}},
             .fix = by_hand("Who still needs the membership is not in the text. Grant what is "
                            "needed directly first, then revoke.")});
    return;
  }
  if (!root.is("GrantStmt")) return;
  const bool is_about_objects = root.name("targtype") != "ACL_TARGET_DEFAULTS";
  if (root.flag("is_grant")) return grant_to_public(subject, root, out);
  // Taking rights from PUBLIC is what a careful schema does.
  if (!is_about_objects || public_grantee(root) || !touches_what_is_in_use(subject.context, root))
    return;
  const std::string objects = objects_text(root);
  out.add(subject.statement.begin,
          {.object = objects,
           .message = fmt::format("Code that runs now as this role fails with \"permission "
                                  "denied\"{} at once",
                                  objects.empty() ? "" : fmt::format(" on {}", objects)),
           .evidence = Json{{"objects", objects}},
           .fix = by_hand("Which code uses the right is not in the text. Deploy code that does "
                          "without it first, look into the log, then revoke.")});
}

/// The option of a statement by its name; no node where it has none.
Node option_of(const Node& statement, std::string_view name) {
  for (const Node& each : statement.nodes("options")) {
    if (each.text("defname") == name) return each;
  }
  return {};
}

void extension_change(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    const bool is_created = change.operation == Operation::create_extension;
    const bool is_updated = change.operation == Operation::alter_extension;
    if (!is_created && !is_updated && change.operation != Operation::drop_extension) continue;
    const bool has_version = (is_created || is_updated) && option_of(change.node, "new_version");
    if (is_created && has_version) continue;
    const std::string name = quote_identifier(change.name);
    std::string message = fmt::format(
        "Dropping {} takes its types, functions and indexes from whoever uses them", name);
    if (is_created)
      message = fmt::format("{} gets whatever version the server brings, and another one on "
                            "another server",
                            name);
    if (is_updated)
      message = fmt::format("{} changes functions that queries use, with locks that its script "
                            "chooses{}",
                            name, has_version ? "" : ", to whatever version the server brings");
    out.add(offset_of_name(subject, change),
            {.severity = is_created ? Severity::info : Severity::warning,
             .object = fmt::format("extension {}", name),
             .message = std::move(message),
             .evidence = Json{{"extension", change.name}, {"has_version", has_version}},
             .fix = by_hand("The version that is meant is not in the text. Write it (VERSION "
                            "'x.y', UPDATE TO 'x.y') with the reason in a comment, and try the "
                            "change on a clone.")});
  }
}

/// What reaches beyond this database's schema; none for anything else.
std::optional<std::string> reach_of(const Node& root) {
  if (root.is("AlterSystemStmt"))
    return fmt::format("ALTER SYSTEM sets {} for the whole cluster, outside of any transaction",
                       root.node("setstmt").text("name"));
  if (root.is("AlterDatabaseSetStmt"))
    return fmt::format("{} changes for every new session of database {}",
                       root.node("setstmt").text("name"), quote_identifier(root.text("dbname")));
  if (root.is("DropTableSpaceStmt"))
    return fmt::format("Tablespace {} belongs to all databases of the cluster",
                       quote_identifier(root.text("tablespacename")));
  const bool is_role = root.is("AlterRoleStmt") || root.is("CreateRoleStmt");
  if (!is_role) return std::nullopt;
  if (!option_of(root, "superuser").node("arg").flag("boolval")) return std::nullopt;
  const std::string_view role =
      root.is("AlterRoleStmt") ? root.node("role").text("rolename") : root.text("role");
  return fmt::format("Role {} may do anything in every database of the cluster",
                     quote_identifier(role));
}

void cluster_wide_change(const LoneSubject& subject, TextSink& out) {
  const auto reach = reach_of(subject.statement.root);
  if (!reach) return;
  out.add(subject.statement.begin,
          {.message = *reach,
           .evidence = Json{{"statement", subject.statement.root.kind()}},
           .fix = by_hand("Configuration is not schema: a migration runs again on every copy of "
                          "the database, and undoing it undoes nothing of this. Set it where the "
                          "server is configured.")});
}

bool is_option(const Node& option, std::string_view name) {
  return option.text("defname") == name;
}

/// The volatility that is written; empty where none is.
std::string_view volatility_of(const Node& function) {
  for (const Node& option : function.nodes("options"))
    if (is_option(option, "volatility")) return option.node("arg").text("sval");
  return {};
}

bool is_definer(const Node& function) {
  return std::ranges::any_of(function.nodes("options"), [](const Node& option) {
    return is_option(option, "security") && option.node("arg").flag("boolval");
  });
}

/// Statements of the body; empty where it was not read.
std::vector<Node> body_of_function(const LoneSubject& subject) {
  std::vector<Node> roots;
  for (const Statement& each : subject.around.section.statements) {
    const bool is_inside = each.origin == Origin::function &&
                           each.begin > subject.statement.begin &&
                           each.begin < subject.statement.end;
    if (is_inside) roots.push_back(each.root);
  }
  return roots;
}

/// Reads at most: calls of the server's own functions that only compute, and rows.
bool only_reads(const Node& root) {
  if (!root.is("SelectStmt") || root.node("into_clause")) return false;
  bool is_pure = true;
  postgres::walk(root, [&](const Node& node) {
    if (node.is("InsertStmt") || node.is("UpdateStmt") || node.is("DeleteStmt") ||
        node.is("LockingClause"))
      is_pure = false;
    if (node.is("FuncCall")) {
      const std::vector<std::string> names = postgres::strings_of(node.nodes("funcname"));
      constexpr auto known = std::to_array<std::string_view>({"lower",
                                                              "upper",
                                                              "length",
                                                              "coalesce",
                                                              "concat",
                                                              "count",
                                                              "sum",
                                                              "min",
                                                              "max",
                                                              "avg",
                                                              "round",
                                                              "abs",
                                                              "now",
                                                              "date_trunc",
                                                              "substr",
                                                              "substring",
                                                              "trim",
                                                              "btrim",
                                                              "replace",
                                                              "to_char",
                                                              "array_agg",
                                                              "string_agg",
                                                              "jsonb_build_object",
                                                              "row_number",
                                                              "rank"});
      if (std::ranges::find(known, names.back()) == known.end()) is_pure = false;
    }
    return is_pure;
  });
  return is_pure;
}

void volatile_by_default(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("CreateFunctionStmt")) return;
  if (!volatility_of(root).empty() || root.flag("is_procedure")) return;
  const bool is_sql = std::ranges::any_of(root.nodes("options"), [](const Node& option) {
    return is_option(option, "language") && option.node("arg").text("sval") == "sql";
  });
  const std::vector<Node> body = is_sql ? body_of_function(subject) : std::vector<Node>{};
  if (body.empty() || !std::ranges::all_of(body, only_reads)) return;
  const std::string name = relation_of(root.nodes("funcname")).text();
  out.add(
      subject.statement.begin,
      {.object = "function " + name,
       .message = fmt::format("{} only reads and counts as VOLATILE: it is called for each row, "
                              "no index serves a comparison with it, and it is not inlined "
                              "where it could be",
                              name),
       .evidence = Json{{"function", name}},
       .fix = by_hand("What it promises is for its author to say: write STABLE where it reads "
                      "tables or the clock, IMMUTABLE where its arguments alone decide.")});
}

bool revokes_from_public(const Node& root, std::string_view function) {
  if (!root.is("GrantStmt") || root.flag("is_grant")) return false;
  const bool is_public = std::ranges::any_of(root.nodes("grantees"), [](const Node& each) {
    return each.name("roletype") == "ROLESPEC_PUBLIC";
  });
  if (!is_public || root.name("targtype") == "ACL_TARGET_ALL_IN_SCHEMA") return is_public;
  return std::ranges::any_of(root.nodes("objects"), [&](const Node& each) {
    return each.is("ObjectWithArgs") && relation_of(each.nodes("objname")).name == function;
  });
}

void function_executable_by_public(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("CreateFunctionStmt")) return;
  const RelationName function = relation_of(root.nodes("funcname"));
  // CREATE OR REPLACE keeps the rights that were set before.
  if (!is_definer(root) || root.flag("replace")) return;
  const std::vector<Node> after = roots_after(subject);
  const bool is_revoked = std::ranges::any_of(
      after, [&](const Node& each) { return revokes_from_public(each, function.name); });
  if (is_revoked) return;
  const std::string name = function.text();
  out.add(
      subject.statement.begin,
      {.object = "function " + name,
       .message = fmt::format("whoever can connect may call {}, which runs with the rights of "
                              "its owner",
                              name),
       .evidence = Json{{"function", name}, {"security_definer", true}},
       .fix = by_hand("Who needs it is for its author to say: REVOKE EXECUTE from PUBLIC in the "
                      "same transaction, then GRANT it to the roles that call it.")});
}

constexpr TextRule kRightRules[] = {
    {.card = {.id = "create-policy",
              .title = "Policy on a table in use",
              .why = "It decides from the next query on who sees which rows.",
              .how = "Try it as each role on a clone.",
              .source = "PostgreSQL manual, ddl-rowsecurity; sql-createpolicy",
              .severity = Severity::info,
              .area = Area::roles},
     .statement = create_policy,
     .nodes = "CreatePolicyStmt"},
    {.card = {.id = "enable-rls",
              .title = "Row security without a policy",
              .why = "The application finds no rows any more, and gets no error.",
              .how = "CREATE POLICY first, in the same transaction.",
              .source = "PostgreSQL manual, ddl-rowsecurity",
              .severity = Severity::error,
              .area = Area::roles},
     .statement = enable_rls,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "force-rls",
              .title = "Row security binds the owner",
              .why = "Jobs, migrations and dumps that run as owner miss rows.",
              .how = "Let them run as a role with BYPASSRLS.",
              .source = "PostgreSQL manual, ddl-rowsecurity: FORCE",
              .severity = Severity::warning,
              .area = Area::roles},
     .statement = force_rls,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "grant-revoke",
              .title = "Rights given to everybody or taken from a role",
              .why = "Everybody is more than one thinks; running code fails without its rights.",
              .how = "Grant to one role; revoke after the code that needs it is gone.",
              .source = "PostgreSQL manual, ddl-priv",
              .severity = Severity::warning,
              .area = Area::roles},
     .statement = grant_revoke,
     .nodes = "GrantRoleStmt GrantStmt"},
    {.card = {.id = "extension-change",
              .title = "Extension created without version, updated or dropped",
              .why = "Another server gets another version, and its functions change under "
                     "queries.",
              .how = "Pin the version, say why, and try it on a clone.",
              .source = "PostgreSQL manual, sql-createextension and sql-alterextension",
              .severity = Severity::warning,
              .area = Area::extensions},
     .lone = extension_change,
     .nodes = "CreateExtensionStmt AlterExtensionStmt DropStmt"},
    {.card = {.id = "cluster-wide-change",
              .title = "Change of the cluster in a migration",
              .why = "It reaches other databases, and the way back of the migration does not "
                     "undo it.",
              .how = "Configure the server where it is configured.",
              .source = "PostgreSQL manual, sql-altersystem, sql-alterdatabase, sql-alterrole",
              .severity = Severity::warning,
              .area = Area::configuration},
     .lone = cluster_wide_change},
    {.card = {.id = "volatile-by-default",
              .title = "Function that only reads and does not say so",
              .why = "VOLATILE is the default: the planner calls it for each row.",
              .how = "STABLE or IMMUTABLE.",
              .source = "PostgreSQL manual, xfunc-volatility",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::design,
     .lone = volatile_by_default,
     .nodes = "CreateFunctionStmt"},
    {.card = shared_card("function-executable-by-public"),
     .group = Group::design,
     .lone = function_executable_by_public,
     .nodes = "CreateFunctionStmt"},
};

} // namespace

const std::span<const TextRule> right_rules{kRightRules};

} // namespace pgkeep::lint
