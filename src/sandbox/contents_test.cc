#include "sandbox/contents.h"

#include <gtest/gtest.h>

namespace pgkeep::sandbox {
namespace {

TEST(ContentsOfDump, CutsAtHeadings) {
  const auto all = contents_of_dump(
      "SET client_encoding = 'UTF8';\n\n--\n-- TOC entry 221 (class 1255 OID 16415)\n"
      "-- Name: f(integer, text); Type: FUNCTION; Schema: public; Owner: -\n--\n\n"
      "CREATE FUNCTION public.f(a integer) RETURNS integer\n    LANGUAGE sql\n"
      "    AS $$select 1;$$;\n\n\nSET default_tablespace = '';\n\n"
      "SET default_table_access_method = heap;\n\n"
      "--\n-- TOC entry 3380 (class 6104 OID 16428)\n-- Dependencies: 5\n"
      "-- Name: pub; Type: PUBLICATION; Schema: -; Owner: -\n--\n\n"
      "CREATE PUBLICATION pub FOR ALL TABLES;\n\n\n-- Completed on 2026-11-29\n\n--\n-- "
      "Done\n--\n");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].type, "FUNCTION");
  EXPECT_EQ(all[0].name, "f(integer, text)");
  EXPECT_EQ(all[0].schema, "public");
  EXPECT_EQ(all[0].class_id, 1255U);
  EXPECT_EQ(all[0].oid, 16415U);
  ASSERT_EQ(all[0].statements.size(), 1U);
  EXPECT_TRUE(all[0].statements[0].ends_with("AS $$select 1;$$"));
  EXPECT_EQ(all[1].schema, "");
  EXPECT_EQ(all[1].statements, std::vector<std::string>{"CREATE PUBLICATION pub FOR ALL TABLES"});
}

TEST(ContentsOfDump, NothingInNothing) {
  EXPECT_TRUE(contents_of_dump("SET a = 1;\n").empty());
}

} // namespace
} // namespace pgkeep::sandbox
