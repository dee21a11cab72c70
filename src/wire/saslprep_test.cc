#include "wire/saslprep.h"

#include <gtest/gtest.h>

namespace pgkeep::wire {
namespace {

// The examples of RFC 4013, section 3, and what PostgreSQL leaves as it is.
TEST(Saslprep, PreparesAsPostgresDoes) {
  struct Case {
    std::string_view name;
    std::string_view input;
    std::string_view want;
  };
  constexpr Case kCases[] = {{"nothing to do", "user", "user"},
                             {"case counts", "USER", "USER"},
                             {"a soft hyphen is nothing", "I\u00adX", "IX"},
                             {"an ordinal is its letter", "\u00aa", "a"},
                             {"a Roman numeral is letters", "\u2168", "IX"},
                             {"a space of any kind is a space", "a\u00a0b", "a b"},
                             {"one form of an accent", "e\u0301", "\u00e9"},
                             {"a control character in ASCII", "\x07", "\x07"},
                             {"a control character beyond it is prohibited", "\u0080x", "\u0080x"},
                             {"directions that are mixed", "\u0627\x31", "\u0627\x31"},
                             {"what is no UTF-8", "\xff\xfe", "\xff\xfe"},
                             {"what would be nothing", "\u00ad", "\u00ad"}};
  for (const Case& each : kCases)
    EXPECT_EQ(saslprep(each.input), each.want) << each.name;
}

} // namespace
} // namespace pgkeep::wire
