#include "migrate/declare/wanted.h"

#include <gtest/gtest.h>

namespace pgkeep::migrate::declaring {
namespace {

TEST(OpenWanted, SaysWhatItIsNot) {
  const auto wanted = open_wanted("no/such/file.sql");
  ASSERT_FALSE(wanted);
  EXPECT_EQ(wanted.error().code, base::Code::usage);
}

} // namespace
} // namespace pgkeep::migrate::declaring
