// What a pipeline keeps of what is awaited, and how much it does where something fails.
#include <gtest/gtest.h>

#include "wire/bytes.h"
#include "wire/prepared.h"

namespace pgkeep::wire {
namespace {

/// One client and one server, whose answers are given by the test.
class Piped {
public:
  void parse(std::string_view name, std::string_view sql) {
    about('P', std::string(name) + '\0' + std::string(sql) + std::string(3, '\0'));
  }
  void bind(std::string_view name) {
    about('B', std::string(1, '\0') + std::string(name) + std::string(7, '\0'));
  }
  void close(std::string_view name) { about('C', "S" + std::string(name) + '\0'); }
  void say(char type) { pipeline.client_says(type, {}, &client, server); }
  /// What the client hears behind it.
  std::string hear(std::string_view types) {
    std::string behind;
    for (const char type : types)
      static_cast<void>(pipeline.server_says(type, {}, &client, server, behind));
    return behind;
  }

  StatementTable table;
  PreparedPipeline pipeline{table, 10};
  ClientStatements client;
  ServerStatements server;
  std::string to_server;

private:
  void about(char type, const std::string& body) {
    std::string to_client;
    to_server.clear();
    const auto outcome =
        pipeline.client_says(type, static_cast<std::uint32_t>(body.size() + sizeof(std::uint32_t)),
                             body, client, server, to_server, to_client);
    EXPECT_FALSE(outcome.is_broken);
  }
};

constexpr int kMany = 20'000;

TEST(PreparedUnderWay, TakesAsMuchAsIsAwaitedNotAsWasSaid) {
  Piped piped;
  piped.parse("s", "one");
  piped.say('S');
  piped.hear("1Z");
  const auto one = [&] {
    piped.parse("", "two");
    piped.bind("");
    piped.say('E');
    piped.bind("s");
    piped.say('E');
    piped.say('S');
  };
  for (int i = 0; i < 10; ++i)
    one();
  const std::size_t bytes = piped.pipeline.bytes();
  for (int i = 0; i < kMany; ++i) {
    one();
    piped.hear("12C2CZ");
  }
  EXPECT_LE(piped.pipeline.bytes(), 4 * bytes);
  for (int i = 0; i < kMany; ++i)
    one();
  EXPECT_TRUE(piped.pipeline.is_full());
  EXPECT_GT(piped.pipeline.bytes(), 100 * bytes);
  for (int i = 0; i < kMany + 10; ++i)
    piped.hear("12C2CZ");
  EXPECT_TRUE(piped.pipeline.is_idle());
  EXPECT_LE(piped.pipeline.bytes(), 8192U) << "once all is answered";
}

TEST(PreparedUnderWay, IsFullOfAnswersThatAreMadeHere) {
  Piped piped;
  piped.parse("s", "one");
  for (std::size_t i = 0; i <= PreparedPipeline::kAnswersMax; ++i)
    piped.close("x");
  EXPECT_TRUE(piped.pipeline.is_full());
  EXPECT_FALSE(piped.pipeline.is_sure_of_answers()) << "a server keeps the only one back";
  EXPECT_EQ(piped.hear("1").size(), (PreparedPipeline::kAnswersMax + 1) * Header::kBytes);
  EXPECT_FALSE(piped.pipeline.is_full());
  EXPECT_TRUE(piped.pipeline.is_idle());

  piped.parse("t", "two");
  const std::string name(1'048'576, 'n');
  for (std::size_t bytes = 0; bytes <= PreparedPipeline::kTextBytesMax; bytes += name.size())
    piped.close(name);
  EXPECT_TRUE(piped.pipeline.is_full()) << "long names are few";
  piped.hear("1");
  EXPECT_FALSE(piped.pipeline.is_full());

  for (std::size_t i = 0; i <= PreparedPipeline::kAnswersMax; ++i)
    piped.bind("t");
  EXPECT_TRUE(piped.pipeline.is_full());
  EXPECT_TRUE(piped.pipeline.is_sure_of_answers()) << "no buffer holds so many";
}

/// Each error costs what it passes over, not what is said behind it.
TEST(PreparedUnderWay, IsUndoneUpToTheNextSync) {
  Piped piped;
  const auto name = [](int i) { return "s" + std::to_string(i % 100); };
  for (int i = 0; i < kMany; ++i) {
    piped.parse(name(i), "q" + std::to_string(i));
    piped.close("none");
    piped.parse("", "bad");
    piped.bind("");
    piped.say('S');
  }
  for (int i = 0; i < kMany; ++i)
    piped.hear("EZ");
  EXPECT_TRUE(piped.pipeline.is_idle());
  EXPECT_EQ(piped.client.size(), 0U) << "none of them was parsed";
  EXPECT_EQ(piped.server.size(), 0U);
  EXPECT_EQ(piped.client.unnamed(), kNoUnnamed);
  EXPECT_LT(piped.pipeline.undo_steps(), 10U * kMany);
}

/// What is said behind a batch that failed holds, and where it fails as well it finds what was
/// there before both.
TEST(PreparedUnderWay, IsUndoneAlsoWhereTheSameNameComesLater) {
  Piped piped;
  piped.parse("s", "one");
  piped.say('S');
  piped.hear("1Z");
  const StatementPtr one = piped.client.find("s");
  for (int i = 0; i < 3; ++i) {
    piped.bind("nobody's");
    piped.close("s");
    piped.parse("s", "two");
    piped.say('S');
  }
  const StatementPtr two = piped.client.find("s");
  for (int i = 0; i < 2; ++i) {
    piped.hear("EZ");
    EXPECT_EQ(piped.client.find("s"), two);
    EXPECT_TRUE(piped.server.has(two->number)) << "the next batch says it anew";
  }
  piped.hear("EZ");
  EXPECT_EQ(piped.client.find("s"), one);
  EXPECT_FALSE(piped.server.has(two->number));
  EXPECT_TRUE(piped.server.has(one->number));
  EXPECT_TRUE(piped.pipeline.is_idle());
}

} // namespace
} // namespace pgkeep::wire
