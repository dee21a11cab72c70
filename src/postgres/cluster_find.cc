#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "base/text.h"
#include "postgres/cluster.h"
#include "postgres/cluster_files.h"

namespace pgkeep::postgres {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDebianServers = "/usr/lib/postgresql";
constexpr std::chrono::milliseconds kVersionLimit{10'000};

base::Error no_server(std::string what, std::string where = {}) {
  return {.code = base::Code::unsupported,
          .what = std::move(what),
          .where = std::move(where),
          .expected =
              fmt::format("the server programs of PostgreSQL {} to {}", kOldestMajor, kNewestMajor),
          .hint = "Install Debian's package: apt install postgresql."};
}

bool has_programs(const fs::path& bin) {
  return ::access((bin / "postgres").c_str(), X_OK) == 0 &&
         ::access((bin / "initdb").c_str(), X_OK) == 0;
}

base::Result<ServerBinaries> look_at(const fs::path& bin) {
  PGKEEP_TRY(const std::string output,
             base::run_checked({.argv = {(bin / "postgres").string(), "--version"},
                                .time_limit = kVersionLimit}));
  const auto version = parse_program_version(output);
  if (!version)
    return no_server("the program says no version that is known", (bin / "postgres").string());
  return ServerBinaries{.bin = bin, .version = *version};
}

/// Folders that may hold a server, each once: symbolic links are followed.
std::vector<fs::path> candidate_folders() {
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& folder) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (!error && has_programs(real) && std::ranges::find(folders, real) == folders.end())
      folders.push_back(real);
  };
  // Not installed, or the one of a client package: then there is nothing in its folder.
  if (const auto output =
          base::run_process({.argv = {"pg_config", "--bindir"}, .time_limit = kVersionLimit});
      output && output->exit_status == 0) {
    add(std::string(base::trim(output->out)));
  }
  std::error_code error;
  for (fs::directory_iterator at(kDebianServers, error), end; !error && at != end;
       at.increment(error)) {
    add(at->path() / "bin");
  }
  return folders;
}

} // namespace

std::optional<ServerVersion> parse_program_version(std::string_view output) {
  // "postgres (PostgreSQL) 15.18 (Debian ...)", "postgres (PostgreSQL) 19beta1".
  constexpr std::string_view mark_text = "(PostgreSQL) ";
  const std::size_t mark = output.find(mark_text);
  if (mark == std::string_view::npos) return std::nullopt;
  const char* const begin = output.data() + mark + mark_text.size();
  const char* const end = output.data() + output.size();
  std::int32_t major = 0;
  std::int32_t minor = 0;
  const auto first = std::from_chars(begin, end, major);
  if (first.ec != std::errc{} || major < 1 || major > 999) return std::nullopt;
  if (first.ptr != end && *first.ptr == '.') std::from_chars(first.ptr + 1, end, minor);
  if (minor < 0 || minor > 9999) return std::nullopt;
  return ServerVersion{major * 10000 + minor};
}

base::Result<std::vector<ServerBinaries>>
find_server_binaries(const std::optional<fs::path>& pg_bin) {
  if (pg_bin) {
    if (!has_programs(*pg_bin)) {
      return base::Error{.code = base::Code::usage,
                         .what = "no initdb and postgres that can be run are in this folder",
                         .where = pg_bin->string(),
                         .expected = "a folder such as /usr/lib/postgresql/15/bin"};
    }
    // Servers run in the data folder: a relative path would not be found from there.
    PGKEEP_TRY(ServerBinaries found, look_at(fs::absolute(*pg_bin)));
    if (found.version.major() < kOldestMajor) {
      return no_server(fmt::format("PostgreSQL {} is older than {}, the oldest pgkeep supports",
                                   to_text(found.version), kOldestMajor),
                       pg_bin->string());
    }
    return std::vector{std::move(found)};
  }
  std::vector<ServerBinaries> all;
  std::string too_old;
  for (const fs::path& folder : candidate_folders()) {
    auto found = look_at(folder);
    if (!found) continue; // A broken installation beside a good one is no reason to stop.
    if (found->version.major() < kOldestMajor) {
      too_old = to_text(found->version);
    } else {
      all.push_back(*std::move(found));
    }
  }
  if (all.empty()) {
    return no_server(
        too_old.empty()
            ? "there is no PostgreSQL server on this machine"
            : fmt::format("the only server on this machine is PostgreSQL {}, which is too old",
                          too_old));
  }
  std::ranges::sort(all, std::ranges::greater{}, &ServerBinaries::version);
  return all;
}

base::Result<std::optional<base::Account>> server_account() {
  if (!base::is_root()) return std::nullopt;
  if (auto account = base::find_account("postgres")) return account;
  return base::Error{.code = base::Code::unsupported,
                     .what =
                         "PostgreSQL does not run as root, and there is no account named postgres",
                     .hint = "Install Debian's package postgresql-common, which creates it: apt "
                             "install postgresql-common."};
}

} // namespace pgkeep::postgres
