/// LISTEN and UNLISTEN of a client that shares its server with others: told from other requests,
/// and answered in the place of a server, once another connection listens.
///
/// Only a request that is one such command alone, with comments or without, is recognised. Anything
/// else (several commands in one text) is a server's to answer.
///
/// Pure. Threads: any. Source: PostgreSQL manual, sql-listen, sql-unlisten, sql-syntax-lexical
/// (Identifiers); NAMEDATALEN.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/attempt.h"
#include "wire/message.h"

namespace pgkeep::wire {

struct ListenCommand {
  bool is_listen = true;
  std::string channel = {}; ///< As the server writes it. Empty: UNLISTEN *.
};
std::optional<ListenCommand> listen_command_of(std::string_view sql);
/// Whether a text of which this is the front may be one.
bool may_be_listen(std::string_view front);

/// Whether it is said anywhere in a text, among other commands.
bool says_unlisten_all(std::string_view text);

/// What a server would answer to the request.
void append_listen_answer(std::string& out, const ListenCommand& command,
                          const SingleRequest& request, TransactionStatus status);

/// A warning to a client whose LISTEN was not recognised, and answered by a server.
std::string listen_lost();

/// LISTEN or UNLISTEN "channel".
std::string listen_sql(bool is_listen, std::string_view channel);

/// Of NotificationResponse, its body. Empty: it is none.
std::string_view channel_of(std::string_view notification);

} // namespace pgkeep::wire
