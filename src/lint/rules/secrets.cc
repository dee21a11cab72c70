// Secrets that a text holds or stores, rights that it gives away, and fences with holes.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/query_tree.h"
#include "lint/rules/shared_card.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::any_word;
using catalog::is_one_of;
using findings::Area;
using findings::Severity;
using postgres::Node;

constexpr int kInvokerViews = 15;

/// A verifier tells nobody the password.
bool is_verifier(std::string_view password) {
  return password.starts_with("SCRAM-SHA-256$");
}

/// What a migration tool or psql puts in: ":password", "${PASSWORD}", "{{ password }}".
bool is_placeholder(std::string_view text) {
  return text.empty() || text.starts_with("${") || text.starts_with("{{") || text.starts_with(":");
}

void add_secret(std::size_t offset, std::string object, std::string_view kind, TextSink& out) {
  out.add(offset,
          {.object = std::move(object),
           .message = fmt::format("{} stands in the text: everybody with a copy of the file, the "
                                  "server's log or pg_stat_statements has it",
                                  kind),
           .evidence = Json{{"kind", std::string(kind)}},
           .fix = write_instead("Rotate it, set it with \\password or from a secret manager, and "
                                "leave it out of the file")});
}

void role_passwords(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  const bool is_create = root.is("CreateRoleStmt");
  if (!is_create && !root.is("AlterRoleStmt")) return;
  for (const Node& option : root.nodes("options")) {
    if (option.text("defname") != "password") continue;
    const std::string_view password =
        option.node("arg").is("String") ? option.node("arg").text("sval") : std::string_view{};
    if (is_placeholder(password) || is_verifier(password)) continue;
    const std::string role(is_create ? root.text("role") : root.node("role").text("rolename"));
    add_secret(place_of(subject, option), "role " + postgres::quote_identifier(role), "a password",
               out);
  }
}

/// "postgresql://user:secret@host/db", or "password=secret" of a connection string.
bool holds_password(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme != std::string_view::npos && text.substr(0, scheme).starts_with("postgres")) {
    const std::string_view rest = text.substr(scheme + 3);
    const std::size_t at = rest.find('@');
    const std::size_t colon = rest.find(':');
    if (at == std::string_view::npos || colon >= at) return false;
    return !is_placeholder(rest.substr(colon + 1, at - colon - 1));
  }
  const std::size_t key = text.find("password=");
  const bool is_connection = text.find("host=") != std::string_view::npos ||
                             text.find("dbname=") != std::string_view::npos;
  return key != std::string_view::npos && is_connection && !is_placeholder(text.substr(key + 9));
}

void secrets_in_code(const LoneSubject& subject, TextSink& out) {
  role_passwords(subject, out);
  const Node& root = subject.statement.root;
  if (root.is("CreateSubscriptionStmt") && holds_password(root.text("conninfo")))
    add_secret(subject.statement.begin, "subscription " + std::string(root.text("subname")),
               "a password in a connection string", out);
  postgres::walk(
      subject.statement.root, postgres::kinds<"FuncCall A_Const">(), [&](const Node& node) {
        const std::string_view name = function_name(node);
        if (is_one_of(name, {"pgp_sym_encrypt", "pgp_sym_decrypt", "pgp_sym_encrypt_bytea",
                             "pgp_sym_decrypt_bytea", "encrypt", "decrypt", "hmac"})) {
          const postgres::NodeList arguments = node.nodes("args");
          const auto key = arguments.size() > 1 ? string_constant(arguments[1]) : std::nullopt;
          if (key && !is_placeholder(*key))
            add_secret(place_of(subject, arguments[1]), "function " + std::string(name),
                       "the key of " + std::string(name) + "()", out);
        }
        if (node.is("A_Const") && holds_password(string_view_constant(node).value_or("")))
          add_secret(place_of(subject, node), "", "a password in a connection string", out);
        return true;
      });
}

void plaintext_secret(const LoneSubject& subject, TextSink& out) {
  for (const ColumnChange& column : columns_of(subject)) {
    const catalog::NameWords split(column.name);
    const auto words = split.all();
    const std::string joined = split.joined();
    const bool is_secret =
        any_word(words, {"password", "passwd", "pwd", "passphrase", "ssn", "cvv", "cvc"}) ||
        joined.find("card_number") != std::string::npos ||
        joined.find("private_key") != std::string::npos ||
        joined.find("secret_key") != std::string::npos;
    const bool is_told = any_word(words, {"hash", "hashed", "digest", "encrypted", "cipher", "salt",
                                          "verifier", "hint", "last4", "masked", "id", "policy",
                                          "reset", "type", "bcrypt", "argon2", "scrypt"});
    if (!is_secret || is_told || !is_text_type(column.type.name)) continue;
    out.add(
        column.offset,
        {.object = column.object(),
         .message = fmt::format("{} looks by name like a secret kept as plain text", column.name),
         .evidence = Json{{"type", column.type.text()}},
         .fix = write_instead("Store a slow hash of a password (argon2, bcrypt) and call the "
                              "column so, or encrypt the value in the program")});
  }
}

