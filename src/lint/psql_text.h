/// What only psql understands in a file of SQL: its commands (`\set x 1`), the data below COPY ...
/// FROM stdin, and its variables (`:x`, `:'x'`, `:"x"`).
///
/// Reads any text; a quote that is not closed hides the rest. Threads: pure functions.
/// Source: PostgreSQL manual, app-psql (Meta-Commands; SQL Interpolation), sql-copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace pgkeep::lint {

enum class PsqlPartKind : std::uint8_t {
  command,  ///< From the backslash to the end of the line.
  data,     ///< From the line below COPY to its end, `\.` with it; none where that is missing.
  variable, ///< From the colon; what follows two colons is a type, and `:=` an assignment.
};

struct PsqlPart {
  PsqlPartKind kind = PsqlPartKind::command;
  std::size_t begin = 0; ///< Bytes into the text.
  std::size_t end = 0;   ///< Of data: behind the line break of `\.`.
};

/// In the order of the text. Nothing inside of quotes and comments is one.
std::vector<PsqlPart> psql_parts_of(std::string_view text);

} // namespace pgkeep::lint
