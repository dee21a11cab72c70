// Any text can be cut into steps, hashed and rewritten; what comes out of a rewrite can be cut too.
#include "base/error.h"
#include "fuzz/fuzz.h"
#include "golden/audit_case.h"
#include "migrate/batch.h"
#include "migrate/rewrite.h"
#include "migrate/steps.h"
#include "migrate/text_diff.h"

using namespace pgkeep;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto database = test::patched_snapshot({}, "fuzz");
  fuzz::must(database.has_value(), "the golden base can be read");
  const std::string text(fuzz::text_of(data, size));
  if (text.size() > 4096) return 0; // Deep nesting is the parser's own limit, and slow.
  const catalog::Snapshot* const known = size % 2 == 1 ? &*database : nullptr;
  const migrate::Source source = migrate::read_source("V001__x.sql", text, false);
  fuzz::must(migrate::checksum_of(source).size() == 64, "every text has a checksum");
  const auto steps = migrate::steps_of(source, known, 15);
  if (steps) {
    for (const migrate::Step& step : *steps) {
      fuzz::must(!step.statements.empty(), "a step does something");
      if (step.kind != migrate::StepKind::batch) continue;
      const auto options = migrate::batch_options(step);
      if (options) static_cast<void>(migrate::batch_sql(step, *options));
    }
  } else {
    fuzz::must(!steps.error().where.empty(), "an error has a place");
  }
  const auto rewritten = migrate::rewrite({.path = "V001__x.sql", .text = text, .database = known});
  if (!rewritten) return 0;
  for (const migrate::RewrittenFile& file : rewritten->files) {
    const migrate::Source again = migrate::read_source(file.path, file.text, false);
    const auto cut = migrate::steps_of(again, known, 15);
    fuzz::must(cut.has_value() || !steps, "what was rewritten can be run as well");
    static_cast<void>(migrate::text_diff(text, file.text));
  }
  return 0;
}
