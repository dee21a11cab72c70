// Durable writing works relative to the opened folder (openat, renameat), so that nobody can
// exchange the folder in between. Temporary files are named ".NAME.RANDOM.tmp" and created with
// O_EXCL, so that nothing planted beforehand is followed or reused.
#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "base/groups.h"
#include "base/io_error.h"

namespace pgkeep::base {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadChunkBytes = 65'536;
constexpr std::size_t kNameBytesMax =
    200; // Of 255: the rest is for what makes a temporary name unique.
constexpr std::size_t kAccountBytesMax = 1 << 20;

template <typename Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR)
    result = call();
  return result;
}

Result<std::string> read_all(int fd, const fs::path& path, Bytes limit) {
  const auto bytes_max = static_cast<std::size_t>(limit.count);
  std::string content;
  struct stat status{};
  if (::fstat(fd, &status) != 0) return io_error(errno, path);
  if (S_ISDIR(status.st_mode)) return io_error(EISDIR, path);
  std::size_t filled = 0;
  // Grown as it is read: files of /proc say that they are empty, and a file may grow meanwhile.
  if (status.st_size > 0)
    content.resize(std::min(static_cast<std::size_t>(status.st_size), bytes_max) + 1);
  while (true) {
    if (filled == content.size())
      content.resize(std::min(std::max(filled * 2, kReadChunkBytes), bytes_max + 1));
    const ssize_t got =
        retry([&] { return ::read(fd, content.data() + filled, content.size() - filled); });
    if (got < 0) return io_error(errno, path);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > bytes_max) {
      return Error{.code = Code::io,
                   .what = fmt::format("larger than {}", human_bytes(limit.count)),
                   .where = path.string()};
    }
  }
  content.resize(filled);
  return content;
}

/// Removes the temporary file unless it was renamed into place.
class TemporaryFile {
public:
  TemporaryFile(int folder, std::string name) : folder_(folder), name_(std::move(name)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!is_kept_) ::unlinkat(folder_, name_.c_str(), 0);
  }
  [[nodiscard]] const char* name() const noexcept { return name_.c_str(); }
  void keep() noexcept { is_kept_ = true; }

private:
  int folder_;
  std::string name_;
  bool is_kept_ = false;
};

Result<std::string> temporary_name(const fs::path& path) {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    return io_error(errno, path);
  return fmt::format(".{}.{:016x}.tmp", path.filename().string().substr(0, kNameBytesMax), number);
}

Result<> write_all(int fd, const fs::path& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = retry([&] { return ::write(fd, content.data(), content.size()); });
    if (written < 0) return io_error(errno, path);
    if (written == 0) return io_error(EIO, path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// The owner first: a change of owner clears bits of the mode. The umask does not count for files
// whose mode we were told.
Result<> set_owner_and_mode(int fd, const fs::path& path, unsigned mode,
                            const std::optional<Account>& owner) {
  if (owner && ::geteuid() == 0 && ::fchown(fd, owner->uid, owner->gid) != 0) {
    return io_error(errno, path, fmt::format("The owner could not be changed to {}.", owner->name));
  }
  if (::fchmod(fd, mode) != 0) return io_error(errno, path);
  return {};
}

Result<Fd> open_folder(const fs::path& path) {
  const fs::path folder = path.empty() ? fs::path(".") : path;
  Fd fd(retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd.is_open()) return io_error(errno, folder);
  return fd;
}

fs::path without_trailing_slash(const fs::path& path) {
  fs::path normal = path.lexically_normal();
  return normal.has_filename() || normal == normal.root_path() ? normal : normal.parent_path();
}

Result<> make_one_directory(const fs::path& path, const DirectoryOptions& options) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return io_error(ENOTDIR, path);
  }
  if (errno != ENOENT) return io_error(errno, path);
  if (::mkdir(path.c_str(), static_cast<mode_t>(options.mode & 0700U)) != 0) {
    // Somebody else may have made it in this moment; it is then left as it is.
    if (errno == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return io_error(errno, path);
  }
  const Fd fd(
      retry([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }));
  Result<> result = fd.is_open() ? set_owner_and_mode(fd.get(), path, options.mode, options.owner)
                                 : io_error(errno, path);
  if (result) result = fsync_directory(path.has_parent_path() ? path.parent_path() : fs::path("."));
  if (!result) ::rmdir(path.c_str());
  return result;
}

bool may_pass(const fs::path& folder, const Account& account, const std::vector<gid_t>& groups) {
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0)
    return errno == ENOENT; // Not there yet: whoever makes it decides.
  if (!S_ISDIR(status.st_mode)) return false;
  if (account.uid == 0) return true;
  if (status.st_uid == account.uid) return (status.st_mode & S_IXUSR) != 0;
  if (std::find(groups.begin(), groups.end(), status.st_gid) != groups.end())
    return (status.st_mode & S_IXGRP) != 0;
  return (status.st_mode & S_IXOTH) != 0;
}

