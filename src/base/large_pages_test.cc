#include "base/large_pages.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/text.h"

namespace pgkeep::base {
namespace {

TEST(LargePagesTest, memory_is_as_good_as_any) {
  constexpr std::size_t kBytes = 3 * kLargePageBytes + 17;
  const auto block = std::make_unique<char[]>(kBytes);
  ask_for_large_pages(block.get(), kBytes);
  std::memset(block.get(), 'x', kBytes);
  EXPECT_EQ(std::string(block.get(), kBytes), std::string(kBytes, 'x'));
  ask_for_large_pages(block.get(), 1); // Too little.
}

/// Whether large pages are wanted where this lies: "hg" among the flags of its mapping.
bool are_wanted_at(const void* place) {
  const auto address = reinterpret_cast<std::uintptr_t>(place);
  bool is_inside = false;
  for (const std::string& line : split(read_file("/proc/self/smaps").value_or(""), '\n')) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) // NOLINT: as it is written there.
      is_inside = address >= begin && address < end;
    if (is_inside && line.starts_with("VmFlags:")) return line.find(" hg") != std::string::npos;
  }
  return false;
}

TEST(LargePagesTest, a_thread_allocates_in_them) {
  const std::string enabled =
      read_file("/sys/kernel/mm/transparent_hugepage/enabled").value_or("[never]");
  if (enabled.find("[never]") != std::string::npos)
    GTEST_SKIP() << "this system has no large pages";
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's malloc has other places";
#endif
  // In a process of its own: a thread may take over the memory of one that has ended.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto work = [] {
    keep_freed_memory();
    bool were_wanted = false;
    bool are_wanted = false;
    std::jthread([&] {
      were_wanted = are_wanted_at(std::make_unique<char[]>(100).get());
      allocate_in_large_pages();
      are_wanted = are_wanted_at(std::make_unique<char[]>(10'000).get());
    }).join();
    std::_Exit(!were_wanted && are_wanted ? 0 : 1);
  };
  EXPECT_EXIT(work(), testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace pgkeep::base
