#include "base/json.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace pgkeep::base {
namespace {

using namespace std::string_view_literals;

Json parsed(std::string_view text) {
  Result<Json> json = parse_json(text);
  EXPECT_TRUE(json.has_value()) << text << (json ? "" : ": " + json.error().what);
  return json ? std::move(*json) : Json();
}

TEST(JsonTest, the_writer_writes_in_pieces_what_dump_writes_at_once) {
  const Json whole{{"list", Json::Array{Json(1), Json{{"a", nullptr}}, Json(Json::Array{})}},
                   {"none", Json(Json::Object{})},
                   {"text", "\"x\""}};
  for (const bool is_indented : {false, true}) {
    JsonWriter out(is_indented);
    out.begin_object();
    out.key("list");
    out.begin_array();
    out.value(1);
    out.begin_object();
    out.member("a", nullptr);
    out.end_object();
    out.begin_array();
    out.end_array();
    out.end_array();
    out.key("none");
    out.begin_object();
    out.end_object();
    out.key("text");
    out.text("\"x\"");
    out.end_object();
    EXPECT_EQ(out.take(), whole.dump(is_indented));
  }
}

TEST(JsonTest, a_writer_goes_on_from_where_another_stands) {
  const Json item{{"name", "\x01 and a text that is longer than a few words"}, {"size", 7}};
  const Json whole{{"list", Json(Json::Array{item, item, item})}};
  JsonWriter document(true);
  document.begin_object();
  document.key("list");
  document.begin_array();
  JsonWriter place = document;
  place.forget();
  EXPECT_EQ(place.written(), "");
  JsonWriter one(true);
  for (int i = 0; i < 3; ++i) {
    one.go_on_from(place);
    one.value(item);
    const std::string_view made = one.written();
    const auto half = static_cast<std::size_t>(i) * made.size() / 2;
    document.made(std::array{made.substr(0, half), made.substr(half)});
  }
  document.end_array();
  document.end_object();
  EXPECT_EQ(document.written(), whole.dump(true));
  EXPECT_EQ(document.take(), whole.dump(true));
}

TEST(JsonTest, quotes_what_does_not_stand_for_itself_wherever_it_is) {
  // Of every length up to a few of the pieces in which plain text is looked for, and all places.
  for (std::size_t length = 1; length <= 40; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (const char c : {'"', '\\', '\n', '\x1f', '\x7f', ' ', '~', '#'}) {
        std::string text(length, 'x');
        text[at] = c;
        const bool is_plain = c == ' ' || c == '~' || c == '#';
        const std::string quoted = Json(text).dump();
        EXPECT_EQ(quoted == '"' + text + '"', is_plain) << quoted;
        EXPECT_EQ(json_quote(text), quoted);
        const auto read = parse_json(quoted);
        ASSERT_TRUE(read && read->as_string() != nullptr) << quoted;
        EXPECT_EQ(*read->as_string(), text);
      }
    }
  }
}

TEST(JsonTest, keeps_the_order_and_prints_both_ways) {
  Json json{{"zeta", 1}, {"alpha", Json::list({"a", "b"})}, {"none", nullptr}};
  json.set("nested", Json{{"x", true}, {"empty", Json(Json::Array{})}});
  EXPECT_EQ(json.dump(),
            R"({"zeta":1,"alpha":["a","b"],"none":null,"nested":{"x":true,"empty":[]}})");
  EXPECT_EQ(json.dump(true), "{\n  \"zeta\": 1,\n  \"alpha\": [\n    \"a\",\n    \"b\"\n  ],\n  "
                             "\"none\": null,\n  \"nested\": {\n    \"x\": true,\n"
                             "    \"empty\": []\n  }\n}");
  ASSERT_NE(json.find("zeta"), nullptr);
  EXPECT_EQ(*json.find("zeta")->as_int(), 1);
  EXPECT_EQ(json.find("beta"), nullptr);
  EXPECT_EQ(Json(3).find("x"), nullptr);
}

TEST(JsonTest, null_becomes_what_is_put_into_it) {
  Json object;
  object.set("a", 1);
  EXPECT_EQ(object.dump(), R"({"a":1})");
  Json array;
  array.push("x");
  array.push(2.5);
  EXPECT_EQ(array.dump(), R"(["x",2.5])");
}

TEST(JsonTest, what_is_written_reads_back_the_same) {
  const std::vector<Json> kValues = {
      Json(),
      Json(true),
      Json(false),
      Json(0),
      Json(std::numeric_limits<std::int64_t>::min()),
      Json(std::numeric_limits<std::int64_t>::max()),
      Json(1.0),
      Json(-0.5),
      Json(0.1),
      Json(1e300),
      Json(5e-324),
      Json(1e22),
      Json(123456789012345680.0),
      Json(""),
      Json("\"\\/\b\f\n\r\t\x01\x7f"),
      Json("a\0b"sv),
      Json("日本 🙂 \u202e \u009b"),
      Json(Json::Array{}),
      Json(Json::Object{}),
      Json{{"", Json::list({"x"})}, {"k\n", Json{{"deep", 1}}}},
  };
  for (const Json& value : kValues) {
    EXPECT_EQ(parsed(value.dump()), value) << value.dump();
    EXPECT_EQ(parsed(value.dump(true)), value) << value.dump(true);
  }
}

