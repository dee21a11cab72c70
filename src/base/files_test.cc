#include "base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>

#include "base/io_error.h"
#include "base/process.h"
#include "base/scratch_test.h"

namespace pgkeep::base {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}
std::uint32_t owner_of(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_uid : 999'999;
}
std::ptrdiff_t entries_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}
std::string content_of(const fs::path& path) {
  return read_file(path).value_or("(no file)");
}

TEST(FilesTest, reads_what_was_written) {
  const Scratch scratch;
  const fs::path path = scratch.path() / "file";
  for (const std::string& content :
       {std::string(), std::string("text\n"), std::string("a\0b", 3), std::string(300'000, 'x')}) {
    ASSERT_TRUE(write_file_durably(path, content).has_value());
    EXPECT_EQ(content_of(path), content);
    EXPECT_EQ(mode_of(path), 0644U);
  }
  EXPECT_EQ(entries_in(scratch.path()), 1);
}

TEST(FilesTest, mode_does_not_depend_on_the_umask) {
  const Scratch scratch;
  const mode_t before = ::umask(0077);
  const bool is_written =
      write_file_durably(scratch.path() / "wide", "x", {.mode = 0664}).has_value() &&
      write_file_durably(scratch.path() / "narrow", "x", {.mode = 0600}).has_value() &&
      make_directory(scratch.path() / "a/b", {.mode = 0750}).has_value();
  ::umask(before);
  ASSERT_TRUE(is_written);
  EXPECT_EQ(mode_of(scratch.path() / "wide"), 0664U);
  EXPECT_EQ(mode_of(scratch.path() / "narrow"), 0600U);
  EXPECT_EQ(mode_of(scratch.path() / "a"), 0755U);
  EXPECT_EQ(mode_of(scratch.path() / "a/b"), 0750U);
}

TEST(FilesTest, reading_says_what_is_wrong) {
  const Scratch scratch;
  const fs::path big = scratch.path() / "big";
  ASSERT_TRUE(write_file_durably(big, std::string(2048, 'x')).has_value());
  const struct {
    fs::path path;
    std::int64_t limit;
    const char* what;
  } kCases[] = {
      {scratch.path() / "absent", 10, "no such file or directory"},
      {scratch.path(), 10, "is a directory"},
      {big, 1024, "larger than 1 kB"},
      {"/proc/self/status", 16, "larger than 16 bytes"}, // Says that it is empty.
      {big / "below", 10, "not a directory"},
  };
  for (const auto& test : kCases) {
    const Result<std::string> content = read_file(test.path, Bytes{test.limit});
    ASSERT_FALSE(content.has_value()) << test.path;
    EXPECT_EQ(content.error().code, Code::io);
    EXPECT_EQ(content.error().what, test.what);
    EXPECT_EQ(content.error().where, test.path.string());
  }
  EXPECT_EQ(read_file(big, Bytes{2048}).value_or("").size(), 2048U);
}

TEST(FilesTest, absent_file_may_be_no_error) {
  const Scratch scratch;
  const auto absent = read_file_if_exists(scratch.path() / "absent");
  ASSERT_TRUE(absent.has_value());
  EXPECT_EQ(*absent, std::nullopt);
  ASSERT_TRUE(write_file_durably(scratch.path() / "there", "x").has_value());
  EXPECT_EQ(read_file_if_exists(scratch.path() / "there").value_or(std::nullopt), "x");
  EXPECT_FALSE(read_file_if_exists(scratch.path()).has_value());
}

// In a child, for a process that dropped its account cannot become root again.
TEST(FilesDeathTest, old_content_stays_where_the_folder_cannot_be_written) {
  const std::optional<Account> nobody = find_account("nobody");
  if (is_root() && !nobody) GTEST_SKIP() << "runs as root and there is no account nobody to become";
  const Scratch scratch;
  const fs::path path = scratch.path() / "file";
  ASSERT_TRUE(write_file_durably(path, "old").has_value());
  ASSERT_EQ(::chmod(scratch.path().c_str(), 0555), 0);
  EXPECT_EXIT(
      {
        if (is_root() && (::setgid(nobody->gid) != 0 || ::setuid(nobody->uid) != 0)) ::_exit(3);
        const Result<> written = write_file_durably(path, "new");
        ::_exit(!written && written.error().what == "permission denied" &&
                        written.error().left.empty()
                    ? 0
                    : 1);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(entries_in(scratch.path()), 1);
  ASSERT_EQ(::chmod(scratch.path().c_str(), 0755), 0);
}

// A limit of the file's size makes write() fail half-way, as a full disk does.
TEST(FilesDeathTest, failed_write_leaves_the_old_content_and_no_temporary_file) {
  const Scratch scratch;
  const fs::path path = scratch.path() / "file";
  ASSERT_TRUE(write_file_durably(path, "old").has_value());
  EXPECT_EXIT(
      {
        std::signal(SIGXFSZ, SIG_IGN);
        struct rlimit small{};
        small.rlim_cur = small.rlim_max = 4096;
        ::setrlimit(RLIMIT_FSIZE, &small);
        const Result<> written = write_file_durably(path, std::string(100'000, 'n'));
        ::_exit(!written && written.error().what == "file too large" ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(entries_in(scratch.path()), 1);
}

TEST(FilesTest, a_full_disk_is_said_with_a_hint) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full.is_open());
  ASSERT_LT(::write(full.get(), "x", 1), 0);
  const Error error = io_error(errno, "/srv/data");
  EXPECT_EQ(error.what, "no space left on device");
  EXPECT_EQ(to_line(error), "error: /srv/data: no space left on device. Free some space on this "
                            "file system, then run the command again.");
}

TEST(FilesTest, a_target_that_is_a_folder_is_refused_and_nothing_is_left) {
  const Scratch scratch;
  ASSERT_TRUE(make_directory(scratch.path() / "folder").has_value());
  EXPECT_FALSE(write_file_durably(scratch.path() / "folder", "x").has_value());
  EXPECT_FALSE(write_file_durably(scratch.path() / "folder/", "x").has_value());
  EXPECT_FALSE(write_file_durably(scratch.path() / "absent/file", "x").has_value());
  EXPECT_EQ(entries_in(scratch.path()), 1);
}

TEST(FilesTest, a_planted_link_is_replaced_and_not_followed) {
  const Scratch scratch;
  ASSERT_TRUE(write_file_durably(scratch.path() / "victim", "untouched").has_value());
  fs::create_symlink(scratch.path() / "victim", scratch.path() / "file");
  ASSERT_TRUE(write_file_durably(scratch.path() / "file", "new").has_value());
  EXPECT_EQ(content_of(scratch.path() / "victim"), "untouched");
  EXPECT_FALSE(fs::is_symlink(scratch.path() / "file"));
}

TEST(FilesTest, owner_is_set_for_root) {
  const std::optional<Account> nobody = find_account("nobody");
  if (!is_root() || !nobody) GTEST_SKIP() << "needs root and an account nobody";
  const Scratch scratch;
  ASSERT_TRUE(make_directory(scratch.path() / "a/b", {.mode = 0700, .owner = nobody}).has_value());
  ASSERT_TRUE(write_file_durably(scratch.path() / "file", "x", {.mode = 0600, .owner = nobody})
                  .has_value());
  EXPECT_EQ(owner_of(scratch.path() / "a"), 0U);
  EXPECT_EQ(owner_of(scratch.path() / "a/b"), nobody->uid);
  EXPECT_EQ(owner_of(scratch.path() / "file"), nobody->uid);
  EXPECT_EQ(mode_of(scratch.path() / "file"), 0600U);
}

TEST(FilesTest, an_existing_folder_is_left_as_it_is) {
  const Scratch scratch;
  const fs::path folder = scratch.path() / "folder";
  ASSERT_TRUE(make_directory(folder, {.mode = 0711}).has_value());
  ASSERT_TRUE(make_directory(folder, {.mode = 0700}).has_value());
  ASSERT_TRUE(make_directory(folder / "./x/..//y/", {.mode = 0700}).has_value());
  EXPECT_EQ(mode_of(folder), 0711U);
  EXPECT_EQ(mode_of(folder / "y"), 0700U);
  ASSERT_TRUE(write_file_durably(scratch.path() / "file", "x").has_value());
  for (const char* name : {"file", "file/below"}) {
    const Result<> made = make_directory(scratch.path() / name);
    ASSERT_FALSE(made.has_value()) << name;
    EXPECT_EQ(made.error().what, "not a directory");
  }
}

TEST(FilesTest, disk_space_is_a_part_of_the_whole) {
  const Result<DiskSpace> space = disk_space("/");
  ASSERT_TRUE(space.has_value());
  EXPECT_GT(space->total_bytes, 0);
  EXPECT_GE(space->free_bytes, 0);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  EXPECT_FALSE(disk_space("/no/such/place").has_value());
}

TEST(FilesTest, finds_accounts) {
  const std::optional<Account> root = find_account("root");
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(root->uid, 0U);
  EXPECT_EQ(root->name, "root");
  EXPECT_EQ(find_account("no-such-account-here"), std::nullopt);
}

TEST(FilesTest, traversal_follows_the_permissions_of_each_folder_above) {
  const Scratch scratch;
  const fs::path inner = scratch.path() / "inner";
  ASSERT_TRUE(make_directory(inner, {.mode = 0700}).has_value());
  ASSERT_EQ(::chmod(scratch.path().c_str(), 0711), 0);
  const Account self{.uid = ::geteuid(), .gid = ::getegid(), .name = {}};
  const Account stranger{.uid = 54'321, .gid = 54'321, .name = {}};
  const Account group_mate{.uid = 54'321, .gid = ::getegid(), .name = {}};
  EXPECT_TRUE(can_traverse(inner, stranger)); // The folder itself is not above itself.
  EXPECT_TRUE(can_traverse(inner / "data", self));
  EXPECT_FALSE(can_traverse(inner / "data", stranger));
  EXPECT_FALSE(can_traverse(inner / "not/there/yet", stranger));
  EXPECT_TRUE(can_traverse(scratch.path() / "not/there/yet", stranger));
  EXPECT_FALSE(can_traverse(inner / "data", group_mate));
  ASSERT_EQ(::chmod(inner.c_str(), 0710), 0);
  EXPECT_TRUE(can_traverse(inner / "data", group_mate));
  ASSERT_EQ(::chmod(inner.c_str(), 0701),
            0); // The group's bits count for its members, not the others'.
  EXPECT_FALSE(can_traverse(inner / "data", group_mate));
  EXPECT_TRUE(can_traverse(inner / "data", stranger));
  ASSERT_EQ(::chmod(inner.c_str(), 0700), 0);
  ASSERT_TRUE(make_directory(inner / "target", {.mode = 0755}).has_value());
  fs::create_directory_symlink(inner / "target", scratch.path() / "link");
  EXPECT_FALSE(can_traverse(scratch.path() / "link" / "data", stranger));
}

TEST(FilesTest, lock_is_exclusive_and_ends_with_its_owner) {
  const Scratch scratch;
  const fs::path path = scratch.path() / "lock";
  {
    auto first = FileLock::try_acquire(path);
    ASSERT_TRUE(first.has_value() && first->has_value());
    EXPECT_EQ(mode_of(path), 0600U);
    const auto second = FileLock::try_acquire(path);
    ASSERT_TRUE(second.has_value());
    EXPECT_FALSE(second->has_value());
    const FileLock moved = std::move(**first);
    const auto third = FileLock::try_acquire(path);
    ASSERT_TRUE(third.has_value());
    EXPECT_FALSE(third->has_value());
  }
  const auto again = FileLock::try_acquire(path);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->has_value());
  EXPECT_FALSE(FileLock::try_acquire(scratch.path() / "absent/lock").has_value());
}

} // namespace
} // namespace pgkeep::base
