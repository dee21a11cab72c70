#include "wire/scram.h"

#include <gtest/gtest.h>

#include "wire/scram_keys.h"

namespace pgkeep::wire {
namespace {

// The exchange of RFC 7677, section 3.
constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view kClientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                          "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kClientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramVerifier pencil() {
  return *make_verifier(base::Secret("pencil"), *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="));
}

TEST(Scram, ServerAnswersAsTheRfc) {
  ScramServer server(pencil(), std::string(kServerNonce));
  EXPECT_EQ(*server.first(kScramSha256, kClientFirst), kServerFirst);
  EXPECT_EQ(*server.final(kClientFinal), kServerFinal);
}

TEST(Scram, BothSidesAgree) {
  const ScramClient::Channel channels[] = {
      {}, {.could_bind = true}, {.binding = "digest of a certificate", .could_bind = true}};
  for (const ScramClient::Channel& channel : channels) {
    ScramClient client(base::Secret("pencil"), "abc", channel);
    ScramServer server(pencil(), "def", channel.binding);
    const auto first =
        server.first(channel.binding.empty() ? kScramSha256 : kScramSha256Plus, client.first());
    ASSERT_TRUE(first) << first.error().what;
    const auto proof = client.final(*first);
    ASSERT_TRUE(proof) << proof.error().what;
    const auto last = server.final(*proof);
    ASSERT_TRUE(last) << last.error().what;
    EXPECT_TRUE(client.verify(*last));
    EXPECT_FALSE(client.verify(kServerFinal));
    // Nobody has signed what stands behind the signature.
    EXPECT_FALSE(client.verify(*last + ","));
    EXPECT_FALSE(client.verify(*last + ",x=1"));
  }
}

TEST(Scram, KeysOfAClientOpenAServerInItsName) {
  ScramClient client(base::Secret("pencil"), "abc", {});
  ScramServer pooler(pencil(), "def");
  ASSERT_TRUE(pooler.final(*client.final(*pooler.first(kScramSha256, client.first()))));

  ScramClient passed_on(pooler.keys(), "ghi", {});
  ScramServer server(pencil(), "jkl");
  const auto proof = passed_on.final(*server.first(kScramSha256, passed_on.first()));
  ASSERT_TRUE(proof);
  const auto last = server.final(*proof);
  ASSERT_TRUE(last) << last.error().what;
  EXPECT_TRUE(passed_on.verify(*last));
}

TEST(Scram, AWrongPasswordIsRefused) {
  ScramClient client(base::Secret("pen"), "abc", {});
  ScramServer server(pencil(), "def");
  const auto last = server.final(*client.final(*server.first(kScramSha256, client.first())));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().sqlstate, "28P01");
}

TEST(Scram, NobodyIsTheUserThatDoesNotExist) {
  const ScramVerifier mock = mock_verifier("ghost", "of this process");
  EXPECT_EQ(mock.text(), mock_verifier("ghost", "of this process").text());
  EXPECT_NE(mock.text(), mock_verifier("ghost", "of another").text());
  EXPECT_EQ(mock.salt.size(), kScramSaltBytes);
  ScramClient client(base::Secret(""), "abc", {});
  ScramServer server(mock, "def");
  EXPECT_FALSE(server.final(*client.final(*server.first(kScramSha256, client.first()))));
}

TEST(Scram, MalformedFirstMessagesAreRefused) {
  const std::string_view messages[] = {
      "",
      "n",
      "n,,",
      "n,a=other,n=user,r=abc",
      "x,,n=user,r=abc",
      "n,,n=user",
      "n,,r=abc,n=user",
      "n,,n=user,r=",
      "n,,n=user,r=a b",
      "n,,m=ext,n=user,r=abc",
      "p=tls-unique,,n=user,r=abc",
      "p=tls-server-end-point,,n=user,r=abc", // Without the mechanism for it.
      std::string_view("n,,n=user,r=a\0b", 15),
  };
  for (const std::string_view message : messages) {
    ScramServer server(pencil(), "def", "binding");
    EXPECT_FALSE(server.first(kScramSha256, message)) << message;
  }
}

TEST(Scram, AnOfferThatWasRemovedIsNoticed) {
  ScramServer can_bind(pencil(), "def", "binding");
  EXPECT_FALSE(can_bind.first(kScramSha256, "y,,n=user,r=abc"));
  ScramServer cannot(pencil(), "def");
  EXPECT_TRUE(cannot.first(kScramSha256, "y,,n=user,r=abc"));
  ScramServer plus_without(pencil(), "def");
  EXPECT_FALSE(plus_without.first(kScramSha256Plus, "p=tls-server-end-point,,n=user,r=abc"));
}

TEST(Scram, FinalMessagesThatAreNotOfTheExchangeAreRefused) {
  const std::string_view messages[] = {
      "",
      "c=biws",
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
      // Another nonce, another binding, a proof that is too short.
      "c=biws,r=other,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
      ("c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
       "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzb",
  };
  for (const std::string_view message : messages) {
    ScramServer server(pencil(), std::string(kServerNonce));
    ASSERT_TRUE(server.first(kScramSha256, kClientFirst));
    EXPECT_FALSE(server.final(message)) << message;
  }
  ScramServer not_begun(pencil(), std::string(kServerNonce));
  EXPECT_FALSE(not_begun.final(kClientFinal));
}

TEST(Scram, ServersThatDoNotPlayAreRefused) {
  const std::string_view messages[] = {
      "",
      "r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",   // Our own nonce alone.
      "r=xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",   // Not ours.
      "r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",   //
      "r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4e3", //
      "r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999",
      "r=abcdef,s=,i=4096",
      "r=abcdef,s=W22Z!,i=4096",
      "m=x,r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  };
  for (const std::string_view message : messages) {
    ScramClient client(base::Secret("pencil"), "abc", {});
    static_cast<void>(client.first());
    const auto answered = client.final(message);
    ASSERT_FALSE(answered) << message;
    EXPECT_TRUE(answered.error().hint.contains("PostgreSQL that answers")) << answered.error().hint;
  }
}

TEST(Scram, VerifiersAreReadAsTheyAreWritten) {
  const ScramVerifier verifier = pencil();
  const auto again = scram_verifier_of(verifier.text());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->text(), verifier.text());
  EXPECT_TRUE(fits_verifier(verifier, "pencil"));
  EXPECT_FALSE(fits_verifier(verifier, "Pencil"));
  const std::string_view others[] = {"",
                                     "SCRAM-SHA-256$",
                                     "SCRAM-SHA-256$4096:$a:b",
                                     "SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$a:b",
                                     "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA",
                                     "md5c5acd4fdd1ec8b2b2a2b8e0d5e6d2f10"};
  for (const std::string_view text : others)
    EXPECT_FALSE(scram_verifier_of(text)) << text;
}

TEST(Scram, Base64) {
  for (const std::string_view bytes : {"", "a", "ab", "abc", "\xff\xfe\xfd\xfc"})
    EXPECT_EQ(*from_base64(base64(bytes)), bytes);
  for (const std::string_view text : {"a", "ab=", "a===", "ab!d", "====", "ab\ncd=="})
    EXPECT_FALSE(from_base64(text)) << text;
}

} // namespace
} // namespace pgkeep::wire
