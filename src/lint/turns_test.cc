#include "lint/turns.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace pgkeep::lint {
namespace {

std::vector<ListedFile> files_of(std::size_t count, std::uint64_t bytes) {
  return {count, ListedFile{.path = "a.sql", .bytes = bytes}};
}

/// Threads that take all turns; how many came too early, out of order or at the same time.
int mistakes_of(std::span<const ListedFile> files, std::size_t judges, std::size_t threads) {
  Turns turns(files, judges, threads);
  std::vector<std::atomic<int>> reads(files.size());
  std::vector<std::size_t> next_of(judges); // Each judge's own: no two threads at a time.
  std::vector<std::atomic<std::size_t>> verdicts(files.size());
  std::atomic<int> mistakes = 0;
  const auto work = [&] {
    std::optional<Turns::Turn> turn;
    while ((turn = turns.next(turn))) {
      if (turn->file % 3 == 0) std::this_thread::yield();
      if (turn->judge) {
        if (reads[turn->file] != 1 || next_of[*turn->judge]++ != turn->file) ++mistakes;
        ++verdicts[turn->file];
      } else {
        for (std::size_t before = 0; before < turn->judged; ++before) {
          if (verdicts[before] != judges) ++mistakes;
        }
        ++reads[turn->file];
      }
    }
  };
  {
    std::vector<std::jthread> all;
    for (std::size_t thread = 0; thread < threads; ++thread)
      all.emplace_back(work);
  }
  for (std::size_t file = 0; file < files.size(); ++file) {
    if (reads[file] != 1 || verdicts[file] != judges) ++mistakes;
  }
  return mistakes;
}

TEST(TurnsTest, every_judge_takes_all_files_in_order_once_they_are_read) {
  // More text than is held at once, and files of which one is more than that.
  for (const std::vector<ListedFile>& files : {files_of(200, 20'000), files_of(20, 400'000)}) {
    for (const std::size_t threads : {1U, 2U, 5U}) {
      for (const std::size_t judges : {1U, 2U, 3U})
        EXPECT_EQ(mistakes_of(files, judges, threads), 0) << threads << ' ' << judges;
    }
  }
}

TEST(TurnsTest, no_files_are_no_work) {
  Turns turns({}, 2, 1);
  EXPECT_FALSE(turns.next({}).has_value());
}

TEST(TurnsTest, judges_go_first) {
  const std::vector<ListedFile> files = files_of(2, 1);
  Turns turns(files, 1, 1);
  const auto read = turns.next({});
  EXPECT_EQ(read->file, 0U);
  EXPECT_FALSE(read->judge.has_value());
  const auto judged = turns.next(read);
  EXPECT_EQ(judged->file, 0U);
  EXPECT_EQ(judged->judge, 0U);
  EXPECT_EQ(turns.next(judged)->judged, 1U) << "the first file is of no use to anybody now";
}

TEST(TurnsTest, large_files_are_held_one_for_each_thread) {
  const std::vector<ListedFile> files = files_of(9, 400'000);
  Turns turns(files, 1, 3);
  const auto first = turns.next({});
  EXPECT_EQ(turns.next({})->file, 1U);
  EXPECT_EQ(turns.next({})->file, 2U);
  // A fourth thread would wait. This one ends its turn, and its file is to be judged.
  EXPECT_EQ(turns.next(first)->judge, 0U);
}

} // namespace
} // namespace pgkeep::lint
