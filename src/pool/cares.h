/// Questions to name servers by c-ares: for a resolv.conf of one's own, and for serials of zones,
/// which the system's resolver has no call for.
///
/// Private to src/pool. Threads: any; each call waits for its answer, so a worker makes it. Source:
/// ares_init_options(3), ares_getaddrinfo(3), ares_query(3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "pool/hba.h"

namespace pgkeep::pool {

/// Errors: Code::unreachable; Code::unsupported where this program was built without c-ares.
/// `resolv_conf`: empty means the system's.
base::Result<std::vector<IpAddress>> cares_addresses_of(const std::string& host,
                                                        const std::string& resolv_conf);
base::Result<std::uint32_t> cares_serial_of(const std::string& zone,
                                            const std::string& resolv_conf);

} // namespace pgkeep::pool
