/// The temporary folders of sandboxes: made with the name of their maker in them, and swept when
/// that process is gone. Private to src/sandbox. Threads: plain functions.
#pragma once

#include <filesystem>
#include <optional>

#include "base/files.h"
#include "base/result.h"

namespace pgkeep::sandbox {

/// 0700, of the server's account where we are root; short enough for a socket's path.
base::Result<std::filesystem::path> make_folder(const std::optional<base::Account>& account);

/// Stops the servers of folders whose maker is gone, and removes the folders. Whatever is not
/// certainly a sandbox of this account and of this machine's processes stays.
void sweep_folders(const std::optional<base::Account>& account);

} // namespace pgkeep::sandbox
