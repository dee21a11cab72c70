/// What passed through a pool: counters, and histograms of how long things took.
///
/// A loop has one Traffic for each of its pools and is the only one that writes it, so counting
/// costs an addition; whoever wants to know asks all loops (census.h) and adds up. Times are
/// differences of the loop's clock, which is read once a pass: what begins and ends within one pass
/// took nothing, and all else is right to the length of a pass, which is microseconds where the
/// loop has time and about a millisecond where it has none. Averages over a period, and histograms
/// whose narrowest buckets are that wide, lose nothing by it. Threads: plain values. Source:
/// PgBouncer's manual, usage (SHOW STATS); its stats.c for what an average is of.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "wire/session_state.h"

namespace pgkeep::pool {

/// Microseconds by powers of two: of bucket i, up to and with 2^(i + 5).
class Histogram {
public:
  static constexpr std::size_t kBuckets = 26; ///< From 32 us to 18 minutes; then one without end.
  static constexpr unsigned kFirstBits = 5;

  void add(std::int64_t us) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0));
    sum_us_ += value;
    // Up to 2^k: the bits of the number before.
    const auto bits = static_cast<unsigned>(std::bit_width(value == 0 ? 0 : value - 1));
    ++counts_[std::min<std::size_t>(bits > kFirstBits ? bits - kFirstBits : 0, kBuckets)];
  }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      counts_[i] += other.counts_[i];
    sum_us_ += other.sum_us_;
  }
  [[nodiscard]] std::uint64_t count(std::size_t bucket) const { return counts_[bucket]; }
  [[nodiscard]] std::uint64_t sum_us() const { return sum_us_; }
  static std::uint64_t most_us(std::size_t bucket) {
    return std::uint64_t{1} << (bucket + kFirstBits);
  }

private:
  std::array<std::uint64_t, kBuckets + 1> counts_{};
  std::uint64_t sum_us_ = 0;
};

struct Traffic {
  std::uint64_t server_assignments = 0;
  std::uint64_t xacts = 0;
  std::uint64_t queries = 0;
  std::uint64_t received = 0; ///< Bytes from clients.
  std::uint64_t sent = 0;     ///< Bytes to clients.
  std::uint64_t xact_us = 0;
  std::uint64_t query_us = 0;
  std::uint64_t wait_us = 0;
  std::uint64_t client_parses = 0; ///< Named statements that clients prepared.
  std::uint64_t server_parses = 0; ///< Of them, those that a server was told.
  std::uint64_t binds = 0;         ///< Of named statements.

  void add(const Traffic& other);
  /// What came since then.
  [[nodiscard]] Traffic since(const Traffic& before) const;
};

/// What was done for clients that PgBouncer does not do.
struct Extras {
  using PerHold = std::array<std::uint64_t, wire::kHoldNames.size()>;
  std::uint64_t plans_healed = 0;       ///< Errors about changed plans that no client heard of.
  std::uint64_t statements_retried = 0; ///< Attempts more, of statements that lost a conflict.
  std::uint64_t pins = 0;               ///< So often a client began to keep its server.
  PerHold pins_for{};                   ///< So often it began to hold each thing.

  void add(const Extras& other);
};

/// How long clients waited for a server, and how long queries and transactions took.
struct Durations {
  Histogram wait;
  Histogram query;
  Histogram xact;
  void add(const Durations& other) {
    wait.add(other.wait);
    query.add(other.query);
    xact.add(other.xact);
  }
};

/// Averages of the last period that is over and of what came since: as PgBouncer's.
class Averages {
public:
  using ByDatabase = std::map<std::string, Traffic, std::less<>>;

  explicit Averages(std::int64_t now_us) : older_at_us_(now_us - 1'000'000), newer_at_us_(now_us) {}
  /// A period is over.
  void turn(ByDatabase now, std::int64_t now_us);
  [[nodiscard]] std::int64_t turned_at_us() const { return newer_at_us_; }
  /// Per second; times are of one query, transaction or assignment.
  [[nodiscard]] Traffic of(std::string_view database, const Traffic& now,
                           std::int64_t now_us) const;
  /// Of all together.
  [[nodiscard]] Traffic of_all(const Traffic& now, std::int64_t now_us) const;

private:
  [[nodiscard]] Traffic average(const Traffic& now, const Traffic& before,
                                std::int64_t now_us) const;

  ByDatabase older_;
  ByDatabase newer_;
  std::int64_t older_at_us_;
  std::int64_t newer_at_us_;
};

} // namespace pgkeep::pool
