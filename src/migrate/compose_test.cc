#include "migrate/compose.h"

#include <gtest/gtest.h>

#include "lint/script.h"

namespace pgkeep::migrate {
namespace {

Composed of(const std::string& text, const Values& values = {}) {
  return compose("V001__x.sql", text, ".", values);
}

TEST(Compose, LeavesPlainTextAlone) {
  for (const char* text : {"SELECT 1;", "SELECT '${a}', :b;", "SELECT '\\x';"}) {
    EXPECT_EQ(of(text).text, text);
    EXPECT_EQ(of(text).origins, nullptr);
  }
}

TEST(Compose, PutsValuesIn) {
  const Values values = {{"s", "a b"}, {"n", "7"}};
  EXPECT_EQ(of("SELECT '${s}', ${n}, :'s', :\"s\", :n, :m, :n::int;", values).text,
            "SELECT 'a b', 7, 'a b', \"a b\", 7, :m, 7::int;");
  EXPECT_EQ(of("\\set x 'it''s' :n\nSELECT :'x';", values).text, "\nSELECT 'it''s7';");
  EXPECT_TRUE(of("SELECT ${n};", values).has_values);
  EXPECT_FALSE(of("SELECT 1;", values).has_values);
}

TEST(Compose, NamesWhatHasNoValue) {
  const Composed composed = of("SELECT 1;\nSELECT ${schma};", {{"schema", "a"}});
  ASSERT_EQ(composed.refused.size(), 1U);
  EXPECT_EQ(composed.refused[0].where, "V001__x.sql:2:8");
  EXPECT_NE(composed.refused[0].hint.find("${schema}"), std::string::npos);
  EXPECT_NE(composed.text.find("${schma}"), std::string::npos) << "and stays as it is";
  EXPECT_TRUE(of("SELECT $$ ${not a name} $$;", {{"a", "b"}}).refused.empty());
}

TEST(Compose, KeepsPlacesAndHidesValues) {
  const std::string text = "\\echo x\nSELECT '${word}', no_such,\n  :'word' FROM t;";
  Composed composed = of(text, {{"word", "a much longer secret\nof two lines"}});
  ASSERT_NE(composed.origins, nullptr);
  const std::size_t at = composed.text.find("no_such");
  const std::size_t end = composed.text.size();
  const lint::Script script = lint::Script::read("V001__x.sql", composed.text, composed.origins);
  EXPECT_EQ(script.place_of(at).line, 2);
  EXPECT_EQ(script.place_of(at).column, 19);
  EXPECT_EQ(script.place_of(composed.text.find("FROM t")).column, 11);
  EXPECT_EQ(script.line_at(script.place_of(at)), "SELECT '${word}', no_such,");
  EXPECT_EQ(script.shown(0, end), "\nSELECT '${word}', no_such,\n  :'word' FROM t;");
  const lint::Statement& only = script.sections().at(0).statements.at(0);
  EXPECT_EQ(script.shown(only.begin, only.end).find("secret"), std::string::npos);
}

TEST(Values, AreNamedAndMayComeFromTheEnvironment) {
  const std::string path = values_from({"a=b=c", "home=env:PATH"}, "--set")->at("home");
  EXPECT_FALSE(path.empty());
  EXPECT_EQ(values_from({"a=b=c"}, "--set")->at("a"), "b=c");
  for (const char* wrong : {"a", "=b", "a b=c", "x=env:PGKEEP_NOBODY_SETS_THIS"})
    EXPECT_FALSE(values_from({wrong}, "--set")) << wrong;
}

} // namespace
} // namespace pgkeep::migrate
