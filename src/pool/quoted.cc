#include "pool/quoted.h"

namespace pgkeep::pool {

std::optional<std::string> take_quoted(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string value;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] != '"') {
      value.push_back(text[at]);
    } else if (at + 1 < text.size() && text[at + 1] == '"') {
      value.push_back(text[at++]);
    } else {
      text.remove_prefix(at + 1);
      return value;
    }
  }
  return std::nullopt;
}

} // namespace pgkeep::pool