/// Roles that change the schema or keep the server: all rights are their work.
bool is_keeper(std::string_view role) {
  const catalog::NameWords split(role);
  const auto words = split.all();
  return any_word(words,
                  {"admin", "admins", "owner", "migrate", "migrator", "migration", "migrations",
                   "dba", "postgres", "superuser", "deploy", "ddl", "root", "maintenance"});
}

void grant_all_to_runtime_role(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("GrantStmt") || !root.flag("is_grant") || !root.nodes("privileges").empty()) return;
  const bool is_about_data =
      is_one_of(root.name("objtype"),
                {"OBJECT_TABLE", "OBJECT_SCHEMA", "OBJECT_DATABASE", "OBJECT_SEQUENCE"});
  if (!is_about_data) return;
  for (const Node& grantee : root.nodes("grantees")) {
    const bool is_public = grantee.name("roletype") == "ROLESPEC_PUBLIC";
    const bool is_named = grantee.name("roletype") == "ROLESPEC_CSTRING";
    const std::string role(grantee.text("rolename"));
    if (!is_public && (!is_named || is_keeper(role))) continue;
    out.add(
        place_of(subject, grantee),
        {.severity = is_public ? Severity::error : Severity::warning,
         .object = is_public ? "PUBLIC" : "role " + postgres::quote_identifier(role),
         .message = fmt::format("{} gets every right, TRUNCATE, TRIGGER and REFERENCES or CREATE "
                                "among them",
                                is_public ? "every role" : role),
         .evidence = Json{{"role", is_public ? "public" : role},
                          {"objects", std::string(root.name("objtype"))}},
         .fix = write_instead("Grant what the program does: SELECT, INSERT, UPDATE, DELETE on "
                              "tables, USAGE on schemas and sequences, CONNECT on the "
                              "database")});
  }
}

/// "public.f(integer)" as far as the name; arguments are not told apart.
std::string function_object(const Node& root) {
  return "function " + relation_of(root.nodes("funcname")).text();
}

void function_search_path(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("CreateFunctionStmt")) return;
  std::optional<std::size_t> definer;
  for (const Node& option : root.nodes("options")) {
    const Node value = option.node("arg");
    if (option.text("defname") == "security" && value.is("Boolean") && value.flag("boolval"))
      definer = place_of(subject, option);
    if (option.text("defname") == "set" && value.text("name") == "search_path") return;
  }
  if (!definer) return;
  out.add(*definer,
          {.object = function_object(root),
           .message = "runs with its owner's rights and takes its search_path from the caller, who "
                      "can put his own functions in front",
           .evidence = Json{{"security_definer", true}},
           .fix = write_instead("Write SET search_path = pg_catalog, pg_temp on the function, and "
                                "qualify the names in its body")});
}

bool is_true(const Node& node) {
  return node.is("A_Const") && node.node("boolval") && node.node("boolval").flag("boolval");
}

void policy_always_true(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("CreatePolicyStmt") || !root.flag("permissive")) return;
  const std::string_view command = root.text("cmd_name");
  const Node condition = root.node("qual");
  const Node check = root.node("with_check");
  if (command == "select") return;
  const bool lets_all =
      command == "insert" ? is_true(check) : is_true(condition) && (!check || is_true(check));
  const postgres::NodeList roles = root.nodes("roles");
  const bool is_for_keepers =
      std::ranges::all_of(roles, [](const Node& role) { return is_keeper(role.text("rolename")); });
  if (!lets_all || is_for_keepers) return;
  const RelationName table = relation_of(root.node("table"));
  out.add(
      subject.statement.begin,
      {.object = fmt::format("policy {} on {}",
                             postgres::quote_identifier(root.text("policy_name")), table.text()),
       .message = fmt::format("lets any row of {} be written; permissive policies add up, so it "
                              "undoes the others",
                              table.text()),
       .evidence = Json{{"command", std::string(command)}},
       .fix = write_instead("Write the condition that says whose rows they are in place of "
                            "true")});
}

