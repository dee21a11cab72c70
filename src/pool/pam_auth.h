/// auth_type = pam: the system's own modules say whether a password is right. The service is called
/// "pgbouncer", so that what is set up for PgBouncer serves.
///
/// Threads: any, one after the other, for modules need not stand more; it takes as long as they do,
/// so it is called by a worker only. Source: pam(3); PgBouncer's manual, config (auth_type).
#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace pgkeep::pool {

/// Whether this program was built with PAM.
bool has_pam() noexcept;

/// `address`: where the user is, for modules that ask. Errors: Code::refused with the reason for
/// the log.
base::Result<> fits_pam(const std::string& user, const base::Secret& password,
                        const std::string& address);

} // namespace pgkeep::pool
