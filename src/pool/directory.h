/// Everything that a pooler was told by its files, read once: settings, databases, who may come in.
///
/// Threads: immutable once read, so any may look; a reload makes another one, which each loop takes
/// when it is told. Source: PgBouncer's manual, config; usage (RELOAD).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "pool/configuration.h"
#include "pool/file_problems.h"
#include "pool/hba.h"
#include "pool/parameters.h"
#include "pool/tls_context.h"
#include "pool/user_list.h"

namespace pgkeep::pool {

struct Directory {
  Configuration configuration;
  ListedUsers users; ///< Of auth_file: what it stores of each.
  HbaRules hba;
  IdentMap ident;
  TrackedNames tracked;
  std::set<std::string, std::less<>> ignored_parameters; ///< ignore_startup_parameters.
  TlsContexts tls;
  std::vector<FileProblem> problems; ///< Of all its files: what was passed over, as PgBouncer does.
  /// Of verifiers for users that do not exist: the same while the process lives.
  base::Secret mock_secret;

  [[nodiscard]] const Settings& settings() const { return configuration.settings; }
};

/// Its owners: every loop, the pools, and clients that log in: a reload meanwhile takes nothing
/// from under them. The count is never touched on the way of a query.
using DirectoryPtr = std::shared_ptr<const Directory>;

/// A line of auth_file, auth_hba_file or auth_ident_file that is not understood, or such a file
/// that cannot be read, is a problem and no error. Errors: Code::config with file and line;
/// Code::unsupported for what is not built yet.
base::Result<Directory> read_directory(const std::string& path, const ReadText& read);

/// The same files once more. What can only be set at a start keeps its value.
struct Reread {
  Directory directory;
  std::vector<std::string> kept; ///< Settings whose new value was not taken.
};
/// Errors: as of read_directory(): then nothing is to change.
base::Result<Reread> reread_directory(const Directory& before, const ReadText& read);

/// With one setting changed, as SET does. Errors: Code::config: the setting is unknown, not to be
/// changed while it runs, or has no such value; Code::unsupported.
base::Result<Directory> with_setting(const Directory& before, std::string_view name,
                                     std::string_view value);

/// The first thing that the configuration asks for and that is not built yet: its key is named.
std::optional<base::Error> not_built_of(const Configuration& configuration);

} // namespace pgkeep::pool
