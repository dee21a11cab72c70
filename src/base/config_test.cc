#include "base/config.h"

#include <gtest/gtest.h>

namespace pgkeep::base {
namespace {

constexpr Key kKeys[] = {
    {"", "name", KeyType::text, "x", "A key without a section."},
    {"audit.limits", "counters-age", KeyType::duration, "7d", "h"},
    {"audit.limits", "small-table-rows", KeyType::integer, "1000", "h"},
    {"audit.limits", "bloat-size", KeyType::bytes, "100MB", "h"},
    {"backup", "online", KeyType::boolean, "true", "h"},
    {"backup", "share", KeyType::percent, "20%", "h"},
    {"backup", "hosts", KeyType::text_list, "", "h"},
};
constexpr TableKey kTables[] = {{"audit.ignore", "rule object reason", "rule reason", "h"}};

Result<Config> parse(std::string_view text) {
  return parse_config(text, "pgkeep.toml", kKeys, kTables);
}

TEST(ConfigTest, reads_every_type_with_its_place) {
  const Result<Config> config = parse(R"(name = "prod"
[audit.limits]
counters-age = "14d"
small-table-rows = 10_000
bloat-size = "1GB"
[backup]
online = false
share = "12.5%"
hosts = ["a", "b"]
)");
  ASSERT_TRUE(config.has_value()) << to_line(config.error());
  const struct {
    const char* section;
    const char* name;
    const char* text;
    const char* where;
  } kCases[] = {
      {"", "name", "prod", "pgkeep.toml:1:8"},
      {"audit.limits", "counters-age", "14d", "pgkeep.toml:3:16"},
      {"audit.limits", "small-table-rows", "10000", "pgkeep.toml:4:20"},
      {"audit.limits", "bloat-size", "1GB", "pgkeep.toml:5:14"},
      {"backup", "online", "false", "pgkeep.toml:7:10"},
      {"backup", "share", "12.5%", "pgkeep.toml:8:9"},
      {"backup", "hosts", "a, b", "pgkeep.toml:9:9"},
  };
  EXPECT_EQ(config->values().size(), std::size(kCases));
  for (const auto& test : kCases) {
    const ConfigValue* value = config->find(test.section, test.name);
    ASSERT_NE(value, nullptr) << test.name;
    EXPECT_EQ(value->text, test.text);
    EXPECT_EQ(value->where, test.where) << test.name;
  }
  EXPECT_EQ(config->find("backup", "hosts")->items, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config->find("backup", "name"), nullptr);
  EXPECT_EQ(config->path(), "pgkeep.toml");
}

TEST(ConfigTest, reads_tables) {
  const Result<Config> config = parse(R"(
[[audit.ignore]]
rule = "no-primary-key"
object = "public.log*"
reason = "append only"
[[audit.ignore]]
reason = "known"
rule = "*"
)");
  ASSERT_TRUE(config.has_value()) << to_line(config.error());
  ASSERT_EQ(config->tables().size(), 2U);
  const ConfigTable& first = config->tables()[0];
  EXPECT_EQ(first.section, "audit.ignore");
  EXPECT_EQ(first.get("object"), "public.log*");
  EXPECT_EQ(first.where, "pgkeep.toml:2:1");
  EXPECT_EQ(config->tables()[1].get("object"), std::nullopt);
  EXPECT_EQ(config->tables()[1].get("rule"), "*");
}

TEST(ConfigTest, nothing_is_fine) {
  for (const char* text : {"", "\n# only a comment\n", "[audit]\n", "[audit.limits]\n",
                           "[audit]\nignore = []\n", "\xef\xbb\xbf"}) {
    const Result<Config> config = parse(text);
    ASSERT_TRUE(config.has_value()) << text << to_line(config.error());
    EXPECT_TRUE(config->values().empty() && config->tables().empty());
  }
}

struct BadCase {
  const char* name;
  std::string_view text;
  const char* where;
  const char* what;
  const char* hint = "";
};

constexpr BadCase kUnknown[] = {
    {"key, near", "[audit.limits]\ncounter-age = \"7d\"", "2:1",
     "unknown key \"audit.limits.counter-age\"", "Did you mean \"counters-age\"?"},
    {"key, case", "[audit.limits]\n\n  Bloat-Size = \"7MB\"", "3:3",
     "unknown key \"audit.limits.Bloat-Size\"", "Did you mean \"bloat-size\"?"},
    {"key, elsewhere", "bloat-size = \"7MB\"", "1:1", "unknown key \"bloat-size\"",
     "It belongs in [audit.limits]."},
    {"key, nothing near", "[backup]\nzzz = 1", "2:1", "unknown key \"backup.zzz\""},
    {"section", "[bakcup]\nonline = true", "1:2", "unknown section \"bakcup\"",
     "Did you mean \"backup\"?"},
    {"section below", "[audit.limit]\n", "1:8", "unknown section \"audit.limit\"",
     "Did you mean \"limits\"?"},
    {"tables", "[[audit.ignores]]\nrule = \"x\"", "1:9", "unknown section \"audit.ignores\"",
     "Did you mean \"ignore\"?"},
    {"first in the file", "[backup]\nzz = 1\naa = 1", "2:1", "unknown key \"backup.zz\""},
    {"hostile", "\"a\\u001b[31m\" = 1", "1:1", "unknown key \"a\\x1b[31m\""},
    {"member", "[[audit.ignore]]\nrule = \"x\"\nreasons = \"y\"", "3:1",
     "unknown member \"reasons\" of [[audit.ignore]]", "Did you mean \"reason\"?"},
};
constexpr BadCase kWrong[] = {
    {"number for a duration", "[audit.limits]\ncounters-age = 7", "2:16",
     "counters-age is a whole number"},
    {"duration without a unit", "[audit.limits]\ncounters-age = \"7\"", "2:16",
     "a duration needs a unit: \"7\""},
    {"duration out of form", "[audit.limits]\ncounters-age = \"a week\"", "2:16",
     "not a duration: \"a week\""},
    {"size with a wrong unit", "[audit.limits]\nbloat-size = \"64mb\"", "2:14",
     "unknown unit of a size: \"64mb\""},
    {"text for an integer", "[audit.limits]\nsmall-table-rows = \"10\"", "2:20",
     "small-table-rows is a text"},
    {"negative", "[audit.limits]\nsmall-table-rows = -1", "2:20", "small-table-rows is negative"},
    {"fraction for an integer", "[audit.limits]\nsmall-table-rows = 1.5", "2:20",
     "small-table-rows is a number with a point"},
    {"text for a boolean", "[backup]\nonline = \"true\"", "2:10", "online is a text"},
    {"percentage too large", "[backup]\nshare = \"101%\"", "2:9", "not a percentage: \"101%\""},
    {"percentage without its sign", "[backup]\nshare = \"10\"", "2:9", "not a percentage: \"10\""},
    {"text for a list", "[backup]\nhosts = \"a\"", "2:9", "hosts is a text"},
    {"number in a list", "[backup]\nhosts = [\"a\", 2]", "2:15",
     "an item of hosts is a whole number"},
    {"scalar for a section", "backup = 3", "1:10", "backup is a whole number"},
    {"table for a key", "[backup.online]\nx = 1", "1:1", "online is a table"},
    {"table in place of tables", "[audit.ignore]\nrule = \"x\"", "1:1", "audit.ignore is a table"},
    {"list of numbers for tables", "[audit]\nignore = [1]", "2:10", "audit.ignore is a list"},
    {"number in a member", "[[audit.ignore]]\nrule = 1\nreason = \"x\"", "2:8",
     "rule is a whole number"},
    {"member missing", "\n[[audit.ignore]]\nrule = \"x\"", "2:1",
     "reason is missing in [[audit.ignore]]"},
    {"member empty", "[[audit.ignore]]\nrule = \"x\"\nreason = \" \"", "1:1",
     "reason is empty in [[audit.ignore]]"},
};

void expect_refused(const BadCase& test) {
  const Result<Config> config = parse(test.text);
  ASSERT_FALSE(config.has_value()) << test.name;
  EXPECT_EQ(config.error().code, Code::config) << test.name;
  EXPECT_EQ(config.error().where, std::string("pgkeep.toml:") + test.where) << test.name;
  EXPECT_EQ(config.error().what, test.what) << test.name;
  EXPECT_EQ(config.error().hint, test.hint) << test.name;
  EXPECT_FALSE(config.error().expected.empty()) << test.name;
}

TEST(ConfigTest, unknown_names_are_refused_with_the_nearest_known) {
  for (const BadCase& test : kUnknown)
    expect_refused(test);
}

TEST(ConfigTest, wrong_values_are_refused_with_their_place) {
  for (const BadCase& test : kWrong)
    expect_refused(test);
}

TEST(ConfigTest, syntax_errors_have_a_place) {
  const struct {
    const char* name;
    std::string_view text;
    const char* where;
  } kCases[] = {
      {"no value", "name = ", "1:8"},
      {"duration without quotes", "[audit.limits]\ncounters-age = 7d", "2:17"},
      {"open string", "name = \"abc", "1:12"},
      {"open section", "[audit", "1:7"},
      {"the same key twice", "name = \"a\"\nname = \"b\"", "2:8"},
      {"no UTF-8", "name = \"\xff\"", "1:8"},
      {"control character", "name = \"\x01\"", "1:9"},
  };
  for (const auto& test : kCases) {
    const Result<Config> config = parse(test.text);
    ASSERT_FALSE(config.has_value()) << test.name;
    EXPECT_EQ(config.error().code, Code::config);
    EXPECT_EQ(config.error().where, std::string("pgkeep.toml:") + test.where)
        << test.name << ": " << config.error().what;
    EXPECT_FALSE(config.error().what.empty());
  }
}

TEST(ConfigTest, size_and_depth_have_limits) {
  const Result<Config> big = parse(std::string(2 * 1024 * 1024, '\n'));
  ASSERT_FALSE(big.has_value());
  EXPECT_EQ(big.error().what, "larger than 1 MB");
  EXPECT_FALSE(parse("name = " + std::string(100'000, '[')).has_value());
}

TEST(ConfigTest, no_file_means_defaults) {
  const Config config;
  EXPECT_EQ(config.find("audit.limits", "counters-age"), nullptr);
  EXPECT_TRUE(config.tables().empty());
}

} // namespace
} // namespace pgkeep::base
