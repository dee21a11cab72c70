#include "audit/audit.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "audit/not_yet.h"
#include "audit/version_table.h"
#include "base/units.h"

namespace pgkeep::audit {
namespace {

using catalog::Facts;
using catalog::Snapshot;
using findings::Finding;
using findings::Report;
using findings::Severity;

constexpr double kNow = 1'795'262'400; // 2026-11-21.
constexpr double kDay = 86'400;

catalog::Setting setting(std::string name, std::string value, std::string unit = "") {
  catalog::Setting made;
  made.name = std::move(name);
  made.value = std::move(value);
  made.type = unit.empty() ? "bool" : "integer";
  made.unit = std::move(unit);
  made.context = "sighup";
  return made;
}

/// Only what the rules asked here read.
Snapshot small_server() {
  Snapshot db;
  db.server.version = 150018;
  db.server.now = kNow;
  db.server.client_now = kNow;
  db.server.stats_since = kNow - 90 * kDay;
  db.server.database = "shop";
  db.server.user = "postgres";
  db.server.address = "10.0.0.5:5432";
  db.settings = {setting("fsync", "off"), setting("full_page_writes", "on"),
                 setting("log_hostname", "on")};
  db.present = Facts::server | Facts::settings;
  db.link();
  return db;
}

Report judge_or_die(const Snapshot& db, std::vector<std::string> only, findings::Limits limits) {
  auto report = judge(db, {.limits = limits, .only = std::move(only)});
  EXPECT_TRUE(report) << base::to_line(report.error());
  return report ? *std::move(report) : Report{};
}
Report judge_or_die(const Snapshot& db, std::vector<std::string> only) {
  return judge_or_die(db, std::move(only), findings::limits_from(base::Config{}));
}

std::string reason_of(const Report& report, std::string_view rule) {
  const auto found = std::ranges::find(report.skipped, rule, &findings::Skipped::rule);
  return found == report.skipped.end() ? "" : found->reason;
}

TEST(Audit, RulesComeInTheOrderOfAreas) {
  const auto rules = all_rules();
  EXPECT_GT(rules.size(), 50U);
  EXPECT_TRUE(
      std::ranges::is_sorted(rules, {}, [](const findings::Rule* rule) { return rule->area; }));
}

TEST(Audit, FindsPassesAndFillsTheSeverity) {
  const Report report = judge_or_die(small_server(), {"fsync-off", "full-page-writes-off"});
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].rule, "fsync-off");
  EXPECT_EQ(report.findings[0].severity, Severity::error);
  EXPECT_EQ(report.passed, std::vector<std::string>{"full-page-writes-off"});
  EXPECT_EQ(report.rules.size(), 2U);
}

TEST(Audit, WorstComesFirst) {
  const Report report = judge_or_die(small_server(), {"log-hostname", "fsync-off"});
  ASSERT_EQ(report.findings.size(), 2U);
  EXPECT_EQ(report.findings[0].rule, "fsync-off");
  EXPECT_EQ(report.findings[1].rule, "log-hostname");
}

TEST(Audit, AbsentSectionIsSkippedWithItsReason) {
  Snapshot db = small_server();
  db.absent = {{.fact = Facts::host, .reason = "the server runs on another machine"}};
  const Report report = judge_or_die(db, {"shared-buffers-range"});
  EXPECT_EQ(reason_of(report, "shared-buffers-range"), "the server runs on another machine");
  EXPECT_TRUE(report.passed.empty());
}

TEST(Audit, SettingThatCannotBeSeenIsSkipped) {
  const Report report = judge_or_die(small_server(), {"log-temp-files-off"});
  EXPECT_EQ(reason_of(report, "log-temp-files-off"),
            "setting log_temp_files is not visible to postgres");
  EXPECT_TRUE(report.passed.empty());
}

TEST(Audit, OldServerIsSkipped) {
  const Report report = judge_or_die(small_server(), {"transaction-timeout-none"});
  EXPECT_EQ(reason_of(report, "transaction-timeout-none"), "needs PostgreSQL 17, the server is 15");
}

TEST(Audit, YoungCountersAreSkippedUnlessTheLimitSaysElse) {
  Snapshot db = small_server();
  db.server.stats_since = kNow - 3 * 3600;
  db.settings.push_back(setting("max_wal_size", "1024", "MB"));
  db.background = {.checkpoints_timed = 10, .checkpoints_requested = 90};
  db.present = db.present | Facts::background;
  db.link();
  EXPECT_EQ(reason_of(judge_or_die(db, {"checkpoint-pressure"}), "checkpoint-pressure"),
            "counters are only 3 h old, rates need 7 d; set audit.limits.counters-age");
  findings::Limits limits = findings::limits_from(base::Config{});
  limits.counters_age = std::chrono::hours{1};
  const Report report = judge_or_die(db, {"checkpoint-pressure"}, limits);
  EXPECT_EQ(report.findings.size(), 1U);
  EXPECT_TRUE(std::ranges::any_of(report.notes, [](const std::string& note) {
    return note.find("counters-age = 1 h (default 7 d)") != std::string::npos;
  }));
}

