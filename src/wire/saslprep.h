/// Passwords as SCRAM sees them: two ways to write one text are one password.
///
/// Pure. Threads: any. Source: RFC 4013 (SASLprep); what cannot be prepared is taken as it is, as
/// PostgreSQL does (manual, sasl-authentication).
#pragma once

#include <string>
#include <string_view>

namespace pgkeep::wire {

std::string saslprep(std::string_view password);

} // namespace pgkeep::wire
