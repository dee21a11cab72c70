// pg_hba.conf, line by line: who may come in without proof, in clear text, or from anywhere.
#include <algorithm>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

bool is_network(const catalog::HbaRule& rule) {
  return rule.type != "local";
}

bool is_loopback(const catalog::HbaRule& rule) {
  return rule.address.starts_with("127.") || rule.address == "::1" || rule.address == "localhost" ||
         rule.address == "samehost";
}

bool is_world(const catalog::HbaRule& rule) {
  return rule.address == "all" || (rule.address == "0.0.0.0" && rule.netmask == "0.0.0.0") ||
         (rule.address == "::" && rule.netmask == "::");
}

bool names_all(const std::vector<std::string>& names) {
  return std::ranges::find(names, "all") != names.end();
}

/// The line as a person would look for it, and its place.
std::string object_of(const catalog::HbaRule& rule) {
  const std::size_t slash = rule.file.rfind('/');
  const std::string file = rule.file.empty()
                               ? "pg_hba.conf"
                               : rule.file.substr(slash == std::string::npos ? 0 : slash + 1);
  return fmt::format("{}:{}", file, rule.line);
}

Json evidence_of(const catalog::HbaRule& rule) {
  return Json{{"type", rule.type},
              {"databases", Json::list(rule.databases)},
              {"users", Json::list(rule.users)},
              {"address", rule.address},
              {"netmask", rule.netmask},
              {"method", rule.method}};
}

Fix edit_file(std::string_view what) {
  return {.safety = Safety::manual,
          .phase = Phase::roles,
          .sql = {},
          .note = fmt::format("pg_hba.conf is a file that no statement edits: {}, look at "
                              "pg_hba_file_rules for errors, then SELECT pg_reload_conf().",
                              what)};
}

void add(Sink& out, const catalog::HbaRule& rule, Severity severity, std::string message,
         std::string_view edit) {
  out.add({.severity = severity,
           .object = object_of(rule),
           .message = std::move(message),
           .evidence = evidence_of(rule),
           .fix = edit_file(edit)});
}

std::string line_of(const catalog::HbaRule& rule) {
  return fmt::format("\"{} {} {} {}{}\"", rule.type, base::join(rule.databases, ","),
                     base::join(rule.users, ","), rule.address.empty() ? "" : rule.address + " ",
                     rule.method);
}

void hba_trust(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::HbaRule& rule : db.hba) {
    if (rule.method != "trust" || !rule.error.empty()) continue;
    const bool is_admin_only = rule.users.size() == 1 && rule.users.front() == "postgres";
    if (!is_network(rule) && is_admin_only) continue;
    add(out, rule, is_network(rule) ? Severity::error : Severity::warning,
        fmt::format("{} lets anyone in as anyone, without a password", line_of(rule)),
        is_network(rule) ? "replace trust by scram-sha-256" : "replace trust by peer");
  }
}

void hba_password_cleartext(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::HbaRule& rule : db.hba) {
    if (rule.method != "password" || !rule.error.empty()) continue;
    add(out, rule, Severity::error,
        fmt::format("{} asks for the password in clear text", line_of(rule)),
        "replace password by scram-sha-256");
  }
}

void hba_md5(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::HbaRule& rule : db.hba) {
    if (rule.method != "md5" || !rule.error.empty()) continue;
    add(out, rule, Severity::warning, fmt::format("{} still accepts MD5 verifiers", line_of(rule)),
        "set every MD5 password anew, then replace md5 by scram-sha-256");
  }
}

void hba_world_open(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::HbaRule& rule : db.hba) {
    if (!is_network(rule) || rule.method == "reject" || !rule.error.empty() || !is_world(rule) ||
        !names_all(rule.databases) || !names_all(rule.users))
      continue;
    const bool may_be_plain = rule.type == "host" || rule.type == "hostnossl";
    add(out, rule, may_be_plain ? Severity::error : Severity::warning,
        fmt::format("{} opens every database to every role from every address{}", line_of(rule),
                    may_be_plain ? ", without TLS too" : ""),
        "name the database, the role and the network, with type hostssl");
  }
}

void hba_no_tls(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::HbaRule& rule : db.hba) {
    if ((rule.type != "host" && rule.type != "hostnossl") || rule.method == "reject" ||
        !rule.error.empty() || is_loopback(rule))
      continue;
    add(out, rule, Severity::warning,
        fmt::format("{} accepts connections without TLS from beyond this machine", line_of(rule)),
        "use type hostssl");
  }
}

constexpr Rule kHbaRules[] = {
    {.id = "hba-trust",
     .title = "pg_hba.conf lets somebody in without proof",
     .why = "Whoever reaches the port or the socket is whoever he says, superuser included.",
     .how = "scram-sha-256 over the network, peer on the socket.",
     .source = "PostgreSQL manual, auth-trust",
     .severity = Severity::error,
     .area = Area::authentication,
     .needs = Facts::hba,
     .judge = hba_trust},
    {.id = "hba-password-cleartext",
     .title = "pg_hba.conf asks for passwords in clear text",
     .why = "Everyone on the way, and a false server, reads the password.",
     .how = "scram-sha-256.",
     .source = "PostgreSQL manual, auth-password",
     .severity = Severity::error,
     .area = Area::authentication,
     .needs = Facts::hba,
     .judge = hba_password_cleartext},
    {.id = "hba-md5",
     .title = "pg_hba.conf still allows MD5",
     .why = "A stolen MD5 verifier is as good as the password; the method is deprecated since 18.",
     .how = "Set the passwords anew as SCRAM, then scram-sha-256 in the file.",
     .source = "PostgreSQL manual, auth-password",
     .severity = Severity::warning,
     .area = Area::authentication,
     .needs = Facts::hba,
     .judge = hba_md5},
    {.id = "hba-world-open",
     .title = "pg_hba.conf is open to the world",
     .why = "Only the passwords stand between the internet and every database.",
     .how = "One line a service: its database, its role, its network.",
     .source = "PostgreSQL manual, auth-pg-hba-conf; CIS PostgreSQL benchmark, section 5",
     .severity = Severity::warning,
     .area = Area::authentication,
     .needs = Facts::hba,
     .judge = hba_world_open},
    {.id = "hba-no-tls",
     .title = "pg_hba.conf accepts connections without TLS",
     .why = "Rows and statements travel readable; a client with sslmode=prefer falls back without "
            "a word.",
     .how = "Type hostssl, and sslmode=verify-full at the clients.",
     .source = "PostgreSQL manual, auth-pg-hba-conf and libpq-ssl",
     .severity = Severity::warning,
     .area = Area::authentication,
     .needs = Facts::hba,
     .judge = hba_no_tls},
};

} // namespace

const std::span<const Rule> hba_rules{kHbaRules};

} // namespace pgkeep::audit
