#include "postgres/sql_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeep::postgres {
namespace {

using testing::ElementsAre;

Tree tree_of(std::string_view sql) {
  auto tree = Tree::parse(sql);
  EXPECT_TRUE(tree) << base::to_line(tree.error());
  return *std::move(tree);
}

std::string digest_of(std::string_view sql) {
  return digest(tree_of(sql).root());
}

TEST(SqlTreeTest, shows_kinds_fields_lists_and_enums) {
  const Tree tree = tree_of("ALTER TABLE ONLY shop.orders ADD COLUMN a int NOT NULL, DROP b");
  const Node root = tree.root();
  EXPECT_EQ(root.kind(), "AlterTableStmt");
  EXPECT_EQ(root.name("objtype"), "OBJECT_TABLE");
  EXPECT_EQ(root.node("relation").text("schemaname"), "shop");
  EXPECT_EQ(root.node("relation").text("relname"), "orders");
  EXPECT_FALSE(root.node("relation").flag("inh"));
  const std::vector<Node> commands = root.nodes("cmds");
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_EQ(commands[0].name("subtype"), "AT_AddColumn");
  EXPECT_EQ(commands[0].node("def").text("colname"), "a");
  EXPECT_EQ(commands[0].node("def").node("type_name").offset(), 42U);
  EXPECT_EQ(commands[1].text("name"), "b");
}

TEST(SqlTreeTest, a_walk_goes_parents_first_and_leaves_out_what_it_is_told_to) {
  const Tree tree = tree_of("SELECT f(a, 1), (SELECT 2) FROM t WHERE b");
  std::vector<std::string_view> all;
  walk(tree.root(), [&](const Node& node) { return all.push_back(node.kind()), true; });
  EXPECT_THAT(all,
              ElementsAre("SelectStmt", "ResTarget", "FuncCall", "String", "ColumnRef", "String",
                          "A_Const", "Integer", "ResTarget", "SubLink", "SelectStmt", "ResTarget",
                          "A_Const", "Integer", "RangeVar", "ColumnRef", "String"));
  std::vector<std::string_view> some;
  walk(tree.root(), [&](const Node& node) {
    some.push_back(node.kind());
    return node.kind() != "FuncCall" && node.kind() != "SubLink";
  });
  EXPECT_THAT(some, ElementsAre("SelectStmt", "ResTarget", "FuncCall", "ResTarget", "SubLink",
                                "RangeVar", "ColumnRef", "String"));
  std::vector<std::string_view> below;
  each_child(tree.root(), [&](const Node& node) { below.push_back(node.kind()); });
  EXPECT_THAT(below, ElementsAre("ResTarget", "ResTarget", "RangeVar", "ColumnRef"));
  EXPECT_TRUE(kinds_in(tree.root().nodes("target_list")[1]) ==
              kinds_named("ResTarget SubLink SelectStmt A_Const Integer"));
  walk(Node{}, [](const Node&) { return ADD_FAILURE() << "nothing is below no node", true; });
}

TEST(SqlTreeTest, a_walk_of_some_kinds_goes_below_the_others) {
  const Tree tree = tree_of("SELECT f(a, 1), (SELECT b) FROM t WHERE c");
  std::vector<std::string> names;
  walk(tree.root(), kinds<"ColumnRef SubLink">(), [&](const Node& node) {
    for (const std::string& name : strings_of(node.nodes_if("ColumnRef", "fields")))
      names.push_back(name);
    return !node.is("SubLink");
  });
  EXPECT_THAT(names, ElementsAre("a", "c"));
}

TEST(SqlTreeTest, kinds_keep_their_underscores) {
  const Tree tree = tree_of("SELECT 1 + x");
  const Node sum = tree.root().nodes("target_list").front().node("val");
  EXPECT_EQ(sum.kind(), "A_Expr");
  EXPECT_TRUE(sum.node("lexpr").is("A_Const"));
  EXPECT_FALSE(sum.node("lexpr").is("A_Con"));
}

TEST(SqlTreeTest, statements_have_their_places) {
  const std::string_view sql =
      "-- why\n/* a /* b */ ; */ SELECT 1 ;; SELECT 'ü' -- x\n; SELECT 3\n--";
  const Tree tree = tree_of(sql);
  std::vector<std::string_view> pieces;
  for (const TreeStatement& each : tree.statements())
    pieces.push_back(sql.substr(each.begin, each.end - each.begin));
  EXPECT_THAT(pieces, ElementsAre("SELECT 1", "SELECT 'ü' -- x", "SELECT 3\n--"));
}

TEST(SqlTreeTest, a_text_can_stand_in_another) {
  const std::string_view whole = "-- other;\nSELECT a, 'x' FROM t; SELECT 2";
  const std::size_t begin = whole.find("SELECT");
  auto tree = Tree::parse(whole.substr(begin), begin);
  ASSERT_TRUE(tree);
  const std::vector<TreeStatement> statements = tree->statements();
  ASSERT_EQ(statements.size(), 2U);
  EXPECT_EQ(statements[0].begin, begin);
  EXPECT_EQ(whole.substr(statements[1].begin), "SELECT 2");
  const Node table = statements[0].root.nodes("from_clause").front();
  EXPECT_EQ(table.offset(), whole.find("t;"));
  EXPECT_EQ(digest(statements[0].root), digest_of("SELECT a, 'x' FROM t"));
}

TEST(SqlTreeTest, the_folder_of_a_tablespace_is_no_place) {
  const Tree tree = tree_of("CREATE TABLESPACE fast LOCATION '/srv/fast'");
  EXPECT_EQ(tree.root().text("location"), "/srv/fast");
  EXPECT_EQ(tree.root().offset(), std::nullopt);
}

TEST(SqlTreeTest, of_no_node_everything_is_empty) {
  const Node none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.kind(), "");
  EXPECT_EQ(none.node("x").text("y"), "");
  EXPECT_TRUE(none.nodes("x").empty());
  EXPECT_EQ(none.number("x"), 0);
  EXPECT_FALSE(tree_of("").root());
  EXPECT_FALSE(tree_of("-- nothing").root());
}

