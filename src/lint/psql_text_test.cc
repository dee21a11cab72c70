#include "lint/psql_text.h"

#include <gtest/gtest.h>

#include <string>

namespace pgkeep::lint {
namespace {

/// "command \echo|data 1;variable :x".
std::string parts(std::string_view text) {
  std::string out;
  for (const PsqlPart& part : psql_parts_of(text)) {
    constexpr const char* names[] = {"command", "data", "variable"};
    out += names[static_cast<int>(part.kind)];
    out += " " + std::string(text.substr(part.begin, part.end - part.begin)) + "|";
  }
  return out;
}

TEST(PsqlParts, AreCommandsDataAndVariables) {
  EXPECT_EQ(parts("\\set a 1\nSELECT :a, :'b', :\"c\"; \\echo x\n"),
            "command \\set a 1|variable :a|variable :'b'|variable :\"c\"|command \\echo x|");
  EXPECT_EQ(parts("COPY s.t (a, b) FROM stdin;\n1\t\\N\n\\.\nSELECT :x;"),
            "data 1\t\\N\n\\.\n|variable :x|");
  EXPECT_EQ(parts("copy t from STDIN with (format csv);\r\n1,2\r\n\\.\r\n\\q"),
            "data 1,2\r\n\\.\r\n|command \\q|");
  EXPECT_EQ(parts("COPY t FROM stdin;\n\\.\n"), "data \\.\n|");
}

TEST(PsqlParts, AreNotInQuotesOrComments) {
  for (const char* text :
       {"SELECT '\\a :b';", "SELECT E'it\\'s \\\\ :b';", "SELECT \"a:b\\\";", "-- :a \\b\n",
        "/* :a /* \\b */ :c */", "SELECT $$ :a \\b $$;", "SELECT $x$ $$ :a \\b $x$;",
        "SELECT a::int[1 : 2], b := 1;", "SELECT 'a''b :c';"})
    EXPECT_EQ(parts(text), "") << text;
  EXPECT_EQ(parts("SELECT a$1, :b;"), "variable :b|") << "no dollar quote begins in a name";
}

TEST(PsqlParts, TakeOnlyLinesOfCopyFromStdin) {
  EXPECT_EQ(parts("COPY (SELECT 1 FROM stdin) TO STDOUT;\n\\.\n"), "command \\.|");
  EXPECT_EQ(parts("COPY t FROM 'stdin';\nSELECT 1;\n"), "");
  EXPECT_EQ(parts("SELECT copy FROM stdin;\n\\.\n"), "command \\.|");
  EXPECT_EQ(parts("COPY t FROM stdin;\n1\n"), "") << "lines without an end";
}

TEST(PsqlParts, OfAnyTextStayInside) {
  const std::string_view text = "COPY t FROM stdin;'\\x:$a$/*";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    for (const PsqlPart& part : psql_parts_of(text.substr(0, length))) {
      EXPECT_LT(part.begin, part.end);
      EXPECT_LE(part.end, length);
    }
  }
}

} // namespace
} // namespace pgkeep::lint
