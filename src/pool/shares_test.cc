#include "pool/shares.h"

#include <array>

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

TEST(PriorPlace, GoesBeforeOthersAndOverdrawsByOne) {
  Quota database;
  Quota all;
  const std::array<PriorPlace::Bound, 2> bounds = {{{&database, 0}, {&all, 2}}};
  ASSERT_TRUE(take_one(all.servers, 2) && take_one(all.servers, 2));
  PriorPlace place;
  EXPECT_EQ(place.take(bounds), 1U) << "all is full";
  EXPECT_TRUE(all.is_overdrawn && all.is_wanted);
  EXPECT_EQ(all.servers, 3);
  PriorPlace second;
  EXPECT_EQ(second.take(bounds), 1U);
  EXPECT_EQ(all.servers, 3) << "not twice";
  --all.servers; // Somebody's server is closed.
  EXPECT_FALSE(take_one(all.servers, 2)) << "nobody else gets what became free";
  EXPECT_EQ(place.take(bounds), std::nullopt);
  EXPECT_FALSE(all.is_overdrawn);
  EXPECT_EQ(second.take(bounds), 1U);
  EXPECT_TRUE(all.is_overdrawn) << "its turn";
  EXPECT_TRUE(place.give_back(bounds)) << "somebody waits";
  EXPECT_EQ(second.take(bounds), std::nullopt);
  static_cast<void>(second.give_back(bounds));
  EXPECT_FALSE(second.give_back(bounds)) << "it has nothing";
  EXPECT_EQ(database.servers, 0);
  EXPECT_EQ(all.servers, 1);
}

TEST(PriorPlace, GivesBackWhatItOverdrew) {
  Quota first;
  Quota last;
  const std::array<PriorPlace::Bound, 2> bounds = {{{&first, 1}, {&last, 5}}};
  ASSERT_TRUE(take_one(first.servers, 1));
  PriorPlace place;
  EXPECT_EQ(place.take(bounds), 0U);
  EXPECT_EQ(last.servers, 0) << "what comes later is not taken before";
  place.give_back(bounds);
  EXPECT_FALSE(first.is_overdrawn);
  EXPECT_EQ(first.servers, 1);
}

} // namespace
} // namespace pgkeep::pool
