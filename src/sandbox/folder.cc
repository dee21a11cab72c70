// A folder "pgkeep-sandbox-XXXXXX" holds the file "maker": process id, its start in kernel ticks,
// and the namespace of process ids. In another namespace (a container that shares /tmp) the same
// number means another process, so only folders of our own namespace are judged.
#include "sandbox/folder.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <ctime>
#include <system_error>

#include <fmt/format.h>

#include "base/process.h"
#include "base/text.h"
#include "postgres/cluster.h"

namespace pgkeep::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "pgkeep-sandbox-";
constexpr base::Bytes kMakerBytesMax{4096};
constexpr std::chrono::milliseconds kStopLimit{30'000};
/// sockaddr_un has 107 bytes for "FOLDER/.s.PGSQL.5432.lock".
constexpr std::size_t kFolderBytesMax = 80;
/// A folder without a maker was left by one that was killed at once, or is being made.
constexpr std::time_t kEmptyAge_s = 60;

fs::path temporary_folder(const std::optional<base::Account>& account) {
  std::error_code error;
  fs::path folder = fs::temp_directory_path(error);
  const bool fits = !error && folder.string().size() + kPrefix.size() + 7 <= kFolderBytesMax;
  const bool is_open = fits && (!account || base::can_traverse(folder / "x", *account));
  return is_open ? folder : fs::path("/tmp");
}

std::string process_namespace() {
  std::error_code error;
  const fs::path target = fs::read_symlink("/proc/self/ns/pid", error);
  return error ? "none" : target.string();
}

std::string maker_text() {
  const auto self = base::identify_process(::getpid());
  return fmt::format("{} {} {}\n", ::getpid(), self ? self->start_ticks : 0, process_namespace());
}

/// Whether the one who made it is certainly gone.
bool is_left_behind(std::string_view maker) {
  const std::vector<std::string> words = base::split_words(base::trim(maker));
  if (words.size() != 3 || words[2] != process_namespace()) return false;
  base::ProcessId process;
  const auto read = [](const std::string& text, auto& number) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && stop == text.data() + text.size();
  };
  if (!read(words[0], process.pid) || !read(words[1], process.start_ticks)) return false;
  return process.pid > 0 && process.start_ticks > 0 && !base::is_running(process);
}

void sweep(const fs::path& folder, const std::optional<base::Account>& account) {
  struct stat status = {};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return;
  const bool is_ours = status.st_uid == ::geteuid() || (account && status.st_uid == account->uid);
  if (!is_ours) return;
  const auto maker = base::read_file_if_exists(folder / "maker", kMakerBytesMax);
  if (!maker) return;
  if (!*maker) {
    // Only an empty folder can be removed like this.
    if (::time(nullptr) - status.st_mtime > kEmptyAge_s) ::rmdir(folder.c_str());
    return;
  }
  if (!is_left_behind(**maker)) return;
  if (!postgres::stop_server(folder / "data", postgres::Shutdown::immediate, kStopLimit)) return;
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

} // namespace

base::Result<fs::path> make_folder(const std::optional<base::Account>& account) {
  const auto failed = [](std::string_view what, const std::string& where) {
    return base::Error{.code = base::Code::io,
                       .what = fmt::format("{}: {}", what, std::generic_category().message(errno)),
                       .where = where};
  };
  std::string name = (temporary_folder(account) / (std::string(kPrefix) + "XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) return failed("cannot make a temporary folder", name);
  PGKEEP_CHECK(base::write_file_durably(fs::path(name) / "maker", maker_text(), {.mode = 0644}));
  if (account && ::chown(name.c_str(), account->uid, account->gid) != 0)
    return failed("cannot give the folder to the server's account", name);
  return fs::path(name);
}

void sweep_folders(const std::optional<base::Account>& account) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(temporary_folder(account), error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename().string().starts_with(kPrefix)) found.push_back(at->path());
  }
  for (const fs::path& folder : found)
    sweep(folder, account);
}

} // namespace pgkeep::sandbox
