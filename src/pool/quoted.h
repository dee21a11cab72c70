/// Texts in double quotes, as PgBouncer's files have them: two in a row are one. Private to
/// src/pool. Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgkeep::pool {

/// Takes one from the front; none, and nothing taken, where it does not begin there or has no end.
std::optional<std::string> take_quoted(std::string_view& text);

} // namespace pgkeep::pool