TEST(SqlTreeTest, a_constant_has_only_the_member_that_is_set) {
  const Tree tree = tree_of("SELECT 'x', 7, true, NULL");
  std::vector<std::string> seen;
  for (const Node& target : tree.root().nodes("target_list")) {
    const Node value = target.node("val");
    seen.push_back(std::string(value.node("sval").text("sval")) + "/" +
                   std::to_string(value.node("ival").number("ival")) + "/" +
                   (value.node("boolval").flag("boolval") ? "t" : "f") +
                   (value.flag("isnull") ? "n" : ""));
  }
  EXPECT_THAT(seen, ElementsAre("x/0/f", "/7/f", "/0/t", "/0/fn"));
}

TEST(SqlTreeTest, walk_visits_parents_first_and_stops_where_told) {
  const Tree tree = tree_of("SELECT a FROM t WHERE b = (SELECT c FROM u)");
  std::vector<std::string> tables;
  walk(tree.root(), [&](const Node& node) {
    if (node.is("RangeVar")) tables.emplace_back(node.text("relname"));
    return !node.is("SubLink");
  });
  EXPECT_THAT(tables, ElementsAre("t"));
}

TEST(SqlTreeTest, a_name_of_several_parts) {
  const Tree tree = tree_of("DROP TABLE a.b, c");
  const std::vector<Node> objects = tree.root().nodes("objects");
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_THAT(strings_of(objects[0].nodes("items")), ElementsAre("a", "b"));
  EXPECT_THAT(strings_of(objects[1].nodes("items")), ElementsAre("c"));
}

TEST(SqlTreeTest, the_digest_ignores_layout_and_comments_only) {
  const std::string digest = digest_of("SELECT a, 'x' FROM t WHERE b IN (1, 2)");
  EXPECT_EQ(digest_of("select a , /* why */ 'x'\nfrom  t where b in (1,2) -- c"), digest);
  for (const char* const other :
       {"SELECT a, 'y' FROM t WHERE b IN (1, 2)", "SELECT a, 'x' FROM t WHERE b IN (1, 3)",
        "SELECT a, 'x' FROM u WHERE b IN (1, 2)", "SELECT a, 'x' FROM t WHERE b NOT IN (1, 2)",
        "SELECT a, 'x' FROM t", "SELECT a, 'x', NULL FROM t WHERE b IN (1, 2)"})
    EXPECT_NE(digest_of(other), digest) << other;
  EXPECT_NE(digest_of("SELECT 1"), digest_of("SELECT '1'"));
  EXPECT_NE(digest_of("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
            digest_of("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'"));
}

TEST(SqlTreeTest, says_where_a_text_does_not_parse) {
  const auto tree = Tree::parse("UPDATE accounts\nSET balance = ...");
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().where, "2:15");
  EXPECT_EQ(tree.error().code, base::Code::unsupported);
}

TEST(SqlTreeDeathTest, a_field_that_a_kind_does_not_have_ends_the_program) {
  const Tree tree = tree_of("SELECT 1");
  EXPECT_DEATH(static_cast<void>(tree.root().text("relname")), "a SelectStmt has no field");
}

} // namespace
} // namespace pgkeep::postgres
