#include "roles/service_roles.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "postgres/quote.h"
#include "roles/scram.h"

namespace pgkeep::roles {
namespace {

using postgres::Connection;
using postgres::quote_identifier;
using postgres::quote_literal;

base::Result<bool> exists(Connection& admin, const std::string& sql, const std::string& name) {
  const std::array<std::optional<std::string>, 1> parameters{name};
  PGKEEP_TRY(const postgres::Rows rows, admin.query(sql, parameters));
  return rows.count() > 0;
}

std::string setting_sql(std::string_view role, std::string_view name, std::string_view value) {
  if (value.empty()) return fmt::format("ALTER ROLE {} RESET {};\n", quote_identifier(role), name);
  return fmt::format("ALTER ROLE {} SET {} = {};\n", quote_identifier(role), name,
                     quote_literal(value));
}

base::Result<std::string> role_sql(const ServiceRole& role, bool is_new,
                                   const ProvisionOptions& options) {
  const std::string name = quote_identifier(role.name);
  std::string sql = is_new ? fmt::format("CREATE ROLE {};\n", name) : "";
  sql += fmt::format("ALTER ROLE {} WITH NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS {}", name,
                     role.attributes);
  if (role.connection_limit > 0) {
    sql += fmt::format(" CONNECTION LIMIT {}",
                       std::max(2, options.max_connections * role.connection_limit / 100));
  }
  sql += ";\n";
  for (const RolePassword& given : options.passwords) {
    if (given.role != role.name) continue;
    PGKEEP_TRY(const std::string verifier, scram_verifier(given.password));
    sql += fmt::format("ALTER ROLE {} PASSWORD {};\n", name, quote_literal(verifier));
  }
  sql += setting_sql(role.name, "statement_timeout", role.statement_timeout);
  sql += setting_sql(role.name, "lock_timeout", role.lock_timeout);
  sql += setting_sql(role.name, "idle_in_transaction_session_timeout",
                     role.idle_in_transaction_timeout);
  sql += fmt::format("COMMENT ON ROLE {} IS {};\n", name, quote_literal(role.comment));
  return sql;
}

/// Memberships: from 16 a grant carries its own INHERIT and SET; before, NOINHERIT is an attribute
/// of the member.
std::string membership_sql(const Connection& admin) {
  const bool has_options = admin.version().major() >= 16;
  return fmt::format("GRANT owner TO migrator{};\n"
                     "ALTER ROLE migrator SET role = 'owner';\n"
                     "GRANT pg_monitor TO monitor;\n"
                     "GRANT pg_read_all_data TO backup;\n",
                     has_options ? " WITH INHERIT FALSE, SET TRUE" : "");
}

std::string database_rights_sql(const std::string& database) {
  const std::string name = quote_identifier(database);
  return fmt::format("REVOKE ALL ON DATABASE {0} FROM PUBLIC;\n"
                     "REVOKE ALL ON DATABASE postgres FROM PUBLIC;\n"
                     "REVOKE ALL ON DATABASE template1 FROM PUBLIC;\n"
                     "GRANT CONNECT ON DATABASE {0} TO migrator, app, readonly, monitor, backup;\n"
                     "GRANT TEMPORARY ON DATABASE {0} TO owner, migrator, app;\n"
                     "GRANT CONNECT ON DATABASE postgres TO monitor, backup;\n"
                     "ALTER DATABASE {0} OWNER TO owner;\n",
                     name);
}

/// Inside the application's database. Default privileges are those of `owner`: the role that every
/// migration acts as.
std::string schema_rights_sql() {
  return "REVOKE ALL ON SCHEMA public FROM PUBLIC;\n"
         "ALTER SCHEMA public OWNER TO owner;\n"
         "GRANT USAGE ON SCHEMA public TO app, readonly, monitor;\n"
         "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app;\n"
         "GRANT SELECT ON ALL TABLES IN SCHEMA public TO readonly;\n"
         "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO app;\n"
         "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO readonly;\n"
         "ALTER DEFAULT PRIVILEGES FOR ROLE owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;\n"
         "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES "
         "TO app;\n"
         "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO readonly;\n"
         "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT USAGE, SELECT ON SEQUENCES TO app;\n"
         "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON SEQUENCES TO readonly;\n"
         "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT EXECUTE ON FUNCTIONS TO app;\n"
         "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT USAGE ON SCHEMAS TO app, readonly, "
         "monitor;\n"
         "CREATE SCHEMA IF NOT EXISTS extensions;\n"
         "GRANT USAGE ON SCHEMA extensions TO owner, app, readonly, monitor;\n"
         "CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA extensions;\n";
}

base::Result<> in_one_transaction(Connection& connection, const std::string& sql) {
  return connection.execute("BEGIN;\n" + sql + "COMMIT;\n");
}

} // namespace

const std::vector<ServiceRole>& service_roles() {
  // Limits are shares of max_connections: together below 100 %, so that no service can lock the
  // others out.
  static const std::vector<ServiceRole> roles = {
      {"owner", "Owns the database and every object; nobody logs in as it", 0, "NOLOGIN INHERIT",
       "", "", ""},
      {"migrator", "Runs migrations, acting as owner", 5, "LOGIN NOINHERIT", "0", "2s", "5min"},
      {"app", "The application: reads and writes rows, changes no schema", 60, "LOGIN INHERIT",
       "30s", "5s", "30s"},
      {"readonly", "People and reports: reads rows", 10, "LOGIN INHERIT", "60s", "5s", "60s"},
      {"monitor", "Monitoring: statistics, no rows", 5, "LOGIN INHERIT", "10s", "2s", "10s"},
      {"backup", "Backups: replication and reading all rows", 5, "LOGIN INHERIT REPLICATION", "0",
       "30s", "0"},
  };
  return roles;
}

base::Result<> provision(Connection& admin, const ProvisionOptions& options) {
  std::string sql;
  for (const ServiceRole& role : service_roles()) {
    PGKEEP_TRY(const bool known,
               exists(admin, "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1",
                      std::string(role.name)));
    PGKEEP_TRY(const std::string part, role_sql(role, !known, options));
    sql += part;
  }
  sql += membership_sql(admin);
  PGKEEP_CHECK(in_one_transaction(admin, sql));

  PGKEEP_TRY(
      const bool has_database,
      exists(admin, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", options.database));
  if (!has_database) {
    PGKEEP_CHECK(admin.execute(
        fmt::format("CREATE DATABASE {} OWNER owner", quote_identifier(options.database))));
  }
  PGKEEP_CHECK(in_one_transaction(admin, database_rights_sql(options.database)));
  PGKEEP_TRY(Connection inside, admin.open_database(options.database));
  return in_one_transaction(inside, schema_rights_sql());
}

} // namespace pgkeep::roles
