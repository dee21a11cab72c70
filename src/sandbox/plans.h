/// What the live server's planner would do: EXPLAIN in a database of a sandbox that looks to the
/// planner as large as the live one, and holds nothing.
///
/// The planner takes rows a page from the catalog, and the pages from the length of the file. So
/// for each question the (empty) model database is copied, its files are made as long as the live
/// relations (holes, which take no disk), and the copy is dropped afterwards. Nothing ever reads
/// those files, and nothing but EXPLAIN without ANALYZE may run there: the cost of a question does
/// not depend on the live size, and rehearsals, which run elsewhere, are neither slowed down nor
/// measured wrong by them. Of a B-tree also the height counts; it is computed from the number of
/// its pages and the width of its entries, and a descent of empty pages of that height is written
/// in front.
///
/// Sizes are those of the last ANALYZE or VACUUM there (relpages): a table that grew since is
/// larger. All relations together get at most kPagesMax pages, each its share; that is told.
///
/// Threads: one at a time. Errors: of the sandbox, io; a statement that cannot be planned is
/// Code::sql, as the server says it.
/// Source: src/backend/optimizer/util/plancat.c (estimate_rel_size), access/nbtree/nbtpage.c
/// (_bt_getrootheight); PostgreSQL manual, storage-file-layout, storage-page-layout.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/sandbox.h"
#include "sandbox/statistics.h"

namespace pgkeep::sandbox {

/// 16 TiB in files of 1 GiB: enough for nearly everybody, and few enough files to make.
constexpr std::int64_t kPagesMax = std::int64_t{1} << 31;

class PlanRoom {
public:
  /// `model` is a database of the sandbox with the live schema, the live statistics and no rows.
  static base::Result<PlanRoom> open(Sandbox& server, std::string model,
                                     const LiveStatistics& live);

  /// Statements to be run before, such as SET; then the plans, as EXPLAIN prints them, of each
  /// statement. One that cannot be planned has none. Nobody may be connected to the model.
  base::Result<std::vector<std::vector<std::string>>>
  explain(const std::vector<std::string>& settings, const std::vector<std::string>& statements);

  /// Empty, or what was capped.
  [[nodiscard]] const std::string& note() const { return note_; }
  [[nodiscard]] const std::string& model() const { return model_; }

private:
  struct Size {
    std::int64_t pages = 0;
    std::string rows;
    std::string pages_all_visible;
  };
  PlanRoom(Sandbox& server, std::string model) : server_(&server), model_(std::move(model)) {}
  base::Result<> write_sizes();
  base::Result<> grow_files();

  Sandbox* server_; ///< The caller's.
  std::string model_;
  std::map<std::string, Size> sizes_; ///< By the model's oid: a renamed table stays the same.
  std::string note_;
};

} // namespace pgkeep::sandbox
