// The quick look at SQL text that stands in for the scan against deep nesting: it never counts
// fewer tokens between two semicolons than the parser's own scanner does, and cuts where that one
// cuts.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "postgres/sql_parser.h"
#include "postgres/sql_tree_check.h"

using namespace pgkeep;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  if (text.size() > 4096) return 0;
  const auto at_most = postgres::tokens_at_most(text);
  if (!at_most) return 0; // Left to the scanner.
  fuzz::must(text.find('\0') == std::string_view::npos, "what a C string would cut off is refused");
  const auto pieces = postgres::pieces_quickly(text);
  fuzz::must(pieces.has_value(), "what can be counted can be cut");
  const std::vector<postgres::TokenText> scanned = postgres::tokens_of(text);
  if (scanned.empty()) return 0; // Nothing there, or an error that the parser meets as well.
  const std::vector<postgres::StatementText> rough = postgres::split_roughly(text);
  const auto is_same = [](const postgres::TextPiece& piece, const postgres::StatementText& each) {
    return piece.begin == each.offset && piece.end == each.offset + each.sql.size();
  };
  fuzz::must(std::ranges::equal(*pieces, rough, is_same), "pieces are those of the scanner");
  int tokens = 0;
  for (const postgres::TokenText& each : scanned) {
    tokens = each.text == ";" ? 0 : tokens + 1;
    fuzz::must(tokens <= *at_most, "no more tokens than were counted");
  }
  return 0;
}
