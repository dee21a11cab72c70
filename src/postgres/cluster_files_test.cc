#include "postgres/cluster_files.h"

#include <gtest/gtest.h>

namespace pgkeep::postgres {
namespace {

TEST(PostmasterPid, ReadsAllLines) {
  const auto found = parse_postmaster_pid(
      "4711\n/var/lib/data\n1795268665\n5433\n/run/pg\n127.0.0.1\n 1234567 98\nready   \n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->process.pid, 4711);
  EXPECT_EQ(found->data, "/var/lib/data");
  EXPECT_EQ(found->start_epoch_s, 1795268665);
  EXPECT_EQ(found->port, 5433);
  EXPECT_EQ(found->socket_directory, "/run/pg");
  EXPECT_EQ(found->listen_address, "127.0.0.1");
  EXPECT_EQ(found->status, "ready");
}

TEST(PostmasterPid, IsReadWhileItIsStillWritten) {
  const auto first = parse_postmaster_pid("4711\n/d\n1795268665\n5432");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->port, 5432);
  EXPECT_EQ(first->status, "");
  EXPECT_EQ(parse_postmaster_pid("4711")->process.pid, 4711);
}

TEST(PostmasterPid, KnowsASingleUserServer) {
  const auto found = parse_postmaster_pid("-99\n/d\n1\n0\n\n\n\nready\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->process.pid, 99);
  EXPECT_EQ(found->status, "single-user");
}

TEST(PostmasterPid, RefusesOtherText) {
  for (const std::string_view text :
       {"", "\n", "0\n", "abc\n", "12x\n", "99999999999999\n", "-2147483648\n"}) {
    EXPECT_FALSE(parse_postmaster_pid(text)) << text;
  }
}

TEST(ProgramVersion, ReadsReleasesAndPrereleases) {
  EXPECT_EQ(parse_program_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n")->number,
            150018);
  EXPECT_EQ(parse_program_version("postgres (PostgreSQL) 18.4")->number, 180004);
  EXPECT_EQ(parse_program_version("postgres (PostgreSQL) 19beta1\n")->number, 190000);
  EXPECT_EQ(parse_program_version("postgres (PostgreSQL) 19devel\n")->number, 190000);
  for (const std::string_view text :
       {"", "postgres", "postgres (PostgreSQL) ", "postgres (PostgreSQL) x",
        "postgres (PostgreSQL) 99999999999"}) {
    EXPECT_FALSE(parse_program_version(text)) << text;
  }
}

} // namespace
} // namespace pgkeep::postgres
