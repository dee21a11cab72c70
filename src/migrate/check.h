/// The script that asks whether a migration did what it should (`V001__x.verify.sql`, sqitch's
/// `verify/x.sql`): it runs in one transaction that is always rolled back, and an error in it is
/// the answer no.
///
/// Threads: as Connection. Errors: Code::sql with the statement's place; Code::config for what
/// would stay in spite of the rollback. Source: sqitch's manual, sqitch-verify.
#pragma once

#include "base/result.h"
#include "migrate/source.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

/// No transaction is open before or after. Locks are waited for for five seconds.
base::Result<> run_check(postgres::Connection& server, const Source& check);

} // namespace pgkeep::migrate
