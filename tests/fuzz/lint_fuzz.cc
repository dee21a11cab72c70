// Any text can be linted, with or without a catalog; every place lies within the text.
#include <algorithm>

#include "audit/audit.h"
#include "fuzz/fuzz.h"
#include "golden/audit_case.h"
#include "lint/lint.h"

using namespace pgkeep;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto database = test::patched_snapshot({}, "fuzz");
  fuzz::must(database.has_value(), "the golden base can be read");
  const std::string_view text = fuzz::text_of(data, size);
  if (text.size() > 4096) return 0; // Deep nesting is the parser's own limit, and slow.
  const auto lines = 1 + std::ranges::count(text, '\n');
  for (const char* const path : {"V001__x.sql", "1_x.up.sql", "queries.sql"}) {
    lint::Options options{.limits = findings::limits_from(base::Config{}),
                          .shared = audit::all_rules()};
    if (size % 2 == 1) options.database = &*database;
    const lint::File file{.path = path, .text = std::string(text)};
    const auto report = lint::lint({&file, 1}, options);
    fuzz::must(report.has_value(), "any text can be judged");
    for (const findings::Finding& each : report->findings)
      fuzz::must(each.line >= 1 && each.line <= lines && each.column >= 1, "a place in the text");
  }
  return 0;
}
