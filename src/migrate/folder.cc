// A file name says direction, kind and version; markers inside of a file say which part goes which
// way (lint::Script reads both). What is no migration (README, seeds) is left out.
#include "migrate/folder.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"

namespace pgkeep::migrate {
namespace {

namespace fs = std::filesystem;

constexpr base::Bytes kFileMax{64 * base::kMiB};
constexpr std::size_t kFilesMax = 100'000;

/// What the name of a file says.
struct FileName {
  Kind kind = Kind::versioned;
  std::string version;
  std::string name;
  std::vector<Need> needs = {}; ///< What sqitch's plan says.
  bool is_down = false;
  bool is_check = false; ///< It asks, and leaves nothing behind.
};

std::string_view without(std::string_view text, std::string_view end) {
  return text.ends_with(end) ? text.substr(0, text.size() - end.size()) : text;
}

std::size_t version_length(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789.");
  return end == std::string_view::npos ? text.size() : end;
}

/// V001__create_users.sql, U1__x.sql, R__views.sql, 001_create_users.up.sql, 20260101_x.sql.
std::optional<FileName> read_name(std::string_view file) {
  if (!file.ends_with(".sql")) return {};
  FileName found;
  std::string_view stem = without(file, ".sql");
  if (stem.ends_with(".down")) found.is_down = true;
  if (stem.ends_with(".verify")) found.is_check = true;
  stem = without(without(without(stem, ".down"), ".up"), ".verify");
  if (const std::string_view rest = stem.substr(std::min<std::size_t>(3, stem.size()));
      stem.starts_with("R__")) {
    found.kind = Kind::repeatable;
    found.name = rest;
    return rest.empty() ? std::nullopt : std::optional(found);
  }
  const bool has_letter = stem.starts_with('V') || stem.starts_with('U');
  const std::size_t separator = stem.find("__");
  if (has_letter && separator != std::string_view::npos) {
    if (stem.starts_with('U')) found.is_down = true;
    found.version = stem.substr(1, separator - 1);
    found.name = stem.substr(separator + 2);
    return found;
  }
  const std::size_t digits = version_length(stem);
  if (digits == 0) return {};
  found.version = stem.substr(0, digits);
  stem.remove_prefix(digits);
  found.name = stem.substr(std::min(stem.find_first_not_of("_-"), stem.size()));
  return found;
}

base::Error bad_file(const std::string& path, std::string what, std::string expected) {
  return {.code = base::Code::config,
          .what = std::move(what),
          .where = path,
          .expected = std::move(expected)};
}

/// Collects files until each has its other half.
class Reader {
public:
  Reader(const fs::path& folder, const Values& values) : folder_(folder), values_(values) {}

  base::Result<> add(const fs::path& path, FileName name) {
    if (files_ == kFilesMax)
      return base::Error{.code = base::Code::config,
                         .what = fmt::format("more than {} migrations", kFilesMax),
                         .where = path.string()};
    ++files_;
    const auto version = Version::parse(name.version);
    if (name.kind == Kind::versioned && !version)
      return bad_file(path.string(),
                      fmt::format("\"{}\" is no version", base::printable(name.version)),
                      "digits, such as V001__create_users.sql or V20261121101500__x.sql");
    PGKEEP_TRY(const std::string text, base::read_file(path, kFileMax));
    const Source source = read_source(path.string(), text, name.is_down, folder_, values_);
    Migration fresh{.kind = name.kind, .name = name.name, .up = {}};
    if (version) fresh.version = *version;
    const auto key = std::pair(name.kind, fresh.key());
    const auto [at, is_new] = found_.try_emplace(key, std::move(fresh));
    if (is_new) named_by_[key] = path.string();
    Migration& migration = at->second;
    std::string& other = name.is_check  ? check_paths_[key]
                         : name.is_down ? down_paths_[key]
                                        : up_paths_[key];
    if (!other.empty())
      return bad_file(path.string(), fmt::format("{} has this version as well", other),
                      "one file for each version and direction");
    other = path.string();
    if (!is_new && migration.name != name.name && name.kind == Kind::versioned)
      return bad_file(path.string(),
                      fmt::format("version {} is \"{}\" here and \"{}\" in {}", name.version,
                                  base::printable(name.name), base::printable(migration.name),
                                  named_by_[key]),
                      "the same name for all files of a version");
    if (name.is_down || name.is_check) {
      (name.is_down ? migration.down : migration.check) = source;
      return {};
    }
    migration.up = source;
    migration.version = version.value_or(Version());
    migration.needs = needs_in(*migration.up.script);
    for (Need& need : name.needs) {
      need.where = fmt::format("{}", path.string());
      migration.needs.push_back(std::move(need));
    }
    Source way_back = source;
    way_back.is_down = true;
    if (!migration.down && !way_back.sections().empty()) migration.down = std::move(way_back);
    return {};
  }

