#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "audit/audit.h"
#include "audit/families.h"
#include "base/text.h"

namespace pgkeep::audit {
namespace {

using catalog::Facts;
using catalog::Snapshot;
using findings::Answer;
using findings::ChecklistItem;
using findings::Finding;
using findings::Report;
using findings::Severity;

constexpr double kToday = 1'795'262'400; // 2026-11-21.
constexpr double kHour = 3'600;

Snapshot server() {
  Snapshot db;
  db.server.version = 150018;
  db.server.now = kToday;
  db.server.stats_since = kToday - 90 * 24 * kHour;
  db.present = Facts::server | Facts::settings | Facts::roles | Facts::activity |
               Facts::extensions | Facts::relations | Facts::constraints;
  catalog::mark_outside(db);
  db.link();
  return db;
}

/// Every rule was asked and none said anything.
Report content() {
  Report report;
  for (const findings::Rule* const rule : all_rules()) {
    report.rules.push_back(rule);
    report.passed.emplace_back(rule->id);
  }
  return report;
}

Finding finding(std::string rule, std::string object, Severity severity) {
  return {.rule = std::move(rule),
          .severity = severity,
          .object = std::move(object),
          .message = "it is wrong"};
}

catalog::Role login(std::string name) {
  catalog::Role role;
  role.name = std::move(name);
  role.can_login = true;
  return role;
}

catalog::Extension extension(std::string name, std::string version) {
  catalog::Extension made;
  made.name = std::move(name);
  made.version = std::move(version);
  return made;
}

ChecklistItem item(const Snapshot& db, const Report& report, std::size_t list, int number) {
  const std::vector<findings::Checklist> lists = answer_checklists(db, report);
  EXPECT_LT(list, lists.size());
  return lists.at(list).items.at(static_cast<std::size_t>(number - 1));
}

TEST(Checklists, AreTheGuides) {
  const std::vector<findings::Checklist> lists = answer_checklists(server(), content());
  ASSERT_EQ(lists.size(), 3U);
  EXPECT_EQ(lists[0].title, "Going live");
  EXPECT_EQ(lists[1].title, "Production");
  EXPECT_EQ(lists[2].title, "Design principles");
  EXPECT_EQ(lists[0].items.size(), 10U);
  EXPECT_EQ(lists[1].items.size(), 6U);
  EXPECT_EQ(lists[2].items.size(), 5U);
  for (const findings::Checklist& list : lists) {
    int number = 0;
    for (const ChecklistItem& each : list.items) {
      SCOPED_TRACE(each.text);
      EXPECT_EQ(each.number, ++number);
      EXPECT_FALSE(each.text.empty());
      EXPECT_FALSE(each.evidence.empty());
      EXPECT_TRUE(each.command.empty() || each.command.starts_with("pgkeep ")) << each.command;
      for (const std::string& rule : each.rules) {
        const findings::Rule* const known = findings::find_rule(all_rules(), rule);
        ASSERT_NE(known, nullptr) << rule;
        EXPECT_EQ(known->id, rule) << "an id, not an alias";
      }
    }
  }
}

TEST(Checklists, PassOnlyWithFigures) {
  for (const findings::Checklist& list : answer_checklists(server(), content())) {
    for (const ChecklistItem& each : list.items) {
      if (each.answer != Answer::passed) continue;
      EXPECT_TRUE(std::ranges::any_of(each.evidence, [](char c) { return c >= '0' && c <= '9'; }))
          << each.text << ": " << each.evidence;
    }
  }
  // A rule that was not asked has not passed.
  for (const findings::Checklist& list : answer_checklists(server(), Report{})) {
    for (const ChecklistItem& each : list.items) {
      if (each.rules.empty()) continue;
      EXPECT_EQ(each.answer, Answer::could_not_look) << each.text;
    }
  }
}

TEST(Checklists, FindingsFailALine) {
  Report report = content();
  report.findings = {finding("foreign-key-without-index", "public.posts.a", Severity::info),
                     finding("foreign-key-without-index", "public.posts.b", Severity::warning)};
  const ChecklistItem keys = item(server(), report, 0, 8);
  EXPECT_EQ(keys.answer, Answer::failed);
  EXPECT_EQ(keys.evidence, "2 findings, first public.posts.b: it is wrong");
  EXPECT_EQ(keys.command, "pgkeep audit --fix-out DIR");
  // Advice fails no line that does not say "every".
  report.findings = {finding("public-table-grants", "public.t", Severity::info)};
  Snapshot db = server();
  db.roles = {login("app")};
  db.link();
  EXPECT_EQ(item(db, report, 0, 6).answer, Answer::passed);
  report.findings = {finding("public-table-grants", "public.t", Severity::warning)};
  EXPECT_EQ(item(db, report, 0, 6).answer, Answer::failed);
}

TEST(Checklists, ASkippedRuleLeavesALineOpen) {
  Report report = content();
  report.skipped.push_back({"foreign-key-without-index", std::string(300, 'x')});
  const ChecklistItem keys = item(server(), report, 0, 8);
  EXPECT_EQ(keys.answer, Answer::could_not_look);
  EXPECT_TRUE(keys.evidence.starts_with("foreign-key-without-index: xxx")) << keys.evidence;
  EXPECT_LT(keys.evidence.size(), 160U);
}

TEST(Checklists, BackupsAndTheirDrill) {
  struct Case {
    double full_h;
    double drill_h;
    Answer want;
  };
  constexpr auto kCases = std::to_array<Case>({
      {.full_h = 3, .drill_h = 100, .want = Answer::passed},
      {.full_h = 25, .drill_h = 100, .want = Answer::failed},
      {.full_h = 3, .drill_h = 31 * 24, .want = Answer::failed},
      {.full_h = 3, .drill_h = kToday / kHour, .want = Answer::failed}, // Never.
  });
  for (const Case& each : kCases) {
    Snapshot db = server();
    db.outside.backups = catalog::BackupState{.newest_full = kToday - each.full_h * kHour,
                                              .newest_drill = kToday - each.drill_h * kHour,
                                              .repository = "/backups"};
    for (const std::size_t list : {0U, 1U}) {
      const ChecklistItem line = item(db, content(), list, list == 0 ? 2 : 1);
      EXPECT_EQ(line.answer, each.want) << line.evidence;
    }
  }
  EXPECT_EQ(item(server(), content(), 0, 2).answer, Answer::could_not_look);
}

TEST(Checklists, CodeIsReadWhereItIsGiven) {
  EXPECT_EQ(item(server(), content(), 0, 1).answer, Answer::could_not_look);
  Snapshot db = server();
  catalog::CodeRepository& code = db.outside.repository.emplace();
  code.path = "app";
  code.is_version_controlled = true;
  code.files_read = 12;
  EXPECT_EQ(item(db, content(), 0, 1).answer, Answer::failed) << "no migration";
  code.migrations = {{.path = "db/V1__a.sql", .has_down = true},
                     {.path = "db/V2__b.sql", .has_down = true}};
  EXPECT_EQ(item(db, content(), 0, 1).answer, Answer::passed);
  EXPECT_EQ(item(db, content(), 2, 4).answer, Answer::passed);
  EXPECT_EQ(item(db, content(), 0, 10).answer, Answer::passed);
  code.is_version_controlled = false;
  EXPECT_EQ(item(db, content(), 0, 1).answer, Answer::failed);
  code.is_version_controlled = true;
  code.migrations[1].has_down = false;
  EXPECT_EQ(item(db, content(), 0, 1).evidence,
            "1 of 2 migrations have no way back, first db/V2__b.sql");
  code.unparameterised = {{.path = "a.py", .line = 7}};
  EXPECT_EQ(item(db, content(), 0, 10).answer, Answer::failed);
  EXPECT_EQ(item(db, content(), 0, 10).evidence, "1 query is built from values, first a.py:7");
}

TEST(Checklists, WatchersAndPoolersAreSeenBySessions) {
  Snapshot db = server();
  EXPECT_EQ(item(db, content(), 1, 2).answer, Answer::could_not_look);
  EXPECT_EQ(item(db, content(), 0, 4).answer, Answer::could_not_look);
  catalog::Session own;
  own.pid = 1;
  own.user = "watch";
  own.backend_type = "client backend";
  own.is_own = true;
  db.sessions = {own};
  db.roles = {login("watch")};
  db.memberships = {{.role = "pg_monitor", .member = "watch"}};
  db.link();
  EXPECT_EQ(item(db, content(), 1, 2).answer, Answer::could_not_look) << "the audit itself";
  db.sessions[0].is_own = false;
  EXPECT_EQ(item(db, content(), 1, 2).answer, Answer::passed);
  // Alerts are to be seen nowhere.
  EXPECT_EQ(item(db, content(), 0, 3).answer, Answer::could_not_look);
  db.sessions[0].application_name = "pgbouncer";
  EXPECT_EQ(item(db, content(), 0, 4).answer, Answer::passed);
  EXPECT_EQ(item(db, content(), 1, 5).evidence, "1 of 1 client sessions are pgbouncer's");
}

TEST(Checklists, ExtensionsArePinnedWhereThereAreNone) {
  Snapshot db = server();
  db.extensions = {extension("plpgsql", "1.0")};
  EXPECT_EQ(item(db, content(), 1, 6).answer, Answer::passed);
  db.extensions.push_back(extension("pgcrypto", "1.3"));
  EXPECT_EQ(item(db, content(), 1, 6).answer, Answer::could_not_look);
}

} // namespace
} // namespace pgkeep::audit
