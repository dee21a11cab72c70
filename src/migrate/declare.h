/// The migration that turns the schema of a folder's files into a wanted one: `pgkeep migrate new
/// --schema`. Both schemas are made on one throwaway server, compared, and what was written is run
/// there, up and down.
///
/// Roles are made up on that server, so owners count for nothing; grants and comments do count.
/// Left out: subscriptions and mappings of users (they hold passwords), security labels,
/// tablespaces, settings of the database.
///
/// Threads: one. Errors: of the folder's files and of the wanted schema, with their place; those of
/// the live database, which is only read; unsupported where there are no server programs.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/folder.h"

namespace pgkeep::migrate {

struct DeclareInput {
  const Folder& folder;
  std::string wanted;       ///< A file or folder of SQL, or a database.
  std::string up_path = {}; ///< Of the new files, for places in messages.
  std::string down_path = {};
  bool guesses_renames = true;
  std::vector<std::string> renames = {}; ///< "OLD=NEW".
  std::optional<std::filesystem::path> pg_bin = {};
  std::function<void(int done, int total, const std::string& what)> tell = {};
};

struct Declared {
  bool has_changes = false; ///< False: there is nothing to write.
  std::string up;
  std::string down;
  std::vector<std::string> renames;    ///< "public.orders.note -> public.orders.remark (guessed)".
  std::vector<std::string> questions;  ///< Renames that were not guessed, and what settles them.
  std::vector<std::string> losses;     ///< What the way up takes away: "public.orders.fax".
  std::vector<std::string> notes;      ///< What to know besides.
  std::vector<std::string> remaining;  ///< What differs from the wanted schema after the way up.
  std::vector<std::string> not_undone; ///< What differs from before after the way down.
  [[nodiscard]] bool is_proved() const { return remaining.empty() && not_undone.empty(); }
};
base::Result<Declared> declare(const DeclareInput& input);

} // namespace pgkeep::migrate
