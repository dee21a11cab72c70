// SQL text: statements are pieces of the text they came from; normal forms are stable.
#include "fuzz/fuzz.h"
#include "postgres/quote.h"
#include "postgres/sql_parser.h"

using namespace pgkeep;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  if (text.size() > 4096) return 0; // Deep nesting is the server's own limit, and slow.
  if (const auto statements = postgres::split_statements(text)) {
    for (const postgres::StatementText& each : *statements) {
      fuzz::must(each.offset + each.sql.size() <= text.size(), "a statement within its text");
      fuzz::must(text.substr(each.offset, each.sql.size()) == each.sql,
                 "a statement at its offset");
    }
  }
  postgres::normalize(text);
  const auto print = postgres::fingerprint(text);
  fuzz::must(!print || !print->empty(), "a fingerprint");
  return 0;
}
