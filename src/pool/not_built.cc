// What of PgBouncer's configuration is not built yet: asked for, it is refused, so that nobody
// believes to have what he has not. Each row goes when its capability comes.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pool/directory.h"
#include "pool/host_names.h"

namespace pgkeep::pool {
namespace {

/// Settings that must have their default values.
constexpr std::array<std::string_view, 4> kMustBeDefault = {
    "peer_id",
    "syslog",
    "unix_socket_group",
    "user",
};

base::Error not_built(std::string_view what) {
  return {.code = base::Code::unsupported,
          .what = fmt::format("{} is not built yet", what),
          .hint = "Take it out of the file to run without it."};
}

std::optional<base::Error> of_settings(const Settings& settings) {
  const Settings fallback;
  for (const std::string_view name : kMustBeDefault) {
    const SettingRow* row = find_setting(name);
    if (row != nullptr && shown(settings, *row) != shown(fallback, *row))
      return not_built(fmt::format("{} = {}", name, shown(settings, *row)));
  }
  if (!has_cares() && (!settings.resolv_conf.empty() || settings.dns_zone_check_period.count() > 0))
    return base::Error{.code = base::Code::unsupported,
                       .what = "resolv_conf and dns_zone_check_period need c-ares, without which "
                               "this program was built",
                       .hint = "Install libc-ares-dev and build it again."};
  return std::nullopt;
}

} // namespace

std::optional<base::Error> not_built_of(const Configuration& configuration) {
  if (auto missing = of_settings(configuration.settings)) return missing;
  if (!configuration.peers.empty()) return not_built("section [peers]");
  return std::nullopt;
}

} // namespace pgkeep::pool
