/// The roles of a production database: who owns, who migrates, who serves, who reads, who watches,
/// who backs up.
///
/// owner (NOLOGIN) owns the database and every object; migrator logs in and acts as owner; app has
/// DML only; readonly reads; monitor is in pg_monitor; backup replicates and reads all. Source:
/// shared design, "`up`"; facts verified in security notes: default privileges apply to the exact
/// creating role, so migrator has `SET role = owner`; EXECUTE is taken from PUBLIC by the global
/// form only. Idempotent: run again it changes nothing but what differs. Passwords travel as SCRAM
/// verifiers.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "postgres/conn.h"

namespace pgkeep::roles {

struct ServiceRole {
  std::string_view name;
  std::string_view comment;
  int connection_limit;        ///< Share of max_connections in percent; 0 = no login.
  std::string_view attributes; ///< "LOGIN NOINHERIT", ...
  std::string_view statement_timeout;
  std::string_view lock_timeout;
  std::string_view idle_in_transaction_timeout;
};
const std::vector<ServiceRole>& service_roles();

struct RolePassword {
  std::string role;
  base::Secret password;
};

struct ProvisionOptions {
  std::string database = "app";
  int max_connections = 100;
  std::vector<RolePassword> passwords; ///< One for each role that logs in.
};
/// Creates roles and the database where missing, sets attributes, timeouts and privileges. `admin`
/// is a superuser's connection to the database "postgres". Each step is a transaction or a single
/// statement: after a kill, the same call goes on.
base::Result<> provision(postgres::Connection& admin, const ProvisionOptions& options);

} // namespace pgkeep::roles
