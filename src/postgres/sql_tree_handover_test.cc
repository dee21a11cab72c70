#include "postgres/sql_tree_handover.h"

#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "postgres/sql_parser.h"
#include "postgres/sql_tree.h"

namespace pgkeep::postgres {
namespace {

Node node_of(const PgQuery__ParseResult* result) {
  return Node(reinterpret_cast<const ProtobufCMessage*>(result));
}

constexpr std::string_view kStatements[] = {
    "",
    "SELECT 1, 2.5, 'x', true, NULL, B'1', $1, ARRAY[[1], [2]], ROW(1, a.*) FROM ONLY a AS b (c)",
    "SELECT '' FROM \"\"\"\" WHERE x IS NOT NULL AND y = ANY ($1) OR NOT z -- nothing\n; SELECT;",
    "WITH RECURSIVE w AS MATERIALIZED (SELECT 1 UNION ALL SELECT n + 1 FROM w) TABLE w",
    "INSERT INTO t (a, b[1].c) VALUES (DEFAULT, 1), (2, 3) ON CONFLICT (a) DO UPDATE SET a = 1 "
    "RETURNING *",
    "CREATE TABLE s.t (id bigint GENERATED ALWAYS AS IDENTITY, a numeric(10, 2)[] DEFAULT '{}', "
    "CHECK (a > '{}') NOT VALID, EXCLUDE USING gist (r WITH &&)) PARTITION BY RANGE (id)",
    "CREATE FUNCTION f(VARIADIC a int[] DEFAULT '{}') RETURNS TABLE (b int) LANGUAGE sql "
    "BEGIN ATOMIC SELECT 1; SELECT 2; END",
    "ALTER TABLE t ADD COLUMN a int, ALTER b TYPE text USING b::text, DROP CONSTRAINT c CASCADE",
    "SELECT sum(a) FILTER (WHERE b) OVER (PARTITION BY c ORDER BY d ROWS 2 PRECEDING) FROM t "
    "GROUP BY GROUPING SETS ((a), ROLLUP (b, c)) LIMIT 1 FOR UPDATE SKIP LOCKED",
    "GRANT SELECT (a) ON t TO PUBLIC, CURRENT_USER; COMMENT ON TABLE t IS 'é'; BEGIN; COMMIT",
};

TEST(SqlTreeHandoverTest, a_tree_handed_over_is_the_tree_unpacked) {
  for (const std::string_view sql : kStatements) {
    Arena arena;
    const auto handed = parse_into(arena, std::string(sql));
    const auto unpacked = parse_packed_into(arena, std::string(sql));
    ASSERT_TRUE(handed && unpacked) << sql;
    EXPECT_EQ((*handed)->n_stmts, (*unpacked)->n_stmts) << sql;
    EXPECT_EQ((*handed)->version, (*unpacked)->version);
    EXPECT_EQ(digest(node_of(*handed)), digest(node_of(*unpacked))) << sql;
    EXPECT_TRUE(kinds_in(node_of(*handed)) == kinds_in(node_of(*unpacked))) << sql;
    std::vector<std::optional<std::size_t>> places[2];
    walk(node_of(*handed),
         [&](const Node& each) { return places[0].push_back(each.offset()), true; });
    walk(node_of(*unpacked),
         [&](const Node& each) { return places[1].push_back(each.offset()), true; });
    EXPECT_EQ(places[0], places[1]) << sql;
  }
}

TEST(SqlTreeHandoverTest, it_outlives_the_parsers_memory_and_thread) {
  Arena arena;
  const PgQuery__ParseResult* result = nullptr;
  std::thread([&] { result = *parse_into(arena, "SELECT 'kept' FROM there"); }).join();
  std::thread([&] { EXPECT_TRUE(Tree::parse("SELECT 'another' FROM elsewhere")); }).join();
  ASSERT_EQ(result->n_stmts, 1U);
  const Node select = node_of(result).nodes("stmts").front().node("stmt");
  EXPECT_EQ(select.nodes("from_clause").front().text("relname"), "there");
}

TEST(SqlTreeHandoverTest, who_did_not_ask_gets_packed_bytes_as_ever) {
  EXPECT_TRUE(Tree::parse("SELECT 1"));
  EXPECT_FALSE(Tree::parse("SELEC 1"));
  EXPECT_EQ(normalize("SELECT 'a'"), "SELECT $1");
  Arena arena;
  EXPECT_FALSE(parse_into(arena, "SELEC 1"));
  EXPECT_EQ((*parse_packed_into(arena, "SELECT 1; SELECT 2"))->n_stmts, 2U);
}

} // namespace
} // namespace pgkeep::postgres
