// What a program that was built without a library cannot do: asked for, it is refused, so that
// nobody believes to have what he has not.
#include "pool/directory.h"
#include "pool/host_names.h"

namespace pgkeep::pool {

std::optional<base::Error> not_built_of(const Configuration& configuration) {
  const Settings& settings = configuration.settings;
  if (!has_cares() && (!settings.resolv_conf.empty() || settings.dns_zone_check_period.count() > 0))
    return base::Error{.code = base::Code::unsupported,
                       .what = "resolv_conf and dns_zone_check_period need c-ares, without which "
                               "this program was built",
                       .hint = "Install libc-ares-dev and build it again."};
  return std::nullopt;
}

} // namespace pgkeep::pool
