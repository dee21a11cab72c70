/// Rules over SQL text: migrations, schema design, queries. Not for: connecting (a Snapshot comes
/// from the caller), or judging a live database (src/audit).
///
/// Threads: pure functions; any number at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "catalog/snapshot.h"
#include "findings/limits.h"
#include "findings/report.h"
#include "lint/origins.h"
#include "postgres/query_check.h"

namespace pgkeep::lint {

struct File {
  std::string path;
  std::string text;
  /// Of a text that was put together: findings name the places of its parts.
  std::shared_ptr<const Origins> origins = nullptr;
};

/// A file whose text is read when its turn comes: of many files few are held at once.
struct ListedFile {
  std::string path;
  std::uint64_t bytes = 0; ///< About as many as its text has.
};
/// The file of that number in a list. Called by several threads at the same time, once for each.
using ReadFile = std::function<base::Result<File>(std::size_t number)>;

struct Options {
  findings::Limits limits;
  const catalog::Snapshot* database = nullptr; ///< Null: nothing is known but the text.
  int server_major = 15;                       ///< Where there is no database.
  std::vector<std::string> only = {};          ///< Rule ids; empty = all but taste.
  std::vector<std::string> skip = {};
  /// Whether the server's grammar knows a statement that ours does not; empty: nobody can be asked.
  std::function<bool(std::string_view statement)> server_parses = {};
  /// What the server makes of a named query (files with "-- name: x"); empty: nobody can be asked.
  std::function<postgres::QueryCheck(const std::string& sql)> prepare = {};
  /// Columns that every table must have; empty: none (rule mandatory-columns).
  std::vector<std::string> mandatory_columns = {};
  /// Asks every rule about every statement, also those that TextRule::nodes leaves out: for the
  /// test that nothing is lost by it.
  bool ignores_nodes = false;
  /// How many threads judge; 0: as many as there are cores, up to three. All say the same.
  std::size_t judges = 0;
  /// Nobody asks for findings but the report in JSON: Report::written has them.
  bool writes_json = false;
  /// Rules that another judge owns (the audit's): their cards are shown where ids are shared.
  std::span<const findings::Rule* const> shared = {};
};

/// The keys of pgkeep.toml under [lint].
std::span<const base::Key> config_keys();
/// [lint] mandatory-columns; empty where the file does not say.
std::vector<std::string> mandatory_columns_in(const base::Config& config);

/// Every rule's card, those of `shared` in place of our own where the id is the same.
std::vector<const findings::Rule*> all_rules(std::span<const findings::Rule* const> shared);

/// Judges files in the given order: what one creates, the next knows. Errors: Code::usage for an
/// unknown rule; what `read` gives, of the first file that cannot be read.
base::Result<findings::Report> lint(std::span<const ListedFile> files, const ReadFile& read,
                                    const Options& options);
/// The same of files that are at hand.
base::Result<findings::Report> lint(std::span<const File> files, const Options& options);

} // namespace pgkeep::lint
