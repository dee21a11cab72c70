/// Tells a value that stands for a secret from the secret itself.
/// Private to src/catalog. Thread-safety: pure functions.
#pragma once

#include <string_view>

namespace pgkeep::catalog::code {

/// `is_example`: the file is documentation or a template, where "password" and "changeme" stand for
/// a value to come.
bool is_placeholder(std::string_view value, bool is_example);

} // namespace pgkeep::catalog::code
