/// SCRAM-SHA-256 verifiers, computed here so that a password never travels inside SQL text (nor
/// into a server's log). Source: RFC 5802, RFC 7677; PostgreSQL manual, catalog-pg-authid
/// ("SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>").
#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace pgkeep::roles {

/// PostgreSQL's default of scram_iterations.
inline constexpr int kScramIterations = 4096;

/// The text for ALTER ROLE ... PASSWORD, with a random salt. The password must be printable ASCII
/// (our own always are): other characters would need SASLprep and are refused with
/// Code::unsupported.
base::Result<std::string> scram_verifier(const base::Secret& password,
                                         int iterations = kScramIterations);

} // namespace pgkeep::roles
