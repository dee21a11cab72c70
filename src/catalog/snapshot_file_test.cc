#include "catalog/snapshot_file.h"

#include <limits>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "catalog/fields.h"

namespace pgkeep::catalog {
namespace {

/// Puts another value into every field, one that no default has.
struct Filler {
  std::int32_t next = 1;

  void fill(bool& value) { value = !value; }
  void fill(std::int32_t& value) { value = next++; }
  void fill(std::uint32_t& value) { value = static_cast<std::uint32_t>(next++); }
  void fill(std::int64_t& value) { value = std::int64_t{1} << 40 | next++; }
  void fill(double& value) { value = next++ + 0.1; }
  void fill(std::string& value) { value = fmt::format("\"text\"\n\\ {} \u00e4\u20ac\x01", next++); }
  void fill(Facts& value) {
    value = fact_names()[static_cast<std::size_t>(next++) % fact_names().size()].fact;
  }
  template <typename T>
  void fill(std::optional<T>& value) {
    fill(value.emplace());
  }
  template <typename T>
  void fill(std::vector<T>& values) {
    values.resize(2);
    for (T& value : values)
      fill(value);
  }
  template <Listed T>
  void fill(T& object) {
    for_each_field(object, [&](std::string_view, auto& member) { fill(member); });
  }
};

template <typename T>
void expect_same(const std::string& place, const T& a, const T& b) {
  EXPECT_EQ(a, b) << place;
}
template <typename T>
void expect_same(const std::string& place, const std::vector<T>& a, const std::vector<T>& b);
template <typename T>
void expect_same(const std::string& place, const std::optional<T>& a, const std::optional<T>& b);
template <Listed T>
void expect_same(const std::string& place, const T& a, const T& b) {
  Fields<T>::each([&](std::string_view name, auto member) {
    expect_same(fmt::format("{}.{}", place, name), a.*member, b.*member);
  });
}
template <typename T>
void expect_same(const std::string& place, const std::vector<T>& a, const std::vector<T>& b) {
  ASSERT_EQ(a.size(), b.size()) << place;
  for (std::size_t i = 0; i < a.size(); ++i)
    expect_same(place, a[i], b[i]);
}
template <typename T>
void expect_same(const std::string& place, const std::optional<T>& a, const std::optional<T>& b) {
  ASSERT_EQ(a.has_value(), b.has_value()) << place;
  if (a) expect_same(place, *a, *b);
}

TEST(SnapshotFile, EveryFieldComesBack) {
  Snapshot written;
  Filler{}.fill(written);
  auto read = parse_snapshot(write_snapshot(written), "x.json");
  ASSERT_TRUE(read.has_value()) << to_line(read.error());
  expect_same("snapshot", written, *read);
  // And linked: the first relation is found.
  EXPECT_EQ(read->relation(written.relations.front().oid), &read->relations.front());
}

TEST(SnapshotFile, DefaultsComeBack) {
  auto read = parse_snapshot(write_snapshot(Snapshot{}), "x.json");
  ASSERT_TRUE(read.has_value()) << to_line(read.error());
  expect_same("snapshot", Snapshot{}, *read);
}

TEST(SnapshotFile, NumbersAtTheirLimitsComeBack) {
  Snapshot written;
  written.server.wal_position = std::numeric_limits<std::int64_t>::max();
  written.server.database_oid = std::numeric_limits<std::uint32_t>::max();
  written.server.version = std::numeric_limits<std::int32_t>::min();
  written.server.now = 1763733628.123456;
  written.server.start_time = std::numeric_limits<double>::infinity();
  written.server.stats_since = -std::numeric_limits<double>::infinity();
  written.server.client_now = std::numeric_limits<double>::max();
  auto read = parse_snapshot(write_snapshot(written), "x.json");
  ASSERT_TRUE(read.has_value()) << to_line(read.error());
  expect_same("server", written.server, read->server);
}

/// The text with the checksum that belongs to it.
std::string sealed(std::string_view body) {
  return seal_snapshot(body);
}

TEST(SnapshotFile, OlderAndNewerMinorsAreRead) {
  auto read = parse_snapshot(
      sealed(
          R"({"server":{"version":150018,"from_the_future":[1,{}]},"new_list":[],"present":["server","telepathy"]})"),
      "x.json");
  ASSERT_TRUE(read.has_value()) << to_line(read.error());
  EXPECT_EQ(read->server.version, 150018);
  EXPECT_EQ(read->present, Facts::server);
  EXPECT_FALSE(read->standby.has_value());
  EXPECT_EQ(read->server.wal_position, 0);
}

TEST(SnapshotFile, WhiteSpaceAroundTheBodyIsFree) {
  const std::string body = R"({"server":{"version":150018}})";
  std::string text = sealed(body);
  text = base::replace_all(text, "\"snapshot\":" + body, "\n  \"snapshot\" :\n  " + body + "\n");
  auto read = parse_snapshot(text, "x.json");
  ASSERT_TRUE(read.has_value()) << to_line(read.error());
  EXPECT_EQ(read->server.version, 150018);
}

struct BadFile {
  const char* name;
  std::string text;
  const char* want; ///< A part of the one line of the error.
};

TEST(SnapshotFile, BadFilesAreRefusedWithOneLine) {
  Snapshot filled;
  Filler{}.fill(filled);
  const std::string good = write_snapshot(filled);
  const std::string small = sealed("{}");
  const std::vector<BadFile> cases{
      {"empty", "", "the file is empty"},
      {"blank", " \n", "the file is empty"},
      {"no JSON", "CREATE TABLE x ();", "not a snapshot"},
      {"truncated", good.substr(0, good.size() / 2), "truncated after"},
      {"truncated in the header", good.substr(0, 30), "truncated after"},
      {"an array", "[1,2]", "not a file of pgkeep"},
      {"foreign JSON", R"({"name":"npm-package","version":"1.0.0"})", "not a file of pgkeep"},
      {"another kind", R"({"pgkeep":"findings/1","findings":[]})", "of the kind findings/1"},
      {"newer", base::replace_all(small, "snapshot/1", "snapshot/2"), "written by a newer pgkeep"},
      {"no version", base::replace_all(small, "snapshot/1", "snapshot/x"),
       "version x cannot be read"},
      {"version 0", base::replace_all(small, "snapshot/1", "snapshot/0"),
       "version 0 cannot be read"},
      {"no checksum", R"({"pgkeep":"snapshot/1","snapshot":{}})", "has no checksum"},
      {"checksum is a number", R"({"pgkeep":"snapshot/1","sha256":1,"snapshot":{}})",
       "has no checksum"},
      {"wrong checksum", base::replace_all(small, "{}", "{ }"), "the checksum does not match"},
      {"one byte flipped", base::replace_all(good, "\"version\":1,", "\"version\":2,"),
       "the checksum does not match"},
      {"no body", R"({"pgkeep":"snapshot/1","sha256":""})", "has no member \"snapshot\""},
      {"body is a list", sealed("[]"), "\"snapshot\" is a list (expected an object)"},
      {"text for a number", sealed(R"({"server":{"version":"15"}})"),
       "server.version is text (expected a whole number)"},
      {"number for text", sealed(R"({"relations":[{},{"name":7}]})"),
       "relations[1].name is a number (expected text)"},
      {"number for bool", sealed(R"({"server":{"is_standby":1}})"),
       "server.is_standby is a number"},
      {"object for list", sealed(R"({"relations":{}})"),
       "relations is an object (expected a list)"},
      {"list for object", sealed(R"({"server":[]})"), "server is a list (expected an object)"},
      {"null for text", sealed(R"({"server":{"user":null}})"), "server.user is null"},
      {"too large for 32 bits", sealed(R"({"server":{"version":2147483648}})"),
       "between -2147483648 and 2147483647"},
      {"negative oid", sealed(R"({"relations":[{"oid":-1}]})"), "relations[0].oid is -1"},
      {"fraction for an integer", sealed(R"({"server":{"version":1.5}})"),
       "server.version is a number (expected a whole number)"},
      {"deep in an optional", sealed(R"({"outside":{"host":{"disks":[{"path":1}]}}})"),
       "outside.host.disks[0].path is a number"},
      {"sections as text", sealed(R"({"present":"server"})"),
       "present is text (expected a list of sections)"},
  };
  for (const BadFile& each : cases) {
    const auto read = parse_snapshot(each.text, "snap.json");
    ASSERT_FALSE(read.has_value()) << each.name;
    EXPECT_EQ(read.error().code, base::Code::corrupt) << each.name;
    const std::string line = to_line(read.error());
    EXPECT_NE(line.find(each.want), std::string::npos) << each.name << ": " << line;
    EXPECT_NE(line.find("snap.json"), std::string::npos) << each.name << ": " << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << each.name;
  }
}

TEST(SnapshotFile, CutAnywhereItIsRefused) {
  Snapshot filled;
  filled.relations.emplace_back().name = "}\"]\\";
  const std::string good = write_snapshot(filled);
  for (std::size_t length = 0; length + 2 < good.size(); ++length) {
    ASSERT_FALSE(parse_snapshot(good.substr(0, length), "x").has_value()) << length;
  }
  EXPECT_TRUE(parse_snapshot(good, "x").has_value());
}

} // namespace
} // namespace pgkeep::catalog
