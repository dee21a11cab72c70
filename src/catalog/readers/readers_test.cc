// What holds for every reader without a server: names, texts for each version, and the rules for
// constants in expressions.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "catalog/reader.h"
#include "catalog/reader_sql.h"

namespace pgkeep::catalog {
namespace {

std::vector<Reader> every_reader() {
  std::vector<Reader> readers;
  for (const auto& family :
       {server_readers, setting_readers, activity_readers, role_readers, relation_readers,
        column_readers, index_readers, sequence_readers, object_readers, policy_readers,
        replication_readers, statement_readers, definition_readers, detail_readers, grant_readers})
    readers.insert(readers.end(), family.begin(), family.end());
  return readers;
}

TEST(Readers, HaveNamesOfTheirOwnAndTitles) {
  std::set<std::string_view> names;
  for (const Reader& reader : every_reader()) {
    EXPECT_TRUE(names.insert(reader.name).second) << reader.name;
    EXPECT_FALSE(reader.title.empty()) << reader.name;
    EXPECT_FALSE(reader.title.ends_with('.')) << reader.name;
    EXPECT_NE(reader.take, nullptr) << reader.name;
  }
}

TEST(Readers, CoverEverySectionThatIsReadFromTheServer) {
  for (const FactName& row : fact_names()) {
    if (std::to_underlying(row.fact) >= std::to_underlying(Facts::clock)) continue;
    // Stands and falls with `activity`, whose reader sets it.
    if (row.fact == Facts::activity_of_others) continue;
    EXPECT_FALSE(reader_sql(row.fact).empty()) << row.name;
  }
}

TEST(Readers, TextsOfEveryVersionAreComplete) {
  for (int major = postgres::kOldestMajor; major <= postgres::kNewestMajor; ++major) {
    const Probe probe{.major = major, .has_cron = true, .statements_schema = "Odd \"Schema\""};
    for (const Reader& reader : every_reader()) {
      const std::string sql = expand(reader.sql, probe);
      EXPECT_EQ(sql.find("{{"), std::string::npos) << reader.name << " " << major;
      EXPECT_EQ(std::ranges::count(sql, '('), std::ranges::count(sql, ')')) << reader.name;
    }
  }
}

TEST(Readers, VersionsDecideOnColumns) {
  const std::string_view text = "{{index_last_scan}}";
  EXPECT_EQ(expand(text, {.major = 15}), "0");
  EXPECT_NE(expand(text, {.major = 16}).find("pg_stat_get_lastscan"), std::string::npos);
}

TEST(Readers, LockedRelationsAreLeftOut) {
  EXPECT_EQ(expand("{{is_in_scope}}", {.major = 18}).find("ALL"), std::string::npos);
  EXPECT_NE(expand("{{is_in_scope}}", {.major = 18, .locked = {7, 9}}).find("'{7,9}'"),
            std::string::npos);
}

TEST(WithoutLiterals, EmptiesTextAndKeepsNames) {
  const struct {
    std::string_view given;
    std::string_view want;
  } cases[] = {
      {"now()", "now()"},
      {"'new'::character varying", "''::character varying"},
      {"'it''s'::text || 'x'::text", "''::text || ''::text"},
      {"nextval('app.\"S''q\"'::regclass)", "nextval('app.\"S''q\"'::regclass)"},
      {"E'a\\\\b'::text", "E''::text"},
      {"\"it's\" = 'secret'", "\"it's\" = ''"},
      {"'never closed", "''"},
      {"''", "''"},
      {"", ""},
  };
  for (const auto& each : cases)
    EXPECT_EQ(without_literals(each.given), each.want) << each.given;
}

} // namespace
} // namespace pgkeep::catalog
