// $XDG_CACHE_HOME/pgkeep/clusters/15.18-<hash of the programs' folder>-<format>: copied aside and
// renamed, so that another process sees a whole cluster or none. Where the cache cannot be used
// (no home, somebody else's folder, a full disk), initdb does it.
#include "sandbox/pristine.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <system_error>

#include <fmt/format.h>

#include "base/process.h"

namespace pgkeep::sandbox {
namespace {

namespace fs = std::filesystem;

/// A cluster that was made with other arguments must not be used.
constexpr int kFormat = 1;
constexpr std::chrono::milliseconds kCopyLimit{120'000};

/// Empty where there is none that is ours alone.
fs::path cache_folder() {
  // NOLINTBEGIN(concurrency-mt-unsafe): nobody changes the environment.
  const char* const named = ::getenv("XDG_CACHE_HOME");
  const char* const home = ::getenv("HOME");
  // NOLINTEND(concurrency-mt-unsafe)
  fs::path folder;
  if (named != nullptr && named[0] == '/') {
    folder = named;
  } else if (home != nullptr && home[0] == '/') {
    folder = fs::path(home) / ".cache";
  } else {
    return {};
  }
  folder = folder / "pgkeep" / "clusters";
  if (!base::make_directory(folder, {.mode = 0700})) return {};
  struct stat status = {};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return {};
  const bool is_ours = status.st_uid == ::geteuid() && (status.st_mode & 0022U) == 0;
  return is_ours ? folder : fs::path();
}

base::Result<> copy_tree(const fs::path& from, const fs::path& to) {
  auto done = base::run_checked({.argv = {"cp", "-a", "--reflink=auto", from.string(), to.string()},
                                 .time_limit = kCopyLimit});
  if (!done) return std::move(done).error();
  return {};
}

/// Failure is no error: the next one runs initdb again.
void keep(const fs::path& data, const fs::path& model) {
  const fs::path aside = fmt::format("{}.{}", model.string(), ::getpid());
  std::error_code ignored;
  if (copy_tree(data, aside)) fs::rename(aside, model, ignored);
  fs::remove_all(aside, ignored);
}

} // namespace

base::Result<> make_cluster(const postgres::ServerBinaries& binaries,
                            const std::optional<base::Account>& account, const fs::path& data) {
  // The same version from another package is another cluster: catalogs may differ.
  const std::size_t package = std::hash<std::string>{}(binaries.bin.string());
  const fs::path cache = cache_folder();
  const fs::path model =
      cache.empty() ? fs::path()
                    : cache / fmt::format("{}-{:x}-{}", postgres::to_text(binaries.version),
                                          package & 0xffffffU, kFormat);
  std::error_code error;
  if (!model.empty() && fs::exists(model / "PG_VERSION", error)) {
    if (copy_tree(model, data)) return {};
    fs::remove_all(data, error);
  }
  PGKEEP_CHECK(postgres::init_cluster({.binaries = binaries,
                                       .data = data,
                                       .run_as = account,
                                       .sync = false,
                                       .extra_arguments = {"--auth-local=trust"}}));
  if (!model.empty()) keep(data, model);
  return {};
}

} // namespace pgkeep::sandbox
