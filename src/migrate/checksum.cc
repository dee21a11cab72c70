// One line a statement: the digest of its tree (places left out, constants kept) or, where it does
// not parse, its bytes; before it, what pgkeep's runner is told about it. Bodies of routines are
// constants: a comment inside of one counts, for the server keeps it.
#include <fmt/format.h>

#include "base/hash.h"
#include "lint/directives.h"
#include "migrate/folder.h"
#include "postgres/sql_tree.h"

namespace pgkeep::migrate {
namespace {

/// What changes how a statement runs; ignores and words about losses do not.
bool changes_the_run(const lint::Directive& directive) {
  return directive.name == "batch" || directive.name == "shadow" || directive.name == "step";
}

} // namespace

std::string checksum_of(const Source& source) {
  const lint::Script& script = source.unvalued == nullptr ? *source.script : *source.unvalued;
  std::string lines;
  for (const lint::Section* section : source.unvalued_sections()) {
    for (const lint::Statement& statement : section->statements) {
      if (statement.origin != lint::Origin::text) continue;
      for (const lint::Directive& each : lint::directives_above(script.text(), statement.begin)) {
        if (changes_the_run(each)) lines += fmt::format("{} {}\n", each.name, each.text);
      }
      lines += statement.root ? postgres::digest(statement.root)
                              : base::sha256_hex(script.sql_of(statement));
      lines += '\n';
      if (const auto data = script.data_of(statement); data && !data->empty())
        lines += base::sha256_hex(*data) + '\n';
    }
  }
  return base::sha256_hex(lines);
}

} // namespace pgkeep::migrate
