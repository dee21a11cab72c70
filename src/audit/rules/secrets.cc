// Secrets where they do not belong: in columns as plain text, in the catalog, in source code.
// Verdicts only: no value is ever here.
#include <set>

#include "audit/families.h"
#include "audit/rules/role_groups.h"

namespace pgkeep::audit {
namespace {

constexpr int kPartitionDepthMax = 32; ///< A damaged catalog must not make us walk in a circle.

/// A partition's column is named by its parent's, for it is mended there.
const catalog::Relation* parent_of(const Snapshot& db, const catalog::Relation& relation) {
  const catalog::Relation* top = &relation;
  for (int depth = 0; top->is_partition && depth < kPartitionDepthMax; ++depth) {
    const catalog::Relation* const parent = db.relation(top->parent);
    if (parent == nullptr) break;
    top = parent;
  }
  return top;
}

Finding plain_column(const catalog::Relation& relation, const catalog::Column& column) {
  std::vector<std::string> readers = relation.readers;
  if (relation.public_select) readers.insert(readers.begin(), "PUBLIC");
  const std::string object = catalog::column_object(relation, column);
  return {
      .object = object,
      .message = fmt::format(
          "{} looks by name like a secret, and its sampled values look like plain text{}", object,
          readers.empty() ? "" : fmt::format("; readable by {}", base::join(readers, ", "))),
      .evidence = Json{{"type", column.type},
                       {"value_shape", column.value_shape},
                       {"readers", Json::list(readers)}},
      .fix = Fix{.safety = Safety::manual,
                 .phase = Phase::types,
                 .note = "Programs must learn to write and check the new form, which no statement "
                         "does: passwords as a slow hash (argon2, bcrypt), tokens as SHA-256, "
                         "numbers encrypted in the program; then overwrite the old values and "
                         "rotate what was readable."}};
}

void plaintext_secret(const Snapshot& db, const Limits&, Sink& out) {
  std::set<std::string> reported;
  std::int64_t unknown = 0;
  for (const catalog::Relation& relation : db.relations) {
    if (!relation.is_table()) continue;
    for (const catalog::Column& column : db.columns_of(relation)) {
      // An empty table has nothing to give away; a partitioned one has its values in partitions.
      if (column.value_shape == "unknown" && relation.kind == "r" && relation.rows != 0) ++unknown;
      if (column.value_shape != "plain") continue;
      Finding finding = plain_column(*parent_of(db, relation), column);
      if (reported.insert(finding.object).second) out.add(std::move(finding));
    }
  }
  if (unknown > 0) {
    out.skip(fmt::format("{} column{} with such a name {} no sampled values that this role may "
                         "see; ANALYZE samples them",
                         unknown, unknown == 1 ? "" : "s", unknown == 1 ? "has" : "have"));
  }
}

void secrets_in_catalog(const Snapshot& db, const Limits&, Sink& out) {
  const auto add = [&](const std::string& object, std::string_view kind) {
    out.add(
        {.object = object,
         .message = fmt::format("a {} holds something that looks like a password or a key", kind),
         .evidence = Json{{"kind", kind}},
         .fix =
             Fix{.safety = Safety::manual,
                 .phase = Phase::roles,
                 .note = "The secret is known to whoever reads the catalog or a dump, so it must "
                         "be changed where it is used, which no statement here can do: rotate it, "
                         "then take it out (a passfile, a user mapping readable by its user only, "
                         "or a secret manager)."}});
  };
  for (const catalog::Function& function : db.functions) {
    if (function.body_has_secret) {
      add(fmt::format("function {}({})", postgres::quote_qualified(function.schema, function.name),
                      function.arguments),
          "function body");
    }
  }
  for (const catalog::SecretPlace& place : db.secret_places)
    add(fmt::format("{} {}", place.kind, place.name), place.kind);
  for (const catalog::Subscription& subscription : db.subscriptions) {
    if (subscription.connection_has_secret)
      add("subscription " + subscription.name, "subscription's connection");
  }
  if (!catalog::has(db.present, Facts::secrets))
    out.skip(
        fmt::format("foreign servers, user mappings and jobs: {}", db.why_absent(Facts::secrets)));
}

void secrets_in_code(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::SecretInCode& secret : db.outside.repository->secrets) {
    out.add(
        {.object = fmt::format("{}:{}", secret.path, secret.line),
         .message = fmt::format("{}: everybody with a copy of the code has it", secret.kind),
         .evidence = Json{{"kind", secret.kind}, {"path", secret.path}, {"line", secret.line}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::roles,
                    .note = "It is in every copy of the repository, so no statement helps: rotate "
                            "it, then read it at run time from a secret manager or a 0600 file."},
         .file = secret.path,
         .line = secret.line});
  }
}

constexpr Rule kSecretRules[] = {
    {.id = "plaintext-secret",
     .aliases = "sensitive-column-plain sensitive-column-exposed",
     .title = "A column that looks like a secret holds plain text",
     .why = "One leaked dump, log or report gives every password, token or card number.",
     .how = "Hash what is only compared, encrypt the rest in the program, split it from what many "
            "read.",
     .source = "splinter (sensitive columns); OWASP, Password Storage Cheat Sheet",
     .severity = Severity::warning,
     .area = Area::roles,
     .needs = Facts::relations | Facts::columns | Facts::column_stats,
     .judge = plaintext_secret},
    {.id = "secrets-in-catalog",
     .title = "A password or key in the catalog",
     .why =
         "Function bodies and server options are readable by many roles and stand in every dump.",
     .how = "Rotate it, and keep it in a passfile or a secret manager.",
     .source = "PostgreSQL manual, catalog-pg-proc, catalog-pg-foreign-server, libpq-pgpass",
     .severity = Severity::error,
     .area = Area::roles,
     .needs = Facts::functions,
     .judge = secrets_in_catalog},
    {.id = "secrets-in-code",
     .title = "A password or key in the source code",
     .why = "Everyone who ever had a copy has it, and history keeps it.",
     .how = "Rotate it; read it at run time.",
     .source = "OWASP, Secrets Management Cheat Sheet",
     .severity = Severity::error,
     .area = Area::authentication,
     .needs = Facts::repository,
     .judge = secrets_in_code},
};

} // namespace

const std::span<const Rule> secret_rules{kSecretRules};

} // namespace pgkeep::audit
