#include "pool/hba.h"

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

base::Result<std::string> read_names(const std::string& path) {
  if (path == "names") return std::string("carol, dave # and a comment\n\"e f\"\n");
  return base::Error{.code = base::Code::io, .what = "no such file"};
}

HbaRules rules_of(std::string_view text) {
  return hba_rules_of(text, read_names);
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
  ASSERT_EQ(rules.problems, std::vector<std::string>{});
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

TEST(Hba, MistakesAreSaidInPgbouncersWords) {
  struct WrongRule {
    std::string_view line;
    std::string_view problem;
  };
  const WrongRule lines[] = {
      {"hostgssenc all all all md5", "hba line 1: unknown type"},
      {"host all all trust", "hba line 1: a field is missing"},
      {"host all all host.example md5", "hba line 1: failed to parse address - host.example"},
      {"host all all samenet md5", "hba line 1: failed to parse address - samenet"},
      {"host all all 10.0.0.0/33 md5", "hba line 1: invalid mask"},
      {"host all all ::1/129 md5", "hba line 1: invalid mask"},
      {"host all all 10.0.0.0 md5", "hba line 1: invalid mask"},
      {"host all all 10.0.0.0/8 nonsense", "hba line 1: unsupported method: buf=nonsense"},
      {"local all all gss", "hba line 1: unsupported method: buf=gss"},
      {"host all all all cert", "hba line 1: unsupported method: buf=cert"},
      {"host all all all peer", "hba line 1: unsupported method: buf=peer"},
      {"local all all md5 map=x", "hba line 1: unsupported parameters"},
      {"local samerole all md5", "hba line 1: samerole is not supported"},
      {"local all +group md5", "hba line 1: +group is not supported"},
      {"local all", "hba line 1: a field is missing"},
      {"local @none all md5", "hba line 1: could not load file \"none\""},
      {"local \"all all md5", "hba line 1: a quote without an end"},
  };
  for (const WrongRule& each : lines) {
    const HbaRules rules = rules_of(each.line);
    EXPECT_TRUE(rules.rules.empty()) << each.line;
    EXPECT_EQ(rules.problems, std::vector<std::string>{std::string(each.problem)});
  }
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
  EXPECT_EQ(map.problems.size(), 2U);
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
