// Snapshot files. The input is a patch of the golden base (as flags.json of a rule is): so most
// inputs get past the seal and the table of fields, and every rule and renderer sees odd values.
#include "audit/audit.h"
#include "catalog/snapshot_file.h"
#include "findings/fix_plan.h"
#include "findings/render.h"
#include "fuzz/fuzz.h"
#include "golden/audit_case.h"

using namespace pgkeep;

namespace {

void read_as_file(std::string_view text) {
  const auto raw = catalog::parse_snapshot(text, "fuzz.json");
  fuzz::must(raw || !base::to_line(raw.error()).empty(), "an error that says something");
  const auto sealed = catalog::parse_snapshot(catalog::seal_snapshot(text), "fuzz.json");
  if (!sealed) return;
  const std::string written = catalog::write_snapshot(*sealed);
  const auto again = catalog::parse_snapshot(written, "fuzz.json");
  fuzz::must(again && catalog::write_snapshot(*again) == written,
             "a snapshot written is read back");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  read_as_file(text);
  const auto patch = base::parse_json(text);
  if (!patch || patch->as_object() == nullptr) return 0;
  const auto db = test::patched_snapshot(*patch, "fuzz");
  if (!db) return 0;
  const auto report = audit::judge(*db, {});
  fuzz::must(report.has_value(), "any snapshot can be judged");
  fuzz::must(base::parse_json(findings::render(*report, findings::Format::json)).has_value(),
             "the JSON report is JSON");
  findings::render(*report, findings::Format::text);
  findings::plan_batches(*report);
  return 0;
}
