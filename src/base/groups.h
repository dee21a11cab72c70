/// The accounts' groups and homes, as the system's databases know them: private to base.
/// Thread-safe.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/files.h"

namespace pgkeep::base {

/// The account's own group and all that it is a member of (PostgreSQL on Debian reads its TLS key
/// through the group ssl-cert).
std::vector<gid_t> groups_of(const Account& account);
/// "/" where none is known.
std::string home_of(const Account& account);

} // namespace pgkeep::base
