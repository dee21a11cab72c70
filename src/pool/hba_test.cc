#include "pool/hba.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

base::Result<std::string> read_names(const std::string& path) {
  if (path == "/etc/names")
    return std::string("carol, dave # and a comment\n\n\"e f\", @sub/more\n");
  if (path == "/etc/sub/more") return std::string("@last\n\"@last\"\n");
  if (path == "/etc/sub/last") return std::string("frank\n");
  if (path == "/etc/all") return std::string("x, all\n");
  if (path == "/etc/quoted") return std::string("\"all\"\n");
  if (path == "/etc/group") return std::string("alice\n+staff\n");
  if (path == "/etc/self") return std::string("@self\n");
  return base::Error{.code = base::Code::io, .what = "no such file"};
}

HbaRules rules_of(std::string_view text) {
  return hba_rules_of(text, "/etc/hba", read_names);
}

TEST(Hba, TheFirstRuleThatFitsDecides) {
  const HbaRules rules =
      rules_of("# who comes from where\n"
               "local   all          postgres                   peer map=admins\n"
               "local   sameuser     all                        md5\n"
               "host    shop,\"all\"   alice,bob  10.0.0.0/8      scram-sha-256\n"
               "host    all          mallory    all             reject\n"
               "hostssl all          all        ::1/128         cert map=c\n"
               "hostnossl all        @names     192.168.1.0 255.255.255.0 password\n"
               "host    replication  rep        0.0.0.0/0       trust\n");
  ASSERT_EQ(rules.problems, std::vector<LineProblem>{});
  struct Client {
    HbaClient client;
    int line; ///< 0: none.
  };
  const auto ip = [](std::string_view text) { return *ip_address_of(text); };
  const Client clients[] = {
      {{.database = "shop", .user = "postgres"}, 2},
      {{.database = "alice", .user = "alice"}, 3},
      {{.database = "shop", .user = "alice"}, 0},
      {{.database = "shop", .user = "alice", .address = ip("10.1.2.3")}, 4},
      {{.database = "all", .user = "bob", .address = ip("::ffff:10.1.2.3")}, 4},
      {{.database = "shop", .user = "alice", .address = ip("11.1.2.3")}, 0},
      {{.database = "other", .user = "alice", .address = ip("10.1.2.3")}, 0},
      {{.database = "shop", .user = "mallory", .address = ip("2001:db8::1")}, 5},
      {{.database = "shop", .user = "eve", .has_tls = true, .address = ip("::1")}, 6},
      {{.database = "shop", .user = "eve", .address = ip("::1")}, 0},
      {{.database = "shop", .user = "e f", .address = ip("192.168.1.77")}, 7},
      {{.database = "shop", .user = "dave", .has_tls = true, .address = ip("192.168.1.77")}, 0},
      {{.database = "shop", .user = "carol", .address = ip("192.168.2.77")}, 0},
      {{.database = "x", .user = "rep", .is_replication = true, .address = ip("1.2.3.4")}, 8},
      {{.database = "replication", .user = "rep", .address = ip("1.2.3.4")}, 0},
      {{.database = "x", .user = "postgres", .is_replication = true}, 0},
  };
  for (const Client& each : clients) {
    const HbaRule* const rule = rule_for(rules, each.client);
    EXPECT_EQ(rule == nullptr ? 0 : rule->line, each.line)
        << each.client.database << ' ' << each.client.user;
  }
  EXPECT_EQ(rules.rules[0].map, "admins");
}

TEST(Hba, AnAddressIsForItsFamilyOnly) {
  struct Case {
    std::string_view address;
    bool fits_ipv4; ///< 127.0.0.1
    bool fits_ipv6; ///< ::1
  };
  const Case cases[] = {
      {"all", true, true},
      {"0.0.0.0/0", true, false},
      {"0.0.0.0 0.0.0.0", true, false},
      {"::/0", false, true},
      {":: ::", false, true},
      {"::/64", false, true},
      {"::/80", false, true},
      {"::1/128", false, true},
      {"127.0.0.0/8", true, false},
      {"::ffff:0:0/96", false, false},
  };
  for (const Case& each : cases) {
    const HbaRules rules = rules_of(fmt::format("host all all {} trust", each.address));
    ASSERT_EQ(rules.rules.size(), 1U) << each.address;
    const auto fits = [&](std::string_view address) {
      return rule_for(rules, {.database = "d", .user = "u", .address = ip_address_of(address)});
    };
    EXPECT_EQ(fits("127.0.0.1") != nullptr, each.fits_ipv4) << each.address;
    EXPECT_EQ(fits("::1") != nullptr, each.fits_ipv6) << each.address;
  }
}

TEST(Hba, ARuleCountsWhereNobodyCanComeInByItsMethod) {
  for (const std::string_view line :
       {"local all u cert", "host all u all peer", "host all u all cert", "hostssl all u all peer",
        "hostnossl all u all cert map=m", "hostnossl all u all peer"}) {
    const HbaRules rules =
        rules_of(fmt::format("{}\nlocal all u trust\nhost all u all trust", line));
    EXPECT_EQ(rules.problems, std::vector<LineProblem>{}) << line;
    HbaClient client{.database = "d", .user = "u", .has_tls = line.starts_with("hostssl")};
    if (!line.starts_with("local")) client.address = ip_address_of("::1");
    const HbaRule* const rule = rule_for(rules, client);
    ASSERT_NE(rule, nullptr) << line;
    EXPECT_EQ(rule->line, 1) << line;
  }
}

