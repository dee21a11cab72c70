#include "audit/rules/index_shape.h"

#include <gtest/gtest.h>

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::Index;
using catalog::Relation;

/// One table t (oid 1) with the columns a, b and c, and a table whose name is taken.
Snapshot small_database() {
  Snapshot db;
  Relation table;
  table.oid = 1;
  table.schema = "public";
  table.name = "t";
  table.kind = "r";
  db.relations.push_back(table);
  Relation other = table;
  other.oid = 2;
  other.name = "t_a_idx";
  db.relations.push_back(other);
  for (const std::string name : {"a", "b", "c"}) {
    Column column;
    column.relation = 1;
    column.number = static_cast<std::int32_t>(db.columns.size()) + 1;
    column.name = name;
    db.columns.push_back(column);
  }
  db.link();
  return db;
}

Index index_over(std::vector<std::int32_t> columns, std::string predicate = {}) {
  Index index;
  index.relation = 1;
  index.method = "btree";
  index.key_count = static_cast<std::int32_t>(columns.size());
  index.columns = std::move(columns);
  index.predicate = std::move(predicate);
  return index;
}

TEST(IndexShape, AnswersEqualityByLeadingKeysInAnyOrder) {
  struct Case {
    const char* name;
    Index index;
    std::vector<std::int32_t> columns;
    bool want;
  };
  Index hash = index_over({1});
  hash.method = "hash";
  Index gin = index_over({3, 2, 1});
  gin.method = "gin";
  Index broken = index_over({1});
  broken.is_valid = false;
  Index included = index_over({1, 2});
  included.key_count = 1;
  const Case cases[] = {
      {"the column", index_over({1}), {1}, true},
      {"wider", index_over({1, 2}), {1}, true},
      {"second column", index_over({2, 1}), {1}, false},
      {"other order", index_over({2, 1}), {1, 2}, true},
      {"too narrow", index_over({1}), {1, 2}, false},
      {"included columns are no keys", included, {1, 2}, false},
      {"expression", index_over({0}), {1}, false},
      {"hash", hash, {1}, true},
      {"gin has no order", gin, {1}, true},
      {"invalid", broken, {1}, false},
      {"only NULLs left out", index_over({1}, "(a IS NOT NULL)"), {1}, true},
      {"both", index_over({1, 2}, "((a IS NOT NULL) AND (b IS NOT NULL))"), {1, 2}, true},
      {"another column's NULLs", index_over({1}, "(c IS NOT NULL)"), {1}, false},
      {"a condition", index_over({1}, "(a > 0)"), {1}, false},
  };
  const Snapshot db = small_database();
  for (const Case& each : cases)
    EXPECT_EQ(answers_equality(db, each.index, each.columns), each.want) << each.name;
}

TEST(IndexShape, NamesAreFreeAndFit) {
  const Snapshot db = small_database();
  FreeNames names(db);
  EXPECT_EQ(names.take("public", "t_a", "_idx"), "t_a_idx1"); // The table has the plain one.
  EXPECT_EQ(names.take("public", "t_a", "_idx"), "t_a_idx2");
  EXPECT_EQ(names.take("other", "t_a", "_idx"), "t_a_idx");
  std::string letters; // Two bytes each: never cut in two.
  for (int i = 0; i < 60; ++i)
    letters += "\xC3\xA4";
  const std::string cut = names.take("public", letters, "_idx");
  EXPECT_LE(cut.size(), 62U);
  EXPECT_EQ((cut.size() - 4) % 2, 0U);
  EXPECT_NE(names.take("public", letters, "_idx"), cut);
}

TEST(IndexShape, DefinitionsBecomeConcurrent) {
  EXPECT_EQ(build_concurrently("CREATE INDEX i ON public.t USING btree (a)"),
            "CREATE INDEX CONCURRENTLY i ON public.t USING btree (a)");
  EXPECT_EQ(build_concurrently("CREATE UNIQUE INDEX i ON public.t USING btree (a)"),
            "CREATE UNIQUE INDEX CONCURRENTLY i ON public.t USING btree (a)");
}

} // namespace
} // namespace pgkeep::audit
