#include "pool/statistics.h"

#include <utility>

#include "pool/micros.h"

namespace pgkeep::pool {
namespace {

constexpr std::uint64_t Traffic::* kCounters[] = {
    &Traffic::server_assignments, &Traffic::xacts,   &Traffic::queries,
    &Traffic::received,           &Traffic::sent,    &Traffic::xact_us,
    &Traffic::query_us,           &Traffic::wait_us, &Traffic::client_parses,
    &Traffic::server_parses,      &Traffic::binds,
};

} // namespace

void Traffic::add(const Traffic& other) {
  for (const auto counter : kCounters)
    this->*counter += other.*counter;
}

Traffic Traffic::since(const Traffic& before) const {
  Traffic grown;
  // A database that went and came again begins anew.
  for (const auto counter : kCounters)
    grown.*counter = this->*counter - std::min(this->*counter, before.*counter);
  return grown;
}

void Extras::add(const Extras& other) {
  plans_healed += other.plans_healed;
  statements_retried += other.statements_retried;
  pins += other.pins;
  for (std::size_t i = 0; i < pins_for.size(); ++i)
    pins_for[i] += other.pins_for[i];
}

void Averages::turn(ByDatabase now, std::int64_t now_us) {
  older_ = std::exchange(newer_, std::move(now));
  older_at_us_ = std::exchange(newer_at_us_, now_us);
}

Traffic Averages::average(const Traffic& now, const Traffic& before, std::int64_t now_us) const {
  if (now_us <= older_at_us_) return {};
  const auto period = static_cast<std::uint64_t>(now_us - older_at_us_);
  const Traffic grown = now.since(before);
  const auto per = [](std::uint64_t sum, std::uint64_t count) {
    return count == 0 ? 0 : sum / count;
  };
  Traffic average;
  for (const auto counter : kCounters)
    average.*counter = grown.*counter * static_cast<std::uint64_t>(kMicrosInSecond) / period;
  average.xact_us = per(grown.xact_us, grown.xacts);
  average.query_us = per(grown.query_us, grown.queries);
  average.wait_us = per(grown.wait_us, grown.server_assignments);
  return average;
}

Traffic Averages::of(std::string_view database, const Traffic& now, std::int64_t now_us) const {
  const auto found = older_.find(database);
  return average(now, found == older_.end() ? Traffic{} : found->second, now_us);
}

Traffic Averages::of_all(const Traffic& now, std::int64_t now_us) const {
  Traffic before;
  for (const auto& [name, traffic] : older_)
    before.add(traffic);
  return average(now, before, now_us);
}

} // namespace pgkeep::pool
