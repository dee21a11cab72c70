#include "migrate/rewrite/words.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::Node;

/// Offsets of tokens, with what stands there instead; how many bytes go is the map's second.
using Edits = std::map<std::size_t, std::pair<std::size_t, std::string>>;

std::string edited(std::string_view sql, const Edits& edits) {
  std::string out;
  std::size_t at = 0;
  for (const auto& [offset, edit] : edits) {
    out += sql.substr(at, offset - at);
    out += edit.second;
    at = offset + edit.first;
  }
  return out.append(sql.substr(at));
}

void edit_references(const Node& root, const Words& words, const ColumnChange& change,
                     Edits& edits) {
  postgres::walk(root, [&](const Node& node) {
    if (!node.is("ColumnRef")) return true;
    const std::vector<std::string> names = postgres::strings_of(node.nodes("fields"));
    if (names.empty() || names.back() != change.from || !node.offset()) return true;
    // "t.c": the name is the last of its tokens.
    const std::size_t first = words.at_offset(*node.offset());
    if (first == words.count()) return true;
    const std::size_t last = words.after_name(first) - 1;
    edits[words.begin_of(last)] = {words.end_of(last) - words.begin_of(last), change.to};
    return true;
  });
}

/// In (a, b DESC, lower(c)) the plain names.
void edit_list(const Words& words, std::size_t open, const ColumnChange& change, Edits& edits) {
  const std::string wanted = postgres::quote_identifier(change.from);
  for (const auto& [first, end] :
       words.split_at_commas(open + 1, words.closing(open), words.depth(open) + 1)) {
    if (first >= end || words.at(first) != wanted) continue;
    if (first + 1 < end && (words.at(first + 1) == "(" || words.at(first + 1) == ".")) continue;
    edits[words.begin_of(first)] = {words.end_of(first) - words.begin_of(first), change.to};
  }
}

} // namespace

Words::Words(std::string_view sql) : sql_(sql), tokens_(postgres::tokens_of(sql)) {
  int depth = 0;
  for (const postgres::TokenText& token : tokens_) {
    if (token.text == ")" || token.text == "]") --depth;
    depths_.push_back(depth);
    if (token.text == "(" || token.text == "[") ++depth;
  }
}

std::string_view Words::at(std::size_t index) const {
  return index < tokens_.size() ? std::string_view(tokens_[index].text) : std::string_view{};
}

int Words::depth(std::size_t index) const {
  return index < depths_.size() ? depths_[index] : 0;
}

std::size_t Words::find(std::string_view text, std::size_t from, int depth) const {
  for (std::size_t i = from; i < tokens_.size(); ++i) {
    if (depths_[i] == depth && tokens_[i].text == text) return i;
  }
  return tokens_.size();
}

std::string Words::slice(std::size_t first, std::size_t end) const {
  if (first >= end || first >= tokens_.size()) return {};
  return sql_.substr(begin_of(first), end_of(end - 1) - begin_of(first));
}

std::size_t Words::after_name(std::size_t first) const {
  std::size_t end = first + 1;
  while (at(end) == ".")
    end += 2;
  return std::min(end, tokens_.size());
}

std::size_t Words::closing(std::size_t open) const {
  for (std::size_t i = open + 1; i < tokens_.size(); ++i) {
    if (depths_[i] == depths_[open]) return i;
  }
  return tokens_.size();
}

std::vector<std::pair<std::size_t, std::size_t>>
Words::split_at_commas(std::size_t first, std::size_t end, int depth) const {
  std::vector<std::pair<std::size_t, std::size_t>> parts;
  std::size_t begin = first;
  for (std::size_t i = first; i <= end; ++i) {
    const bool ends = i == end || (tokens_[i].text == "," && depths_[i] == depth);
    if (!ends) continue;
    parts.emplace_back(begin, i);
    begin = i + 1;
  }
  return parts;
}

std::size_t Words::at_offset(std::size_t offset) const {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].offset == offset) return i;
  }
  return tokens_.size();
}

std::string with_column(std::string_view sql, const ColumnChange& change) {
  const auto tree = postgres::Tree::parse(sql);
  if (!tree) return std::string(sql);
  const Words words(sql);
  Edits edits;
  edit_references(tree->root(), words, change, edits);
  if (change.is_in_lists) {
    int list = 0;
    for (std::size_t i = 0; i < words.count(); ++i) {
      if (words.at(i) != "(" || words.depth(i) != 0) continue;
      if (change.list < 0 || change.list == list) edit_list(words, i, change, edits);
      ++list;
    }
  }
  return edited(sql, edits);
}

std::string as_new_row(std::string_view expression) {
  const std::string sql = fmt::format("SELECT {}", expression);
  const auto tree = postgres::Tree::parse(sql);
  if (!tree) return std::string(expression);
  const Words words(sql);
  Edits edits;
  postgres::walk(tree->root(), [&](const Node& node) {
    if (!node.is("ColumnRef") || !node.offset()) return true;
    const std::size_t first = words.at_offset(*node.offset());
    if (first == words.count()) return true;
    const std::size_t end = words.after_name(first);
    const std::string column(words.slice(end - 1, end));
    edits[words.begin_of(first)] = {words.end_of(end - 1) - words.begin_of(first), "NEW." + column};
    return true;
  });
  return edited(sql, edits).substr(7);
}

} // namespace pgkeep::migrate::rewriting
