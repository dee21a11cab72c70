#include "base/text.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "base/utf8.h"

namespace pgkeep::base {
namespace {

using Texts = std::vector<std::string>;
using namespace std::string_view_literals;

TEST(TextTest, splits_and_joins) {
  EXPECT_EQ(split("a,,b,", ','), (Texts{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), Texts{""});
  EXPECT_EQ(split_words(" a, b\tc,,\n"), (Texts{"a", "b", "c"}));
  EXPECT_EQ(split_words(" ,"), Texts{});
  EXPECT_EQ(join(Texts{"a", "b"}, ", "), "a, b");
  EXPECT_EQ(join(Texts{}, ", "), "");
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(TextTest, searches_and_replaces) {
  EXPECT_EQ(to_lower("ABCÄ-z"), "abcÄ-z");
  EXPECT_TRUE(contains_ignoring_case("Too Many CONNECTIONS", "connections"));
  EXPECT_FALSE(contains_ignoring_case("conn", "connections"));
  EXPECT_TRUE(contains_ignoring_case("", ""));
  EXPECT_EQ(find_ignoring_case("An aN an", "aN"), 0U);
  EXPECT_EQ(find_ignoring_case("An aN an", "AN", 1), 3U);
  EXPECT_EQ(find_ignoring_case("An aN an", "an", 4), 6U);
  EXPECT_EQ(find_ignoring_case("An aN an", "an", 7), std::string_view::npos);
  EXPECT_EQ(find_ignoring_case("aab", "AB"), 1U);
  EXPECT_EQ(find_ignoring_case("x_1", "_1"), 1U);
  EXPECT_EQ(find_ignoring_case("x", "y", 9), std::string_view::npos);
  EXPECT_EQ(find_ignoring_case("x", "", 1), 1U);
  EXPECT_EQ(replace_all("a.b.c", ".", "::"), "a::b::c");
  EXPECT_EQ(replace_all("aaa", "a", "aa"), "aaaaaa");
  EXPECT_EQ(replace_all("abc", "", "x"), "abc");
  EXPECT_EQ(replace_all("abab", "ab", ""), "");
}

TEST(TextTest, wraps_at_spaces) {
  EXPECT_EQ(wrap("one two three", 7), (Texts{"one two", "three"}));
  EXPECT_EQ(wrap("incomprehensible word", 5), (Texts{"incomprehensible", "word"}));
  EXPECT_EQ(wrap("a\n\nb c", 80), (Texts{"a", "", "b c"}));
  EXPECT_EQ(wrap("äöü äöü", 7), Texts{"äöü äöü"});
  EXPECT_EQ(wrap("", 10), Texts{});
}

TEST(TextTest, counts_columns) {
  const struct {
    std::string_view text;
    std::size_t want;
  } kCases[] = {
      {"", 0},         {"abc", 3},    {"äöü", 3},      {"日本", 4},   {"e\u0301", 1},
      {"🙂", 2},       {"a\tb\n", 2}, {"\x1b[31m", 4}, {"a\0b"sv, 2}, {"\xff\xfe", 2},
      {"\xe6\x97", 2}, {"\u202e", 0}, {"한글", 4},     {"…", 1},
  };
  for (const auto& test : kCases)
    EXPECT_EQ(columns_of(test.text), test.want) << test.text;
}

TEST(TextTest, ellipsizes_by_columns) {
  const struct {
    const char* text;
    std::size_t width;
    const char* want;
  } kCases[] = {
      {"abcdef", 6, "abcdef"},
      {"abcdef", 5, "abcd…"},
      {"abcdef", 1, "…"},
      {"abcdef", 0, ""},
      {"", 0, ""},
      {"äöüß", 3, "äö…"},
      {"日本語", 4, "日…"},
      {"日本語", 5, "日本…"},
      {"cafe\u0301s x", 5, "cafe\u0301…"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(ellipsize(test.text, test.width), test.want) << test.text;
    EXPECT_LE(columns_of(ellipsize(test.text, test.width)), test.width);
  }
}

TEST(TextTest, makes_hostile_characters_visible) {
  const struct {
    std::string_view text;
    const char* want;
  } kCases[] = {
      {"plain äöü 日本 🙂", "plain äöü 日本 🙂"},
      {"\x1b[2J", "\\x1b[2J"},
      {"a\nb\r\tc", "a\\x0ab\\x0d\\x09c"},
      {"a\0b\x7f"sv, "a\\x00b\\x7f"},
      {"\xc2\x9b"sv, "\\u009b"},           // C1: some terminals take it for ESC [.
      {"\x9b", "\\x9b"},                   // The same as a bare byte, which is no UTF-8.
      {"\u202egnp.exe", "\\u202egnp.exe"}, // Right-to-left override.
      {"\u2028", "\\u2028"},
      {"\xc0\xaf", "\\xc0\\xaf"},          // Overlong.
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, // Surrogate.
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"cut \xf0\x9f\x99", "cut \\xf0\\x9f\\x99"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(printable(test.text), test.want);
    EXPECT_EQ(printable(printable(test.text)), test.want);
  }
}

TEST(TextTest, every_code_point_survives_decoding) {
  for (char32_t value = 0; value <= 0x10FFFF; ++value) {
    if (value >= 0xD800 && value <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, value);
    const CodePoint point = decode_utf8(text);
    ASSERT_TRUE(point.is_valid && point.value == value && point.bytes == text.size())
        << static_cast<unsigned>(value);
    for (std::size_t cut = 1; cut < text.size(); ++cut)
      ASSERT_FALSE(decode_utf8(text.substr(0, cut)).is_valid);
  }
}

TEST(TextTest, finds_the_nearest_word) {
  constexpr std::array kWords = {"lock-timeout"sv, "statement-timeout"sv, "fix"sv, "jobs"sv};
  const struct {
    const char* word;
    const char* want; // Empty: none.
  } kCases[] = {
      {"lock-timeuot", "lock-timeout"},
      {"lock_timeout", "lock-timeout"},
      {"LOCK-TIMEOUT", "lock-timeout"},
      {"fxi", "fix"},
      {"job", "jobs"},
      {"statement", ""},
      {"zzz", ""},
      {"", ""},
      {"xy", ""},
  };
  for (const auto& test : kCases)
    EXPECT_EQ(nearest(test.word, kWords).value_or(""), test.want) << test.word;
  EXPECT_EQ(nearest(std::string(1000, 'x'), kWords), std::nullopt);
  EXPECT_EQ(nearest("fix", {}), std::nullopt);
}

TEST(TextTest, number_that_text_begins_with) {
  EXPECT_EQ(integer_or("42", -1), 42);
  EXPECT_EQ(integer_or("-9223372036854775808", 0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(integer_or("9223372036854775808", -1), -1);
  EXPECT_EQ(integer_or("7 rows", -1), 7);
  EXPECT_EQ(integer_or("", -1), -1);
  EXPECT_EQ(integer_or("x", -1), -1);
  EXPECT_EQ(number_or("0.25", -1), 0.25);
  EXPECT_EQ(number_or("2e3", -1), 2000.0);
  EXPECT_EQ(number_or("", -1), -1.0);
}

TEST(TextTest, escapes_for_xml) {
  EXPECT_EQ(escape_xml("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(escape_xml("tab\tline\n"), "tab\tline\n");
  EXPECT_EQ(escape_xml("bell\a\xff\xef\xbf\xbf"), "bell\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(escape_xml("日本"), "日本");
}

} // namespace
} // namespace pgkeep::base
