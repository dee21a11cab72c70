/// What the server says of a named query that it was given to prepare (Options::prepare).
/// Private to src/lint/rules. The server is asked once for each statement.
#pragma once

#include "lint/text_rule.h"
#include "postgres/query_check.h"

namespace pgkeep::lint {

/// Null where nobody can be asked, or the statement is none that a server prepares.
const postgres::QueryCheck* check_of(const Subject& subject);
/// The statement as the server gets it.
SentQuery sent_query_of(const LoneSubject& subject);

} // namespace pgkeep::lint
