/// Runs a migration on a throwaway server: its steps, each in its transaction or in none, as the
/// runner does, but without history, locks' limits and measurements. A role that a statement names
/// and that is missing is made. Private to src/migrate/declare. Threads: one.
#pragma once

#include <string>

#include "base/result.h"
#include "migrate/folder.h"
#include "sandbox/sandbox.h"

namespace pgkeep::migrate::declaring {

/// Errors: Code::sql and Code::config with the place in the file.
base::Result<> apply_source(const sandbox::Sandbox& server, const std::string& database,
                            const Source& source);

} // namespace pgkeep::migrate::declaring
