#include "base/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

namespace pgkeep::base {
namespace {

TEST(SecretTest, prints_as_stars) {
  const Secret secret("hunter2");
  EXPECT_EQ(fmt::format("{}", secret), "***");
  EXPECT_EQ(secret.reveal(), "hunter2");
  EXPECT_TRUE(Secret().empty());
  EXPECT_FALSE(secret.empty());
}

TEST(SecretTest, random_secrets_have_the_form_promised_and_differ) {
  std::set<std::string> seen;
  std::set<char> characters;
  for (int i = 0; i < 200; ++i) {
    const std::string text = Secret::random().reveal();
    EXPECT_EQ(text.size(), 32U);
    EXPECT_EQ(
        text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
        std::string::npos);
    EXPECT_TRUE(seen.insert(text).second);
    characters.insert(text.begin(), text.end());
  }
  EXPECT_EQ(characters.size(),
            64U); // 6,400 draws of 64: one that misses a character is as good as impossible.
}

TEST(SecretTest, copies_and_moves_keep_the_text) {
  Secret first("a text that is longer than the small buffer of a string");
  const Secret copy = first;
  Secret moved = std::move(first);
  EXPECT_EQ(copy.reveal(), moved.reveal());
  moved = Secret("short");
  EXPECT_EQ(moved.reveal(), "short");
}

} // namespace
} // namespace pgkeep::base
