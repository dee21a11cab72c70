// What of PgBouncer's configuration is not built yet: asked for, it is refused, so that nobody
// believes to have what he has not. Each row goes when its capability comes.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pool/directory.h"
#include "pool/host_names.h"

namespace pgkeep::pool {
namespace {

std::optional<base::Error> of_settings(const Settings& settings) {
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
  return std::nullopt;
}

} // namespace pgkeep::pool
