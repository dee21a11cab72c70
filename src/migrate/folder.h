/// The files of a migrations folder, in the order in which they run.
///
/// Ours are `V001__create_users.sql` with `V001__create_users.down.sql`, versions counted or times,
/// `V001__create_users.verify.sql`, and `R__name.sql` repeatable; hooks have names of their own
/// (hooks.h). Folders of Flyway (U1__x.sql), dbmate, goose and node-pg-migrate
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
#include "migrate/compose.h"
#include "migrate/hooks.h"
#include "migrate/needs.h"
#include "migrate/source.h"
#include "migrate/version.h"

namespace pgkeep::migrate {

enum class Kind : std::uint8_t {
  versioned,  ///< Runs once.
  repeatable, ///< Runs again whenever its text has changed, after the versioned ones.
};
std::string_view name_of(Kind kind) noexcept;

struct Migration {
  Kind kind = Kind::versioned;
  Version version = {}; ///< Of a versioned one.
  std::string name;     ///< "create_users".
  Source up;
  std::optional<Source> down = {};
  std::optional<Source> check = {}; ///< Asks whether it did what it should: V001__x.verify.sql.
  std::vector<Need> needs = {};
  /// What identifies it in the history: the version's key, or the name of a repeatable one.
  [[nodiscard]] std::string key() const { return kind == Kind::versioned ? version.key() : name; }
  /// "V001 create_users", "R views".
  [[nodiscard]] std::string label() const;
};

struct Folder {
  std::filesystem::path path;
  std::vector<Migration> migrations; ///< Versioned ones in order, then repeatable ones.
  std::vector<Hook> hooks = {};      ///< By name.
  Values values = {};                ///< Those that were put in.
  [[nodiscard]] const Migration* find(Kind kind, std::string_view key) const;
};

base::Result<Folder> read_folder(const std::filesystem::path& path, const Values& values = {});

} // namespace pgkeep::migrate
