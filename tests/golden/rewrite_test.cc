// The rewriter, whole outputs compared: tests/golden/rewrite/<case>/in.sql (named V007__case.sql)
// and out/: its files and notes.txt ("<line> rewritten|left alone: <message>"). "-- pg-version: 18"
// among the first lines gives another server. No database: tests/e2e/test_rewrite.py has real ones.
// PGKEEP_UPDATE_GOLDEN=1 writes what comes out.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "golden/audit_case.h"
#include "migrate/rewrite.h"

namespace pgkeep::test {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(golden_directory() / "rewrite"))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

std::string read(const fs::path& path) {
  const auto text = base::read_file(path);
  EXPECT_TRUE(text) << path;
  return text ? *text : "";
}

int major_of(const std::string& text) {
  constexpr std::string_view mark = "-- pg-version: ";
  const std::size_t at = text.find(mark);
  return at == std::string::npos ? 15 : std::atoi(text.c_str() + at + mark.size());
}

Files rewritten(const migrate::RewriteInput& input) {
  const auto result = migrate::rewrite(input);
  EXPECT_TRUE(result) << base::to_line(result.error());
  Files files;
  if (!result) return files;
  for (const migrate::RewrittenFile& each : result->files)
    files[each.path] = each.text;
  std::string& notes = files["notes.txt"];
  for (const migrate::RewriteNote& note : result->notes)
    notes += fmt::format("{} {}: {}\n", note.line, note.is_left_alone ? "left alone" : "rewritten",
                         note.message);
  return files;
}

class RewriteGolden : public testing::TestWithParam<std::string> {};

TEST_P(RewriteGolden, gives_these_files) {
  const fs::path folder = golden_directory() / "rewrite" / GetParam();
  migrate::RewriteInput input{.path = "V007__case.sql", .text = read(folder / "in.sql")};
  input.server_major = major_of(input.text);
  const Files files = rewritten(input);
  if (std::getenv("PGKEEP_UPDATE_GOLDEN") != nullptr) {
    fs::remove_all(folder / "out");
    ASSERT_TRUE(base::make_directory(folder / "out"));
    for (const auto& [name, text] : files)
      ASSERT_TRUE(base::write_file_durably(folder / "out" / name, text));
  }
  Files wanted;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder / "out"))
    wanted[entry.path().filename().string()] = read(entry.path());
  EXPECT_EQ(files, wanted);
}

/// What comes out is safe: it stays as it is, byte for byte.
TEST_P(RewriteGolden, changes_nothing_the_second_time) {
  const fs::path folder = golden_directory() / "rewrite" / GetParam();
  migrate::RewriteInput input{.path = "V007__case.sql", .text = read(folder / "in.sql")};
  input.server_major = major_of(input.text);
  for (const auto& [name, text] : rewritten(input)) {
    if (name == "notes.txt" || name.ends_with(".down.sql")) continue;
    const auto again =
        migrate::rewrite({.path = name, .text = text, .server_major = input.server_major});
    ASSERT_TRUE(again) << base::to_line(again.error());
    EXPECT_FALSE(again->changed);
    ASSERT_EQ(again->files.size(), 1U);
    EXPECT_EQ(again->files.front().text, text);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, RewriteGolden, testing::ValuesIn(cases()),
                         [](const auto& each) { return each.param; });

} // namespace
} // namespace pgkeep::test
