#include <gtest/gtest.h>

#include "postgres/connect.h"

namespace pgkeep::postgres {
namespace {

using base::Code;

// The messages are what libpq 15 said on the wire to real servers, with verbosity "verbose".
TEST(ConnectFailure, IsJudgedBySqlstateElseByText) {
  struct Case {
    std::string_view message;
    Code code;
    std::string_view sqlstate;
    std::string_view what;
  };
  const Case cases[] = {
      {"connection to server at \"10.0.0.5\", port 5432 failed: FATAL:  28P01: password "
       "authentication failed for user \"x\"\n"
       "LOCATION:  auth_failed, auth.c:335\n",
       Code::refused, "28P01", "password authentication failed for user \"x\""},
      {"connection to server at \"h\" (10.0.0.5), port 5432 failed: FATALE:  3D000: il database "
       "\"y\" non esiste\nPOSIZIONE:  x\n",
       Code::refused, "3D000", "il database \"y\" non esiste"},
      {"connection to server at \"a\" (1.2.3.4), port 5432 failed: Connection refused\n\tIs the "
       "server running on that host and accepting "
       "TCP/IP connections?\n",
       Code::unreachable, "", "connection refused: nothing listens there"},
      {"connection to server at \"a\" (1.2.3.4), port 5432 failed: Connection refused\n"
       "connection to server at \"b\" (1.2.3.5), port 5432 failed: FATAL:  57P03: the database "
       "system is starting up\n",
       Code::refused, "57P03", "the database system is starting up"},
      {"connection to server at \"127.0.0.1\", port 80 failed: received invalid response to SSL "
       "negotiation: H\n",
       Code::unreachable, "", "something answers there, but it is not a PostgreSQL"},
      {"connection to server at \"127.0.0.1\", port 80 failed: something new\n", Code::unreachable,
       "", "something new"},
      {"", Code::unreachable, "", "the server cannot be reached"},
  };
  for (const Case& c : cases) {
    const base::Error error = connect_failure(c.message, "place", {});
    EXPECT_EQ(error.code, c.code) << c.message;
    EXPECT_EQ(error.sqlstate, c.sqlstate) << c.message;
    EXPECT_EQ(error.what, c.what) << c.message;
    EXPECT_EQ(error.where, "place");
    EXPECT_FALSE(error.hint.empty()) << c.message;
  }
}

TEST(CleanMessage, IsOneLineWithoutSecrets) {
  EXPECT_EQ(clean_message("no  \n\tway hunter2x.\n", {"hunter2"}), "no way ***x");
  // A short secret is masked as a word only, else no message would be left.
  EXPECT_EQ(clean_message("a cat a", {"a"}), "*** cat ***");
  EXPECT_EQ(clean_message("text", {""}), "text");
}

TEST(Conninfo, ReadsUrisAndWords) {
  const auto uri = parse_conninfo("postgresql://me:p%40ss@h1:1,h2:2/app?sslmode=require");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->get("host"), "h1,h2");
  EXPECT_EQ(uri->get("port"), "1,2");
  EXPECT_EQ(uri->get("password"), "p@ss");
  EXPECT_EQ(uri->get("sslmode"), "require");
  EXPECT_EQ(parse_conninfo("host=/run/x dbname='a b'")->get("dbname"), "a b");
  EXPECT_TRUE(parse_conninfo("")->values.empty());
  EXPECT_TRUE(parse_conninfo("host=@abstract"));
}

TEST(Conninfo, NeverRepeatsAWrongText) {
  for (const std::string target :
       {"geheim", "host=a geheim=x", "postgresql://u:geheim%zz@h/d", "postgresql://u:x@geheim@h/d",
        "postgresql://u:geheim/x@h/d", "password='geheim", "postgresql://h/d?geheim=1",
        "postgresql://[geheim"}) {
    const auto conninfo = parse_conninfo(target);
    ASSERT_FALSE(conninfo) << target;
    EXPECT_EQ(conninfo.error().code, Code::usage) << target;
    EXPECT_EQ(base::to_line(conninfo.error()).find("geheim"), std::string::npos)
        << base::to_line(conninfo.error());
  }
  for (const std::string_view message :
       {"invalid sslmode value: \"geheim\"\n", "invalid port number: \"geheim\"\n",
        "something new \"geheim\"\n"}) {
    EXPECT_EQ(base::to_line(conninfo_failure(message)).find("geheim"), std::string::npos)
        << message;
  }
}

TEST(Label, NamesHostsPortsAndDatabase) {
  EXPECT_EQ(label_of("10.0.0.5", "5432", "app"), "10.0.0.5:5432/app");
  EXPECT_EQ(label_of("::1", "5433", "app"), "[::1]:5433/app");
  EXPECT_EQ(label_of("/run/x", "", "app"), "/run/x:5432/app");
  EXPECT_EQ(label_of("a,b", "1,2", "app"), "a:1,b:2/app");
  EXPECT_EQ(label_of("a,b", "1", ""), "a:1,b:1");
}

} // namespace
} // namespace pgkeep::postgres
