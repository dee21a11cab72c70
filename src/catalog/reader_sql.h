/// The SQL that reads a section, for `audit --explain`.
///
/// Texts are those for the newest supported server; older ones differ in single columns. Generated
/// statements (maxima beside sequences) are shown by their pattern. Thread-safety: pure.
#pragma once

#include <string>
#include <vector>

#include "catalog/facts.h"

namespace pgkeep::catalog {

/// In the order in which they are sent.
std::vector<std::string> reader_sql(Facts sections);

} // namespace pgkeep::catalog
