/// Finds SQL that is put together from text and values, where parameters belong.
///
/// A heuristic that would rather miss than cry wolf: the text must begin like a statement, and what
/// is put in must stand where a value stands (after =, <, LIKE, IN (, inside quotes, ...). Names of
/// tables and columns, lists of placeholders and escaped values are left alone; so are tagged
/// templates (sql`...`), which make parameters. Languages: Python, JavaScript, TypeScript, Ruby,
/// PHP, Java, Kotlin, Go, C#. Private to src/catalog. Thread-safety: pure functions.
#pragma once

#include <vector>

#include "catalog/code/source_file.h"
#include "catalog/host.h"

namespace pgkeep::catalog::code {

std::vector<UnparameterisedQuery> find_unparameterised(const SourceFile& file);

} // namespace pgkeep::catalog::code
