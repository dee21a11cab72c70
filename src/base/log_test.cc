#include "base/log.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/clock.h"
#include "base/files.h"
#include "base/scratch_test.h"
#include "base/text.h"

namespace pgkeep::base {
namespace {

/// Sends the log to a file for one test and back to nowhere after it.
class LogTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_TRUE(log::open_file(path()).has_value()); }
  void TearDown() override {
    log::set_level(log::Level::info);
    ASSERT_TRUE(log::open_file("/dev/null").has_value());
  }
  std::filesystem::path path() const { return scratch_.path() / "log"; }
  std::vector<Json> records() const {
    std::vector<Json> result;
    const std::string text = read_file(path()).value_or("");
    for (const std::string& line : split(trim(text), '\n')) {
      Result<Json> json = parse_json(line);
      EXPECT_TRUE(json.has_value()) << line;
      if (json) result.push_back(std::move(*json));
    }
    return result;
  }

private:
  Scratch scratch_;
};

TEST_F(LogTest, writes_one_json_object_a_line) {
  log::warn("something\nodd", {{"count", 3}, {"name", "a \"b\"\n\x1b[31m"}});
  const std::vector<Json> lines = records();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(*lines[0].find("level")->as_string(), "warn");
  EXPECT_EQ(*lines[0].find("message")->as_string(), "something\nodd");
  EXPECT_EQ(*lines[0].find("count")->as_int(), 3);
  EXPECT_EQ(*lines[0].find("name")->as_string(), "a \"b\"\n\x1b[31m");
  EXPECT_TRUE(parse_timestamp(*lines[0].find("time")->as_string()).has_value());
  EXPECT_EQ(std::filesystem::status(path()).permissions(), std::filesystem::perms{0600});
}

TEST_F(LogTest, level_decides_what_is_written) {
  log::debug("debug is off");
  log::info("info is on");
  log::set_level(log::Level::error);
  log::warn("warn is off");
  log::error("error is on");
  log::set_level(log::Level::debug);
  log::debug("debug is on");
  std::vector<std::string> messages;
  for (const Json& line : records())
    messages.push_back(*line.find("message")->as_string());
  EXPECT_EQ(messages, (std::vector<std::string>{"info is on", "error is on", "debug is on"}));
}

TEST_F(LogTest, repeats_are_limited_for_each_message) {
  for (int i = 0; i < 100; ++i)
    log::info("the same again");
  log::info("another");
  const std::vector<Json> lines = records();
  ASSERT_EQ(lines.size(), 21U);
  EXPECT_EQ(*lines.back().find("message")->as_string(), "another");
}

TEST_F(LogTest, lines_of_many_threads_stay_whole) {
  constexpr const char* kMessages[] = {"thread one", "thread two", "thread three", "thread four"};
  {
    std::vector<std::jthread> threads;
    for (const char* message : kMessages) {
      threads.emplace_back([message] {
        for (int i = 0; i < 20; ++i)
          log::info(message, {{"padding", std::string(500, 'x')}});
      });
    }
  }
  EXPECT_EQ(records().size(), 80U);
}

TEST_F(LogTest, file_that_cannot_be_opened_is_an_error_and_the_old_one_stays) {
  const Result<> opened = log::open_file("/no/such/folder/log");
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().where, "/no/such/folder/log");
  log::info("still here");
  EXPECT_EQ(records().size(), 1U);
}

} // namespace
} // namespace pgkeep::base
