/// How many pages a table or a B-tree would take if it were written afresh: from column widths,
/// never from the data.
///
/// For the bloat rules: pages of the picture minus these pages is space that a rewrite gives back.
/// Leans to larger results where the statistics leave room, so that a fresh table never looks
/// bloated. Not for exact figures: pgstattuple reads the pages. Units: pages of 8 kB, bytes, rows.
/// nullopt = a column has no statistics, so nobody can tell. Pure; thread-safe. Source: PostgreSQL
/// manual, storage-page-layout and btree (Deduplication); the idea of estimating from pg_stats is
/// ioguix's pgsql-bloat-estimation; constants are named after the server's headers where they come
/// from one.
#pragma once

#include <optional>

#include "catalog/snapshot.h"

namespace pgkeep::audit {

/// Pages of the heap alone for `relation.rows` rows.
std::optional<double> heap_pages(const catalog::Snapshot& db, const catalog::Relation& relation);

/// Pages of a TOAST table at most: four chunks fill a page, and shorter ones only pack better
/// (TOAST_TUPLES_PER_PAGE).
double toast_pages(double chunks);

/// Whether the model covers the index: a valid B-tree over plain columns, neither partial nor
/// partitioned.
bool has_btree_model(const catalog::Index& index);

/// Pages of a freshly built index for `index.rows` entries.
std::optional<double> btree_pages(const catalog::Snapshot& db, const catalog::Index& index);

} // namespace pgkeep::audit
