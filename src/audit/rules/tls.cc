// TLS as the server offers it, as sessions use it, and the certificate as a handshake shows it.
#include <algorithm>
#include <array>
#include <map>

#include "audit/families.h"
#include "audit/rules/server_settings.h"

namespace pgkeep::audit {
namespace {

constexpr double kDay = 86'400;

bool listens_beyond_loopback(const Snapshot& db) {
  for (const std::string& address :
       base::split_words(catalog::setting_text(db, "listen_addresses"))) {
    if (address != "localhost" && !address.starts_with("127.") && address != "::1") return true;
  }
  return false;
}

void ssl_off(const Snapshot& db, const Limits&, Sink& out) {
  if (look_at(db, "ssl", out) == nullptr || look_at(db, "listen_addresses", out) == nullptr) return;
  if (catalog::setting_is_on(db, "ssl") || !listens_beyond_loopback(db)) return;
  out.add(setting_finding(db, "ssl",
                          fmt::format("the server listens on {} without TLS: passwords and rows "
                                      "can be read and changed on the way",
                                      catalog::setting_text(db, "listen_addresses")),
                          {.safety = Safety::manual,
                           .phase = Phase::settings,
                           .sql = {"ALTER SYSTEM SET ssl = 'on'", "SELECT pg_reload_conf()"},
                           .note = "The server needs a certificate and its key as files first "
                                   "(ssl_cert_file, ssl_key_file), which no statement can make."}));
}

void ssl_weak(const Snapshot& db, const Limits&, Sink& out) {
  if (look_at(db, "ssl", out) == nullptr || !catalog::setting_is_on(db, "ssl")) return;
  if (look_at(db, "ssl_min_protocol_version", out) == nullptr ||
      look_at(db, "ssl_ciphers", out) == nullptr)
    return;
  const std::string protocol = catalog::setting_text(db, "ssl_min_protocol_version");
  if (protocol == "TLSv1" || protocol == "TLSv1.1" || protocol.empty()) {
    out.add(setting_finding(
        db, "ssl_min_protocol_version",
        fmt::format("TLS from \"{}\" on is accepted; 1.0 and 1.1 are broken", protocol),
        set_server(db, "ssl_min_protocol_version", "TLSv1.2")));
  }
  constexpr auto kWeak = std::to_array<std::string_view>(
      {"NULL", "eNULL", "aNULL", "LOW", "EXP", "EXPORT", "RC4", "DES", "MD5", "ADH"});
  for (const std::string& cipher : base::split(catalog::setting_text(db, "ssl_ciphers"), ':')) {
    if (std::ranges::find(kWeak, cipher) == kWeak.end()) continue;
    out.add(setting_finding(db, "ssl_ciphers", fmt::format("the list of ciphers allows {}", cipher),
                            set_server(db, "ssl_ciphers", "HIGH:MEDIUM:+3DES:!aNULL")));
    return;
  }
}

void tls_unused(const Snapshot& db, const Limits&, Sink& out) {
  std::map<std::string, int> users;
  for (const catalog::Session& session : db.sessions) {
    const bool is_client =
        session.backend_type == "client backend" || session.backend_type == "walsender";
    if (session.is_remote && !session.uses_tls && is_client) ++users[session.user];
  }
  for (const auto& [user, count] : users) {
    out.add(
        {.object = "role " + user,
         .message = fmt::format("{} session{} of {} from other machines without TLS", count,
                                count == 1 ? "" : "s", user),
         .evidence = Json{{"sessions", count}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::roles,
                    .note =
                        "The client decides: give it sslmode=verify-full and sslrootcert, then "
                        "refuse the rest with hostssl in pg_hba.conf. No statement does either."}});
  }
}

void cert_expiring(const Snapshot& db, const Limits&, Sink& out) {
  if (!db.outside.tls) return;
  const catalog::TlsProbe& probe = *db.outside.tls;
  if (!probe.handshake_done) {
    out.skip(fmt::format("no TLS handshake: {}", probe.error));
    return;
  }
  const double now = db.outside.clock.value_or(db.server.now);
  const double left_days = (probe.not_after - now) / kDay;
  if (left_days >= 30) return;
  out.add(
      {.severity = left_days < 7 ? Severity::error : Severity::warning,
       .object = "certificate " + probe.subject,
       .message = left_days < 0
                      ? fmt::format("the server's certificate expired {:.0f} days ago: clients "
                                    "that verify refuse it",
                                    -left_days)
                      : fmt::format("the server's certificate ends in {:.0f} days", left_days),
       .evidence =
           Json{{"subject", probe.subject}, {"days_left", left_days}, {"protocol", probe.protocol}},
       .fix = Fix{.safety = Safety::manual,
                  .phase = Phase::settings,
                  .note = "A certificate is a file that no statement makes: write the new key, "
                          "then the certificate, check that they match, SELECT pg_reload_conf(), "
                          "and look at the one that is served. `pgkeep up` renews its own at two "
                          "thirds of their life."}});
}

void listen_all(const Snapshot& db, const Limits&, Sink& out) {
  if (look_at(db, "listen_addresses", out) == nullptr) return;
  const std::string listen = catalog::setting_text(db, "listen_addresses");
  const std::vector<std::string> addresses = base::split_words(listen);
  if (std::ranges::none_of(
          addresses, [](const std::string& a) { return a == "*" || a == "0.0.0.0" || a == "::"; }))
    return;
  out.add(setting_finding(
      db, "listen_addresses",
      fmt::format("the server listens on every interface (\"{}\"), public ones included", listen),
      {.safety = Safety::manual,
       .phase = Phase::settings,
       .note = "It takes effect at a restart, and which addresses clients use is not in the "
               "catalog: name them, as in "
               "ALTER SYSTEM SET listen_addresses = 'localhost, 10.0.0.5'."}));
}

constexpr Rule kTlsRules[] = {
    {.id = "ssl-off",
     .title = "The server listens beyond this machine without TLS",
     .why = "Anyone on the way reads rows and takes over sessions.",
     .how = "A certificate, ssl = on, hostssl in pg_hba.conf, sslmode=verify-full at the clients.",
     .source = "PostgreSQL manual, ssl-tcp",
     .severity = Severity::error,
     .area = Area::authentication,
     .needs = Facts::settings,
     .judge = ssl_off},
    {.id = "ssl-weak",
     .title = "TLS allows broken protocols or ciphers",
     .why = "An attacker on the way makes both sides agree on the weakest.",
     .how = "ssl_min_protocol_version = TLSv1.2 and the default ssl_ciphers.",
     .source = "PostgreSQL manual, runtime-config-connection: ssl_min_protocol_version; RFC 8996",
     .severity = Severity::warning,
     .area = Area::authentication,
     .needs = Facts::settings,
     .judge = ssl_weak},
    {.id = "tls-unused",
     .title = "Sessions from other machines without TLS",
     .why = "What they read and write can be read and changed on the way.",
     .how = "sslmode=verify-full at the client, hostssl at the server.",
     .source = "PostgreSQL manual, libpq-ssl; PgHero",
     .severity = Severity::warning,
     .area = Area::authentication,
     .needs = Facts::activity | Facts::activity_of_others,
     .judge = tls_unused},
    {.id = "cert-expiring",
     .title = "The server's certificate ends soon",
     .why = "On that day every client that verifies is refused, all at once.",
     .how = "Renew now; let a program renew at two thirds of the life.",
     .source = "PostgreSQL manual, ssl-tcp",
     .severity = Severity::warning,
     .area = Area::authentication,
     .needs = Facts::tls,
     .judge = cert_expiring},
    {.id = "listen-all",
     .title = "The server listens on every interface",
     .why = "A new network card or a changed firewall opens it without anybody deciding so.",
     .how = "Name the addresses that clients use.",
     .source = "PostgreSQL manual, runtime-config-connection: listen_addresses",
     .severity = Severity::info,
     .area = Area::authentication,
     .needs = Facts::settings,
     .judge = listen_all},
};

} // namespace

const std::span<const Rule> tls_rules{kTlsRules};

} // namespace pgkeep::audit
