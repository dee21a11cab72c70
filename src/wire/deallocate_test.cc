#include "wire/deallocate.h"

#include <gtest/gtest.h>

namespace pgkeep::wire {
namespace {

TEST(Deallocate, NamesAStatement) {
  const std::pair<const char*, const char*> cases[] = {
      {"DEALLOCATE pdo_stmt_00000001", "pdo_stmt_00000001"},
      {" deallocate  PREPARE S1 ;", "s1"},
      {"/* mine */ DEALLOCATE \"S \"\"1\"; -- done", "S \"1"},
      {"DEALLOCATE PREPARE \"all\"", "all"},
  };
  for (const auto& [sql, name] : cases)
    EXPECT_EQ(deallocate_of(sql).value_or(Deallocate{}).name, name) << sql;
  for (const char* sql :
       {"DEALLOCATE ALL", "DEALLOCATE PREPARE all;", "DEALLOCATE", "DEALLOCATE a; SELECT 1",
        "DEALLOCATED a", "SELECT 'DEALLOCATE a'", "DEALLOCATE \"a", "DISCARD ALL", ""})
    EXPECT_FALSE(deallocate_of(sql)) << sql;
}

TEST(Deallocate, MayStandInASavepoint) {
  for (const char* sql : {"SAVEPOINT _per_query_svp_;DEALLOCATE \"s\";RELEASE _per_query_svp_",
                          " savepoint A; deallocate s ; release savepoint a;"}) {
    ASSERT_TRUE(deallocate_of(sql)) << sql;
    EXPECT_EQ(deallocate_of(sql)->name, "s");
    EXPECT_TRUE(deallocate_of(sql)->has_savepoint);
  }
  for (const char* sql : {"SAVEPOINT a; DEALLOCATE s", "SAVEPOINT a; DEALLOCATE s; RELEASE b",
                          "SAVEPOINT a; DEALLOCATE s; RELEASE a; SELECT 1", "SAVEPOINT a"})
    EXPECT_FALSE(deallocate_of(sql)) << sql;
  std::string answer;
  const Deallocate command{.name = "s", .has_savepoint = true};
  EXPECT_FALSE(append_deallocate_answer(answer, command, {}, TransactionStatus::idle));
  EXPECT_FALSE(append_deallocate_answer(answer, command, {.is_extended = true},
                                        TransactionStatus::in_transaction));
  EXPECT_EQ(answer, "");
  EXPECT_TRUE(append_deallocate_answer(answer, command, {}, TransactionStatus::in_transaction));
  std::string expected;
  for (const char* tag : {"SAVEPOINT", "DEALLOCATE", "RELEASE"})
    append_command_complete(expected, tag);
  append_ready_for_query(expected, TransactionStatus::in_transaction);
  EXPECT_EQ(answer, expected);
}

TEST(Deallocate, IsLookedForByItsFront) {
  for (const char* front : {"", " ", "D", "\ndeall", "/* x", "-- x", "DISCARD", "s", "SAVE"})
    EXPECT_TRUE(may_be_deallocate(front)) << front;
  for (const char* front : {"SELECT", " LISTEN", "'D"})
    EXPECT_FALSE(may_be_deallocate(front)) << front;
}

} // namespace
} // namespace pgkeep::wire
