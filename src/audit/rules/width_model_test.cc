#include "audit/rules/width_model.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::Index;
using catalog::Relation;
using catalog::Snapshot;

// The pages in these tests are those of real tables, freshly written by PostgreSQL 15 on 64 bits.

struct Shape {
  std::string alignment;
  std::int32_t length;
  double width;
  double nulls = 0;
};

Snapshot snapshot_of(const std::vector<Shape>& shapes, double rows,
                     std::vector<std::string> options = {}) {
  Snapshot db;
  Relation relation;
  relation.oid = 1;
  relation.schema = "public";
  relation.name = "t";
  relation.kind = "r";
  relation.rows = rows;
  relation.options = std::move(options);
  db.relations.push_back(relation);
  std::int32_t number = 0;
  for (const Shape& shape : shapes) {
    Column column;
    column.relation = 1;
    column.number = ++number;
    column.name = "c" + std::to_string(number);
    column.length = shape.length;
    column.alignment = shape.alignment;
    column.has_stats = true;
    column.average_width = shape.width;
    column.null_fraction = shape.nulls;
    column.distinct = -1;
    db.columns.push_back(column);
  }
  db.link();
  return db;
}

double pages_of(const Snapshot& db) {
  return heap_pages(db, db.relations.front()).value_or(-1);
}

