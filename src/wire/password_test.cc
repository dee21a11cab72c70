#include "wire/password.h"

#include <gtest/gtest.h>

#include "wire/scram.h"

namespace pgkeep::wire {
namespace {

// SELECT 'md5' || md5('secret' || 'alice').
constexpr std::string_view kAlice = "md54a0a68b43b6cd5cf266fa02f196e2371";

TEST(Password, KindsOfStoredTexts) {
  const std::string scram = make_verifier(base::Secret("x"), "0123456789abcdef")->text();
  EXPECT_EQ(stored_as("secret"), StoredAs::plain);
  EXPECT_EQ(stored_as(kAlice), StoredAs::md5);
  EXPECT_EQ(stored_as(scram), StoredAs::scram);
  // Passwords that only look like it.
  EXPECT_EQ(stored_as("md5"), StoredAs::plain);
  EXPECT_EQ(stored_as("md5 is no hash, and this is no digest"), StoredAs::plain);
  EXPECT_EQ(stored_as("SCRAM-SHA-256$nonsense"), StoredAs::plain);
  EXPECT_EQ(stored_as(""), StoredAs::plain);
}

TEST(Password, Md5IsPostgresqls) {
  EXPECT_EQ(md5_stored("secret", "alice"), kAlice);
}

TEST(Password, Cleartext) {
  const std::string scram = make_verifier(base::Secret("secret"), "0123456789abcdef")->text();
  for (const std::string& stored : {std::string("secret"), md5_stored("secret", "alice"), scram}) {
    EXPECT_TRUE(fits_cleartext(stored, "alice", "secret")) << stored;
    EXPECT_FALSE(fits_cleartext(stored, "alice", "Secret")) << stored;
    EXPECT_FALSE(fits_cleartext(stored, "alice", "")) << stored;
    EXPECT_FALSE(fits_cleartext(stored, "alice", stored + "x")) << stored;
  }
  EXPECT_FALSE(fits_cleartext("", "alice", ""));
  EXPECT_FALSE(fits_cleartext(md5_stored("secret", "bob"), "alice", "secret"));
  // The digest is not the password.
  const std::string digest = md5_stored("secret", "alice");
  EXPECT_FALSE(fits_cleartext(digest, "alice", digest));
}

TEST(Password, Md5WithASalt) {
  const std::string salt = "\x01\x02\x03\x04";
  const std::string answer = md5_answer(md5_stored("secret", "alice"), salt);
  EXPECT_TRUE(fits_md5("secret", "alice", salt, answer));
  EXPECT_TRUE(fits_md5(md5_stored("secret", "alice"), "alice", salt, answer));
  EXPECT_FALSE(fits_md5("secret", "alice", "\x01\x02\x03\x05", answer));
  EXPECT_FALSE(fits_md5("other", "alice", salt, answer));
  EXPECT_FALSE(fits_md5("", "alice", salt, answer));
  EXPECT_FALSE(fits_md5("secret", "alice", salt, ""));
  const std::string scram = make_verifier(base::Secret("secret"), "0123456789abcdef")->text();
  EXPECT_FALSE(fits_md5(scram, "alice", salt, answer));
}

} // namespace
} // namespace pgkeep::wire
