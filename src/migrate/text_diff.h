/// The difference of two texts, line by line, for a person. Pure.
#pragma once

#include <string>
#include <string_view>

namespace pgkeep::migrate {

/// "-old" and "+new" lines with two lines of context each; at most `lines_max` lines.
std::string text_diff(std::string_view before, std::string_view after, int lines_max = 40);

} // namespace pgkeep::migrate
