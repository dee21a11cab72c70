// Array literals as array_out() writes them. Source: PostgreSQL manual, arrays (Array Input and
// Output Syntax). A reader of the server's own output: what is not a literal yields the items found
// so far, never an error.

#include "base/text.h"
#include "postgres/conn.h"

namespace pgkeep::postgres {
namespace {

bool is_null_word(std::string_view item) {
  return item.size() == 4 && base::to_lower(item) == "null";
}

} // namespace

std::vector<std::string> parse_array(std::string_view literal) {
  std::vector<std::string> items;
  // Bounds other than 1 come first: "[0:2]={a,b,c}".
  const std::size_t open = literal.find('{');
  if (open == std::string_view::npos) return items;

  std::string item;
  bool is_quoted = false; // The item is or was inside quotes: then NULL is a text.
  bool is_inside = false; // Between an opening and its closing quote.
  const auto finish = [&](bool is_last) {
    if (!is_quoted) item = base::trim(item);
    // "{}" has no item; "{,}" is no literal.
    if (is_quoted || !item.empty() || !is_last) {
      items.push_back(!is_quoted && is_null_word(item) ? std::string() : item);
    }
    item.clear();
    is_quoted = false;
  };
  for (std::size_t at = open + 1; at < literal.size(); ++at) {
    const char c = literal[at];
    const bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (c == '\\' && at + 1 < literal.size()) {
      item += literal[++at];
      is_quoted = true;
    } else if (c == '"') {
      if (!is_quoted) item = base::trim(item); // Blanks before the quote.
      is_inside = !is_inside;
      is_quoted = true;
    } else if (!is_inside && (c == ',' || c == '}')) {
      finish(c == '}');
      if (c == '}') return items;
    } else if (is_inside || !is_quoted || !is_blank) { // Blanks after the quote go.
      item += c;
    }
  }
  return items;
}

} // namespace pgkeep::postgres
