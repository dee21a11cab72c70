// A model of a server loses, changes its plans and succeeds at random; the client must hear one
// whole answer: the last one, and nothing of those that were mended.
#include "wire/attempt.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/message.h"

namespace pgkeep::wire {
namespace {

using Next = Attempt::Next;

std::string said(char type, std::string_view body) {
  std::string out;
  MessageWriter(out, type).bytes(body);
  return out;
}
std::string word(std::string_view value) {
  return std::string(value) + '\0';
}
std::string error_with(std::string_view sqlstate, std::string_view routine) {
  std::string out;
  append_error(out,
               {.severity = "ERROR", .sqlstate = sqlstate, .message = "no", .routine = routine});
  return out;
}
std::string ready(char status) {
  return said('Z', std::string(1, status));
}
std::string execution(std::string_view name, bool is_described) {
  return said('B', word("") + word(name) + std::string(6, '\0')) +
         (is_described ? said('D', "P" + word("")) : std::string()) +
         said('E', word("") + std::string(4, '\0')) + said('S', "");
}

TEST(SingleRequest, IsOneStatementAlone) {
  const std::string query = said('Q', word("SELECT 1"));
  ASSERT_TRUE(request_of(query));
  EXPECT_EQ(request_of(query)->sql, "SELECT 1");
  EXPECT_FALSE(request_of(query + query));
  EXPECT_FALSE(request_of(query.substr(0, query.size() - 1)));
  const std::string named = execution("s", true);
  ASSERT_TRUE(request_of(named));
  EXPECT_EQ(request_of(named)->statement, "s");
  EXPECT_TRUE(request_of(named)->is_described);
  EXPECT_FALSE(request_of(execution("s", false))->is_described);
  const std::string parse = said('P', word("") + word("SELECT 2") + std::string(2, '\0'));
  ASSERT_TRUE(request_of(parse + execution("", true)));
  EXPECT_EQ(request_of(parse + execution("", true))->sql, "SELECT 2");
  EXPECT_FALSE(request_of(parse + execution("s", true)));
  EXPECT_FALSE(request_of(parse + execution("", true))->has_named());
  const std::string naming = said('P', word("s") + word("SELECT 2") + std::string(2, '\0'));
  EXPECT_FALSE(request_of(naming + execution("", true)));
  ASSERT_TRUE(request_of(naming + execution("s", true)));
  EXPECT_TRUE(request_of(naming + execution("s", true))->has_named());
  const std::string described = naming + said('D', "S" + word("s")) + execution("s", false);
  ASSERT_TRUE(request_of(described));
  EXPECT_EQ(request_of(described)->sql, "SELECT 2");
  EXPECT_EQ(request_of(described)->parse, word("SELECT 2") + std::string(2, '\0'));
  EXPECT_TRUE(request_of(described)->is_statement_described);
  EXPECT_FALSE(request_of(naming + said('D', "S" + word("t")) + execution("s", false)));
  EXPECT_FALSE(request_of(named + query));
  EXPECT_FALSE(request_of(named + named));
  EXPECT_FALSE(request_of(said('S', "")));
  EXPECT_FALSE(request_of(""));
  // A portal that is read in parts goes on later.
  const std::string in_parts = said('B', word("") + word("s") + std::string(6, '\0')) +
                               said('E', word("") + std::string("\0\0\0\1", 4)) + said('S', "");
  EXPECT_FALSE(request_of(in_parts));
}

TEST(SingleRequest, RunsAgainWhereItsFailureLeavesNothing) {
  for (const char* sql :
       {"SELECT 1", " \n\tselect(1)", "UPDATE t SET a = 1", "with x as (select)", "INSERT INTO t",
        "TABLE t", "merge into t", "VALUES (1)", "Delete from t"})
    EXPECT_TRUE(may_run_again(sql)) << sql;
  for (const char* sql : {"", "CALL p()", "DO $$ BEGIN END $$", "BEGIN", "VACUUM",
                          "/* x */ SELECT 1", "selection", "SELECT", "tables", "select_1",
                          "COPY t FROM STDIN", "EXECUTE s", "CREATE INDEX CONCURRENTLY"})
    EXPECT_FALSE(may_run_again(sql)) << sql;
}

/// What the client hears of answers that the server gives one after the other, in parts.
struct Heard {
  std::string bytes;
  int requests = 1;
  int prepared = 0;
};
Heard hear(Attempt& attempt, const std::vector<std::string>& answers, std::size_t part) {
  Heard heard;
  for (const std::string& answer : answers) {
    std::string_view rest = answer;
    while (!rest.empty()) {
      const std::string_view bytes = rest.substr(0, part);
      rest.remove_prefix(bytes.size());
      if (!attempt.is_open()) {
        heard.bytes.append(bytes);
        continue;
      }
      switch (attempt.server_says(bytes)) {
      case Next::pass:
        heard.bytes.append(attempt.held().empty() ? bytes : attempt.held());
        attempt.close();
        break;
      case Next::hold:
        break;
      case Next::again:
        EXPECT_TRUE(attempt.is_between());
        EXPECT_TRUE(rest.empty());
        attempt.said_again();
        ++heard.requests;
        break;
      case Next::prepare_first:
        EXPECT_TRUE(rest.empty());
        ++heard.prepared;
        break;
      case Next::broken:
        ADD_FAILURE();
        return heard;
      }
    }
  }
  EXPECT_FALSE(attempt.is_open());
  return heard;
}

TEST(Attempt, PassesWhatCannotBeMended) {
  const std::string rows =
      said('2', "") + said('T', "x") + said('D', "x") + said('C', word("SELECT 1")) + ready('I');
  const std::string others[] = {
      rows,
      said('C', word("UPDATE 1")) + ready('I'),
      error_with("22012", "int4div") + ready('I'),
      said('2', "") + said('D', "x") + error_with("40001", "") + ready('I'),
      said('N', "x") + error_with("40001", "") + ready('I'),
      error_with("40001", "") + ready('E'),
      error_with("0A000", "other") + ready('I'),
      said('G', "x"),
      said('I', "") + ready('I'),
  };
  for (const std::string& answer : others) {
    for (const std::size_t part : {1UL, 3UL, 1000UL}) {
      Attempt attempt;
      attempt.begin("request", "s", {.changed_plan = true, .conflicts_max = 3});
      const Heard heard = hear(attempt, {answer}, part);
      EXPECT_EQ(heard.bytes, answer);
      EXPECT_EQ(heard.requests, 1);
    }
  }
}

TEST(Attempt, HoldsBackNoMoreThanItMay) {
  Attempt attempt;
  attempt.begin("request", "", {.conflicts_max = 1});
  const std::string answer = said('2', "") + said('T', std::string(Attempt::kHeldMax, 'x'));
  EXPECT_EQ(attempt.server_says(answer), Next::pass);
  EXPECT_FALSE(attempt.is_open());
}

TEST(Attempt, CopiesNothingOfAnAnswerThatPasses) {
  Attempt attempt;
  attempt.begin("request", "", {.conflicts_max = 1});
  EXPECT_EQ(attempt.server_says(said('D', "row").substr(0, 2)), Next::pass);
  EXPECT_TRUE(attempt.held().empty());
}

TEST(Attempt, EndsInOneWholeAnswer) {
  std::mt19937 random(815);
  const auto pick = [&](std::size_t count) { return random() % count; };
  const std::string changed = error_with("0A000", "RevalidateCachedQuery") + ready('I');
  const std::string good = said('2', "") + said('T', "columns") + said('D', "row") +
                           said('C', word("SELECT 1")) + ready('I');
  for (int round = 0; round < 3000; ++round) {
    const int most = static_cast<int>(pick(4));
    const bool heals = pick(2) == 0;
    std::vector<std::string> answers;
    std::string last;
    int left = most;
    bool may_heal = heals;
    int wanted_requests = 1;
    int wanted_prepared = 0;
    while (last.empty()) {
      const std::size_t kind = pick(4);
      if (kind == 0) {
        const std::string lost =
            (pick(2) == 0 ? said('2', "") + said('T', "columns") : std::string()) +
            error_with(pick(2) == 0 ? "40001" : "40P01", "x") + ready('I');
        answers.push_back(lost);
        if (left-- <= 0) {
          last = lost;
        } else {
          ++wanted_requests;
        }
      } else if (kind == 1) {
        answers.push_back(changed);
        if (!std::exchange(may_heal, false)) {
          last = changed;
          continue;
        }
        ++wanted_prepared;
        const bool is_there = pick(4) != 0;
        answers.push_back(is_there ? said('3', "") + said('1', "") + ready('I')
                                   : said('3', "") + error_with("42P01", "x") + ready('I'));
        if (is_there) {
          ++wanted_requests;
        } else {
          last = changed;
        }
      } else {
        answers.push_back(good);
        last = good;
      }
    }
    Attempt attempt;
    attempt.begin("request", "s", {.changed_plan = heals, .conflicts_max = most});
    const Heard heard = hear(attempt, answers, 1 + pick(40));
    EXPECT_EQ(heard.bytes, last) << "round " << round;
    EXPECT_EQ(heard.requests, wanted_requests);
    EXPECT_EQ(heard.prepared, wanted_prepared);
    if (testing::Test::HasFailure()) return;
  }
}

} // namespace
} // namespace pgkeep::wire
