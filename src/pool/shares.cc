#include "pool/shares.h"

#include <algorithm>

#include "pool/pools.h"

namespace pgkeep::pool {

std::optional<std::size_t> payer_of(std::span<const int> held, std::size_t claimant) {
  const auto most = std::ranges::max_element(held);
  if (most == held.end() || *most < held[claimant] + 2) return std::nullopt;
  return static_cast<std::size_t>(most - held.begin());
}

void Shares::claim(Pool& claimant, int loop, std::span<const std::shared_ptr<Pool>> pools) {
  const std::lock_guard lock(mutex_);
  const auto own = std::ranges::find_if(
      entries_, [&](const Entry& each) { return each.claim.claimant.get() == &claimant; });
  if (own != entries_.end()) {
    if (own->payer->servers() > claimant.servers() + 1) return; // It will pay.
    own->payer->add_debt(-1);
    entries_.erase(own);
  }
  std::vector<int> held;
  std::size_t at = pools.size();
  for (std::size_t i = 0; i < pools.size(); ++i) {
    held.push_back(pools[i]->servers() - pools[i]->debts());
    if (pools[i].get() == &claimant) at = i;
  }
  if (at == pools.size()) return;
  const auto payer = payer_of(held, at);
  if (!payer) return;
  pools[*payer]->add_debt(1);
  entries_.push_back({.claim = {.claimant = pools[at], .loop = loop}, .payer = pools[*payer]});
}

std::optional<Shares::Claim> Shares::pay(Pool& payer) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& each) { return each.payer.get() == &payer; });
  if (found == entries_.end()) return std::nullopt;
  payer.add_debt(-1);
  Claim claim = std::move(found->claim);
  entries_.erase(found);
  return claim;
}

void Shares::withdraw(const Pool& claimant, int loop) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](Entry& each) {
    if (each.claim.claimant.get() != &claimant || each.claim.loop != loop) return false;
    each.payer->add_debt(-1);
    return true;
  });
}

} // namespace pgkeep::pool
