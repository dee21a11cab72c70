#include <algorithm>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "catalog/snapshot.h"

namespace pgkeep::catalog {
namespace {

Setting setting(const char* name, const char* value, const char* unit,
                const char* type = "integer") {
  Setting each;
  each.name = name;
  each.value = value;
  each.unit = unit;
  each.type = type;
  return each;
}

struct NumberCase {
  const char* value;
  const char* unit;
  const char* type;
  std::optional<double> want;
};

TEST(Settings, NumbersAreInBytesAndMilliseconds) {
  const NumberCase cases[] = {
      {"16384", "8kB", "integer", 134217728.0},
      {"65536", "kB", "integer", 67108864.0},
      {"64", "MB", "integer", 67108864.0},
      {"16777216", "B", "integer", 16777216.0},
      {"500", "ms", "integer", 500.0},
      {"60", "s", "integer", 60'000.0},
      {"5", "min", "integer", 300'000.0},
      {"0.2", "", "real", 0.2},
      {"100", "", "integer", 100.0},
      {"2", "ms", "real", 2.0},
      {"0", "ms", "integer", 0.0},
      // Words in place of amounts.
      {"-1", "kB", "integer", -1.0},
      {"-1", "ms", "integer", -1.0},
      // With a unit of their own, as files and ALTER ROLE have them.
      {"64MB", "kB", "integer", 67108864.0},
      {"64 MB", "8kB", "integer", 67108864.0},
      {"1.5GB", "kB", "integer", 1610612736.0},
      {"30s", "ms", "integer", 30'000.0},
      {"1h", "s", "integer", 3'600'000.0},
      {"7d", "min", "integer", 604'800'000.0},
      {"100us", "ms", "integer", 0.0},
      {"100us", "ms", "real", 0.1},
      {"1kB", "8kB", "integer", 0.0},
      // No numbers.
      {"on", "", "bool", std::nullopt},
      {"replica", "", "enum", std::nullopt},
      {"", "ms", "integer", std::nullopt},
      {"10 apples", "ms", "integer", std::nullopt},
      {"30s", "kB", "integer", std::nullopt},
      {"30s", "", "integer", std::nullopt},
      {"5", "parsec", "integer", std::nullopt},
      {"nan", "ms", "real", std::nullopt},
  };
  for (const NumberCase& each : cases) {
    Snapshot db;
    db.settings.push_back(setting("x", each.value, each.unit, each.type));
    db.link();
    const std::optional<double> number = setting_number(db, "x");
    ASSERT_EQ(number.has_value(), each.want.has_value()) << each.value << " in " << each.unit;
    if (!number) continue;
    EXPECT_NEAR(*number, *each.want, 1e-9) << each.value << " in " << each.unit;
  }
}

TEST(Settings, UnknownOnesAreNothing) {
  Snapshot db;
  db.settings.push_back(setting("fsync", "on", "", "bool"));
  db.link();
  EXPECT_TRUE(setting_is_on(db, "fsync"));
  EXPECT_FALSE(setting_is_on(db, "no_such"));
  EXPECT_EQ(setting_text(db, "fsync"), "on");
  EXPECT_EQ(setting_text(db, "no_such"), "");
  EXPECT_EQ(setting_number(db, "no_such"), std::nullopt);
  EXPECT_EQ(effective_number(db, "app", "no_such"), std::nullopt);
}

void set(Snapshot& db, const char* role, const char* database, const char* value,
         const char* name = "statement_timeout") {
  db.role_settings.emplace_back();
  db.role_settings.back().role = role;
  db.role_settings.back().database = database;
  db.role_settings.back().name = name;
  db.role_settings.back().value = value;
}

TEST(Settings, TheNarrowestSettingWins) {
  Snapshot db;
  db.server.database = "shop";
  db.settings.push_back(setting("statement_timeout", "0", "ms"));
  db.link();
  EXPECT_EQ(effective_setting(db, "app", "statement_timeout"), "0");
  EXPECT_EQ(effective_number(db, "app", "statement_timeout"), 0.0);
  // Each one added beats all before it; it stands in front of them, so that it is not the order
  // that decides.
  const auto with = [&](const char* role, const char* database, const char* value) {
    set(db, role, database, value);
    std::ranges::rotate(db.role_settings, db.role_settings.end() - 1);
  };
  with("other", "shop", "1s");
  with("app", "elsewhere", "2s");
  with("", "elsewhere", "3s");
  EXPECT_EQ(effective_number(db, "app", "statement_timeout"), 0.0)
      << "other roles' and databases' settings do not apply";
  with("", "", "4s");
  EXPECT_EQ(effective_number(db, "app", "statement_timeout"), 4'000.0);
  with("", "shop", "5s");
  EXPECT_EQ(effective_number(db, "app", "statement_timeout"), 5'000.0);
  with("app", "", "6s");
  EXPECT_EQ(effective_number(db, "app", "statement_timeout"), 6'000.0);
  with("app", "shop", "7000");
  EXPECT_EQ(effective_number(db, "app", "statement_timeout"), 7'000.0);
  EXPECT_EQ(effective_setting(db, "app", "statement_timeout"), "7000");
  EXPECT_EQ(effective_number(db, "other", "statement_timeout"), 1'000.0);
  EXPECT_EQ(effective_number(db, "somebody", "statement_timeout"), 5'000.0);
}

TEST(Settings, RolesNameSettingsInAnyCase) {
  Snapshot db;
  db.settings.push_back(setting("TimeZone", "UTC", "", "string"));
  set(db, "app", "", "Europe/Zurich", "timezone");
  db.link();
  EXPECT_EQ(effective_setting(db, "app", "TimeZone"), "Europe/Zurich");
}

} // namespace
} // namespace pgkeep::catalog
