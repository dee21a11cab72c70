// Passwords, by verdicts that the reader made: no hash is in a Snapshot.
#include "audit/families.h"
#include "audit/rules/role_groups.h"
#include "audit/rules/server_settings.h"

namespace pgkeep::audit {
namespace {

constexpr double kDay = 86'400;
constexpr double kExpirySoonDays = 7;

Fix new_password(std::string_view role, std::string_view why) {
  return {.safety = Safety::manual,
          .phase = Phase::roles,
          .note = fmt::format("{}: no statement can choose it and hand it to the program. In psql: "
                              "\\password {} (it sends a SCRAM verifier only).",
                              why, postgres::quote_identifier(role))};
}

void password_md5(const Snapshot& db, const Limits&, Sink& out) {
  if (catalog::setting_text(db, "password_encryption") != "scram-sha-256") {
    const catalog::Setting* const setting = look_at(db, "password_encryption", out);
    if (setting != nullptr) {
      out.add(setting_finding(
          db, "password_encryption",
          fmt::format("new passwords are stored as {}, which is as good as the password itself",
                      setting->value),
          set_server(db, "password_encryption", "scram-sha-256")));
    }
  }
  if (!catalog::has(db.present, Facts::passwords)) {
    out.skip(fmt::format("stored passwords: {}", db.why_absent(Facts::passwords)));
    return;
  }
  for (const catalog::Role& role : db.roles) {
    if (role.password_kind != "md5") continue;
    // One that may not log in now may tomorrow.
    out.add({.severity = role.can_login ? Severity::error : Severity::info,
             .object = "role " + role.name,
             .message = fmt::format(
                 "the password of {} is stored as MD5: the stored text alone is enough to log in",
                 role.name),
             .evidence = Json{{"password_kind", role.password_kind}, {"can_login", role.can_login}},
             .fix = new_password(role.name, "A SCRAM verifier cannot be computed from an MD5 hash, "
                                            "so the password must be set anew")});
  }
}

void password_equals_name(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::Role& role : db.roles) {
    if (!role.password_equals_name || !role.can_login) continue;
    out.add({.object = "role " + role.name,
             .message = fmt::format(
                 "the password of {} is its name: the first one that an attacker tries", role.name),
             .evidence = Json{{"password_equals_name", true}, {"superuser", role.superuser}},
             .fix = new_password(role.name, "A new password must be set")});
  }
}

void password_missing(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::Role& role : db.roles) {
    if (role.password_kind != "none" || !role.can_login || role.superuser) continue;
    out.add({.object = "role " + role.name,
             .message = fmt::format(
                 "{} may log in and has no password: every password method refuses it", role.name),
             .evidence = Json{{"password_kind", role.password_kind}, {"sessions", role.sessions}},
             .fix = new_password(role.name, "If it should log in by password, one must be set; if "
                                            "it never logs in, take LOGIN away")});
  }
}

void password_expiring(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::Role& role : db.roles) {
    if (!role.can_login || role.valid_until <= 0) continue;
    const double left_days = (role.valid_until - db.server.now) / kDay;
    if (left_days > kExpirySoonDays) continue;
    out.add(
        {.severity = left_days <= 0 ? Severity::error : Severity::warning,
         .object = "role " + role.name,
         .message = left_days <= 0 ? fmt::format("the password of {} expired {:.0f} days ago: no "
                                                 "new session can log in by it",
                                                 role.name, -left_days)
                                   : fmt::format("the password of {} expires in {:.1f} days",
                                                 role.name, left_days),
         .evidence = Json{{"valid_until", base::to_iso(base::Timestamp(base::Duration(
                                              static_cast<std::int64_t>(role.valid_until * 1e6))))},
                          {"days_left", left_days}},
         .fix = new_password(role.name, "A new password must be set, and VALID UNTIL moved")});
  }
}

void password_never_expires(const Snapshot& db, const Limits&, Sink& out) {
  std::vector<std::string> names;
  for (const catalog::Role& role : db.roles) {
    if (role.can_login && role.valid_until <= 0 && role.password_kind != "none" &&
        !role.password_kind.empty())
      names.push_back(role.name);
  }
  if (names.empty()) return;
  out.add({.object = "roles",
           .message = fmt::format("{} passwords have no date on which they end", names.size()),
           .evidence = Json{{"roles", Json::list(names)}},
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::roles,
                      .note = "When to rotate is a decision, and the program must learn the new "
                              "password: no statement can do either. Rotate, then set "
                              "VALID UNTIL to the next date."}});
}

constexpr Rule kPasswordRules[] = {
    {.id = "password-md5",
     .title = "Passwords stored or made as MD5",
     .why = "An MD5 verifier is enough to log in: one stolen backup gives every account. "
            "PostgreSQL 18 warns, later ones will refuse.",
     .how = "password_encryption = scram-sha-256, then set each password anew.",
     .source = "PostgreSQL manual, auth-password",
     .severity = Severity::error,
     .area = Area::authentication,
     .needs = Facts::settings | Facts::roles,
     .judge = password_md5},
    {.id = "password-equals-name",
     .title = "A password equals the role's name",
     .why = "It is the first guess of every scanner.",
     .how = "Set a random one.",
     .source = "postgresqltuner; CIS PostgreSQL benchmark, section 5",
     .severity = Severity::error,
     .area = Area::authentication,
     .needs = Facts::roles | Facts::passwords,
     .judge = password_equals_name},
    {.id = "password-missing",
     .title = "A login role without a password",
     .why = "It cannot log in by password; it either uses another method or is a leftover.",
     .how = "Set a password, or NOLOGIN.",
     .source = "PostgreSQL manual, auth-password",
     .severity = Severity::info,
     .area = Area::authentication,
     .needs = Facts::roles | Facts::passwords,
     .judge = password_missing},
    {.id = "password-expiring",
     .aliases = "password-expired",
     .title = "A password is about to expire, or has",
     .why = "New sessions are refused from that moment; open ones live on, so it is noticed at the "
            "next restart of the program.",
     .how = "Rotate it now.",
     .source = "PostgreSQL manual, sql-createrole: VALID UNTIL",
     .severity = Severity::warning,
     .area = Area::authentication,
     .needs = Facts::roles,
     .judge = password_expiring},
    {.id = "password-never-expires",
     .title = "Passwords without an end",
     .why = "One that leaked years ago still works.",
     .how = "Rotate on a calendar and let VALID UNTIL enforce it.",
     .source = "PostgreSQL manual, sql-createrole: VALID UNTIL",
     .severity = Severity::info,
     .area = Area::authentication,
     .needs = Facts::roles | Facts::passwords,
     .judge = password_never_expires},
};

} // namespace

const std::span<const Rule> password_rules{kPasswordRules};

} // namespace pgkeep::audit
