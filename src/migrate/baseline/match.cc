#include "migrate/baseline/match.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::migrate {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// "db/V001__Create-users.sql" -> "001_create_users".
std::string plain_name(std::string_view text) {
  std::string name = base::to_lower(text.substr(text.find_last_of('/') + 1));
  for (const std::string_view end :
       {".sql", ".js", ".ts", ".cjs", ".mjs", ".py", ".rb", ".up", ".xml", ".yaml", ".yml"}) {
    if (name.ends_with(end)) name.resize(name.size() - end.size());
  }
  if (name.size() > 1 && name.front() == 'v' && is_digit(name[1])) name.erase(0, 1);
  std::ranges::replace(name, '-', '_');
  while (name.find("__") != std::string::npos)
    name = base::replace_all(name, "__", "_");
  return name;
}

/// What a row may call the file.
std::vector<std::string> names_of(const Migration& migration) {
  const std::filesystem::path path = migration.up.path;
  const bool is_prisma = path.filename() == "migration.sql";
  const std::filesystem::path named = is_prisma ? path.parent_path() : path;
  std::vector<std::string> names = {plain_name(named.filename().string())};
  if (!migration.name.empty()) names.push_back(plain_name(migration.name));
  return names;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return !name.empty() && std::ranges::find(names, name) != names.end();
}

/// A word of the name: the revision of Alembic in "0003_ae1027a6acf_add_note".
bool has_word(const std::vector<std::string>& names, const std::string& word) {
  if (word.empty()) return false;
  return std::ranges::any_of(names, [&](const std::string& name) {
    return ("_" + name + "_").find("_" + word + "_") != std::string::npos;
  });
}

class Matcher {
public:
  Matcher(const Folder& folder, const ForeignTable& table, const std::vector<ForeignRow>& rows)
      : folder_(folder), table_(table), rows_(rows) {
    for (const Migration& migration : folder.migrations)
      names_.push_back(names_of(migration));
    for (const ForeignRow& row : rows)
      ++rows_of_name_[plain_name(row.name)];
  }

  Matched run() {
    for (const ForeignRow& row : rows_)
      add(row);
    check_parts();
    for (std::size_t at = 0; at < folder_.migrations.size(); ++at) {
      const Migration& migration = folder_.migrations[at];
      const bool is_before =
          through_ && migration.kind == Kind::versioned && !(*through_ < migration.version);
      if (parts_.contains(at) || is_before) result_.applied.push_back(&migration);
    }
    return std::move(result_);
  }

private:
  void add(const ForeignRow& row) {
    if (row.state == ForeignState::failed) {
      result_.problems.push_back(
          {.kind = "failed-elsewhere",
           .migration = row.label(),
           .file = table_.label(),
           .text = fmt::format("{} says that it did not reach its end", table_.tool->title),
           .hint = std::string(table_.tool->mend)});
      return;
    }
    const std::optional<std::size_t> at = find(row);
    if (row.state == ForeignState::through) {
      add_through(row, at);
    } else if (at) {
      ++parts_[*at];
    } else {
      result_.without_file.push_back(row.label());
    }
  }

  /// A version needs no file of its own to say how far it goes.
  void add_through(const ForeignRow& row, std::optional<std::size_t> at) {
    std::optional<Version> version = Version::parse(row.version);
    if (row.version.empty() && at) version = folder_.migrations[*at].version;
    const bool is_known = version && (at || !row.version.empty());
    if (!is_known) {
      result_.problems.push_back(
          {.kind = "no-file",
           .migration = row.label(),
           .file = table_.label(),
           .text = fmt::format("{} keeps only the newest migration, and no file is named so",
                               table_.tool->title),
           .hint = "`pgkeep migrate baseline --version VERSION` says how far the files here are "
                   "applied."});
      return;
    }
    if (!at) result_.without_file.push_back(row.label());
    if (!through_ || *through_ < *version) through_ = version;
  }

  [[nodiscard]] std::optional<std::size_t> find(const ForeignRow& row) const {
    const auto version = Version::parse(row.version);
    const std::string name = plain_name(row.name);
    const std::string other = plain_name(row.other);
    const bool is_one = !table_.tool->part_marker.empty() || rows_of_name_.at(name) == 1;
    const bool is_revision = row.state == ForeignState::through && row.version.empty();
    std::optional<std::size_t> found;
    for (std::size_t at = 0; at < names_.size(); ++at) {
      const Migration& migration = folder_.migrations[at];
      const bool is_version = version && !row.version.empty() &&
                              migration.kind == Kind::versioned && migration.version == *version;
      const bool is_named = (is_one && has(names_[at], name)) || has(names_[at], other) ||
                            (is_revision && has_word(names_[at], name));
      if (is_version) return at;
      if (is_named && !found) found = at;
    }
    return found;
  }

  /// A file of which some parts are applied and others not can be taken for neither.
  void check_parts() {
    const std::string_view marker = table_.tool->part_marker;
    if (marker.empty()) return;
    for (const auto& [at, applied] : parts_) {
      const Source& source = folder_.migrations[at].up;
      int parts = 0;
      for (const std::string& line : base::split(source.text, '\n')) {
        std::string_view words = base::trim(line);
        if (!words.starts_with("--")) continue;
        words = base::trim(words.substr(2));
        if (words.starts_with(marker)) ++parts;
      }
      if (parts <= applied) continue;
      result_.problems.push_back(
          {.kind = "partly-applied",
           .migration = folder_.migrations[at].label(),
           .file = source.path,
           .text = fmt::format("{} of its {} changesets are applied", applied, parts),
           .hint = fmt::format("Let {} run the rest first, or move it into a file of its own.",
                               table_.tool->title)});
    }
  }

  const Folder& folder_;
  const ForeignTable& table_;
  const std::vector<ForeignRow>& rows_;
  std::vector<std::vector<std::string>> names_; ///< Of each migration.
  std::map<std::string, int> rows_of_name_;
  std::map<std::size_t, int> parts_; ///< Rows of each migration.
  std::optional<Version> through_;
  Matched result_;
};

} // namespace

Matched match_files(const Folder& folder, const ForeignTable& table,
                    const std::vector<ForeignRow>& rows) {
  return Matcher(folder, table, rows).run();
}

} // namespace pgkeep::migrate
