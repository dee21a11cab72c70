/// What is the same thing under another name: a removed and an added one that are otherwise equal.
/// A rename loses no data, so it is what is guessed; two candidates are a question, not a guess.
///
/// Tables first, then columns of tables that both schemas have, then the rest: each stage looks at
/// Models in which the renames before it are made already.
/// Private to src/migrate/declare. Pure; one thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/declare/model.h"

namespace pgkeep::migrate::declaring {

struct Rename {
  std::string from = {};              ///< "public.orders.note": for people, and for --rename.
  std::string to = {};                ///< "public.orders.remark".
  std::vector<std::string> up = {};   ///< Statements.
  std::vector<std::string> down = {}; ///< The way back.
  bool is_guessed = false;
  std::string table = {}; ///< That is locked for it, by its old name; empty: none.
};

/// --rename OLD=NEW.
struct WantedRename {
  std::string from = {}; ///< "orders", "shop.orders", "orders.note", "shop.orders.note".
  std::string to = {};   ///< "purchases", "shop.purchases", or of a column its new name.
  bool is_used = false;
};
/// Errors: usage.
base::Result<std::vector<WantedRename>> parse_renames(const std::vector<std::string>& words);

struct RenameOptions {
  bool guesses = true;
  std::vector<WantedRename>* wanted = nullptr; ///< Those that a stage made are marked.
};
struct Renames {
  std::vector<Rename> made = {};
  std::vector<std::string> questions = {}; ///< Not guessed, and how to settle it: a sentence each.
};

Renames rename_tables(const Model& from, const Model& to, const RenameOptions& options);
Renames rename_columns(const Model& from, const Model& to, const RenameOptions& options);
Renames rename_others(const Model& from, const Model& to, const RenameOptions& options);

} // namespace pgkeep::migrate::declaring
