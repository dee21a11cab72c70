/// The text of a statement by its tokens: what the parse tree does not say is where its parts end.
///
/// Private to src/migrate/rewrite. Immutable.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/sql_parser.h"
#include "postgres/sql_tree.h"

namespace pgkeep::migrate::rewriting {

class Words {
public:
  explicit Words(std::string_view sql);

  [[nodiscard]] std::size_t count() const { return tokens_.size(); }
  /// Lower case for keywords and plain names; empty past the end.
  [[nodiscard]] std::string_view at(std::size_t index) const;
  [[nodiscard]] int depth(std::size_t index) const;
  [[nodiscard]] std::size_t begin_of(std::size_t index) const { return tokens_[index].offset; }
  [[nodiscard]] std::size_t end_of(std::size_t index) const {
    return tokens_[index].offset + tokens_[index].text.size();
  }
  /// The first token of this text from there on, at the depth of the first; count() for none.
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t from, int depth = 0) const;
  /// As it is written, from one token to before another; without what stands between the tokens at
  /// either end.
  [[nodiscard]] std::string slice(std::size_t first, std::size_t end) const;
  /// Behind a name that begins there: a, a.b, a.b.c.
  [[nodiscard]] std::size_t after_name(std::size_t first) const;
  /// The index of the parenthesis that closes the one there.
  [[nodiscard]] std::size_t closing(std::size_t open) const;
  /// Pieces between commas at this depth of [first, end): pairs of first and end.
  [[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>>
  split_at_commas(std::size_t first, std::size_t end, int depth) const;
  /// The token that begins at this byte; count() for none.
  [[nodiscard]] std::size_t at_offset(std::size_t offset) const;

private:
  std::string sql_;
  std::vector<postgres::TokenText> tokens_;
  std::vector<int> depths_; ///< Parentheses and brackets.
};

/// Puts another column in the place of one, wherever a statement speaks of it.
struct ColumnChange {
  std::string from;         ///< As the catalog has it, not quoted.
  std::string to;           ///< As SQL wants it: quoted where needed.
  bool is_in_lists = false; ///< Also in lists of names: keys of indexes and constraints.
  int list = -1;            ///< Only in this one of them, from 0; -1 = in all.
};
std::string with_column(std::string_view sql, const ColumnChange& change);
/// An expression over the row of a trigger: every column becomes NEW.column.
std::string as_new_row(std::string_view expression);

} // namespace pgkeep::migrate::rewriting
