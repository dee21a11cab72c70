// What is a difference and what is none, on small Snapshots made by hand.
#include "catalog/diff.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pgkeep::catalog {
namespace {

constexpr Facts kAll = static_cast<Facts>(~std::uint64_t{0});

Column column(OidNumber relation, std::int32_t number, std::string name, std::string type) {
  Column column;
  column.relation = relation;
  column.number = number;
  column.name = std::move(name);
  column.type = std::move(type);
  return column;
}

/// A table public.orders (id, total) with a key, an index, a trigger, a policy and a view.
Snapshot shop(OidNumber first = 1000) {
  Snapshot db;
  db.server.version = 150'000;
  db.server.database = "shop";
  db.present = kAll;
  db.schemas.push_back({.oid = first + 50, .name = "public", .owner = "admin"});
  Relation table;
  table.oid = first;
  table.schema = "public";
  table.name = "orders";
  table.kind = "r";
  table.owner = "admin";
  table.replica_identity = "d";
  Relation view = table;
  view.oid = first + 1;
  view.name = "totals";
  view.kind = "v";
  db.relations = {table, view};
  db.columns = {column(first, 1, "id", "bigint"), column(first, 2, "total", "numeric(12,2)")};
  Constraint key;
  key.oid = first + 10;
  key.relation = first;
  key.name = "orders_pkey";
  key.type = "p";
  key.columns = {1};
  key.definition = "PRIMARY KEY (id)";
  db.constraints.push_back(key);
  Index index;
  index.oid = first + 11;
  index.relation = first;
  index.schema = "public";
  index.name = "orders_pkey";
  index.constraint = "orders_pkey";
  index.definition = "CREATE UNIQUE INDEX orders_pkey ON public.orders USING btree (id)";
  db.indexes.push_back(index);
  Trigger trigger;
  trigger.relation = first;
  trigger.name = "touch";
  trigger.enabled = "O";
  trigger.function = "public.touch";
  db.triggers.push_back(trigger);
  db.policies.push_back({.relation = first,
                         .name = "own",
                         .roles = {"b", "a"},
                         .command = "r",
                         .using_expression = "",
                         .check_expression = ""});
  db.definitions = {{"view", "public.totals", "definition", "md5:1"},
                    {"view", "public.totals", "definition (loose)", "md5:L"},
                    {"table", "public.orders", "grants", "app=SELECT"},
                    {"table", "public.orders", "comment", "md5:2"}};
  db.link();
  return db;
}

std::vector<std::string> lines(const Snapshot& before, const Snapshot& after,
                               const DiffOptions& options = {}) {
  std::vector<std::string> lines;
  for (const Difference& each : compare(before, after, options).differences)
    lines.push_back(to_line(each));
  return lines;
}

using Lines = std::vector<std::string>;

/// What this change makes of the shop.
Lines changed(const std::function<void(Snapshot&)>& change, const DiffOptions& options = {}) {
  Snapshot after = shop(7000);
  change(after);
  after.link();
  return lines(shop(), after, options);
}

TEST(Diff, OidsStatisticsAndTheOrderOfColumnsAreNone) {
  EXPECT_EQ(changed([](Snapshot& db) {
              db.columns[0].number = 5;
              db.relations[0].rows = 1e6;
              db.relations[0].size_bytes = 1 << 20;
              db.columns[1].null_fraction = 0.5;
              db.policies[0].roles = {"a", "b"};
              db.notes.emplace_back("200 of 5,123 sequences compared with their columns");
            }),
            Lines{});
}

TEST(Diff, NamesTheObjectThePropertyAndBothValues) {
  EXPECT_EQ(changed([](Snapshot& db) { db.columns[0].type = "integer"; }),
            Lines{"changed column public.orders.id: type bigint -> integer"});
  EXPECT_EQ(changed([](Snapshot& db) { db.columns[0].not_null = true; }),
            Lines{"changed column public.orders.id: not null (none) -> true"});
  EXPECT_EQ(changed([](Snapshot& db) { db.triggers[0].enabled = "D"; }),
            Lines{"changed trigger touch on public.orders: fires (none) -> disabled"});
  EXPECT_EQ(changed([](Snapshot& db) { db.policies[0].roles = {"public"}; }),
            Lines{"changed policy own on public.orders: roles a, b -> public"});
  EXPECT_EQ(changed([](Snapshot& db) { db.definitions[0].value = "md5:9"; }),
            Lines{"changed view public.totals: definition"});
}

TEST(Diff, ARenamedThingIsRemovedAndAdded) {
  EXPECT_EQ(changed([](Snapshot& db) { db.columns[1].name = "sum"; }),
            (Lines{"added column public.orders.sum", "removed column public.orders.total"}));
}

TEST(Diff, WhatBelongsToATableGoesWithIt) {
  const Lines renamed = changed([](Snapshot& db) { db.relations[0].name = "sales"; });
  // Grants and comments of hand-made Snapshots keep the old name.
  EXPECT_NE(std::ranges::find(renamed, "removed table public.orders"), renamed.end());
  EXPECT_NE(std::ranges::find(renamed, "added table public.sales"), renamed.end());
  for (const std::string& line : renamed)
    EXPECT_TRUE(line.find(" table ") != std::string::npos) << line;
  const Lines without_key = changed([](Snapshot& db) {
    db.constraints.clear();
    db.indexes.clear();
  });
  EXPECT_EQ(without_key, Lines{"removed constraint orders_pkey on public.orders"});
}

TEST(Diff, AChangedConstantIsSeenByItsDigest) {
  const auto with_default = [](const std::string& digest) {
    Snapshot db = shop();
    db.columns[1].default_expression = "''::text";
    db.columns[1].default_digest = digest;
    return db;
  };
  const Snapshot paid = with_default("aa");
  EXPECT_EQ(lines(paid, with_default("bb")),
            Lines{"changed column public.orders.total: default ''::text [sha256:aa] -> "
                  "''::text [sha256:bb]"});
  EXPECT_EQ(lines(paid, paid), Lines{});
  // An older file has none: the constants are not known.
  Snapshot old = with_default("");
  old.present = Facts::relations | Facts::columns;
  EXPECT_EQ(lines(old, paid), Lines{});
}

TEST(Diff, WhatIsNotKnownIsToldAndNoDifference) {
  Snapshot old = shop();
  old.present = static_cast<Facts>(std::to_underlying(kAll) &
                                   ~std::to_underlying(Facts::definitions | Facts::grants));
  old.absent.push_back({.fact = Facts::grants, .reason = "no right"});
  old.definitions.clear();
  Snapshot now = shop();
  std::erase_if(now.definitions, [](const Definition& each) { return each.property == "comment"; });
  const Diff diff = compare(old, now);
  EXPECT_TRUE(diff.is_equal());
  EXPECT_EQ(diff.unknown,
            (Lines{"before: grants: no right", "before: definitions: definitions was not read"}));
  EXPECT_EQ(compare(old, now, {.ignore_grants = true}).unknown.size(), 1U);
}

TEST(Diff, OptionsLeaveOut) {
  const auto change = [](Snapshot& db) {
    db.relations[0].owner = "app";
    db.definitions[2].value = "app=INSERT";
    db.definitions[3].value = "md5:3";
    db.default_privileges.push_back({.owner = "admin",
                                     .schema = "",
                                     .object_type = "r",
                                     .grantee = "app",
                                     .privilege = "SELECT"});
    db.role_settings.push_back(
        {.role = "", .database = "shop", .name = "work_mem", .value = "1MB"});
  };
  EXPECT_EQ(changed(change),
            (Lines{"changed default privileges r of admin to app: grants (none) -> SELECT",
                   "added setting work_mem", "changed table public.orders: comment",
                   "changed table public.orders: grants app=SELECT -> app=INSERT",
                   "changed table public.orders: owner admin -> app"}));
  EXPECT_EQ(changed(change, {.ignore_owners = true, .ignore_grants = true}),
            (Lines{"added setting work_mem", "changed table public.orders: comment"}));
  EXPECT_EQ(changed(change, {.ignore_owners = true,
                             .ignore_grants = true,
                             .ignore_comments = true,
                             .ignore_settings = true}),
            Lines{});
}

TEST(Diff, OurOwnSchemaIsNone) {
  EXPECT_EQ(changed([](Snapshot& db) {
              db.schemas.push_back({.oid = 1, .name = "pgkeep", .owner = "admin"});
              Relation own = db.relations[0];
              own.oid = 2;
              own.schema = "pgkeep";
              db.relations.push_back(own);
              db.columns.push_back(column(2, 1, "version", "text"));
              db.definitions.push_back({"table", "pgkeep.orders", "comment", "md5:5"});
              db.definitions.push_back({"constraint", "k on pgkeep.orders", "comment", "md5:5"});
            }),
            Lines{});
}

TEST(Diff, VersionsWriteSomeThingsDifferently) {
  const auto newer = [](Snapshot& db) {
    db.server.version = 180'000;
    // The same in other words, and what only 18 has.
    db.definitions[0].value = "md5:other";
    db.definitions[2].value = "app=MAINTAIN SELECT";
    db.definitions.push_back({"column", "public.orders.id", "not-null constraint", "odd"});
    Constraint holds_later;
    holds_later.relation = 7000;
    holds_later.name = "odd";
    holds_later.type = "n";
    holds_later.columns = {1};
    holds_later.is_validated = false;
    db.constraints.push_back(holds_later);
  };
  EXPECT_EQ(changed(newer), Lines{});
  EXPECT_EQ(changed([&](Snapshot& db) {
              newer(db);
              db.definitions[1].value = "md5:M";
            }),
            Lines{"changed view public.totals: definition"});
}

TEST(Diff, LockedRelationsAreTold) {
  Snapshot after = shop();
  after.notes.emplace_back("locked by DDL of other sessions and left out: public.x");
  EXPECT_EQ(compare(shop(), after).unknown,
            Lines{"after: locked by DDL of other sessions and left out: public.x"});
}

TEST(Diff, ComesInTheSameOrderWhateverTheSnapshotsOrder) {
  const Lines one = changed([](Snapshot& db) {
    db.relations.clear();
    db.schemas.clear();
  });
  EXPECT_EQ(one, changed([](Snapshot& db) {
              db.schemas.clear();
              std::ranges::reverse(db.definitions);
              db.relations.clear();
            }));
  EXPECT_EQ(one.front(), "removed schema public");
}

} // namespace
} // namespace pgkeep::catalog
