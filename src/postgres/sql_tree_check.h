/// A quick look at SQL text before it is parsed. Private to sql_tree.cc. A pure function.
#pragma once

#include <string_view>

namespace pgkeep::postgres {

/// Whether the text is so ordinary, and so short between its semicolons, that check_input() and
/// check_depth() have nothing to find: those scan it as the parser does, at half of its cost. False
/// where only they can tell.
bool is_plainly_harmless(std::string_view sql);

} // namespace pgkeep::postgres
