#include "lint/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lint/script.h"

namespace pgkeep::lint {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Schema after(std::string sql) {
  Schema schema;
  const Script script = Script::read("a.sql", std::move(sql));
  for (const Statement& statement : script.sections().front().statements) {
    for (const Change& change : statement.changes)
      schema.apply(change);
  }
  return schema;
}

/// "orders", "" for none.
std::string table_of(const Schema& schema, const char* index) {
  const TableState* const table = schema.table_of_index({.schema = {}, .name = index});
  return table == nullptr ? "" : table->name.name;
}

std::vector<std::string> referencing(const Schema& schema, const char* target) {
  std::vector<std::string> names;
  for (const TableState* const table : schema.referencing({.schema = {}, .name = target}))
    names.push_back(table->name.name);
  return names;
}

constexpr const char* kTables = "CREATE TABLE a (id int PRIMARY KEY);"
                                "CREATE TABLE b (a int, CONSTRAINT b_key UNIQUE (a));"
                                "ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a) REFERENCES a;"
                                "CREATE INDEX b_index ON b (a);";

TEST(SchemaTest, an_index_is_found_whatever_its_table_is_called) {
  EXPECT_EQ(table_of(after(kTables), "b_index"), "b");
  EXPECT_EQ(table_of(after(kTables), "b_key"), "b");
  EXPECT_EQ(table_of(after(kTables), "b_a"), ""); // A foreign key has no index.
  EXPECT_EQ(table_of(after(kTables), "c_index"), "");
  const Schema renamed = after(std::string(kTables) + "ALTER TABLE b RENAME TO c;");
  EXPECT_EQ(table_of(renamed, "b_index"), "c");
  EXPECT_EQ(table_of(after(std::string(kTables) + "DROP TABLE b;"), "b_index"), "");
}

TEST(SchemaTest, an_index_that_was_dropped_can_be_made_again) {
  const std::string dropped = std::string(kTables) + "DROP INDEX b_index;";
  EXPECT_EQ(table_of(after(dropped), "b_index"), "");
  EXPECT_EQ(table_of(after(dropped + "CREATE INDEX b_index ON a (id);"), "b_index"), "a");
  EXPECT_EQ(table_of(after(dropped), "b_key"), "b");
}

TEST(SchemaTest, foreign_keys_lead_to_their_tables) {
  EXPECT_THAT(referencing(after(kTables), "a"), ElementsAre("b"));
  EXPECT_THAT(referencing(after(kTables), "b"), IsEmpty());
  const std::string more = std::string(kTables) + "CREATE TABLE aa (a int REFERENCES a);";
  EXPECT_THAT(referencing(after(more), "a"), ElementsAre("aa", "b"));
  EXPECT_THAT(referencing(after(more + "DROP TABLE b;"), "a"), ElementsAre("aa"));
  EXPECT_THAT(referencing(after(more + "ALTER TABLE b DROP CONSTRAINT b_a;"), "a"),
              ElementsAre("aa"));
}

TEST(SchemaTest, a_table_is_not_found_by_the_name_that_it_had) {
  const Schema schema = after(std::string(kTables) + "ALTER TABLE a RENAME TO z; DROP TABLE b;");
  EXPECT_EQ(schema.find({.schema = {}, .name = "a"}), nullptr);
  EXPECT_EQ(schema.find({.schema = {}, .name = "b"}), nullptr);
  const TableState* const table = schema.find({.schema = "public", .name = "z"});
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(schema.find({.schema = {}, .name = "z"}), table);
  EXPECT_EQ(schema.find({.schema = "shop", .name = "z"}), nullptr);
}

} // namespace
} // namespace pgkeep::lint
