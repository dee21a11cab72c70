#include "sandbox/dump.h"

#include <gtest/gtest.h>

namespace pgkeep::sandbox {
namespace {

TEST(WithoutRestrict, TakesOutTheTwoLinesAndNothingElse) {
  EXPECT_EQ(without_restrict("--\n\\restrict abc\nCREATE FUNCTION f() AS '\n\\unrestrict other\n"
                             "\\restrict abc\n';\n\\unrestrict abc\n"),
            "--\nCREATE FUNCTION f() AS '\n\\unrestrict other\n\\restrict abc\n';\n\n");
  EXPECT_EQ(without_restrict("SELECT 1;"), "SELECT 1;\n");
}

TEST(StatementsOfDump, CutsNewerSyntaxAtHeadings) {
  EXPECT_EQ(statements_of_dump("CREATE TABLE a (b int);\nCREATE INDEX c ON a (b);").size(), 2U);
  const auto pieces = statements_of_dump(
      "SET x = 1;\n\n--\n-- Name: a; Type: TABLE; Schema: public\n--\n\nCREATE NEWER a;\n\n--\n"
      "-- Name: b; Type: TABLE; Schema: public\n--\n\nCREATE NEWER b;\nCREATE NEWER c;");
  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_TRUE(pieces[2].ends_with("CREATE NEWER b;\nCREATE NEWER c;"));
}

} // namespace
} // namespace pgkeep::sandbox
