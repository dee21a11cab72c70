// Files found again by what another tool calls them: no server.
#include "migrate/baseline/match.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeep::migrate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Tool& tool(std::string_view name) {
  const auto tools = known_tools();
  const auto found = std::ranges::find(tools, name, &Tool::name);
  EXPECT_NE(found, tools.end()) << name;
  return *found;
}

Migration migration(const std::string& path, const std::string& version, const std::string& name,
                    const std::string& text = "SELECT 1;") {
  return {.kind = version.empty() ? Kind::repeatable : Kind::versioned,
          .version = Version::parse(version).value_or(Version{}),
          .name = name,
          .up = read_source(path, text, false)};
}

struct Found {
  std::vector<std::string> applied;      ///< Paths.
  std::vector<std::string> without_file; ///< Labels.
  std::vector<std::string> problems;     ///< "kind file".
};
Found match(const std::vector<Migration>& files, std::string_view tool_name,
            const std::vector<ForeignRow>& rows) {
  const Folder folder{.path = "db", .migrations = files};
  const ForeignTable table{.tool = &tool(tool_name), .schema = "public", .name = "history"};
  const Matched matched = match_files(folder, table, rows);
  Found found;
  for (const Migration* const each : matched.applied)
    found.applied.push_back(each->up.path);
  found.without_file = matched.without_file;
  for (const Problem& each : matched.problems)
    found.problems.push_back(std::string(each.kind) + " " + each.file);
  return found;
}

ForeignRow row(std::string version, std::string name, ForeignState state = ForeignState::applied) {
  return {.version = std::move(version),
          .name = std::move(name),
          .other = {},
          .state = state,
          .note = {}};
}

std::vector<Migration> three() {
  return {migration("db/V001__Create-users.sql", "001", "Create-users"),
          migration("db/V002__add_email.sql", "002", "add_email"),
          migration("db/V010__add_phone.sql", "010", "add_phone")};
}

TEST(MatchFiles, FindsByVersionInTheOrderOfTheFolder) {
  const Found found = match(three(), "flyway", {row("10", "V10__other.sql"), row("1", "x.sql")});
  EXPECT_THAT(found.applied, ElementsAre("db/V001__Create-users.sql", "db/V010__add_phone.sql"));
  EXPECT_THAT(found.without_file, IsEmpty());
  EXPECT_THAT(found.problems, IsEmpty());
}

TEST(MatchFiles, FindsByNameWhateverItsSpelling) {
  const Found found = match(
      three(), "knex",
      {row("", "v001_CREATE_users.js"), row("", "002-add-email.ts"), row("", "nobody_knows.js")});
  EXPECT_THAT(found.applied, ElementsAre("db/V001__Create-users.sql", "db/V002__add_email.sql"));
  EXPECT_EQ(found.without_file.size(), 1U);
}

TEST(MatchFiles, ANameOfSeveralRowsIsNone) {
  const Found found = match(
      three(), "knex", {row("", "add_email.js"), row("", "ADD-email.js"), row("", "add_phone.js")});
  EXPECT_THAT(found.applied, ElementsAre("db/V010__add_phone.sql"));
  EXPECT_EQ(found.without_file.size(), 2U);
}

TEST(MatchFiles, ThroughTakesAllBeforeIt) {
  Found found = match(three(), "golang-migrate", {row("2", "", ForeignState::through)});
  EXPECT_THAT(found.applied, ElementsAre("db/V001__Create-users.sql", "db/V002__add_email.sql"));
  EXPECT_THAT(found.without_file, IsEmpty());
  // A version without a file says how far it goes all the same.
  found = match(three(), "golang-migrate", {row("5", "", ForeignState::through)});
  EXPECT_THAT(found.applied, ElementsAre("db/V001__Create-users.sql", "db/V002__add_email.sql"));
  EXPECT_EQ(found.without_file.size(), 1U);
  // Repeatable files have no place in that order.
  std::vector<Migration> files = three();
  files.push_back(migration("db/R__views.sql", "", "views"));
  found = match(files, "golang-migrate", {row("10", "", ForeignState::through)});
  EXPECT_EQ(found.applied.size(), 3U);
}

TEST(MatchFiles, ARevisionIsAWordOfTheName) {
  const std::vector<Migration> files = {
      migration("db/0001_ae1027a6acf_users.sql", "1", "ae1027a6acf_users"),
      migration("db/0002_bb_note.sql", "2", "bb_note"),
      migration("db/0003_bbc_more.sql", "3", "bbc_more")};
  const Found found = match(files, "alembic", {row("", "bb", ForeignState::through)});
  EXPECT_THAT(found.applied, ElementsAre("db/0001_ae1027a6acf_users.sql", "db/0002_bb_note.sql"));
  const Found none = match(files, "alembic", {row("", "1027a6", ForeignState::through)});
  EXPECT_THAT(none.applied, IsEmpty());
  EXPECT_THAT(none.problems, ElementsAre("no-file public.history"));
}

TEST(MatchFiles, WhatFailedElsewhereIsToldAndNotTaken) {
  const Found found =
      match(three(), "flyway", {row("1", "x.sql"), row("2", "y.sql", ForeignState::failed)});
  EXPECT_THAT(found.applied, ElementsAre("db/V001__Create-users.sql"));
  EXPECT_THAT(found.problems, ElementsAre("failed-elsewhere public.history"));
}

TEST(MatchFiles, AFileOfPartsIsAppliedAsAWhole) {
  const std::vector<Migration> files = {migration(
      "db/one.sql", "1", "one",
      "--liquibase formatted sql\n--changeset a:1\nSELECT 1;\n-- changeset a:2\nSELECT 2;")};
  const Found whole = match(files, "liquibase", {row("", "one.sql"), row("", "one.sql")});
  EXPECT_THAT(whole.applied, ElementsAre("db/one.sql"));
  EXPECT_THAT(whole.problems, IsEmpty());
  const Found half = match(files, "liquibase", {row("", "one.sql")});
  EXPECT_THAT(half.problems, ElementsAre("partly-applied db/one.sql"));
}

} // namespace
} // namespace pgkeep::migrate
