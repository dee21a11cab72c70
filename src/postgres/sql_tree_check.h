/// A quick look at SQL text before it is parsed. Private to sql_tree.cc. Pure functions.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "postgres/sql_tree.h"

namespace pgkeep::postgres {

/// At least as many as the longest statement of the text has tokens, comments among them. None for
/// text that only the real scanner can take apart, or where they are several thousand.
std::optional<int> tokens_at_most(std::string_view sql);

/// Whether the text is so ordinary, and so short between its semicolons, that check_input() and
/// check_depth() have nothing to find: those scan it as the parser does, at half of its cost. False
/// where only they can tell.
bool is_plainly_harmless(std::string_view sql);

/// What split_roughly() gives, of text that tokens_at_most() can count; none of other text.
std::optional<std::vector<TextPiece>> pieces_quickly(std::string_view sql);

} // namespace pgkeep::postgres