TEST(Audit, AreasAndAliasesSelect) {
  const Report area = judge_or_die(small_server(), {"extensions"});
  EXPECT_FALSE(area.rules.empty());
  for (const findings::Rule* rule : area.rules)
    EXPECT_EQ(rule->area, findings::Area::extensions);
  const Report alias = judge_or_die(small_server(), {"encoding-sql-ascii"});
  ASSERT_EQ(alias.rules.size(), 1U);
  EXPECT_EQ(alias.rules[0]->id, "sql-ascii");
  auto rest = judge(small_server(), {.limits = findings::limits_from(base::Config{}),
                                     .skip = {"extensions", "fsync-off"}});
  ASSERT_TRUE(rest);
  EXPECT_TRUE(std::ranges::none_of(rest->rules, [](const findings::Rule* rule) {
    return rule->id == "fsync-off" || rule->area == findings::Area::extensions;
  }));
}

TEST(Audit, UnknownNameSaysTheNearest) {
  const auto report = judge(
      small_server(), {.limits = findings::limits_from(base::Config{}), .only = {"fsync-of"}});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, base::Code::usage);
  EXPECT_NE(base::to_line(report.error()).find("fsync-off"), std::string::npos);
}

TEST(Audit, WhatTheStackCannotMendYetIsInfoThereOnly) {
  Snapshot db = small_server();
  db.settings.push_back(setting("archive_mode", "off"));
  db.present = db.present | Facts::replicas;
  db.link();
  EXPECT_EQ(judge_or_die(db, {"archiving-off"}).findings.at(0).severity, Severity::error);
  db.settings.push_back(setting("cluster_name", std::string(kStackClusterName)));
  db.link();
  EXPECT_EQ(judge_or_die(db, {"archiving-off"}).findings.at(0).severity, Severity::info);
}

TEST(Audit, NotYetListNamesRulesThatExist) {
  for (const std::string_view id : kNotYet)
    EXPECT_NE(findings::find_rule(all_rules(), id), nullptr) << id;
}

TEST(Audit, CommandLineSettingsAreNotPromisedToChange) {
  Snapshot db = small_server();
  db.settings[0].source = "command line";
  const Finding finding = judge_or_die(db, {"fsync-off"}).findings.at(0);
  EXPECT_EQ(finding.fix->safety, findings::Safety::manual);
  EXPECT_NE(finding.fix->note.find("command line"), std::string::npos);
  db.server.managed_by = "rds";
  EXPECT_TRUE(judge_or_die(db, {"fsync-off"}).findings.at(0).fix->sql.empty());
}

TEST(Audit, UndoPutsBackWhatStoodInAutoConf) {
  Snapshot db = small_server();
  EXPECT_EQ(judge_or_die(db, {"fsync-off"}).findings.at(0).fix->undo.at(0),
            "ALTER SYSTEM RESET fsync");
  db.settings[0].source_file = "/data/postgresql.auto.conf";
  EXPECT_EQ(judge_or_die(db, {"fsync-off"}).findings.at(0).fix->undo.at(0),
            "ALTER SYSTEM SET fsync = 'off'");
}

TEST(Audit, HeadSaysWhatOneMustKnow) {
  const Report report = judge_or_die(small_server(), {"fsync-off"});
  EXPECT_EQ(report.title, "shop on 10.0.0.5:5432, PostgreSQL 15.18");
  ASSERT_GE(report.notes.size(), 2U);
  EXPECT_EQ(report.notes[0], "counters count since 2026-08-23T12:00:00Z (90 d)");
  EXPECT_TRUE(std::ranges::any_of(report.notes, [](const std::string& note) {
    return note.find(kVersionTableDate) != std::string::npos;
  }));
}

TEST(VersionTable, IsInOrderAndEndsAtTheNewestMinor) {
  for (const MendedBy& each : kMendedBy) {
    const auto major = std::ranges::find(kMajorVersions, each.major, &MajorVersion::major);
    ASSERT_NE(major, kMajorVersions.end());
    EXPECT_LE(each.minor, major->newest_minor) << each.major << "." << each.minor;
  }
  EXPECT_TRUE(std::ranges::is_sorted(kMendedBy, [](const MendedBy& a, const MendedBy& b) {
    return a.major != b.major ? a.major < b.major : a.minor > b.minor;
  }));
}

} // namespace
} // namespace pgkeep::audit
