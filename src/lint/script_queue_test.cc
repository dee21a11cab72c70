#include "lint/script_queue.h"

#include <atomic>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace pgkeep::lint {
namespace {

std::vector<File> files_of(std::size_t count, std::size_t bytes) {
  std::vector<File> files;
  for (std::size_t i = 0; i < count; ++i)
    files.push_back(
        {.path = fmt::format("{}.sql", i), .text = "SELECT 1; --" + std::string(bytes, 'x')});
  return files;
}

TEST(ScriptQueueTest, gives_every_judge_each_file_in_order) {
  // More text than is held at once, and judges of which one is slower than the others.
  const std::vector<File> files = files_of(60, 20'000);
  for (const std::size_t judges : {1U, 2U, 3U}) {
    ScriptQueue scripts(files, judges);
    std::atomic<std::size_t> right = 0;
    const auto judge = [&](bool is_slow) {
      for (std::size_t i = 0; i < files.size(); ++i) {
        const Script& script = scripts.wait_for(i);
        if (is_slow) std::this_thread::yield();
        if (script.path() == files[i].path && script.text() == files[i].text) ++right;
        scripts.done_with(i);
      }
    };
    {
      std::vector<std::jthread> threads;
      threads.emplace_back([&] { scripts.read_all(); });
      for (std::size_t i = 1; i < judges; ++i)
        threads.emplace_back(judge, false);
      judge(true);
    }
    EXPECT_EQ(right, judges * files.size());
  }
}

TEST(ScriptQueueTest, one_file_may_be_larger_than_what_is_held_at_once) {
  const std::vector<File> files = files_of(3, 400'000);
  ScriptQueue scripts(files, 1);
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(scripts.wait_for(i).text().size(), files[i].text.size());
    scripts.done_with(i);
  }
}

} // namespace
} // namespace pgkeep::lint
