#include "pool/shares.h"

#include <gtest/gtest.h>

#include "pool/quotas.h"

namespace pgkeep::pool {
namespace {

TEST(Shares, ThePoolThatHasMostGivesUpAServer) {
  struct Case {
    std::vector<int> held;
    std::size_t claimant;
    std::optional<std::size_t> want;
  };
  for (const Case& each :
       {Case{{6, 0}, 1, 0}, Case{{4, 2}, 1, 0}, Case{{3, 2}, 1, std::nullopt},
        Case{{3, 3}, 1, std::nullopt}, Case{{2, 5, 4}, 0, 1}, Case{{5, 0, 1}, 2, 0},
        Case{{1}, 0, std::nullopt}, Case{{0, 1}, 0, std::nullopt}})
    EXPECT_EQ(payer_of(each.held, each.claimant), each.want);
}

TEST(Shares, ClaimsComeToRestWhereAllHaveTheSame) {
  std::vector<int> held = {12, 0, 0, 0};
  for (int round = 0; round < 100; ++round) {
    const std::size_t claimant = 1 + static_cast<std::size_t>(round) % 3;
    const auto payer = payer_of(held, claimant);
    if (!payer) continue;
    --held[*payer];
    ++held[claimant];
  }
  EXPECT_EQ(held, (std::vector<int>{3, 3, 3, 3}));
}

TEST(Quotas, CountUpToTheirLimitAndForgetWhatNobodyRefersTo) {
  Quotas quotas;
  Quota& quota = quotas.refer(Quotas::Kind::database, "a");
  EXPECT_TRUE(take_one(quota.servers, 2));
  EXPECT_TRUE(take_one(quota.servers, 2));
  EXPECT_FALSE(take_one(quota.servers, 2));
  EXPECT_TRUE(take_one(quota.servers, 0));
  EXPECT_EQ(quotas.enter(Quotas::Kind::database, "a", 1), &quota);
  EXPECT_EQ(quotas.enter(Quotas::Kind::database, "a", 1), nullptr);
  EXPECT_NE(quotas.enter(Quotas::Kind::user, "a", 1), nullptr);
}

} // namespace
} // namespace pgkeep::pool
