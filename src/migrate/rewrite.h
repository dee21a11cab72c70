/// The safe form of an unsafe migration, as text for review: what `pgkeep migrate rewrite` prints.
///
/// Pure functions; any thread. Errors: Code::unsupported where the text does not parse, with
/// file:line:column; for a server newer than our grammar such a statement stays, and a note says
/// so.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/snapshot.h"

namespace pgkeep::migrate {

struct RewriteInput {
  std::string path;
  std::string text;
  const catalog::Snapshot* database = nullptr; ///< Null: nothing is known but the text.
  int server_major = 15;                       ///< Where there is no database.
};

struct RewrittenFile {
  std::string path; ///< A proposal: the input's for the first, the next versions for later ones.
  std::string text;
};

/// What was changed and why, or what could not be made safe and why.
struct RewriteNote {
  int line = 0;
  std::string message;
  bool is_left_alone = false;
};

struct Rewrite {
  std::vector<RewrittenFile> files;
  std::vector<RewriteNote> notes;
  bool changed = false;
};

base::Result<Rewrite> rewrite(const RewriteInput& input);

} // namespace pgkeep::migrate
