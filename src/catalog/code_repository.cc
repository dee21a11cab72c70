// Two passes: the first lists the files that count (a migration's undo file is found by name), the
// second reads each once and shows it to the scanners. Links are not followed, so that the walk
// ends.
#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <system_error>

#include <fmt/format.h>

#include "base/files.h"
#include "base/units.h"
#include "catalog/code/ignore_rules.h"
#include "catalog/code/migrations.h"
#include "catalog/code/queries.h"
#include "catalog/code/secrets.h"
#include "catalog/host.h"

namespace pgkeep::catalog {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 20'000;
constexpr base::Bytes kFileMax{base::kMiB};
constexpr int kDepthMax = 40;
constexpr std::size_t kFoundMax = 1'000;
constexpr std::size_t kMigrationsMax = 20'000;

// Made by tools or by others: not this repository's code.
constexpr auto kForeignFolders = std::to_array<std::string_view>(
    {".git",          ".hg",     ".svn",        "node_modules", "bower_components",
     "vendor",        "build",   "dist",        "target",       "out",
     ".venv",         "venv",    "__pycache__", ".tox",         ".mypy_cache",
     ".pytest_cache", ".next",   ".nuxt",       ".cache",       ".gradle",
     ".idea",         ".vscode", ".terraform",  "coverage",     ".pgkeep"});

constexpr auto kForeignFiles = std::to_array<std::string_view>(
    {"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock", "Cargo.lock",
     "composer.lock", "Gemfile.lock", "go.sum"});

bool is_named(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

struct Walk {
  fs::path root;
  code::IgnoreRules ignored;
  code::Paths paths;
  std::size_t too_deep = 0;
  std::size_t unreadable = 0;
  bool is_capped = false;
};

/// Lists one folder; its folders go onto `open`.
void walk_folder(Walk& walk, const std::string& folder, std::vector<std::string>& open) {
  if (auto rules = base::read_file_if_exists(walk.root / folder / ".gitignore", kFileMax);
      rules && *rules) {
    walk.ignored.add(folder, **rules);
  }
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator at(walk.root / folder, error);
       !error && at != fs::directory_iterator(); at.increment(error)) {
    entries.push_back(*at);
  }
  if (error) ++walk.unreadable;
  std::ranges::sort(entries, {}, [](const fs::directory_entry& each) { return each.path(); });
  for (const fs::directory_entry& each : entries) {
    const std::string name = each.path().filename().string();
    const std::string path = folder + name;
    const fs::file_status status = each.symlink_status(error);
    if (fs::is_directory(status)) {
      if (is_named(name, kForeignFolders) || walk.ignored.is_ignored(path, true)) continue;
      if (std::ranges::count(path, '/') >= kDepthMax) {
        ++walk.too_deep;
      } else {
        open.push_back(path + "/");
      }
    } else if (fs::is_regular_file(status) && !is_named(name, kForeignFiles) &&
               !walk.ignored.is_ignored(path, false)) {
      if (walk.paths.size() >= kFilesMax) {
        walk.is_capped = true;
        return;
      }
      walk.paths.insert(path);
    }
  }
}

void walk_all(Walk& walk) {
  std::vector<std::string> open{""};
  while (!open.empty() && !walk.is_capped) {
    const std::string folder = std::move(open.back());
    open.pop_back();
    walk_folder(walk, folder, open);
  }
}

bool is_binary(std::string_view text) {
  constexpr std::size_t kLookedAt = 8000;
  return text.substr(0, kLookedAt).find('\0') != std::string_view::npos;
}

template <typename Item>
void append(std::vector<Item>& all, std::vector<Item> some) {
  for (Item& each : some)
    all.push_back(std::move(each));
}

template <typename Item>
void cap(std::vector<Item>& items, std::size_t limit, std::string_view what,
         std::vector<std::string>& notes) {
  if (items.size() <= limit) return;
  notes.push_back(fmt::format("{} of {} {} are listed",
                              base::human_count(static_cast<std::int64_t>(limit)),
                              base::human_count(static_cast<std::int64_t>(items.size())), what));
  items.resize(limit);
}

struct Skipped {
  int large = 0;
  int unreadable = 0;
};

void scan_file(const Walk& walk, const std::string& path, CodeRepository& out, Skipped& skipped) {
  std::error_code error;
  const auto size = fs::file_size(walk.root / path, error);
  if (!error && size > static_cast<std::uintmax_t>(kFileMax.count)) {
    ++skipped.large;
    return;
  }
  const auto text = base::read_file(walk.root / path, kFileMax);
  if (!text) {
    ++skipped.unreadable;
    return;
  }
  if (is_binary(*text)) return;
  ++out.files_read;
  const code::SourceFile file{.path = path, .text = *text};
  if (auto migration = code::recognise_migration(file, walk.paths))
    out.migrations.push_back(std::move(*migration));
  append(out.secrets, code::find_secrets(file));
  append(out.unparameterised, code::find_unparameterised(file));
}

/// Whether the folder or one above it is a working tree.
bool is_version_controlled(const fs::path& folder) {
  std::error_code ignored;
  for (fs::path at = fs::canonical(folder, ignored); !at.empty(); at = at.parent_path()) {
    for (const char* mark : {".git", ".hg", ".svn"}) {
      if (fs::exists(at / mark, ignored)) return true;
    }
    if (at == at.root_path()) break;
  }
  return false;
}

void note_limits(const Walk& walk, const Skipped& skipped, CodeRepository& out) {
  if (walk.is_capped) {
    out.notes.push_back(fmt::format("only the first {} files were read",
                                    base::human_count(static_cast<std::int64_t>(kFilesMax))));
  }
  if (walk.too_deep > 0)
    out.notes.push_back(
        fmt::format("{} folders deeper than {} were not read", walk.too_deep, kDepthMax));
  if (skipped.large > 0) {
    out.notes.push_back(fmt::format("{} files larger than {} were not read", skipped.large,
                                    base::human_bytes(kFileMax.count)));
  }
  const std::size_t unreadable = walk.unreadable + static_cast<std::size_t>(skipped.unreadable);
  if (unreadable > 0)
    out.notes.push_back(fmt::format("{} files or folders could not be read", unreadable));
  cap(out.migrations, kMigrationsMax, "migrations", out.notes);
  cap(out.secrets, kFoundMax, "places with a secret", out.notes);
  cap(out.unparameterised, kFoundMax, "queries without parameters", out.notes);
}

} // namespace

base::Result<CodeRepository> read_code_repository(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::is_directory(status)) {
    const bool is_missing = status.type() == fs::file_type::not_found;
    return base::Error{.code = base::Code::io,
                       .what = is_missing ? "no such folder"
                               : error    ? error.message()
                                          : "not a folder",
                       .where = path,
                       .expected = "a folder of source code"};
  }
  Walk walk{.root = path, .ignored = {}, .paths = {}};
  walk_all(walk);
  CodeRepository out;
  out.path = path;
  out.is_version_controlled = is_version_controlled(path);
  Skipped skipped;
  for (const std::string& each : walk.paths)
    scan_file(walk, each, out, skipped);
  note_limits(walk, skipped, out);
  return out;
}

} // namespace pgkeep::catalog
