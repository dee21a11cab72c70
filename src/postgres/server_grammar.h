/// Asks a server whether its grammar knows a statement; nothing is run.
///
/// For syntax that is newer than libpg_query's. Threads: as Connection. Source: PostgreSQL manual,
/// plpgsql (a block is compiled before it runs, and a branch that is never taken as well).
#pragma once

#include <string_view>

#include "postgres/conn.h"

namespace pgkeep::postgres {

/// Also false where the statement is one that PL/pgSQL reads in its own way.
bool server_parses(Connection& server, std::string_view sql);

} // namespace pgkeep::postgres
