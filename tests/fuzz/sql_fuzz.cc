// SQL text: statements are pieces of the text they came from; normal forms are stable.
#include "fuzz/fuzz.h"
#include "postgres/quote.h"
#include "postgres/sql_parser.h"
#include "postgres/sql_tree.h"

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
  for (const postgres::StatementText& each : postgres::split_roughly(text))
    fuzz::must(text.substr(each.offset, each.sql.size()) == each.sql, "a piece at its offset");
  if (const auto tree = postgres::Tree::parse(text)) {
    for (const postgres::TreeStatement& each : tree->statements()) {
      fuzz::must(each.begin <= each.end && each.end <= text.size(), "a tree within its text");
      fuzz::must(postgres::digest(each.root).size() == 16, "a digest");
    }
  }
  const auto print = postgres::fingerprint(text);
  fuzz::must(!print || !print->empty(), "a fingerprint");
  return 0;
}
