#include "pool/ldap_auth.h"

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

TEST(LdapOptions, AreWordsWithQuotesAround) {
  const auto words = ldap_words_in(R"(ldapserver=x, ldapbasedn="dc=a, dc=""b""" ldaptls=1)");
  ASSERT_TRUE(words);
  EXPECT_EQ(*words,
            (std::vector<std::string>{"ldapserver=x", R"(ldapbasedn=dc=a, dc="b")", "ldaptls=1"}));
  EXPECT_FALSE(ldap_words_in(R"(ldapbasedn="dc=a)"));
  EXPECT_EQ(*ldap_words_in(R"(a """" "" b)"), (std::vector<std::string>{"a", "\"", "b"}));
}

TEST(LdapOptions, AreReadOrRefusedWithTheReason) {
  if (const auto probe = ldap_options_of({"ldapserver=x", "ldapprefix=y"});
      !probe && probe.error().code == base::Code::unsupported)
    GTEST_SKIP() << "built without LDAP";
  const auto url = ldap_options_of({"ldapurl=ldaps://host:1636/dc=example,dc=net?uid?one"});
  ASSERT_TRUE(url) << base::to_line(url.error());
  EXPECT_EQ(url->scheme, "ldaps");
  EXPECT_EQ(url->server, "host");
  EXPECT_EQ(url->port, 1636);
  EXPECT_EQ(url->base, "dc=example,dc=net");
  EXPECT_EQ(url->attribute, "uid");
  const std::pair<std::vector<std::string>, std::string_view> kWrong[] = {
      {{"ldapserver=x"}, "requires argument"},
      {{"ldapprefix=uid="}, "LDAP server not specified"},
      {{"ldapserver=x", "ldapprefix=a", "ldapbasedn=b"}, "together with ldapprefix"},
      {{"ldapserver=x", "ldapbasedn=b", "ldapsearchattribute=c", "ldapsearchfilter=d"},
       "ldapsearchattribute together with ldapsearchfilter"},
      {{"ldapport=0"}, "invalid LDAP port number"},
      {{"ldapscheme=http"}, "invalid ldapscheme value"},
      {{"ldapurl=http://x"}, "LDAP URL"},
      {{"ldapservers=x"}, "invalid LDAP key parameter"}};
  for (const auto& [words, why] : kWrong) {
    const auto options = ldap_options_of(words);
    ASSERT_FALSE(options) << why;
    EXPECT_NE(options.error().what.find(why), std::string::npos) << options.error().what;
  }
}

} // namespace
} // namespace pgkeep::pool