void rls_initplan(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("CreatePolicyStmt")) return;
  const RelationName table = relation_of(root.node("table"));
  for (const std::string_view field : {"qual", "with_check"}) {
    walk_expression(root.node(field), postgres::kinds<"FuncCall">(), [&](const Node& node) {
      const std::vector<std::string> names =
          postgres::strings_of(node.nodes_if("FuncCall", "funcname"));
      const bool is_session = !names.empty() && (names.back() == "current_setting" ||
                                                 (names.size() > 1 && names.front() == "auth"));
      if (!is_session) return true;
      out.add(place_of(subject, node),
              {.object =
                   fmt::format("policy {} on {}",
                               postgres::quote_identifier(root.text("policy_name")), table.text()),
               .message = fmt::format("{}() is called for each row of {} where once a statement "
                                      "would do",
                                      base::join(names, "."), table.text()),
               .evidence = Json{{"function", base::join(names, ".")}},
               .fix = write_instead(fmt::format("Write (SELECT {}(...)): the planner runs it once",
                                                base::join(names, ".")))});
      return false;
    });
  }
}

/// Tables that this section enables row security on or writes policies for.
struct Fence {
  RelationName table;
  std::size_t offset = 0;
};
std::vector<Fence> fences(const Context& context, Operation operation) {
  std::vector<Fence> found;
  for (const Change& change : changes_of(context.section)) {
    const bool is_known = std::ranges::find(found, change.relation, &Fence::table) != found.end();
    if (change.operation == operation && !is_known)
      found.push_back({change.relation, change.offset});
  }
  return found;
}
const catalog::Relation* in_database(const Context& context, const RelationName& name) {
  if (context.database == nullptr) return nullptr;
  const auto& all = context.database->relations;
  const auto found = std::ranges::find_if(all, [&](const catalog::Relation& each) {
    return each.name == name.name && each.schema == (name.schema.empty() ? "public" : name.schema);
  });
  return found == all.end() ? nullptr : &*found;
}

void policy_without_rls(const Context& context, TextSink& out) {
  const std::vector<Fence> enabled = fences(context, Operation::enable_row_security);
  for (const Fence& fence : fences(context, Operation::create_policy)) {
    const catalog::Relation* const relation = in_database(context, fence.table);
    const TableState* const table = context.schema.find(fence.table);
    // Of a table that nobody described, row security may have been on all along.
    const bool is_known = relation != nullptr || (table != nullptr && table->is_created_here);
    const bool is_on = (relation != nullptr && relation->row_security) ||
                       std::ranges::find(enabled, fence.table, &Fence::table) != enabled.end();
    if (!is_known || is_on) continue;
    out.add(fence.offset,
            {.object = fence.table.text(),
             .message = fmt::format("{} has policies and row security is off: everyone with SELECT "
                                    "sees every row",
                                    fence.table.text()),
             .evidence = Json{{"row_security", false}},
             .fix = write_instead("Write after it", {fmt::format("ALTER TABLE {} ENABLE ROW LEVEL "
                                                                 "SECURITY",
                                                                 fence.table.text())})});
  }
}

void rls_no_policy(const Context& context, TextSink& out) {
  const std::vector<Fence> policies = fences(context, Operation::create_policy);
  for (const Fence& fence : fences(context, Operation::enable_row_security)) {
    const TableState* const table = context.schema.find(fence.table);
    const bool is_new = table != nullptr && table->is_created_here;
    if (!is_new || std::ranges::find(policies, fence.table, &Fence::table) != policies.end())
      continue;
    out.add(fence.offset,
            {.object = fence.table.text(),
             .message = fmt::format("{} has row security and no policy: nobody but its owner and "
                                    "superusers sees a row",
                                    fence.table.text()),
             .evidence = Json{{"policies", 0}},
             .fix = write_instead("Write CREATE POLICY for the roles that need its rows")});
  }
}

/// WITH (security_invoker), = true, = on.
bool is_invoker_view(const Node& view) {
  const postgres::NodeList options = view.nodes("options");
  return std::ranges::any_of(options, [](const Node& option) {
    const Node value = option.node("arg");
    const bool is_off = value.is("String") && is_one_of(value.text("sval"), {"false", "off", "0"});
    return option.text("defname") == "security_invoker" && !is_off;
  });
}

