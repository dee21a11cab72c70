#include "pool/session_attributes.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace pgkeep::pool {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::optional<bool> switch_of(const Parameters& parameters, std::string_view name) {
  const auto found = std::ranges::find_if(
      parameters, [&](const auto& each) { return std::string_view(each.first) == name; });
  if (found == parameters.end()) return std::nullopt;
  return found->second == "on";
}

} // namespace

bool has_attributes(SessionAttributes wanted, const Parameters& parameters) {
  if (wanted == SessionAttributes::any) return true;
  const auto is_standby = switch_of(parameters, "in_hot_standby");
  const auto is_read_only = switch_of(parameters, "default_transaction_read_only");
  switch (wanted) {
  case SessionAttributes::read_write:
    return is_standby == false && is_read_only == false;
  case SessionAttributes::read_only:
    return is_standby == true || is_read_only == true;
  case SessionAttributes::primary:
    return is_standby == false;
  case SessionAttributes::standby:
    return is_standby == true;
  case SessionAttributes::any:
    break;
  }
  return true;
}

} // namespace pgkeep::pool
