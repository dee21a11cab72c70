/// max_server_connections: who gives up a server when all places are taken and a pool with fewer
/// servers than others has clients that wait.
///
/// Every pool that has work may have as many servers as any other, as far as it wants so many
/// (max-min fairness). Whoever waits while all places are taken makes a claim on the pool that has
/// most servers; that pool closes the next one that is free and its place goes to whoever claimed
/// it. A claim is made only where the payer has two more, so that a place never wanders to and fro.
/// Private to src/pool. Threads: any; a loop asks for its debts with one relaxed load, and the lock
/// is taken only where all places are taken and somebody waits.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace pgkeep::pool {

class Pool;

/// Of pools with so many servers, claims on them taken off: the one that has to give one to the
/// `claimant`, if any.
std::optional<std::size_t> payer_of(std::span<const int> held, std::size_t claimant);

class Shares {
public:
  struct Claim {
    std::shared_ptr<Pool> claimant; ///< With the loop it keeps the pool alive until it is told.
    int loop = 0;                   ///< Where somebody waits.
  };

  /// Somebody waits there. One claim of a pool at a time: it is made anew where its payer has not
  /// that many any more.
  void claim(Pool& claimant, int loop, std::span<const std::shared_ptr<Pool>> pools);
  /// Of the oldest claim on that pool; none: it owes nothing (any more).
  std::optional<Claim> pay(Pool& payer);
  /// Nobody waits in that loop any more.
  void withdraw(const Pool& claimant, int loop);

private:
  struct Entry {
    Claim claim;
    std::shared_ptr<Pool> payer;
  };
  std::mutex mutex_; // guards entries_
  std::vector<Entry> entries_;
};

} // namespace pgkeep::pool
