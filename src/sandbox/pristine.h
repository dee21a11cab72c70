/// Fresh clusters: initdb takes a second, a copy of what it made a tenth. One pristine cluster a
/// version is kept in the user's cache folder, where there is one. Private to src/sandbox.
/// Threads: several processes may do this at the same time.
#pragma once

#include <filesystem>
#include <optional>

#include "base/files.h"
#include "base/result.h"
#include "postgres/cluster.h"

namespace pgkeep::sandbox {

/// A cluster at `data`, owned by the server's account; trust on the socket.
base::Result<> make_cluster(const postgres::ServerBinaries& binaries,
                            const std::optional<base::Account>& account,
                            const std::filesystem::path& data);

} // namespace pgkeep::sandbox
