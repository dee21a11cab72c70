/// The files of a migrations folder, in the order in which they run.
///
/// Ours are `V001__create_users.sql` with `V001__create_users.down.sql`, versions counted or times,
/// and `R__name.sql` repeatable. Folders of Flyway (U1__x.sql), dbmate, goose and node-pg-migrate
/// (markers in the file), golang-migrate (x.up.sql, x.down.sql), Prisma (a folder each) and sqitch
/// (sqitch.plan) are read as they are. Errors: Code::io, and Code::config for files that cannot be
/// put in order: two of one version, a way down without a way up.
///
/// Threads: immutable once read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lint/script.h"
#include "migrate/version.h"

namespace pgkeep::migrate {

enum class Kind : std::uint8_t {
  versioned,  ///< Runs once.
  repeatable, ///< Runs again whenever its text has changed, after the versioned ones.
};
std::string_view name_of(Kind kind) noexcept;

/// One direction of a migration: the text of a file, and which of its sections belong to it.
struct Source {
  std::string path; ///< As given: the folder's path and the file's below it.
  std::string text; ///< All of the file, as it is.
  std::shared_ptr<const lint::Script> script; ///< Owned by both directions of one file.
  bool is_down = false;                       ///< The direction.
  [[nodiscard]] std::vector<const lint::Section*> sections() const;
};

struct Migration {
  Kind kind = Kind::versioned;
  Version version = {}; ///< Of a versioned one.
  std::string name;     ///< "create_users".
  Source up;
  std::optional<Source> down = {};
  /// What identifies it in the history: the version's key, or the name of a repeatable one.
  [[nodiscard]] std::string key() const { return kind == Kind::versioned ? version.key() : name; }
  /// "V001 create_users", "R views".
  [[nodiscard]] std::string label() const;
};

struct Folder {
  std::filesystem::path path;
  std::vector<Migration> migrations; ///< Versioned ones in order, then repeatable ones.
  [[nodiscard]] const Migration* find(Kind kind, std::string_view key) const;
};

base::Result<Folder> read_folder(const std::filesystem::path& path);

/// Our own file as a Source, for tests and commands that take one file.
Source read_source(std::string path, std::string text, bool is_down);

/// Equal for texts that differ in comments and layout only: 64 hexadecimal digits over the parse
/// trees of the sections that go in the direction, literals and pgkeep's directives among them. A
/// statement that does not parse counts byte by byte.
std::string checksum_of(const Source& source);
/// Which rules checksum_of() follows; stored beside it.
inline constexpr int kChecksumAlgorithm = 1;

} // namespace pgkeep::migrate
