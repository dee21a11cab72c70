#include "migrate/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeep::migrate {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TracedStatement rewrite(double ms, std::int64_t rows, double live_rows) {
  return {.sql = "ALTER TABLE orders ALTER id TYPE bigint",
          .where = "V1.sql:1:1",
          .ms = ms,
          .wal_bytes = 1'016'384,
          .locks = {{.relation = "public.orders",
                     .mode = lint::LockMode::access_exclusive,
                     .held_ms = ms}},
          .work = {{.relation = "public.orders",
                    .is_rewritten = true,
                    .rows = rows,
                    .live_rows = live_rows}}};
}

TracedStep step_of(std::vector<TracedStatement> statements) {
  return {.title = "x", .commit_ms = 1, .statements = std::move(statements)};
}

TEST(Scale, GrowsWithTheRowsAboveAFixedCost) {
  TracedStep step = step_of({rewrite(202, 10'000, 2'000'000)});
  scale(step);
  EXPECT_DOUBLE_EQ(step.statements[0].live_ms, 202 + 200 * 199);
  EXPECT_DOUBLE_EQ(step.statements[0].locks[0].live_ms, 202 + 200 * 199 + 1);
  EXPECT_DOUBLE_EQ(step.statements[0].live_wal_bytes, 1'016'384 + 1'000'000 * 199.0);
  EXPECT_THAT(lines_of(step),
              Contains(HasSubstr("at the live size (2,000,000 rows of public.orders): this blocks "
                                 "reads and writes on public.orders for about 40 s")));
}

TEST(Scale, AnInstantStatementStaysInstant) {
  TracedStep step = step_of({rewrite(1.5, 10, 2'000'000)});
  scale(step);
  EXPECT_DOUBLE_EQ(step.statements[0].live_ms, 1.5);
  EXPECT_THAT(lines_of(step), Contains(HasSubstr("a guess: 10 rows were rehearsed")));
}

TEST(Scale, ASmallerLiveTableIsNoShorter) {
  TracedStep step = step_of({rewrite(100, 1'000, 10)});
  scale(step);
  EXPECT_DOUBLE_EQ(step.statements[0].live_ms, 100);
}

TEST(Scale, NothingIsKnownWithoutRowsOrSizes) {
  for (const TracedStatement& unknown : {rewrite(5, 0, 2'000'000), rewrite(5, 1'000, -1)}) {
    TracedStep step = step_of({unknown});
    scale(step);
    EXPECT_LT(step.statements[0].live_ms, 0);
    EXPECT_LT(step.statements[0].locks[0].live_ms, 0);
    EXPECT_THAT(lines_of(step), Not(Contains(HasSubstr("for about"))));
  }
}

TEST(Scale, ALockIsHeldWhileLaterStatementsWork) {
  TracedStatement quick{
      .sql = "ALTER TABLE orders ADD a int",
      .where = "V1.sql:1:1",
      .ms = 1,
      .locks = {{.relation = "public.orders", .mode = lint::LockMode::access_exclusive}}};
  TracedStep step = step_of({quick, rewrite(102, 1'000, 10'000)});
  scale(step);
  EXPECT_DOUBLE_EQ(step.statements[0].live_ms, 1);
  EXPECT_DOUBLE_EQ(step.statements[0].locks[0].live_ms, 1 + 102 + 100 * 9 + 1);
  EXPECT_THAT(lines_of(step),
              Contains(HasSubstr("(10,000 rows of public.orders): this blocks reads "
                                 "and writes on public.orders for about 1.0 s")));
}

TEST(LinesOf, SaysWhatIsBlocked) {
  TracedStep step = step_of({rewrite(12.34, 1'000, -1)});
  const auto lines = lines_of(step);
  EXPECT_THAT(lines, Contains(HasSubstr("ACCESS EXCLUSIVE on public.orders, held for 12 ms: blocks "
                                        "reads and writes")));
  EXPECT_THAT(lines, Contains(HasSubstr("rewrites public.orders (1,000 rows)")));
  step.statements[0].locks[0].mode = lint::LockMode::share_update_exclusive;
  EXPECT_THAT(lines_of(step), Not(Contains(HasSubstr("blocks"))));
}

} // namespace
} // namespace pgkeep::migrate
