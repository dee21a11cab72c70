/// DEALLOCATE of a statement that the client has prepared by Parse, and that servers know by
/// another name: told from other requests, to be answered in the place of a server.
///
/// Only a request that is one such command alone, with comments or without, is recognised, and one
/// that has a savepoint around it which it releases, as psqlODBC says it in a transaction. What
/// takes all statements away is a server's to answer: see prepared.h.
///
/// Pure. Threads: any. Source: PostgreSQL manual, sql-deallocate, sql-savepoint.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/attempt.h"
#include "wire/message.h"

namespace pgkeep::wire {

struct Deallocate {
  std::string name;           ///< Of the statement.
  bool has_savepoint = false; ///< Only in a transaction, and never in the extended protocol.
};
/// None: it is another command, or of all.
std::optional<Deallocate> deallocate_of(std::string_view sql);
/// Whether a text of which this is the front may be one.
bool may_be_deallocate(std::string_view front);

/// What a server would answer; status: that of the transaction. False: it would refuse the request.
bool append_deallocate_answer(std::string& out, const Deallocate& command,
                              const SingleRequest& request, TransactionStatus status);

} // namespace pgkeep::wire