void security_definer_view(const Context& context, TextSink& out) {
  const std::vector<Fence> enabled = fences(context, Operation::enable_row_security);
  for (const Change& change : changes_of(context.section)) {
    if (!change.node.is("ViewStmt") || is_invoker_view(change.node)) continue;
    std::optional<RelationName> fenced;
    postgres::walk(change.node.node("query"), postgres::kinds<"RangeVar">(), [&](const Node& node) {
      if (!node.is("RangeVar")) return true;
      const RelationName table = relation_of(node);
      const catalog::Relation* const relation = in_database(context, table);
      const bool is_on = (relation != nullptr && relation->row_security) ||
                         std::ranges::find(enabled, table, &Fence::table) != enabled.end();
      if (is_on) fenced = table;
      return true;
    });
    if (!fenced) continue;
    out.add(
        change.offset,
        {.object = change.relation.text(),
         .message = fmt::format("reads {} with its owner's rights, whom row security does not "
                                "bind: every reader of the view sees every row",
                                fenced->text()),
         .evidence = Json{{"table", fenced->text()}},
         .fix = context.server_major >= kInvokerViews
                    ? write_instead("Write WITH (security_invoker = true) after the view's name")
                    : write_instead("Repeat the policy's condition in the view, or grant the "
                                    "table instead; from PostgreSQL 15 security_invoker does "
                                    "it")});
  }
}

/// The sslmode that a connection string names, where it lets a stranger be the server.
std::string_view weak_sslmode(std::string_view text) {
  constexpr std::string_view key = "sslmode=";
  const std::size_t at = text.find(key);
  const bool is_target =
      text.find("://") != std::string_view::npos || text.find("host=") != std::string_view::npos;
  if (at == std::string_view::npos || !is_target) return {};
  const std::string_view rest = text.substr(at + key.size());
  for (const std::string_view mode : {"disable", "allow", "prefer", "require"})
    if (rest.starts_with(mode)) return mode;
  return {};
}

void connection_unverified(const LoneSubject& subject, TextSink& out) {
  const auto judge = [&](std::string_view text, std::size_t offset) {
    const std::string_view mode = weak_sslmode(text);
    if (mode.empty()) return;
    out.add(offset, {.message = fmt::format("sslmode={} does not look at the server's certificate: "
                                            "whoever stands between reads and answers",
                                            mode),
                     .evidence = Json{{"sslmode", std::string(mode)}},
                     .fix = write_instead("Write sslmode=verify-full and sslrootcert")});
  };
  const Node& root = subject.statement.root;
  if (root.is("CreateSubscriptionStmt") || root.is("AlterSubscriptionStmt"))
    judge(root.text("conninfo"), subject.statement.begin);
  postgres::walk(root, postgres::kinds<"A_Const">(), [&](const Node& node) {
    if (const auto text = string_view_constant(node)) judge(*text, place_of(subject, node));
    return true;
  });
}

constexpr TextRule kSecretRules[] = {
    {.card = shared_card("secrets-in-code"),
     .group = Group::design,
     .lone = secrets_in_code,
     .nodes = "A_Const FuncCall CreateRoleStmt AlterRoleStmt CreateSubscriptionStmt"},
    {.card = shared_card("plaintext-secret"),
     .group = Group::design,
     .lone = plaintext_secret,
     .nodes = "ColumnDef"},
    {.card = {.id = "grant-all-to-runtime-role",
              .title = "Every right for a role that programs use",
              .why = "An injected statement can empty tables, add triggers and make objects: what "
                     "the program never does.",
              .how = "Grant the commands that the program runs; keep the rest for the role that "
                     "migrates.",
              .source = "PostgreSQL manual, ddl-priv",
              .severity = Severity::warning,
              .area = Area::roles},
     .group = Group::design,
     .lone = grant_all_to_runtime_role,
     .nodes = "GrantStmt"},
    {.card = shared_card("function-search-path"),
     .group = Group::design,
     .lone = function_search_path,
     .nodes = "CreateFunctionStmt"},
    {.card = shared_card("policy-always-true"),
     .group = Group::design,
     .lone = policy_always_true,
     .nodes = "CreatePolicyStmt"},
    {.card = shared_card("rls-initplan"),
     .group = Group::design,
     .lone = rls_initplan,
     .nodes = "CreatePolicyStmt"},
    {.card = shared_card("security-definer-view"),
     .group = Group::design,
     .section = security_definer_view},
    {.card = shared_card("policy-without-rls"),
     .group = Group::design,
     .section = policy_without_rls},
    {.card = shared_card("rls-no-policy"), .group = Group::design, .section = rls_no_policy},
    {.card = {.id = "connection-unverified",
              .title = "Connection string that trusts any server",
              .why = "TLS without looking at the certificate keeps out those who only listen.",
              .how = "sslmode=verify-full with sslrootcert.",
              .source = "PostgreSQL manual, libpq-ssl: Protection Provided in Different Modes",
              .severity = Severity::warning,
              .area = Area::authentication},
     .group = Group::design,
     .lone = connection_unverified,
     .nodes = "A_Const CreateSubscriptionStmt AlterSubscriptionStmt"},
};

} // namespace

const std::span<const TextRule> secret_rules{kSecretRules};

} // namespace pgkeep::lint
