#include "migrate/declare/renames.h"

#include <gtest/gtest.h>

#include "migrate/declare/model_test.h"

namespace pgkeep::migrate::declaring {
namespace {

TEST(RenameTables, GuessesWhereOneFits) {
  Model from;
  Model to;
  add_table(from, "public.buyers", 1, {{"id", "bigint"}, {"mail", "text"}, {"born", "date"}});
  add_table(to, "shop.customers", 1, {{"id", "bigint"}, {"mail", "text"}, {"born", "date"}});
  const Renames found = rename_tables(from, to, {});
  ASSERT_EQ(found.made.size(), 1U);
  EXPECT_EQ(found.made[0].up,
            (std::vector<std::string>{"ALTER TABLE public.buyers SET SCHEMA shop",
                                      "ALTER TABLE shop.buyers RENAME TO customers"}));
  EXPECT_EQ(found.made[0].down,
            (std::vector<std::string>{"ALTER TABLE shop.customers RENAME TO buyers",
                                      "ALTER TABLE shop.buyers SET SCHEMA public"}));
  EXPECT_TRUE(found.made[0].is_guessed);
  EXPECT_TRUE(rename_tables(from, to, {.guesses = false}).made.empty());
}

TEST(RenameTables, AsksWhereTwoFit) {
  Model from;
  Model to;
  add_table(from, "public.a", 1, {{"id", "bigint"}, {"x", "text"}});
  add_table(to, "public.b", 1, {{"id", "bigint"}, {"x", "text"}});
  add_table(to, "public.c", 2, {{"id", "bigint"}, {"x", "text"}});
  const Renames found = rename_tables(from, to, {});
  EXPECT_TRUE(found.made.empty());
  ASSERT_EQ(found.questions.size(), 1U);
  EXPECT_TRUE(
      found.questions[0].ends_with("say --rename public.a=public.b or --rename public.a=public.c"))
      << found.questions[0];
  auto wanted = parse_renames({"a=c"});
  ASSERT_TRUE(wanted);
  const Renames said = rename_tables(from, to, {.wanted = &*wanted});
  ASSERT_EQ(said.made.size(), 1U);
  EXPECT_EQ(said.made[0].to, "public.c");
  EXPECT_FALSE(said.made[0].is_guessed);
  EXPECT_TRUE(wanted->front().is_used);
}

TEST(RenameTables, FewColumnsSayTooLittle) {
  Model from;
  Model to;
  add_table(from, "public.a", 1, {{"id", "bigint"}, {"x", "text"}});
  add_table(to, "public.b", 1, {{"id", "bigint"}, {"y", "text"}});
  EXPECT_TRUE(rename_tables(from, to, {}).made.empty());
}

TEST(RenameColumns, ByNameAndByPlace) {
  struct Case {
    std::vector<std::pair<std::string, std::string>> from;
    std::vector<std::pair<std::string, std::string>> to;
    std::string want; ///< Empty: not guessed.
    std::size_t questions = 0;
  };
  const Case cases[] = {
      {{{"id", "int"}, {"name", "text"}}, {{"id", "int"}, {"full_name", "text"}}, "full_name"},
      {{{"name", "text"}, {"id", "int"}}, {{"id", "int"}, {"full_name", "text"}}, "full_name"},
      {{{"a", "text"}, {"id", "int"}}, {{"b", "text"}, {"id", "int"}}, "b"},
      {{{"a", "text"}, {"id", "int"}}, {{"id", "int"}, {"b", "text"}}, ""},
      {{{"a", "text"}, {"id", "int"}}, {{"b", "int"}, {"id", "int"}}, ""},
      {{{"a", "text"}}, {{"b", "text"}, {"c", "text"}}, "", 1},
      // What is called alike is taken first, and the other is no rival.
      {{{"name", "text"}, {"id", "int"}},
       {{"note", "text"}, {"full_name", "text"}, {"id", "int"}},
       "full_name"},
  };
  for (const Case& each : cases) {
    Model from;
    Model to;
    add_table(from, "public.t", 1, each.from);
    add_table(to, "public.t", 1, each.to);
    const Renames found = rename_columns(from, to, {});
    EXPECT_EQ(found.made.empty() ? "" : found.made[0].to.substr(9), each.want);
    EXPECT_EQ(found.questions.size(), each.questions);
  }
}

TEST(RenameOthers, WhereOnlyTheNameDiffers) {
  Model from;
  Model to;
  add_table(from, "public.t", 1, {{"id", "int"}});
  add_table(to, "public.t", 1, {{"id", "int"}});
  const auto index = [](const std::string& name) {
    return Object{.type = "INDEX",
                  .name = name,
                  .address = {.class_id = kClassRelation, .oid = 7},
                  .word = "index",
                  .identity = "public." + name,
                  .table = "public.t",
                  .sql = {"CREATE INDEX " + name + " ON public.t USING btree (id)"}};
  };
  add_object(from, index("old_idx"));
  add_object(to, index("new_idx"));
  const Renames found = rename_others(from, to, {});
  ASSERT_EQ(found.made.size(), 1U);
  EXPECT_EQ(found.made[0].up,
            std::vector<std::string>{"ALTER INDEX public.old_idx RENAME TO new_idx"});
  EXPECT_EQ(found.made[0].down,
            std::vector<std::string>{"ALTER INDEX public.new_idx RENAME TO old_idx"});
  to.objects.back().sql = {"CREATE INDEX new_idx ON public.t USING hash (id)"};
  EXPECT_TRUE(rename_others(from, to, {}).made.empty());
}

TEST(ParseRenames, WantsTwoNames) {
  EXPECT_FALSE(parse_renames({"a"}));
  EXPECT_FALSE(parse_renames({"=b"}));
  EXPECT_FALSE(parse_renames({"a="}));
  EXPECT_TRUE(parse_renames({"a=b", "c.d=e"}));
}

} // namespace
} // namespace pgkeep::migrate::declaring
