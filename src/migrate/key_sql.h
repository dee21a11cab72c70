/// The key of a batch as SQL: what backfills and shadow tables share. Private to src/migrate. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pgkeep::migrate {

/// "(a, b)"; one alone stands without parentheses.
std::string row_of(const std::vector<std::string>& items);
/// "($3, $4)": `count` parameters from `first` on.
std::string parameters_from(std::size_t first, std::size_t count);

} // namespace pgkeep::migrate
