// JSON: what is read can be written and read again, and is the same.
#include "base/json.h"
#include "fuzz/fuzz.h"

using pgkeep::fuzz::must;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = pgkeep::base::parse_json(pgkeep::fuzz::text_of(data, size));
  if (!value) {
    must(!pgkeep::base::to_line(value.error()).empty(), "an error that says something");
    return 0;
  }
  const auto again = pgkeep::base::parse_json(value->dump());
  must(again && *again == *value, "dump and parse give the same value");
  return 0;
}
