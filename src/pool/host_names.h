/// Addresses of names, kept for a while: dns_max_ttl, dns_nxdomain_ttl, resolv_conf and the serials
/// of zones (dns_zone_check_period).
///
/// The system's resolver answers, with its hosts file and all; where resolv_conf names another
/// file, c-ares does, as in PgBouncer. A name is asked for once at a time, however many want it.
/// Private to src/pool. Threads: any; look_up() and
/// check_zones() wait for the network, so a worker calls them. Source: PgBouncer's manual, config
/// (DNS settings).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pool/address.h"
#include "pool/micros.h"

namespace pgkeep::pool {

struct Settings;

/// What is behind the first dot of a name; empty: nothing.
std::string_view zone_of(std::string_view host);
/// Whether this program was built with c-ares.
bool has_cares() noexcept;

class HostNames {
public:
  using Addresses = std::vector<IpAddress>;

  /// Still good at `now`; none: it has to be looked up. Empty: it is known to have none.
  std::optional<Addresses> known(const std::string& host, Micros now) const;

  using Then = std::move_only_function<void(const Addresses&)>;
  /// True: nobody asks for it yet, so the caller has to look_up() and tell(). Else it has but to
  /// wait: a name that gets no answer is waited for once. `then` runs in whatever thread tells.
  bool ask(const std::string& host, Then then);
  void tell(const std::string& host, const Addresses& addresses);

  struct Answer {
    Addresses addresses;
    Addresses gone; ///< That the name had before.
  };
  /// Asks, and keeps the answer. Bad answers are kept as well, for dns_nxdomain_ttl.
  Answer look_up(const std::string& host, const Settings& settings);

  struct Known {
    std::string host;
    std::int64_t seconds = 0; ///< For which it is still good.
    Addresses addresses;
  };
  [[nodiscard]] std::vector<Known> hosts(Micros now) const;
  struct Zone {
    std::string name;
    std::uint32_t serial = 0;
    std::size_t hosts = 0;
  };
  [[nodiscard]] std::vector<Zone> zones() const;

  struct Gone { ///< What a name had before.
    std::string host;
    Addresses addresses;
  };
  /// Looks up the names of zones whose serial is another than it was. A serial counts as seen once
  /// all of its names have been answered: until then the next check asks again. Nothing while
  /// another thread is at it.
  std::vector<Gone> check_zones(const Settings& settings);

private:
  struct Entry {
    Addresses addresses; ///< The last that were found.
    bool is_known = false;
    Micros good_until = 0;
  };
  std::vector<Gone> check_all_zones(const Settings& settings);
  bool is_news(const std::string& zone, std::uint32_t serial);

  mutable std::mutex mutex_; // guards what follows
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::uint32_t> serials_;     ///< By zone.
  std::map<std::string, std::vector<Then>> waiting_; ///< By names that are being asked for.
  bool is_checking_ = false;                         ///< Zones.
};

} // namespace pgkeep::pool
