#include "pool/host_names.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "pool/cares.h"
#include "pool/settings.h"

namespace pgkeep::pool {
namespace {

using Addresses = HostNames::Addresses;

constexpr std::size_t kNamesMax = 4096; // Of hosts in a configuration: beyond it nothing is kept.

base::Result<Addresses> addresses_of(const std::string& host, const Settings& settings) {
  if (!settings.resolv_conf.empty()) return cares_addresses_of(host, settings.resolv_conf);
  PGKEEP_TRY(const std::vector<SocketAddress> found, resolve(host, 0));
  Addresses addresses;
  for (const SocketAddress& each : found)
    addresses.push_back(peer_of(each).ip);
  return addresses;
}

} // namespace

std::string_view zone_of(std::string_view host) {
  const std::size_t dot = host.find('.');
  return dot == std::string_view::npos ? std::string_view() : host.substr(dot + 1);
}

std::optional<Addresses> HostNames::known(const std::string& host, Micros now) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(host);
  if (found == entries_.end() || found->second.good_until <= now) return std::nullopt;
  return found->second.is_known ? found->second.addresses : Addresses();
}

bool HostNames::ask(const std::string& host, Then then) {
  const std::lock_guard lock(mutex_);
  std::vector<Then>& waiting = waiting_[host];
  waiting.push_back(std::move(then));
  return waiting.size() == 1;
}

void HostNames::tell(const std::string& host, const Addresses& addresses) {
  std::vector<Then> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = std::move(waiting_.extract(host).mapped());
  }
  for (Then& then : waiting)
    then(addresses);
}

HostNames::Answer HostNames::look_up(const std::string& host, const Settings& settings) {
  auto found = addresses_of(host, settings);
  const Micros now = micros_now();
  const bool is_found = found && !found->empty();
  Answer answer;
  if (is_found) answer.addresses = *std::move(found);
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kNamesMax && !entries_.contains(host)) return answer;
  Entry& entry = entries_[host];
  entry.is_known = is_found;
  if (is_found) {
    // A server that is there is not closed for a resolver that is not.
    for (const IpAddress& each : entry.addresses) {
      if (std::ranges::find(answer.addresses, each) == answer.addresses.end())
        answer.gone.push_back(each);
    }
    entry.addresses = answer.addresses;
    entry.good_until = now + settings.dns_max_ttl.count();
  } else {
    entry.good_until = now + settings.dns_nxdomain_ttl.count();
  }
  return answer;
}

std::vector<HostNames::Known> HostNames::hosts(Micros now) const {
  constexpr Micros kSecond = 1'000'000;
  const std::lock_guard lock(mutex_);
  std::vector<Known> found;
  found.reserve(entries_.size());
  for (const auto& [host, entry] : entries_)
    found.push_back({.host = host,
                     .seconds = std::max<Micros>(0, entry.good_until - now) / kSecond,
                     .addresses = entry.is_known ? entry.addresses : Addresses()});
  return found;
}

std::vector<HostNames::Zone> HostNames::zones() const {
  const std::lock_guard lock(mutex_);
  std::vector<Zone> found;
  for (const auto& [zone, serial] : serials_) {
    const auto hosts = std::ranges::count_if(
        entries_, [&zone](const auto& each) { return zone_of(each.first) == zone; });
    found.push_back({.name = zone, .serial = serial, .hosts = static_cast<std::size_t>(hosts)});
  }
  return found;
}

std::vector<HostNames::Gone> HostNames::check_zones(const Settings& settings) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_checking_, true)) return {};
  }
  std::vector<Gone> gone = check_all_zones(settings);
  const std::lock_guard lock(mutex_);
  is_checking_ = false;
  return gone;
}

std::vector<HostNames::Gone> HostNames::check_all_zones(const Settings& settings) {
  std::map<std::string, std::vector<std::string>> hosts; // By zone.
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [host, entry] : entries_) {
      if (const std::string_view zone = zone_of(host); !zone.empty())
        hosts[std::string(zone)].push_back(host);
    }
  }
  std::vector<Gone> gone;
  for (const auto& [zone, names] : hosts) {
    const auto serial = cares_serial_of(zone, settings.resolv_conf);
    if (!serial || !is_news(zone, *serial)) continue; // Nobody answers: nothing is known.
    bool is_answered = true;
    for (const std::string& host : names) {
      Answer answer = look_up(host, settings);
      is_answered = is_answered && !answer.addresses.empty();
      if (!answer.gone.empty()) gone.push_back({.host = host, .addresses = std::move(answer.gone)});
    }
    if (!is_answered) continue;
    const std::lock_guard lock(mutex_);
    serials_[zone] = *serial;
  }
  return gone;
}

/// The first serial of a zone is none: it is what its names were asked at.
bool HostNames::is_news(const std::string& zone, std::uint32_t serial) {
  const std::lock_guard lock(mutex_);
  const auto [at, is_first] = serials_.try_emplace(zone, serial);
  return !is_first && at->second != serial;
}

} // namespace pgkeep::pool
