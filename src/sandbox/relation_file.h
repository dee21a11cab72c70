/// The files of a relation in a database that nobody is connected to, made longer by holes; a
/// B-tree gets a height. Private to src/sandbox, for plans.h alone: what comes out can be planned
/// over, not read.
///
/// Threads: plain functions. Errors: io.
/// Source: PostgreSQL manual, storage-file-layout and storage-page-layout;
/// src/include/access/nbtree.h (BTMetaPageData, BTPageOpaqueData, pivot tuples).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/files.h"
#include "base/result.h"

namespace pgkeep::sandbox {

struct RelationFile {
  std::filesystem::path file; ///< Its first segment, which exists.
  std::int64_t pages = 0;
  std::int64_t segment_pages = 0;
  double entry_bytes = 0; ///< Of a B-tree's entries; 0 = it is none.
  std::optional<base::Account> owner = {};
};
/// A file that is longer already stays.
base::Result<> grow_relation(const RelationFile& relation);

/// How many levels lie above the leaves of a B-tree of so many pages.
int height_of(std::int64_t pages, double entry_bytes);

} // namespace pgkeep::sandbox
