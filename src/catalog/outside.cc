#include <array>

#include "catalog/snapshot.h"

namespace pgkeep::catalog {
namespace {

struct OutsideFact {
  Facts fact;
  bool (*is_filled)(const Outside& outside);
  std::string_view reason; ///< Where it is not; names what would fill it.
};

constexpr auto kOutsideFacts = std::to_array<OutsideFact>({
    {Facts::clock, [](const Outside& o) { return o.clock.has_value(); },
     "no date to judge by was given"},
    {Facts::host, [](const Outside& o) { return o.host.has_value(); },
     "the server runs on another machine; give --ram"},
    {Facts::tls, [](const Outside& o) { return o.tls.has_value(); },
     "no TLS handshake was tried: ssl is off, or the server has no TCP port"},
    {Facts::replica_snapshots, [](const Outside& o) { return o.replicas.has_value(); },
     "nothing is known of replicas; give --replica TARGET for each, or --no-replicas"},
    {Facts::backups, [](const Outside& o) { return o.backups.has_value(); },
     "no backup repository is known"},
    {Facts::pooler, [](const Outside& o) { return o.pooler.has_value(); }, "no pooler is known"},
    {Facts::repository, [](const Outside& o) { return o.repository.has_value(); },
     "no folder of source code was given; give --code DIR"},
});

} // namespace

void mark_outside(Snapshot& snapshot) {
  for (const OutsideFact& each : kOutsideFacts) {
    std::erase_if(snapshot.absent,
                  [&](const Absence& absence) { return absence.fact == each.fact; });
    const auto bit = static_cast<std::uint64_t>(each.fact);
    const auto others = static_cast<std::uint64_t>(snapshot.present) & ~bit;
    if (each.is_filled(snapshot.outside)) {
      snapshot.present = static_cast<Facts>(others | bit);
    } else {
      snapshot.present = static_cast<Facts>(others);
      snapshot.absent.push_back({.fact = each.fact, .reason = std::string(each.reason)});
    }
  }
}

} // namespace pgkeep::catalog
