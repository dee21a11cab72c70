#include "catalog/snapshot.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace pgkeep::catalog {
namespace {

Relation table(OidNumber oid) {
  Relation relation;
  relation.oid = oid;
  relation.schema = "public";
  relation.name = "t" + std::to_string(oid);
  relation.kind = "r";
  return relation;
}

Column column(OidNumber relation, std::int32_t number) {
  Column column;
  column.relation = relation;
  column.number = number;
  column.name = "c" + std::to_string(number);
  return column;
}

TEST(Snapshot, LinksTenThousandTablesInAnyOrder) {
  constexpr OidNumber kTables = 10'000;
  constexpr std::int32_t kColumns = 10;
  Snapshot db;
  for (OidNumber oid = kTables; oid > 0; --oid) {
    // Every third table has no columns, constraints or indexes.
    db.relations.push_back(table(oid));
    if (oid % 3 == 0) continue;
    for (std::int32_t number = kColumns; number > 0; --number)
      db.columns.push_back(column(oid, number));
    for (OidNumber extra = 2; extra > 0; --extra) {
      db.constraints.emplace_back();
      db.constraints.back().oid = oid * 10 + extra;
      db.constraints.back().relation = oid;
      db.indexes.emplace_back();
      db.indexes.back().oid = 1'000'000 + oid * 10 + extra;
      db.indexes.back().relation = oid;
    }
  }
  db.link();
  for (OidNumber oid = 1; oid <= kTables; ++oid) {
    const Relation* relation = db.relation(oid);
    ASSERT_NE(relation, nullptr);
    ASSERT_EQ(relation->oid, oid);
    const std::span<const Column> columns = db.columns_of(*relation);
    const bool is_empty = oid % 3 == 0;
    ASSERT_EQ(columns.size(), is_empty ? 0U : 10U) << oid;
    ASSERT_EQ(db.constraints_of(oid).size(), is_empty ? 0U : 2U);
    ASSERT_EQ(db.indexes_of(oid).size(), is_empty ? 0U : 2U);
    ASSERT_TRUE(
        std::ranges::all_of(columns, [&](const Column& each) { return each.relation == oid; }));
    ASSERT_TRUE(std::ranges::is_sorted(columns, {}, &Column::number));
    if (is_empty) {
      ASSERT_EQ(db.column(oid, 1), nullptr);
      continue;
    }
    ASSERT_EQ(db.column(oid, 7)->name, "c7");
    ASSERT_EQ(db.column(oid, 7)->relation, oid);
    ASSERT_EQ(db.column(oid, 0), nullptr);
    ASSERT_EQ(db.column(oid, 11), nullptr);
    const Index* index = db.index(1'000'000 + oid * 10 + 1);
    ASSERT_NE(index, nullptr);
    ASSERT_EQ(index->relation, oid);
    ASSERT_EQ(db.indexes_of(oid).front().oid, index->oid);
  }
  EXPECT_EQ(db.relation(kTables + 1), nullptr);
  EXPECT_EQ(db.index(1), nullptr);
  EXPECT_TRUE(db.constraints_of(kTables + 1).empty());
}

TEST(Snapshot, ACopyStandsOnItsOwn) {
  Snapshot copy;
  {
    Snapshot original;
    original.settings.emplace_back().name = "work_mem";
    original.roles.emplace_back().name = "app";
    original.relations.push_back(table(1));
    original.columns.push_back(column(1, 1));
    original.link();
    copy = original;
    original.settings.front().name = "changed";
  }
  ASSERT_NE(copy.setting("work_mem"), nullptr);
  EXPECT_EQ(copy.setting("work_mem"), &copy.settings.front());
  EXPECT_EQ(copy.role("app"), &copy.roles.front());
  EXPECT_EQ(copy.columns_of(copy.relations.front()).size(), 1U);
}

TEST(Snapshot, LinkingTwiceForgetsWhatIsGone) {
  Snapshot db;
  db.relations.push_back(table(1));
  db.settings.emplace_back().name = "a";
  db.link();
  db.relations.clear();
  db.settings.clear();
  db.link();
  EXPECT_EQ(db.relation(1), nullptr);
  EXPECT_EQ(db.setting("a"), nullptr);
}

void add_membership(Snapshot& db, const char* member, const char* role) {
  db.memberships.emplace_back();
  db.memberships.back().member = member;
  db.memberships.back().role = role;
}

TEST(Snapshot, MembershipFollowsChainsAndSurvivesCycles) {
  Snapshot db;
  add_membership(db, "ann", "developers");
  add_membership(db, "developers", "readers");
  add_membership(db, "readers", "pg_monitor");
  // A ring, which PostgreSQL forbids and a file may hold.
  add_membership(db, "x", "y");
  add_membership(db, "y", "z");
  add_membership(db, "z", "x");
  db.link();
  EXPECT_TRUE(db.is_member("ann", "ann"));
  EXPECT_TRUE(db.is_member("ann", "developers"));
  EXPECT_TRUE(db.is_member("ann", "pg_monitor"));
  EXPECT_FALSE(db.is_member("pg_monitor", "ann"));
  EXPECT_TRUE(db.is_member("x", "z"));
  EXPECT_FALSE(db.is_member("x", "ann"));
  EXPECT_FALSE(db.is_member("nobody", "readers"));
}

TEST(Snapshot, AbsenceHasItsReason) {
  Snapshot db;
  db.present = Facts::server | Facts::settings;
  db.absent.emplace_back();
  db.absent.back().fact = Facts::hba;
  db.absent.back().reason = "permission denied for view pg_hba_file_rules";
  EXPECT_EQ(db.why_absent(Facts::server), "");
  EXPECT_EQ(db.why_absent(Facts::none), "");
  EXPECT_EQ(db.why_absent(Facts::hba), "permission denied for view pg_hba_file_rules");
  EXPECT_EQ(db.why_absent(Facts::settings | Facts::hba),
            "permission denied for view pg_hba_file_rules");
  EXPECT_EQ(db.why_absent(Facts::slots), "slots was not read");
}

TEST(Snapshot, OutsideFactsAreMarked) {
  Snapshot db;
  db.present = Facts::server | Facts::host; // A stale mark.
  db.outside.clock = 1.0;
  db.outside.repository.emplace();
  mark_outside(db);
  mark_outside(db);
  EXPECT_TRUE(has(db.present, Facts::server | Facts::clock | Facts::repository));
  EXPECT_FALSE(has(db.present, Facts::host));
  EXPECT_EQ(db.why_absent(Facts::clock), "");
  EXPECT_NE(db.why_absent(Facts::host).find("--ram"), std::string::npos);
  EXPECT_NE(db.why_absent(Facts::replica_snapshots).find("--no-replicas"), std::string::npos);
  EXPECT_EQ(std::ranges::count(db.absent, Facts::host, &Absence::fact), 1);
  db.outside.host.emplace();
  mark_outside(db);
  EXPECT_EQ(db.why_absent(Facts::host), "");
  EXPECT_EQ(std::ranges::count(db.absent, Facts::host, &Absence::fact), 0);
}

TEST(Snapshot, CurrentDatabaseIsTheOneConnectedTo) {
  Snapshot db;
  db.databases.emplace_back().name = "postgres";
  db.databases.emplace_back().name = "shop";
  EXPECT_EQ(db.current_database(), nullptr);
  db.server.database = "shop";
  EXPECT_EQ(db.current_database(), &db.databases.back());
}

TEST(Facts, NamesAreThoseOfTheEnum) {
  EXPECT_EQ(name_of(Facts::server), "server");
  EXPECT_EQ(name_of(Facts::activity_of_others), "activity_of_others");
  EXPECT_EQ(name_of(Facts::repository), "repository");
  EXPECT_EQ(name_of(Facts::none), "");
  EXPECT_EQ(fact_names().size(), 54U);
}

TEST(Names, AreQuotedWhereSqlNeedsIt) {
  Snapshot db;
  db.relations.push_back(table(1));
  db.relations.back().name = "Order";
  db.columns.push_back(column(1, 1));
  db.columns.push_back(column(1, 2));
  db.columns.front().name = "user id";
  db.link();
  EXPECT_EQ(qualified_name(db.relations.front()), "public.\"Order\"");
  EXPECT_EQ(column_object(db.relations.front(), db.columns.front()),
            "public.\"Order\".\"user id\"");
  const std::vector<std::int32_t> numbers{2, 1, 0, 9};
  EXPECT_EQ(column_list(db, 1, numbers), "c2, \"user id\", (expression), (column 9)");
}

} // namespace
} // namespace pgkeep::catalog