bool may_pass_all_above(const fs::path& path, const Account& account,
                        const std::vector<gid_t>& groups) {
  for (fs::path folder = path.parent_path();; folder = folder.parent_path()) {
    if (!may_pass(folder, account, groups)) return false;
    if (folder == folder.root_path() || folder.empty()) return true;
  }
}

} // namespace

Result<std::string> read_file(const fs::path& path, Bytes limit) {
  const Fd fd(retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd.is_open()) return io_error(errno, path);
  return read_all(fd.get(), path, limit);
}

Result<std::optional<std::string>> read_file_if_exists(const fs::path& path, Bytes limit) {
  const Fd fd(retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd.is_open() && errno == ENOENT) return std::optional<std::string>();
  if (!fd.is_open()) return io_error(errno, path);
  PGKEEP_TRY(std::string content, read_all(fd.get(), path, limit));
  return std::optional<std::string>(std::move(content));
}

Result<> write_file_durably(const fs::path& path, std::string_view content,
                            const WriteOptions& options) {
  if (!path.has_filename()) return io_error(EISDIR, path);
  PGKEEP_TRY(const Fd folder, open_folder(path.parent_path()));
  PGKEEP_TRY(std::string name, temporary_name(path));
  // Until the owner is set, nobody but us may read it: the mode begins with our own bits.
  const Fd fd(retry([&] {
    return ::openat(folder.get(), name.c_str(),
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    static_cast<mode_t>(options.mode & 0600U));
  }));
  if (!fd.is_open()) return io_error(errno, path);
  TemporaryFile temporary(folder.get(), std::move(name));
  PGKEEP_CHECK(write_all(fd.get(), path, content));
  PGKEEP_CHECK(set_owner_and_mode(fd.get(), path, options.mode, options.owner));
  if (retry([&] { return ::fsync(fd.get()); }) != 0) return io_error(errno, path);
  if (::renameat(folder.get(), temporary.name(), folder.get(), path.filename().c_str()) != 0)
    return io_error(errno, path);
  temporary.keep();
  if (retry([&] { return ::fsync(folder.get()); }) != 0) {
    return with_left(io_error(errno, path),
                     "the new content is in place, but may be lost when this machine loses power");
  }
  return {};
}

// Missing parents are made passable for everybody (0755) and stay ours: only the last folder gets
// the mode and the owner.
Result<> make_directory(const fs::path& path, const DirectoryOptions& options) {
  const fs::path target = without_trailing_slash(path);
  fs::path current;
  for (const fs::path& part : target) {
    current /= part;
    if (current == target) break;
    PGKEEP_CHECK(make_one_directory(current, {.mode = 0755}));
  }
  return make_one_directory(target, options);
}

Result<> fsync_directory(const fs::path& path) {
  PGKEEP_TRY(const Fd fd, open_folder(path));
  if (retry([&] { return ::fsync(fd.get()); }) != 0) return io_error(errno, path);
  return {};
}

Result<DiskSpace> disk_space(const fs::path& path) {
  struct statvfs status{};
  if (retry([&] { return ::statvfs(path.c_str(), &status); }) != 0) return io_error(errno, path);
  const auto block_bytes = static_cast<std::int64_t>(status.f_frsize);
  return DiskSpace{.free_bytes = static_cast<std::int64_t>(status.f_bavail) * block_bytes,
                   .total_bytes = static_cast<std::int64_t>(status.f_blocks) * block_bytes};
}

// By the classic permission bits; access control lists are not looked at. Both the path as written
// and what its links lead to are walked.
bool can_traverse(const fs::path& path, const Account& account) {
  std::error_code failure;
  const fs::path absolute = without_trailing_slash(fs::absolute(path, failure));
  if (failure) return false;
  const fs::path resolved = without_trailing_slash(fs::weakly_canonical(absolute, failure));
  if (failure) return false;
  const std::vector<gid_t> groups = groups_of(account);
  return may_pass_all_above(absolute, account, groups) &&
         may_pass_all_above(resolved, account, groups);
}

std::optional<Account> find_account(const std::string& name) {
  std::string buffer(4096, '\0');
  struct passwd entry{};
  struct passwd* found = nullptr;
  int failure = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  while (failure == ERANGE && buffer.size() < kAccountBytesMax) {
    buffer.resize(buffer.size() * 2);
    failure = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  }
  if (failure != 0 || found == nullptr) return std::nullopt;
  return Account{.uid = entry.pw_uid, .gid = entry.pw_gid, .name = name};
}

// The lock belongs to the open file description: two opens exclude each other, within one process
// too.
Result<std::optional<FileLock>> FileLock::try_acquire(const fs::path& path,
                                                      const WriteOptions& options) {
  Fd fd(retry([&] {
    return ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                  static_cast<mode_t>(options.mode));
  }));
  if (!fd.is_open()) return io_error(errno, path);
  if (retry([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    return io_error(errno, path);
  }
  if (options.owner && ::geteuid() == 0 &&
      ::fchown(fd.get(), options.owner->uid, options.owner->gid) != 0) {
    return io_error(errno, path);
  }
  return std::optional<FileLock>(FileLock(std::move(fd)));
}

} // namespace pgkeep::base