  base::Result<> add_hook(const fs::path& path, Moment moment) {
    PGKEEP_TRY(const std::string text, base::read_file(path, kFileMax));
    hooks_.push_back(
        {.moment = moment, .source = read_source(path.string(), text, false, folder_, values_)});
    return {};
  }

  base::Result<Folder> finish(const fs::path& path) {
    Folder folder{.path = path, .migrations = {}, .hooks = std::move(hooks_), .values = values_};
    for (auto& [key, migration] : found_) {
      if (up_paths_[key].empty())
        return bad_file(down_paths_[key].empty() ? check_paths_[key] : down_paths_[key],
                        down_paths_[key].empty() ? "there is a check, and no migration"
                                                 : "there is a way down, and no way up",
                        fmt::format("a file that goes up to {}", migration.kind == Kind::versioned
                                                                     ? migration.version.text()
                                                                     : migration.name));
      folder.migrations.push_back(std::move(migration));
    }
    std::ranges::stable_sort(folder.migrations, [](const Migration& a, const Migration& b) {
      if (a.kind != b.kind) return a.kind < b.kind;
      return a.kind == Kind::versioned ? a.version < b.version : a.name < b.name;
    });
    return folder;
  }

private:
  const fs::path& folder_;
  const Values& values_;
  std::map<std::pair<Kind, std::string>, Migration> found_;
  std::map<std::pair<Kind, std::string>, std::string> named_by_; ///< Its first file.
  std::map<std::pair<Kind, std::string>, std::string> up_paths_;
  std::map<std::pair<Kind, std::string>, std::string> check_paths_;
  std::map<std::pair<Kind, std::string>, std::string> down_paths_;
  std::vector<Hook> hooks_;
  std::size_t files_ = 0;
};

/// A line of sqitch's plan that names a change: "name [dependencies] time planner # note".
struct SqitchChange {
  std::string name;
  std::string script; ///< "name", or "name@tag" where a later line reworks the change.
  std::vector<Need> needs = {};
};

/// "[users !legacy other:x]": changes of other projects are not ours to know.
std::vector<Need> sqitch_needs(std::string_view line) {
  const std::size_t open = line.find('[');
  const std::size_t close = line.find(']');
  std::vector<Need> needs;
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return needs;
  for (const std::string& word : base::split_words(line.substr(open + 1, close - open - 1))) {
    const bool is_conflict = word.starts_with('!');
    std::string name = word.substr(is_conflict ? 1 : 0);
    if (name.find(':') != std::string::npos) continue;
    name = name.substr(0, name.find('@')); // Of "users@v1": the change, at whatever tag.
    needs.push_back({.name = std::move(name), .is_conflict = is_conflict});
  }
  return needs;
}

/// The changes in order. A change that comes again was reworked: the scripts of the one before
/// carry the tag that came first behind it.
std::vector<SqitchChange> read_sqitch_plan(std::string_view text) {
  std::vector<SqitchChange> changes;
  std::vector<std::string> tags; ///< The first tag behind each change.
  for (const std::string& line : base::split(text, '\n')) {
    const std::string_view trimmed = base::trim(line);
    if (trimmed.empty() || trimmed.starts_with('%') || trimmed.starts_with('#')) continue;
    const std::string word(trimmed.substr(0, trimmed.find_first_of(" \t")));
    if (word.starts_with('@')) {
      for (std::string& tag : tags) {
        if (tag.empty()) tag = word;
      }
      continue;
    }
    for (std::size_t at = 0; at < changes.size(); ++at) {
      if (changes[at].script == word) changes[at].script += tags[at];
    }
    changes.push_back({.name = word, .script = word, .needs = sqitch_needs(trimmed)});
    tags.emplace_back();
  }
  return changes;
}

/// sqitch keeps the order in its plan, and the directions in folders.
base::Result<> add_sqitch(const fs::path& folder, const fs::path& plan, Reader& reader) {
  PGKEEP_TRY(const std::string text, base::read_file(plan, kFileMax));
  int number = 0;
  for (const SqitchChange& change : read_sqitch_plan(text)) {
    const std::string version = fmt::format("{:04}", ++number);
    const std::string file = change.script + ".sql";
    PGKEEP_CHECK(reader.add(folder / "deploy" / file,
                            {.version = version, .name = change.name, .needs = change.needs}));
    std::error_code error;
    const fs::path revert = folder / "revert" / file;
    if (fs::exists(revert, error))
      PGKEEP_CHECK(reader.add(revert, {.version = version, .name = change.name, .is_down = true}));
    const fs::path check = folder / "verify" / file;
    if (fs::exists(check, error))
      PGKEEP_CHECK(reader.add(check, {.version = version, .name = change.name, .is_check = true}));
  }
  return {};
}

/// Prisma: 20260101000000_name/migration.sql, and down.sql where somebody wrote one.
base::Result<> add_prisma(const fs::path& folder, Reader& reader) {
  const std::string name = folder.filename().string();
  const std::size_t digits = version_length(name);
  std::error_code error;
  if (digits == 0 || !fs::exists(folder / "migration.sql", error)) return {};
  FileName named{.version = name.substr(0, digits),
                 .name = name.substr(std::min(name.find_first_not_of("_-", digits), name.size()))};
  PGKEEP_CHECK(reader.add(folder / "migration.sql", named));
  named.is_down = true;
  if (fs::exists(folder / "down.sql", error)) PGKEEP_CHECK(reader.add(folder / "down.sql", named));
  return {};
}

} // namespace

std::string_view name_of(Kind kind) noexcept {
  return kind == Kind::versioned ? "versioned" : "repeatable";
}

std::string Migration::label() const {
  return kind == Kind::versioned
             ? fmt::format("V{}{}{}", version.text(), name.empty() ? "" : " ", name)
             : "R " + name;
}

const Migration* Folder::find(Kind kind, std::string_view key) const {
  const auto found = std::ranges::find_if(
      migrations, [&](const Migration& each) { return each.kind == kind && each.key() == key; });
  return found == migrations.end() ? nullptr : &*found;
}

base::Result<Folder> read_folder(const fs::path& path, const Values& values) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
    entries.push_back(at->path());
  if (error)
    return base::Error{.code = base::Code::io,
                       .what = fmt::format("cannot be read: {}", error.message()),
                       .where = path.string(),
                       .expected = "a folder of migrations",
                       .hint = "`pgkeep migrate new NAME` begins one; --dir names another."};
  std::ranges::sort(entries);
  Reader reader(path, values);
  if (const auto plan = std::ranges::find(entries, path / "sqitch.plan"); plan != entries.end()) {
    PGKEEP_CHECK(add_sqitch(path, *plan, reader));
    return reader.finish(path);
  }
  for (const fs::path& entry : entries) {
    if (fs::is_directory(entry, error)) {
      PGKEEP_CHECK(add_prisma(entry, reader));
    } else if (auto name = read_name(entry.filename().string())) {
      PGKEEP_CHECK(reader.add(entry, *std::move(name)));
    } else {
      auto moment = moment_of(entry.filename().string());
      if (!moment) return base::with_where(std::move(moment).error(), entry.string());
      if (*moment) PGKEEP_CHECK(reader.add_hook(entry, **moment));
    }
  }
  return reader.finish(path);
}

} // namespace pgkeep::migrate
