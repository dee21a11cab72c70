#include "pool/parameters.h"

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

TEST(TrackedNames, KnowsItsNamesInAnyCase) {
  const TrackedNames names("IntervalStyle, search_path,,datestyle");
  EXPECT_EQ(names.count(), 7U);
  EXPECT_EQ(names.index_of("CLIENT_ENCODING"), 0U);
  EXPECT_EQ(names.index_of("intervalstyle"), 5U);
  EXPECT_EQ(names.name(6), "search_path");
  EXPECT_FALSE(names.index_of("search"));
  EXPECT_FALSE(names.is_too_long());
}

TEST(TrackedNames, HaveALimit) {
  std::string many;
  for (std::size_t i = 0; i <= TrackedNames::kMax; ++i)
    many += "name" + std::to_string(i) + ",";
  EXPECT_TRUE(TrackedNames(many).is_too_long());
}

TEST(ParameterValues, KeepsEachInItsPlace) {
  ParameterValues values;
  EXPECT_FALSE(values.get(0));
  values.set(2, "UTC");
  EXPECT_EQ(values.get(2), "UTC");
  EXPECT_FALSE(values.get(0));
  EXPECT_FALSE(values.get(3));
  values.set(0, "");
  values.set(2, "Europe/Berlin");
  EXPECT_EQ(values.get(0), "");
  EXPECT_FALSE(values.get(1));
  EXPECT_EQ(values.get(2), "Europe/Berlin");
  values.set(2, "=?");
  EXPECT_EQ(values.get(2), "=?");
}

TEST(ParameterValues, FillsWhatItHasNot) {
  ParameterValues server;
  server.set(0, "UTF8");
  server.set(1, "ISO, MDY");
  ParameterValues client;
  client.set(1, "German");
  client.fill_from(server, 3);
  EXPECT_EQ(client.get(0), "UTF8");
  EXPECT_EQ(client.get(1), "German");
  EXPECT_FALSE(client.get(2));
  client.take_from(server, 3);
  EXPECT_EQ(client.get(1), "ISO, MDY");
}

TEST(ChangeOf, SaysWhatToSet) {
  const TrackedNames names;
  ParameterValues wanted;
  ParameterValues has;
  wanted.set(0, "UTF8");
  has.set(0, "UTF8");
  EXPECT_TRUE(change_of(names, wanted, has).sql.empty());
  wanted.set(2, "UTC");
  EXPECT_TRUE(change_of(names, wanted, has).sql.empty()) << "what the server has is not known";
  has.set(2, "Europe/Berlin");
  wanted.set(4, "it's");
  has.set(4, "");
  const ParameterChange change = change_of(names, wanted, has);
  EXPECT_EQ(change.sql, "SET TimeZone='UTC';SET application_name='it''s';");
  EXPECT_EQ(change.indexes, 1U << 2U | 1U << 4U);
  wanted.set(4, "back\\slash");
  EXPECT_EQ(change_of(names, wanted, has).sql,
            "SET TimeZone='UTC';SET application_name=E'back\\\\slash';");
  EXPECT_TRUE(change.encoding.empty());
  wanted.set(0, "LATIN1");
  const ParameterChange with_encoding = change_of(names, wanted, has);
  EXPECT_EQ(with_encoding.encoding, "SET client_encoding='LATIN1';");
  EXPECT_EQ(with_encoding.sql, "SET TimeZone='UTC';SET application_name=E'back\\\\slash';");
  EXPECT_EQ(with_encoding.indexes, 1U | 1U << 2U | 1U << 4U);
}

TEST(ChangeOf, ListsOfNamesStayAsTheServerToldThem) {
  const TrackedNames names("Search_Path, IntervalStyle");
  ParameterValues wanted;
  ParameterValues has;
  wanted.set(5, R"("$user", public)");
  has.set(5, "public");
  EXPECT_EQ(change_of(names, wanted, has).sql,
            R"(SELECT pg_catalog.set_config('Search_Path','"$user", public',false);)");
  wanted.set(5, "x', false); DROP TABLE t; --");
  EXPECT_EQ(change_of(names, wanted, has).sql,
            "SELECT pg_catalog.set_config('Search_Path','x'', false); DROP TABLE t; --',false);");
  wanted.set(5, "");
  wanted.set(6, "iso_8601");
  has.set(6, "postgres");
  EXPECT_EQ(change_of(names, wanted, has).sql,
            "SELECT pg_catalog.set_config('Search_Path','',false);SET IntervalStyle='iso_8601';");
}

TEST(SaidAtStart, AnEmptyValueIsOneOfFewNames) {
  for (const std::string_view name :
       {"TimeZone", "client_encoding", "DateStyle", "IntervalStyle"}) {
    EXPECT_FALSE(is_said_at_start(name, "")) << name;
    EXPECT_TRUE(is_said_at_start(name, "x")) << name;
  }
  EXPECT_TRUE(is_said_at_start("Application_Name", ""));
  EXPECT_TRUE(is_said_at_start("SEARCH_PATH", ""));
}

TEST(SettingsOfParse, AreWhatATextIsReadBy) {
  const TrackedNames names("IntervalStyle, search_path");
  ParameterValues values;
  const auto of = [&](const wire::SessionSettings& session) {
    return settings_of_parse(names, values, &session);
  };
  values.set(*names.index_of("TimeZone"), "UTC");
  const std::string utc = of({});
  values.set(*names.index_of("application_name"), "one");
  EXPECT_EQ(of({{"role", "one"}, {"app.user", "7"}, {"statement_timeout", "1s"}}), utc);
  EXPECT_NE(of({{"transform_null_equals", "on"}}), utc);
  values.set(*names.index_of("search_path"), "one");
  const std::string in_one = of({});
  EXPECT_NE(in_one, utc);
  values.set(*names.index_of("IntervalStyle"), "iso_8601");
  EXPECT_NE(of({}), in_one);
}

} // namespace
} // namespace pgkeep::pool