TEST(HeapPages, FixedWidthIsExact) {
  EXPECT_EQ(pages_of(snapshot_of({{"i", 4, 4}}, 500'000)), 2213);
  // bool, bigint, bool, bigint, bool, bigint, smallint, timestamptz: padding before each bigint.
  EXPECT_EQ(pages_of(snapshot_of({{"c", 1, 1},
                                  {"d", 8, 8},
                                  {"c", 1, 1},
                                  {"d", 8, 8},
                                  {"c", 1, 1},
                                  {"d", 8, 8},
                                  {"s", 2, 2},
                                  {"d", 8, 8}},
                                 300'000)),
            3410);
}

TEST(HeapPages, ManySmallColumnsAreExact) {
  EXPECT_EQ(pages_of(snapshot_of({{"s", 2, 2},
                                  {"c", 1, 1},
                                  {"s", 2, 2},
                                  {"c", 1, 1},
                                  {"c", 1, 1},
                                  {"s", 2, 2},
                                  {"c", 1, 1},
                                  {"c", 1, 1},
                                  {"i", 4, 4},
                                  {"s", 2, 2},
                                  {"c", 1, 1},
                                  {"i", 4, 4},
                                  {"c", 1, 1},
                                  {"s", 2, 2}},
                                 300'000)),
            2206);
}

TEST(HeapPages, VariableWidthIsWithinATenth) {
  // pgbench_accounts at scale 8: 13,115 pages.
  EXPECT_NEAR(
      pages_of(snapshot_of({{"i", 4, 4}, {"i", 4, 4}, {"i", 4, 4}, {"i", -1, 85}}, 800'000)),
      13'115, 1'300);
  // fillfactor 70, bigint and 32 letters: 4,000 pages.
  EXPECT_NEAR(pages_of(snapshot_of({{"d", 8, 8}, {"i", -1, 33}}, 300'000, {"fillfactor=70"})),
              4'000, 400);
}

TEST(HeapPages, TwoWideRowsFillAPage) {
  EXPECT_EQ(pages_of(snapshot_of({{"i", 4, 4}, {"i", -1, 3'000}}, 10'000)), 5'000);
}

TEST(HeapPages, NullsTakeNoSpaceButABitmap) {
  const double full = pages_of(snapshot_of({{"d", 8, 8}, {"d", 8, 8}}, 100'000));
  const double half = pages_of(snapshot_of({{"d", 8, 8}, {"d", 8, 8, 1}}, 100'000));
  EXPECT_LT(half, full);
  std::vector<Shape> nine(9, Shape{"i", 4, 4, 1});
  const double empty_rows = pages_of(snapshot_of(nine, 100'000));
  // Nine columns need two bytes of bitmap: a header of 32 bytes and a pointer of 4 make 226 rows a
  // page.
  EXPECT_EQ(empty_rows, std::ceil(100'000 / 226.0));
}

TEST(HeapPages, UnknownWithoutStatistics) {
  Snapshot db = snapshot_of({{"i", -1, 10}}, 1'000);
  db.columns.front().has_stats = false;
  EXPECT_FALSE(heap_pages(db, db.relations.front()));
  db.relations.front().rows = -1;
  EXPECT_FALSE(heap_pages(db, db.relations.front()));
}

TEST(ToastPages, FourChunksFillAPage) {
  EXPECT_EQ(toast_pages(0), 0);
  EXPECT_EQ(toast_pages(-1), 0);
  EXPECT_EQ(toast_pages(5), 2);
}

/// An index on the first column of a table of 600,000 rows.
struct IndexCase {
  Shape shape{"d", 8, 8};
  double distinct = -1;
  bool is_unique = false;
  std::string operator_class = "int8_ops";
  std::vector<std::string> options = {};
  double common = 0;
};

double index_pages_of(const IndexCase& given) {
  Snapshot db = snapshot_of({given.shape}, 600'000);
  db.columns.front().distinct = given.distinct;
  db.columns.front().most_common_frequency = given.common;
  Index index;
  index.oid = 2;
  index.relation = 1;
  index.schema = "public";
  index.name = "i";
  index.method = "btree";
  index.is_unique = given.is_unique;
  index.columns = {1};
  index.key_count = 1;
  index.operator_classes = {given.operator_class};
  index.options = given.options;
  index.rows = 600'000;
  return btree_pages(db, index).value_or(-1);
}

TEST(BtreePages, WithoutDuplicatesIsWithinAHundredth) {
  EXPECT_NEAR(index_pages_of({.is_unique = true}), 1'648, 16);
  EXPECT_NEAR(
      index_pages_of({.shape = {"c", 16, 16}, .is_unique = true, .operator_class = "uuid_ops"}),
      2'313, 23);
}

TEST(BtreePages, DuplicatesShareAPostingList) {
  EXPECT_NEAR(index_pages_of({.shape = {"i", 4, 4}, .distinct = 100, .operator_class = "int4_ops"}),
              515, 20);
  // 50,000 values of 600,000 rows: 651 pages.
  const double pages = index_pages_of({.distinct = 47'370});
  EXPECT_GT(pages, 651);
  EXPECT_LT(pages, 651 * 1.2);
}

TEST(BtreePages, ASkewedColumnMayHaveManyMoreValues) {
  // A power law: 156,358 values, of which ANALYZE believed in 32,514; 896 pages.
  EXPECT_NEAR(index_pages_of({.distinct = 32'514, .common = 0.12}), 896, 180);
}

TEST(BtreePages, NoSharingWhereTheServerCannot) {
  const double apart = index_pages_of({.distinct = 100, .options = {"deduplicate_items=off"}});
  EXPECT_NEAR(apart, 1'651, 17);
  EXPECT_EQ(index_pages_of({.distinct = 100, .is_unique = true}), apart);
  EXPECT_EQ(index_pages_of({.distinct = 100, .operator_class = "float8_ops"}), apart);
}

TEST(BtreePages, NullsAreOneKey) {
  // Seven of ten rows null, the rest text of some 20 letters: 1,232 pages.
  EXPECT_NEAR(index_pages_of({.shape = {"i", -1, 21, 0.7},
                              .distinct = -0.1225,
                              .operator_class = "text_ops",
                              .common = 0.005}),
              1'232, 125);
}

TEST(BtreePages, FillfactorCounts) {
  EXPECT_LT(index_pages_of({.is_unique = true, .options = {"fillfactor=100"}}),
            index_pages_of({.is_unique = true}) * 0.93);
}

TEST(BtreePages, OnlyPlainIndexesHaveAModel) {
  Index index;
  index.method = "btree";
  index.columns = {1};
  index.key_count = 1;
  index.rows = 10;
  EXPECT_TRUE(has_btree_model(index));
  Index partial = index;
  partial.predicate = "(a > 1)";
  EXPECT_FALSE(has_btree_model(partial));
  Index expression = index;
  expression.columns = {0};
  EXPECT_FALSE(has_btree_model(expression));
  Index gin = index;
  gin.method = "gin";
  EXPECT_FALSE(has_btree_model(gin));
}

} // namespace
} // namespace pgkeep::audit
