#include "sandbox/relation_file.h"

#include <gtest/gtest.h>

#include "base/scratch_test.h"

namespace pgkeep::sandbox {
namespace {

TEST(HeightOf, GrowsWithPages) {
  struct Case {
    std::int64_t pages;
    double entry_bytes;
    int height;
  };
  // Of real indexes over a bigint: 20 bytes an entry.
  constexpr Case cases[] = {{0, 20, 0},      {1, 20, 0},          {2, 20, 0},
                            {3, 20, 1},      {330, 20, 1},        {2'745, 20, 2},
                            {27'423, 20, 2}, {14'000'000, 20, 3}, {4'000, 800, 5},
                            {3, 1e9, 1},     {1'000'000, 1e9, 20}};
  for (const Case& each : cases)
    EXPECT_EQ(height_of(each.pages, each.entry_bytes), each.height) << each.pages;
}

TEST(GrowRelation, MakesSegmentsOfHoles) {
  const base::Scratch scratch;
  const std::filesystem::path file = scratch.path() / "16384";
  ASSERT_TRUE(base::write_file_durably(file, "", {.mode = 0600}));
  const RelationFile relation{.file = file, .pages = 10, .segment_pages = 4};
  ASSERT_TRUE(grow_relation(relation));
  EXPECT_EQ(std::filesystem::file_size(file), 4U * 8192);
  EXPECT_EQ(std::filesystem::file_size(file.string() + ".1"), 4U * 8192);
  EXPECT_EQ(std::filesystem::file_size(file.string() + ".2"), 2U * 8192);
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".3"));
  // What is longer stays.
  ASSERT_TRUE(grow_relation({.file = file, .pages = 1, .segment_pages = 4}));
  EXPECT_EQ(std::filesystem::file_size(file), 4U * 8192);
  const auto missing =
      grow_relation({.file = scratch.path() / "none", .pages = 1, .segment_pages = 4});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, base::Code::io);
}

} // namespace
} // namespace pgkeep::sandbox