TEST(JsonTest, bytes_that_are_no_utf8_become_replacement_characters) {
  EXPECT_EQ(Json("a\xff"
                 "b\xc3")
                .dump(),
            "\"a\uFFFD"
            "b\uFFFD\"");
  EXPECT_EQ(*parsed(Json("\xed\xa0\x80").dump()).as_string(), "\uFFFD\uFFFD\uFFFD");
}

TEST(JsonTest, what_must_be_escaped_is_found_at_every_place) {
  for (std::size_t size = 1; size < 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 0x80; ++byte) {
        std::string text(size, '~');
        text[at] = static_cast<char>(byte);
        const std::string quoted = json_quote(text);
        const bool is_plain = byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
        EXPECT_EQ(quoted.size() == size + 2, is_plain) << size << " " << at << " " << byte;
        EXPECT_EQ(parsed(quoted), Json(text)) << quoted;
      }
    }
  }
}

TEST(JsonTest, terminal_escapes_never_come_out_raw) {
  EXPECT_EQ(json_quote("\x1b[31m\xc2\x9b\x7f\u202e"), R"("\u001b[31m\u009b\u007f\u202e")");
}

TEST(JsonTest, numbers_that_are_none_in_json_become_null) {
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
}

TEST(JsonTest, big_integers_become_doubles) {
  EXPECT_EQ(*parsed("9223372036854775807").as_int(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(*parsed("-9223372036854775808").as_int(), std::numeric_limits<std::int64_t>::min());
  for (const char* text :
       {"9223372036854775808", "18446744073709551616", "-9223372036854775809", "1e3"}) {
    ASSERT_NE(parsed(text).as_double(), nullptr) << text;
    EXPECT_DOUBLE_EQ(*parsed(text).as_double(), std::strtod(text, nullptr));
  }
}

TEST(JsonTest, refuses_bad_text_and_says_where) {
  const struct {
    const char* name;
    std::string_view text;
    const char* where;
  } kCases[] = {
      {"empty", "", "1:1"},
      {"cut in an object", "{\"a\": 1,\n \"b\"", "2:5"},
      {"cut in a string", "[\"abc", "1:6"},
      {"cut in a list", "[1, 2", "1:6"},
      {"two values", "1 2", "1:3"},
      {"comma at the end", "[1,]", "1:4"},
      {"single quotes", "{\n  'a': 1}", "2:3"},
      {"comment", "// x\n1", "1:1"},
      {"NaN", "NaN", "1:1"},
      {"number too large", "1e999", "1:5"},
      {"raw line break", "\"a\nb\"", "1:3"},
      {"no UTF-8", "\"a\xff\"", "1:3"},
      {"lone surrogate", "\"\\ud800\"", "1:8"},
      {"leading zero", "01", "1:2"},
  };
  for (const auto& test : kCases) {
    const Result<Json> json = parse_json(test.text);
    ASSERT_FALSE(json.has_value()) << test.name;
    EXPECT_EQ(json.error().code, Code::corrupt) << test.name;
    EXPECT_FALSE(json.error().what.empty()) << test.name;
    EXPECT_EQ(json.error().where, test.where) << test.name << ": " << json.error().what;
  }
}

TEST(JsonTest, every_truncation_is_refused) {
  const std::string text =
      Json{{"a", Json::list({"x", "\n"})}, {"b", 1.5}, {"c", Json{{"d", nullptr}}}}.dump();
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(parse_json(text.substr(0, length)).has_value()) << length;
}

TEST(JsonTest, depth_has_a_limit) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(100)).has_value());
  EXPECT_TRUE(
      parse_json("\"" + nested(500) + "\"").has_value()); // Within a string brackets are text.
  for (const std::size_t depth : {std::size_t{101}, std::size_t{1'000'000}}) {
    const Result<Json> json = parse_json(nested(depth));
    ASSERT_FALSE(json.has_value());
    EXPECT_EQ(json.error().what, "nested deeper than 100 levels");
    EXPECT_EQ(json.error().where, "1:101");
  }
}

TEST(JsonTest, reads_to_a_person) {
  const struct {
    Json value = {};
    const char* want = "";
  } kCases[] = {
      {Json("x"), "x"},
      {Json(7), "7"},
      {Json(true), "true"},
      {Json(), "none"},
      {Json(2.0), "2"},
      {Json(0.1 + 0.2), "0.3"},
      {Json(12.3456), "12.346"},
      {Json(0.00012345), "0.000123"},
      {Json(0.0), "0"},
      {Json::list({"a", "b"}), "a, b"},
      {Json(Json::Array{Json(1), Json(Json::Array{Json(2)})}), "1, [2]"},
      {Json{{"a", 1}}, "{\"a\":1}"},
  };
  for (const auto& test : kCases)
    EXPECT_EQ(test.value.to_text(), test.want);
}

} // namespace
} // namespace pgkeep::base
