#include "base/function_ref.h"

#include <gtest/gtest.h>

namespace pgkeep::base {
namespace {

int call(FunctionRef<int(int)> function) {
  return function(21);
}

TEST(FunctionRefTest, calls_lambdas_and_what_others_passed_on) {
  int calls = 0;
  const auto counting = [&calls](int number) { return ++calls, number; };
  EXPECT_EQ(call(counting), 21);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(call([](int number) { return 2 * number; }), 42);
  const FunctionRef<int(int)> first = counting;
  const FunctionRef<int(int)> copy = first;
  EXPECT_EQ(call(copy), 21);
  EXPECT_EQ(calls, 2);
}

TEST(FunctionRefTest, a_callable_may_change_itself) {
  int seen = 0;
  auto next = [count = 0](int) mutable { return ++count; };
  const FunctionRef<int(int)> function = next;
  function(0);
  seen = function(0);
  EXPECT_EQ(seen, 2);
}

} // namespace
} // namespace pgkeep::base
