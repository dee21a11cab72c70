#include "pool/learned.h"

#include <gtest/gtest.h>

#include "wire/password.h"

namespace pgkeep::pool {
namespace {

/// A user as a server stores it, and the keys that its login brings.
struct Role {
  base::Secret verifier;
  wire::ScramClientKeys keys;
};

Role role(const std::string& password, char salt) {
  const auto verifier =
      wire::make_verifier(base::Secret(password), std::string(wire::kScramSaltBytes, salt), 2);
  wire::ScramClient client(base::Secret(password), "client", {});
  wire::ScramServer server(*verifier, "server");
  const auto first = server.first(wire::kScramSha256, client.first());
  const auto proof = client.final(*first);
  EXPECT_TRUE(server.final(*proof));
  return {.verifier = base::Secret(verifier->text()), .keys = server.keys()};
}

TEST(Learned, KeysCountForTheVerifierThatTheyAreOf) {
  const Role before = role("one", 'a');
  const Role after = role("two", 'a');
  const Role salted_anew = role("one", 'b');
  const Learned known{.keys = before.keys, .secret = {}};
  EXPECT_TRUE(credentials_of(known, &before.verifier, false).keys);
  EXPECT_FALSE(credentials_of(known, &after.verifier, false).keys) << "another password";
  EXPECT_FALSE(credentials_of(known, &salted_anew.verifier, false).keys) << "another salt";
  EXPECT_FALSE(credentials_of(known, nullptr, false).keys) << "of nobody";
  // By auth_query the verifier was learned as well.
  const Learned asked{.keys = before.keys, .secret = before.verifier};
  EXPECT_TRUE(credentials_of(asked, nullptr, false).keys);
  EXPECT_FALSE(
      credentials_of({.keys = before.keys, .secret = after.verifier}, nullptr, false).keys);
}

TEST(Learned, AuthFileGoesBeforeWhatWasLearned) {
  const Role before = role("one", 'a');
  const base::Secret plain("two");
  const base::Secret md5(wire::md5_stored("two", "u"));
  const base::Secret none("");
  const Learned known{.keys = before.keys, .secret = before.verifier};
  for (const base::Secret* listed : {&plain, &md5}) {
    const Credentials found = credentials_of(known, listed, false);
    EXPECT_EQ(found.stored.reveal(), listed->reveal());
    EXPECT_FALSE(found.keys);
  }
  // Where it has nothing that would do, what was learned does.
  const Learned password{.keys = {}, .secret = base::Secret("outside")};
  for (const base::Secret* listed :
       {static_cast<const base::Secret*>(nullptr), &none, &before.verifier})
    EXPECT_EQ(credentials_of(password, listed, false).stored.reveal(), "outside");
  EXPECT_EQ(credentials_of({}, &before.verifier, false).stored.reveal(), before.verifier.reveal());
  // With PAM or LDAP for all it is what users are asked for.
  EXPECT_EQ(credentials_of(password, &plain, true).stored.reveal(), "outside");
  EXPECT_EQ(credentials_of({}, &plain, true).stored.reveal(), "two");
}

TEST(Learned, TheLastLoginCountsAndAnotherProcessDoesNot) {
  const Role before = role("one", 'a');
  const Role after = role("two", 'b');
  Learned known;
  EXPECT_FALSE(learn(known, {}));
  EXPECT_TRUE(learn(known, {.keys = before.keys, .secret = before.verifier}));
  EXPECT_FALSE(learn(known, {.keys = before.keys, .secret = before.verifier})) << "nothing new";
  EXPECT_TRUE(learn(known, {.keys = after.keys, .secret = after.verifier}));
  learn_the_rest(known, {.keys = before.keys, .secret = before.verifier}, nullptr);
  EXPECT_TRUE(credentials_of(known, nullptr, false).keys);
  EXPECT_EQ(known.secret.reveal(), after.verifier.reveal());
  // But what does not fit auth_file any more is no better.
  learn_the_rest(known, {.keys = before.keys, .secret = {}}, &before.verifier);
  EXPECT_TRUE(credentials_of(known, &before.verifier, false).keys);
  Learned empty;
  learn_the_rest(empty, {.keys = before.keys, .secret = base::Secret("x")}, nullptr);
  EXPECT_TRUE(empty.keys);
  EXPECT_EQ(empty.secret.reveal(), "x");
}

} // namespace
} // namespace pgkeep::pool
