/// What each session of ours is set to, and the SQL that sets it. Pure text. Private to this
/// folder.
///
/// Behind a pooler in transaction mode a session setting would stay on a server connection that
/// belongs to somebody else a moment later: default_transaction_read_only=on there would stop an
/// application's writes. A pooler is known by pg_backend_pid() being another one than the
/// connection was told of; then nothing is set for the session, and the same settings are made
/// local to transactions. A writing connection through a pooler has none outside transactions.
/// Source: PostgreSQL manual, runtime-config-client and functions-admin (set_config).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postgres/conn.h"

namespace pgkeep::postgres {

struct Setting {
  std::string name;
  std::string value;
};
std::vector<Setting> settings_for(const ConnectOptions& options);

/// One SELECT that sets all for the session. Its first column is true, and nothing was set, where
/// another backend answers.
std::string session_statement(const std::vector<Setting>& settings, int backend_pid);
/// The same for the transaction that is open, without taking its snapshot: its isolation level may
/// still be chosen.
std::string local_statements(const std::vector<Setting>& settings);
/// Whether the text begins with BEGIN or START.
bool begins_transaction(std::string_view sql);

} // namespace pgkeep::postgres