TEST(Hba, MistakesAreSaidInPgbouncersWords) {
  struct WrongRule {
    std::string_view line;
    std::string_view problem;
  };
  const WrongRule lines[] = {
      {"hostgssenc all all all md5", "unknown type"},
      {"host all all trust", "a field is missing"},
      {"host all all host.example md5", "failed to parse address - host.example"},
      {"host all all samenet md5", "failed to parse address - samenet"},
      {"host all all 10.0.0.0/33 md5", "invalid mask"},
      {"host all all ::1/129 md5", "invalid mask"},
      {"host all all 10.0.0.0 md5", "invalid mask"},
      {"host all all 10.0.0.0 :: md5", "invalid mask"},
      {"host all all :: 0.0.0.0 md5", "invalid mask"},
      {"host all all 127.0.0.5/8 trust", "address does not match mask: 127.0.0.5 / 255.0.0.0"},
      {"host all all 10.0.1.0 255.255.0.0 trust",
       "address does not match mask: 10.0.1.0 / 255.255.0.0"},
      {"host all all ::1/64 trust", "address does not match mask: ::1 / ffff:ffff:ffff:ffff::"},
      {"host all all 10.0.0.0/8 nonsense", "unsupported method: buf=nonsense"},
      {"local all all gss", "unsupported method: buf=gss"},
      {"local all all md5 map=x", "unsupported parameters"},
      {"local samerole all md5", "samerole is not supported"},
      {"local all +group md5", "+group is not supported"},
      {"local all", "a field is missing"},
      {"local @none all md5", "could not load file \"/etc/none\""},
      {"local all @group md5", "+staff is not supported"},
      {"local all @self md5", "more than 10 files name each other"},
      {"local \"all all md5", "a quote without an end"},
  };
  for (const WrongRule& each : lines) {
    const HbaRules rules = rules_of(each.line);
    EXPECT_TRUE(rules.rules.empty()) << each.line;
    EXPECT_EQ(rules.problems,
              (std::vector<LineProblem>{{.line = 1, .what = std::string(each.problem)}}));
  }
}

TEST(Hba, NamesOfAFileAreReadAsThoseOfAField) {
  struct Case {
    std::string_view names; ///< Of users.
    std::vector<std::string_view> in;
    std::vector<std::string_view> out;
  };
  const Case cases[] = {
      {"@names", {"carol", "dave", "e f", "frank", "@last"}, {"sub", "last"}},
      {"\"@names\"", {"@names"}, {"carol"}},
      {"@sub/more,bob", {"frank", "bob"}, {"carol"}},
      {"@/etc/sub/last", {"frank"}, {"@last"}},
      {"@all", {"x", "anybody"}, {}},
      {"@quoted", {"all"}, {"anybody"}},
  };
  for (const Case& each : cases) {
    const HbaRules rules = rules_of(fmt::format("local all {} trust", each.names));
    ASSERT_EQ(rules.rules.size(), 1U) << each.names;
    for (const std::string_view user : each.in)
      EXPECT_NE(rule_for(rules, {.database = "d", .user = user}), nullptr) << each.names << user;
    for (const std::string_view user : each.out)
      EXPECT_EQ(rule_for(rules, {.database = "d", .user = user}), nullptr) << each.names << user;
  }
  const HbaRules rules = rules_of("local @all @quoted trust");
  EXPECT_NE(rule_for(rules, {.database = "d", .user = "all"}), nullptr);
}

TEST(Hba, LdapKeepsItsOptions) {
  const HbaRules rules =
      rules_of("host all all all ldap ldapserver=x ldapbasedn=\"dc=a, dc=b\" # why");
  ASSERT_EQ(rules.rules.size(), 1U);
  EXPECT_EQ(rules.rules[0].options,
            (std::vector<std::string>{"ldapserver=x", "ldapbasedn=dc=a, dc=b"}));
}

TEST(Hba, Addresses) {
  EXPECT_EQ(ip_address_of("10.0.0.1"), ip_address_of("::ffff:10.0.0.1"));
  EXPECT_NE(ip_address_of("10.0.0.1"), ip_address_of("::10.0.0.1"));
  for (const std::string_view text : {"", "10.0.0", "10.0.0.1/8", "host", ":::"})
    EXPECT_FALSE(ip_address_of(text)) << text;
}

TEST(Ident, MapsSystemUsersToThoseOfTheDatabase) {
  const IdentMap map = ident_map_of("admins root postgres\nadmins deploy all # each\nother x y\n"
                                    "broken line\nadmins /^a$ b\n");
  EXPECT_EQ(map.problems, (std::vector<LineProblem>{
                              {.line = 4, .what = "three names are needed"},
                              {.line = 5, .what = "patterns and groups are not supported"}}));
  EXPECT_TRUE(may_be(map, "admins", "root", "postgres"));
  EXPECT_FALSE(may_be(map, "admins", "root", "alice"));
  EXPECT_TRUE(may_be(map, "admins", "deploy", "alice"));
  EXPECT_FALSE(may_be(map, "admins", "x", "y"));
  EXPECT_FALSE(may_be(map, "none", "root", "postgres"));
  EXPECT_TRUE(may_be(map, "", "alice", "alice"));
  EXPECT_FALSE(may_be(map, "", "alice", "bob"));
}

} // namespace
} // namespace pgkeep::pool
