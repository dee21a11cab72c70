#include "stack/server_files.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>

#include "base/files.h"
#include "base/text.h"
#include "roles/certificates.h"

namespace pgkeep::stack {
namespace {

constexpr std::chrono::days kAuthorityMargin{90};
constexpr std::string_view kInclude = "include_if_exists = 'pgkeep.conf'";

base::WriteOptions private_file(const Layout& layout) {
  return {.mode = 0600, .owner = layout.account};
}

base::Result<> write_if_different(const std::filesystem::path& path, const std::string& text,
                                  const base::WriteOptions& options) {
  PGKEEP_TRY(const std::optional<std::string> now, base::read_file_if_exists(path));
  if (now && *now == text) return {};
  return base::write_file_durably(path, text, options);
}

std::string own_account_name() {
  const passwd* const entry =
      ::getpwuid(::geteuid()); // NOLINT(concurrency-mt-unsafe): called before any thread exists.
  return entry != nullptr ? entry->pw_name : "postgres";
}

std::vector<std::string> server_names() {
  std::vector<std::string> names{"localhost"};
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0' &&
      std::string_view(host.data()) != "localhost") {
    names.emplace_back(host.data());
  }
  names.insert(names.end(), {"127.0.0.1", "::1"});
  return names;
}

base::Result<bool> server_certificate_is_good(const Layout& layout, base::Timestamp now) {
  PGKEEP_TRY(const auto certificate, base::read_file_if_exists(layout.tls() / "server.crt"));
  PGKEEP_TRY(const auto key, base::read_file_if_exists(layout.tls() / "server.key"));
  if (!certificate || !key) return false;
  const auto dates = roles::certificate_dates(*certificate);
  if (!dates) return false;
  const auto matches = roles::key_matches(*certificate, base::Secret(*key));
  if (!matches || !*matches) return false;
  return now < dates->not_before + (dates->not_after - dates->not_before) * 2 / 3;
}

base::Result<bool> authority_is_good(const Layout& layout, base::Timestamp now) {
  PGKEEP_TRY(const auto certificate, base::read_file_if_exists(layout.authority()));
  PGKEEP_TRY(const auto key, base::read_file_if_exists(layout.authority_key()));
  if (!certificate || !key) return false;
  const auto dates = roles::certificate_dates(*certificate);
  if (!dates) return false;
  return now + kAuthorityMargin < dates->not_after;
}

} // namespace

base::Result<> write_settings(const Layout& layout, const std::vector<ServerSetting>& settings) {
  PGKEEP_CHECK(write_if_different(layout.data() / "pgkeep.conf", settings_file(settings),
                                  private_file(layout)));
  const std::filesystem::path main = layout.data() / "postgresql.conf";
  PGKEEP_TRY(const std::string text, base::read_file(main));
  if (text.find(kInclude) != std::string::npos) return {};
  return base::write_file_durably(
      main, fmt::format("{}\n# Added by `pgkeep up`.\n{}\n", text, kInclude), private_file(layout));
}

base::Result<> write_access_files(const Layout& layout, std::string_view database) {
  if (layout.is_demo) {
    // The server listens on this machine only, whatever these lines say.
    const std::string hba = "# A shop that nobody looked after: wrong on purpose.\n"
                            "local   all   all       peer map=pgkeep\n"
                            "host    all   all       127.0.0.1/32  trust\n"
                            "host    all   all       ::1/128       md5\n"
                            "host    shop  shop_app  10.0.0.0/8    scram-sha-256\n"
                            "hostssl shop  all       10.1.0.0/16   password\n"
                            "hostssl all   all       0.0.0.0/0     scram-sha-256\n";
    PGKEEP_CHECK(write_if_different(layout.data() / "pg_hba.conf", hba, private_file(layout)));
  } else {
    const std::string hba = fmt::format(
        "# Written by `pgkeep up` at every start. First match wins (manual, auth-pg-hba-conf).\n"
        "# TYPE   DATABASE     USER                                 ADDRESS        METHOD\n"
        "local    all          postgres                                            peer "
        "map=pgkeep\n"
        "local    {0}          app,migrator,readonly,monitor,backup                scram-sha-256\n"
        "local    postgres     monitor,backup                                      scram-sha-256\n"
        "local    replication  backup                                              scram-sha-256\n"
        "hostssl  {0}          app,migrator,readonly,monitor,backup 127.0.0.1/32   scram-sha-256\n"
        "hostssl  {0}          app,migrator,readonly,monitor,backup ::1/128        scram-sha-256\n"
        "hostssl  postgres     monitor,backup                       127.0.0.1/32   scram-sha-256\n"
        "hostssl  postgres     monitor,backup                       ::1/128        scram-sha-256\n"
        "hostssl  replication  backup                               127.0.0.1/32   scram-sha-256\n"
        "hostssl  replication  backup                               ::1/128        scram-sha-256\n"
        "host     all          all                                  all            reject\n",
        database);
    PGKEEP_CHECK(write_if_different(layout.data() / "pg_hba.conf", hba, private_file(layout)));
  }
  // Peer authentication: the server's own account, and whoever runs pgkeep, administrate as
  // postgres.
  std::string ident =
      "# MAPNAME  SYSTEM-USERNAME  PG-USERNAME\npgkeep     postgres         postgres\n";
  const std::string self = own_account_name();
  if (self != "postgres") ident += fmt::format("pgkeep     {}  postgres\n", self);
  return write_if_different(layout.data() / "pg_ident.conf", ident, private_file(layout));
}

base::Result<CertificateWork> ensure_certificates(const Layout& layout, base::Timestamp now) {
  CertificateWork work;
  PGKEEP_TRY(const bool has_authority, authority_is_good(layout, now));
  if (!has_authority) {
    PGKEEP_TRY(const roles::KeyPair made,
               roles::make_authority("pgkeep authority of " + server_names().back(), now));
    PGKEEP_CHECK(
        base::write_file_durably(layout.authority_key(), made.key_pem.reveal(), {.mode = 0600}));
    PGKEEP_CHECK(
        base::write_file_durably(layout.authority(), made.certificate_pem, {.mode = 0644}));
    work.made_authority = true;
  }
  PGKEEP_TRY(const bool is_good, server_certificate_is_good(layout, now));
  if (is_good && !work.made_authority) return work;
  PGKEEP_TRY(const std::string certificate, base::read_file(layout.authority()));
  PGKEEP_TRY(std::string key, base::read_file(layout.authority_key()));
  const roles::KeyPair authority{.certificate_pem = certificate,
                                 .key_pem = base::Secret(std::move(key))};
  PGKEEP_TRY(const roles::KeyPair made,
             roles::make_server_certificate(authority, server_names(), now));
  // Key first: a new key with an old certificate is refused at reload, which keeps the old pair;
  // the certificate completes the pair.
  PGKEEP_CHECK(base::write_file_durably(layout.tls() / "server.key", made.key_pem.reveal(),
                                        private_file(layout)));
  PGKEEP_CHECK(base::write_file_durably(layout.tls() / "server.crt", made.certificate_pem,
                                        {.mode = 0644, .owner = layout.account}));
  work.made_server_certificate = true;
  return work;
}

} // namespace pgkeep::stack
