// How files are cut, told apart and put in order: no server.
#include "migrate/steps.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "migrate/batch.h"
#include "migrate/history.h"
#include "migrate/plan.h"
#include "migrate/text_diff.h"

namespace pgkeep::migrate {
namespace {

/// "transaction 2, alone 1": the steps of a text.
std::string cut(const std::string& text) {
  const Source source = read_source("V001__x.sql", text, false);
  const auto steps = steps_of(source, nullptr, 15);
  if (!steps) return to_line(steps.error());
  std::string out;
  for (const Step& step : *steps)
    out +=
        fmt::format("{}{} {}", out.empty() ? "" : ", ", name_of(step.kind), step.statements.size());
  return out;
}

TEST(Steps, FollowWhatATransactionTakes) {
  struct Case {
    const char* text;
    const char* steps;
  };
  constexpr Case cases[] = {
      {"CREATE TABLE a (i int); CREATE INDEX ON a (i);", "transaction 2"},
      {"CREATE TABLE a (i int); CREATE INDEX CONCURRENTLY x ON a (i); SELECT 1; SELECT 2;",
       "transaction 1, alone 1, transaction 2"},
      {"CREATE INDEX CONCURRENTLY x ON a (i); DROP INDEX CONCURRENTLY y;", "alone 1, alone 1"},
      {"SELECT 1; BEGIN; SELECT 2; SELECT 3; COMMIT; SELECT 4;",
       "transaction 1, transaction 2, transaction 1"},
      {"SELECT 1;\n-- pgkeep:step\nSELECT 2;", "transaction 1, transaction 1"},
      {"SELECT 1;\n-- pgkeep:batch key=id\nUPDATE a SET b = 1;\nSELECT 2;",
       "transaction 1, batch 1, transaction 1"},
      {"-- pgkeep:shadow\nALTER TABLE a ALTER b TYPE bigint;", "shadow 1"},
      {"ALTER TYPE mood ADD VALUE 'x'; SELECT 1;", "transaction 1, transaction 1"},
      {"VACUUM a; REINDEX (CONCURRENTLY) TABLE a; REINDEX TABLE a;",
       "alone 1, alone 1, transaction 1"},
      {"ALTER TABLE a DETACH PARTITION b CONCURRENTLY; ALTER TABLE a DETACH PARTITION c;",
       "alone 1, transaction 1"},
      {"", ""}};
  for (const Case& each : cases)
    EXPECT_EQ(cut(each.text), each.steps) << each.text;
}

TEST(Steps, AreTheSameWhereTheyDoTheSame) {
  const auto digest = [](const std::string& text) {
    const Source source = read_source("V001__x.sql", text, false); // Steps point into it.
    const auto steps = steps_of(source, nullptr, 15);
    return steps ? step_digest(steps->front()) : to_line(steps.error());
  };
  const std::string batch = "UPDATE a SET b = 1;";
  const std::string by_id = digest("-- pgkeep:batch key=id size=10\n" + batch);
  EXPECT_EQ(by_id, digest("-- pgkeep:batch size=5000 key=id max-lag=1s\n" + batch));
  EXPECT_NE(by_id, digest("-- pgkeep:batch key=day size=10\n" + batch)) << "a cursor of id";
  const std::string parts = "CREATE TABLE a (LIKE a INCLUDING ALL) PARTITION BY HASH (id);";
  EXPECT_NE(digest("-- pgkeep:shadow parts=4\n" + parts),
            digest("-- pgkeep:shadow parts=8\n" + parts));
}

TEST(Steps, RefuseWhatNobodyCanRun) {
  struct Case {
    const char* text;
    const char* words;
  };
  constexpr Case cases[] = {
      {"SELECT 1;\n\\d a", "V001__x.sql:2:1: psql's \\d cannot run"},
      {"COPY a FROM stdin;\n1\n", "V001__x.sql:1:1: the data of COPY is missing"},
      {"SAVEPOINT a;", "begins and ends transactions itself"},
      {"SELECT 1; ROLLBACK;", "V001__x.sql:1:11"},
      {"-- pgkeep:batch key=id\nSELECT 1;", "expected an UPDATE or DELETE"},
      {"-- pgkeep:shadow\nUPDATE a SET b = 1;", "expected an ALTER TABLE"}};
  for (const Case& each : cases)
    EXPECT_NE(cut(each.text).find(each.words), std::string::npos) << cut(each.text);
}

TEST(Steps, KnowTheStrongestLock) {
  const Source source = read_source(
      "V001__x.sql", "ALTER TABLE a ADD COLUMN b int;\n-- pgkeep:step\nSELECT 1;", false);
  const auto steps = steps_of(source, nullptr, 15);
  ASSERT_TRUE(steps);
  EXPECT_EQ(steps->at(0).strongest_lock(), lint::LockMode::access_exclusive);
  EXPECT_FALSE(lint::blocks_writes(steps->at(1).strongest_lock()));
}

std::string sum(const std::string& text) {
  return checksum_of(read_source("V001__x.sql", text, false));
}

TEST(Checksum, IsOverTreesNotBytes) {
  const std::string plain = sum("CREATE TABLE a (i int DEFAULT 1);");
  EXPECT_EQ(plain, sum("-- A comment.\nCREATE  TABLE a(\n  i int /* why */ DEFAULT 1\n);\n"));
  EXPECT_NE(plain, sum("CREATE TABLE a (i int DEFAULT 2);"));
  EXPECT_NE(plain, sum("CREATE TABLE a (i int DEFAULT 1); SELECT 1;"));
  EXPECT_NE(sum("UPDATE a SET b = 1;"), sum("-- pgkeep:batch key=id\nUPDATE a SET b = 1;"));
  EXPECT_NE(sum("SOMETHING new 1;"), sum("SOMETHING new 2;"));
}

TEST(Checksum, HasTheLinesOfCopy) {
  const std::string one = "COPY a FROM stdin;\n1\n\\.\n";
  EXPECT_EQ(sum(one), sum("-- A comment.\n" + one));
  EXPECT_NE(sum(one), sum("COPY a FROM stdin;\n2\n\\.\n"));
}

TEST(Checksum, HasTheNamesOfValues) {
  const auto with = [](const std::string& text, const Values& values) {
    return checksum_of(read_source("V001__x.sql", text, false, {}, values));
  };
  const std::string text = "CREATE TABLE ${s}.a (t text DEFAULT 'x ${s}' /* ${s} */);";
  EXPECT_EQ(with(text, {{"s", "one"}}), with("-- Why.\n" + text, {{"s", "two"}}));
  EXPECT_NE(with(text, {{"s", "one"}, {"r", "one"}}),
            with("CREATE TABLE ${r}.a (t text DEFAULT 'x ${s}');", {{"s", "one"}, {"r", "one"}}));
}

BatchSql batch_of(const std::string& text) {
  static std::vector<Source> sources; // The steps look into them.
  sources.push_back(read_source("V001__x.sql", text, false));
  const auto steps = steps_of(sources.back(), nullptr, 15);
  const auto options = batch_options(steps->at(0));
  return *batch_sql(steps->at(0), *options);
}

TEST(Batch, NarrowsTheStatement) {
  const BatchSql plain = batch_of("-- pgkeep:batch key=id\nUPDATE a SET b = 'where'");
  EXPECT_EQ(plain.change(false), "UPDATE a SET b = 'where'\nWHERE a.id > $1 AND a.id <= $2");
  const BatchSql where =
      batch_of("-- pgkeep:batch key=id\nDELETE FROM s.a AS x WHERE b = (SELECT 1 "
               "WHERE true) OR c -- why\n");
  EXPECT_EQ(where.change(true), "DELETE FROM s.a AS x \nWHERE x.id <= $1 AND ( b = (SELECT 1 WHERE "
                                "true) OR c -- why\n)");
  const BatchSql two =
      batch_of("-- pgkeep:batch key=A,\"B b\"\nUPDATE \"T\" SET c = 1 WHERE c = 0");
  EXPECT_EQ(two.change(false), "UPDATE \"T\" SET c = 1 \nWHERE (\"T\".a, \"T\".\"B b\") > ($1, $2) "
                               "AND (\"T\".a, \"T\".\"B b\") <= ($3, "
                               "$4) AND ( c = 0\n)");
}

TEST(Batch, ExplainsWhatIsWrong) {
  for (const char* wrong : {"-- pgkeep:batch size=10\nUPDATE a SET b = 1",
                            "-- pgkeep:batch key=id size=0\nUPDATE a SET b = 1",
                            "-- pgkeep:batch key=id colour=red\nUPDATE a SET b = 1",
                            "-- pgkeep:batch key=id max-lag=soon\nUPDATE a SET b = 1"}) {
    const Source source = read_source("V001__x.sql", wrong, false);
    const auto steps = steps_of(source, nullptr, 15);
    ASSERT_TRUE(steps);
    const auto options = batch_options(steps->at(0));
    ASSERT_FALSE(options) << wrong;
    EXPECT_EQ(options.error().code, base::Code::config);
    EXPECT_FALSE(options.error().expected.empty());
    EXPECT_EQ(options.error().where, "V001__x.sql:2:1");
  }
}

TEST(TextDiff, ShowsLines) {
  EXPECT_EQ(text_diff("a\nb\nc\nd\n", "a\nb\nx\nd\n"), "@@ line 1 @@\n a\n b\n-c\n+x\n d\n");
  EXPECT_EQ(text_diff("a\n", "a\nb\n"), "@@ line 1 @@\n a\n+b\n");
  EXPECT_NE(text_diff(std::string(300, '\n'), "x\n", 5).find("more lines"), std::string::npos);
}

HistoryRow row(std::string version, State state, const std::string& text) {
  return {.kind = Kind::versioned,
          .key = Version::parse(version)->key(),
          .version = std::move(version),
          .name = "x",
          .checksum = sum(text),
          .text = text,
          .state = state};
}

TEST(Plan, TellsWhatIsWrong) {
  Folder folder;
  const auto add = [&](const char* version, const char* text) {
    folder.migrations.push_back(
        {.version = *Version::parse(version),
         .name = "x",
         .up = read_source(fmt::format("V{}__x.sql", version), text, false)});
  };
  add("1", "SELECT 1;");
  add("2", "SELECT 2;");
  add("3", "SELECT 3;");
  const auto kinds = [&](std::vector<HistoryRow> history) {
    std::string out;
    for (const Problem& problem : problems_of(folder, history, false))
      out += std::string(problem.kind) + " ";
    return out;
  };
  EXPECT_EQ(kinds({}), "");
  EXPECT_EQ(kinds({row("1", State::applied, "SELECT 1;")}), "");
  EXPECT_EQ(kinds({row("1", State::applied, "SELECT 0;")}), "edited ");
  EXPECT_EQ(kinds({row("1", State::baseline, "SELECT 0;")}), "");
  EXPECT_EQ(kinds({row("2", State::applied, "SELECT 2;")}), "out-of-order ");
  EXPECT_EQ(kinds({row("1", State::applied, "SELECT 1;"), row("9", State::applied, "SELECT 9;")}),
            "missing-file out-of-order out-of-order ");
  EXPECT_EQ(kinds({row("1", State::undoing, "SELECT 1;")}), "unfinished-undo ");
  EXPECT_EQ(kinds({row("1", State::undone, "SELECT 0;")}), "");
}

TEST(Plan, PutsRepeatableFilesInOrderOfUse) {
  Folder folder;
  const auto add = [&](const char* name, const char* text) {
    folder.migrations.push_back(
        {.kind = Kind::repeatable, .name = name, .up = read_source("R__x.sql", text, false)});
  };
  add("a", "CREATE VIEW totals AS SELECT count(*) FROM recent;");
  add("b", "CREATE VIEW recent AS SELECT price(id) FROM orders;");
  add("c", "CREATE FUNCTION price(i int) RETURNS int LANGUAGE sql AS 'SELECT 1';");
  const auto plan = plan_up(folder, {}, {});
  ASSERT_TRUE(plan);
  std::string order;
  for (const Planned& planned : plan->todo)
    order += planned.migration->name;
  EXPECT_EQ(order, "cba");
}

} // namespace
} // namespace pgkeep::migrate
