/// A Snapshot as a JSON file: {"pgkeep":"snapshot/1","sha256":"...","snapshot":{...}}.
///
/// The checksum is over the text of "snapshot" as written. Readers accept older versions and refuse
/// newer, truncated or foreign files: Code::corrupt with the path in `where`. Findings judged from
/// a file equal those judged online.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/snapshot.h"

namespace pgkeep::catalog {

std::string write_snapshot(const Snapshot& snapshot);
/// The file around the JSON text of a snapshot, with its checksum: for what edits snapshots (golden
/// cases, tools).
std::string seal_snapshot(std::string_view json);
base::Result<Snapshot> parse_snapshot(std::string_view text, const std::string& path);

} // namespace pgkeep::catalog
