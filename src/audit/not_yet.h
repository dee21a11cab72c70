/// What a server that `pgkeep up` made does not have yet, because the commands do not exist.
///
/// These rules are reported there as info, one line each. The list shrinks with every release;
/// nothing else may hide here. Source: shared design, "What the stack cannot mend yet".
#pragma once

#include <array>
#include <string_view>

namespace pgkeep::audit {

/// How the audit knows such a server: the setting cluster_name.
inline constexpr std::string_view kStackClusterName = "pgkeep";

inline constexpr auto kNotYet = std::to_array<std::string_view>({
    "archiving-off",
    "backup-age",
    "never-restored",
});

} // namespace pgkeep::audit
