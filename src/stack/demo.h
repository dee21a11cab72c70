/// The demo shop: a second, badly kept server in DIRECTORY/demo, filled by the SQL of demo/*.sql.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "stack/layout.h"

namespace pgkeep::stack {

/// Fills the shop where that was not done yet. Killed half-way, the next call begins again with an
/// empty database of that name.
base::Result<> load_demo(const Layout& layout, int port,
                         const std::function<void(std::string_view)>& on_step);

} // namespace pgkeep::stack
