/// The accounts of this machine.
///
/// Private to src/pool. Threads: any; may take seconds where names come over the network. Source:
/// getpwuid_r(3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pgkeep::pool {

/// None where the machine knows no account with that number.
std::optional<std::string> account_name(std::uint32_t number);

} // namespace pgkeep::pool
