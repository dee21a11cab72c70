/// Files and folders: reading with a limit, durable writing, permissions.
///
/// Durable = written aside, fsynced, renamed over the old one, folder fsynced: after a crash the
/// old or the new content is there, never a mixture. Errors are Code::io with the path in `where`
/// and the system's words in `what`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"

namespace pgkeep::base {

/// Account to own files or run a process as.
struct Account {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string name;
};

inline constexpr Bytes kFileBytesMax{256 * kMiB};

Result<std::string> read_file(const std::filesystem::path& path, Bytes limit = kFileBytesMax);
/// nullopt where the file does not exist.
Result<std::optional<std::string>> read_file_if_exists(const std::filesystem::path& path,
                                                       Bytes limit = kFileBytesMax);
struct WriteOptions {
  unsigned mode = 0644;
  std::optional<Account> owner = {}; ///< chown before the rename, when we are root.
};
Result<> write_file_durably(const std::filesystem::path& path, std::string_view content,
                            const WriteOptions& options = {});
struct DirectoryOptions {
  unsigned mode = 0755;
  std::optional<Account> owner = {};
};
/// Creates the folder and its missing parents; one that exists already is left as it is.
Result<> make_directory(const std::filesystem::path& path, const DirectoryOptions& options = {});
Result<> fsync_directory(const std::filesystem::path& path);
/// Bytes that an unprivileged user can still write on the file system that holds path, and its
/// whole size.
struct DiskSpace {
  std::int64_t free_bytes = 0;
  std::int64_t total_bytes = 0;
};
Result<DiskSpace> disk_space(const std::filesystem::path& path);
/// Whether that account may pass through every folder above path.
bool can_traverse(const std::filesystem::path& path, const Account& account);
/// The account of that name, or nothing.
std::optional<Account> find_account(const std::string& name);

/// An exclusive lock on a file (flock), held while this object lives. Released by the kernel when
/// the process dies.
class FileLock {
public:
  /// nullopt: somebody else holds it.
  static Result<std::optional<FileLock>> try_acquire(const std::filesystem::path& path,
                                                     const WriteOptions& options = {.mode = 0600});

private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

} // namespace pgkeep::base
