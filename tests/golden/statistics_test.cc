// Statistics of a live database on a sandbox (sandbox/statistics.h, plans.h), with real servers of
// each version, without pg_dump: both get the schema by the same SQL. What ANALYZE wrote on the one
// must stand on the other, row by row and operator by operator; and EXPLAIN must say the same, to
// the last digit of a cost.
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/live_settings.h"
#include "sandbox/plans.h"
#include "sandbox/sandbox.h"
#include "sandbox/statistics.h"
#include "support/test_server.h"

namespace pgkeep::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kDatabase = "shop";

// `gone` is dropped from the live table only, as after years: numbers of columns differ.
constexpr const char* kSchema = R"(
CREATE SCHEMA "Odd ""Schema";
CREATE TYPE mood AS ENUM ('sad', 'so so', 'it''s "fine"\');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN tags AS text[];
CREATE TYPE pair AS (a int, b text);
CREATE TABLE orders ({}id bigint, customer int, state text, total numeric(10,2), placed timestamptz, note text, name varchar(40));
CREATE TABLE customers (id int, city text, zip text, born date, feeling mood, size positive, labels tags, home pair, "Odd ""Column" text,
  nothing text, numbers int[], stay int4range, stays int4multirange, words tsvector, where_ point, price money, about jsonb, key uuid,
  letter "char", raw bytea, took interval, code char(5), host inet, file name, flags bit(4));
CREATE TABLE "Odd ""Schema"."Odd 'Table" ("a\b" text, "c d" int);
CREATE TABLE events (id bigint, day date, kind int) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
CREATE TABLE family (a int, b text);
CREATE TABLE child () INHERITS (family);
CREATE INDEX orders_pkey ON orders (id);
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX orders_placed ON orders (placed);
CREATE INDEX orders_name ON orders (name COLLATE "C");
CREATE INDEX orders_lower ON orders (lower(note), (total * 2));
CREATE INDEX orders_new ON orders (placed) WHERE state = 'new';
CREATE INDEX customers_id ON customers (id);
CREATE INDEX customers_words ON customers USING gin (to_tsvector('simple', city));
CREATE INDEX customers_expression ON customers USING gin ((numbers || id));
CREATE INDEX events_day ON events (day);
CREATE STATISTICS customers_place (ndistinct, dependencies, mcv) ON city, zip FROM customers;
CREATE STATISTICS orders_many ON state, customer, name FROM orders;
CREATE STATISTICS orders_half ON (customer % 10), (lower(state)) FROM orders;
CREATE STATISTICS "Odd ""Schema"."Odd statistics" (dependencies) ON (total::int % 7), customer FROM orders;
)";

constexpr const char* kRows = R"(
INSERT INTO orders (id, customer, state, total, placed, note, name) SELECT g, (random() * random() * 2000)::int,
  CASE WHEN g % 1000 = 0 THEN 'new' WHEN g % 50 = 0 THEN 'held' ELSE 'done' END, random() * 900, '2024-01-01'::timestamptz + g * interval '3 minutes',
  CASE WHEN g % 3 = 0 THEN NULL ELSE 'Note ' || g % 700 END, 'n' || (random() * 99999)::int FROM generate_series(1, 120000) g;
INSERT INTO customers SELECT g, 'city ' || g % 40, 'zip ' || g % 40, '1950-01-01'::date + (random() * 20000)::int,
  (enum_range(NULL::mood))[1 + g % 3], g, ARRAY['t' || g % 7, E'it''s "\\' || g % 5], ROW(g % 9, 'x"y\' || g % 4)::pair,
  (ARRAY[E'two\nlines', 'quote''s', '"double"', E'back\\slash', '{brace,comma}', 'Grüße 日本', '', 'NULL'])[1 + g % 8], NULL,
  ARRAY[g % 10, g % 100, g], int4range(g, g + g % 50), int4multirange(int4range(g, g + 5), int4range(g + 10, g + 20)), to_tsvector('simple', 'word' || g % 60 || ' of all'),
  point(g, g), (g % 100)::text::money, jsonb_build_object('n', g % 12), md5((g % 2500)::text)::uuid, chr(65 + g % 20)::"char", decode(md5((g % 30)::text), 'hex'),
  g % 90 * interval '1 hour', 'c' || g % 80, '10.0.0.0'::inet + g % 300, 'f' || g % 25, (g % 8)::bit(4) FROM generate_series(1, 5000) g;
INSERT INTO "Odd ""Schema"."Odd 'Table" SELECT 'v' || g % 20, g FROM generate_series(1, 3000) g;
INSERT INTO events SELECT g, '2024-01-01'::date + g % 360, g % 30 FROM generate_series(1, 60000) g;
INSERT INTO family SELECT g % 10, 'p' FROM generate_series(1, 500) g;
INSERT INTO child SELECT g % 50, 'c' || g FROM generate_series(1, 4000) g;
VACUUM ANALYZE;
)";

constexpr const char* kQueries[] = {
    "SELECT * FROM orders WHERE state = 'new'",
    "SELECT * FROM orders WHERE state = 'done'",
    "SELECT * FROM orders WHERE state = 'never'",
    "SELECT * FROM orders WHERE id = 4711",
    "SELECT * FROM orders WHERE placed > '2024-08-01' AND placed < '2024-08-03'",
    "SELECT * FROM orders WHERE placed > '2024-02-01'",
    "SELECT * FROM orders ORDER BY placed LIMIT 10",
    "SELECT * FROM orders WHERE name COLLATE \"C\" LIKE 'n77%'",
    "SELECT * FROM orders WHERE note IS NULL",
    "SELECT * FROM orders WHERE lower(note) = 'note 12'",
    "SELECT * FROM orders WHERE lower(note) LIKE 'note 1%'",
    "SELECT count(*) FROM customers WHERE city = 'city 3' AND zip = 'zip 3'",
    "SELECT count(*) FROM customers WHERE city = 'city 3' AND zip = 'zip 4'",
    "SELECT city, zip, count(*) FROM customers GROUP BY city, zip",
    "SELECT state, customer, count(*) FROM orders GROUP BY state, customer",
    "SELECT customer % 10, count(*) FROM orders GROUP BY customer % 10",
    "SELECT * FROM orders WHERE customer % 10 = 3 AND lower(state) = 'held'",
    "SELECT c.city, sum(o.total) FROM orders o JOIN customers c ON c.id = o.customer GROUP BY 1",
    "SELECT * FROM orders o JOIN customers c ON c.id = o.customer WHERE c.feeling = 'sad' AND "
    "o.state = 'new'",
    "SELECT * FROM orders WHERE customer IN (SELECT id FROM customers WHERE size < 20)",
    "SELECT * FROM customers WHERE numbers @> ARRAY[7]",
    "SELECT * FROM customers WHERE labels && ARRAY['t3']",
    "SELECT * FROM customers WHERE words @@ to_tsquery('simple', 'word7')",
    "SELECT * FROM customers WHERE stay @> 2500",
    "SELECT * FROM customers WHERE stays && int4range(100, 400)",
    "SELECT * FROM customers WHERE \"Odd \"\"Column\" = 'quote''s'",
    "SELECT * FROM customers WHERE home = ROW(3, 'x\"y\\3')::pair",
    "SELECT * FROM customers WHERE nothing IS NULL",
    "SELECT * FROM \"Odd \"\"Schema\".\"Odd 'Table\" WHERE \"a\\b\" = 'v3'",
    "SELECT * FROM events WHERE day = '2024-03-01'",
    "SELECT kind, count(*) FROM events GROUP BY kind",
    "SELECT * FROM events WHERE day > '2024-06-20' AND day < '2024-07-10' AND kind = 3",
    "SELECT * FROM family WHERE a = 3",
    "UPDATE orders SET note = 'x' WHERE customer < 3",
};

/// Every slot: operators and types by name, values with the name of their type.
std::string rows_sql() {
  std::string slots;
  for (int slot = 1; slot <= 5; ++slot)
    slots += fmt::format(
        " || '|' || s.stakind{0} || ' ' || s.staop{0}::regoperator::text || ' ' || "
        "s.stacoll{0}::regcollation::text || ' ' || coalesce(s.stanumbers{0}::text, '-') || ' ' || "
        "coalesce(('x' || encode(substr(array_send(s.stavalues{0}), 9, 4), "
        "'hex'))::bit(32)::bigint::oid::regtype::text || s.stavalues{0}::text, '-')",
        slot);
  return fmt::format(
      "SELECT n.nspname || '.' || c.relname || '.' || a.attname || ' ' || "
      "s.stainherit || ' ' || s.stanullfrac || ' ' || s.stawidth || ' ' || "
      "s.stadistinct{} FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid JOIN "
      "pg_attribute a ON a.attrelid = c.oid AND a.attnum = s.staattnum JOIN "
      "pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND n.nspname <> "
      "'pg_toast' ORDER BY n.nspname, c.relname, a.attname, s.stainherit",
      slots);
}

constexpr const char* kSizes =
    "SELECT relname || ' ' || relpages || ' ' || reltuples || ' ' || relallvisible FROM pg_class "
    "WHERE oid >= 16384 AND relkind IN ('r', 'p', 'i', 'I') AND relnamespace <> "
    "'pg_toast'::regnamespace ORDER BY relname";

/// Of expressions the types of the values stand in them as numbers, which are the same for built-in
/// types.
std::string extended_sql(int major) {
  return fmt::format(
      "SELECT e.stxname || ' ' || {} || ' ' || coalesce(d.stxdexpr::text, '-') || ' ' || "
      "coalesce(s.attnames::text, '-') || coalesce((SELECT string_agg(i::text, ' ' ORDER BY index) "
      "FROM pg_mcv_list_items(d.stxdmcv) i), '-') || coalesce(regexp_replace("
      "d.stxdndistinct::text, '\"[^\"]*\"', '', 'g'), '-') || coalesce(regexp_replace("
      "d.stxddependencies::text, '\"[^\"]*\"', '', 'g'), '-') FROM pg_statistic_ext e JOIN "
      "pg_statistic_ext_data d ON d.stxoid = e.oid JOIN pg_stats_ext s ON s.statistics_name = "
      "e.stxname ORDER BY 1",
      major >= 15 ? "d.stxdinherit::text" : "''");
}

std::vector<std::string> lines(postgres::Connection& connection, const std::string& sql) {
  const auto rows = connection.query(sql);
  if (!rows) {
    ADD_FAILURE() << base::to_line(rows.error()) << "\n" << sql;
    return {};
  }
  std::vector<std::string> all;
  for (int row = 0; row < rows->count(); ++row)
    all.emplace_back(rows->text(row, 0));
  return all;
}

/// With what differs alone.
void expect_equal(const std::vector<std::string>& is, const std::vector<std::string>& should) {
  EXPECT_EQ(is.size(), should.size());
  for (std::size_t i = 0; i < std::min(is.size(), should.size()); ++i)
    EXPECT_EQ(is[i], should[i]);
}

/// The figures of a line of EXPLAIN, and the line without them.
struct PlanLine {
  std::string shape;
  std::vector<double> figures;
};
PlanLine parse_line(const std::string& line) {
  PlanLine parsed;
  const std::size_t begin = line.find("  (cost=");
  parsed.shape = line.substr(0, begin);
  if (begin == std::string::npos) return parsed;
  std::string figures = line.substr(begin);
  for (char& each : figures)
    if (each != '.' && (each < '0' || each > '9')) each = ' ';
  for (const std::string& word : base::split_words(base::replace_all(figures, "..", " ")))
    parsed.figures.push_back(std::stod(word));
  return parsed;
}

/// The same nodes and conditions in the same order; rows and costs to three per cent. They cannot
/// all be equal: at the ends of a histogram the planner asks the index for the newest value, and an
/// empty one has none.
void expect_same_plan(const std::vector<std::string>& is, const std::vector<std::string>& should,
                      const std::string& query) {
  constexpr double tolerance = 0.035;
  const std::string both =
      fmt::format("{}\n{}\nlive:\n{}", query, base::join(is, "\n"), base::join(should, "\n"));
  ASSERT_EQ(is.size(), should.size()) << both;
  for (std::size_t i = 0; i < is.size(); ++i) {
    const PlanLine one = parse_line(is[i]);
    const PlanLine other = parse_line(should[i]);
    ASSERT_EQ(one.shape, other.shape) << both;
    ASSERT_EQ(one.figures.size(), other.figures.size()) << both;
    for (std::size_t k = 0; k < one.figures.size(); ++k)
      EXPECT_NEAR(one.figures[k], other.figures[k], 1 + other.figures[k] * tolerance) << both;
  }
}

template <typename Value>
Value expect(base::Result<Value> result) {
  if (!result) {
    ADD_FAILURE() << base::to_line(result.error());
    std::abort();
  }
  return *std::move(result);
}
void expect(const base::Result<>& result) {
  ASSERT_TRUE(result) << base::to_line(result.error());
}

void run_script(postgres::Connection& connection, const std::string& script) {
  for (const std::string& statement : base::split(script, ';'))
    if (!base::trim(statement).empty()) expect(connection.execute(statement));
}

std::string schema_sql(std::string_view first_column) {
  return base::replace_all(kSchema, "{}", first_column);
}

constexpr const char* kEmpty = "empty";

/// A live server with rows, and a sandbox with its schema in the database "empty".
struct Pair {
  std::unique_ptr<TestServer> live;
  std::unique_ptr<sandbox::Sandbox> here;

  explicit Pair(const postgres::ServerBinaries& binaries)
      : live(expect(TestServer::start(binaries))), here(expect(sandbox::Sandbox::start(binaries))) {
    expect(live->create_database(kDatabase));
    expect(here->create_database(kEmpty));
    postgres::Connection there = expect(live->connect(kDatabase));
    // Different numbers of types, tables and columns there and here.
    expect(there.execute("CREATE TABLE earlier (a int, b text); CREATE TYPE earlier_mood AS ENUM "
                         "('a', 'b')"));
    run_script(there, schema_sql("gone int, "));
    expect(there.execute("ALTER TABLE orders DROP COLUMN gone; DROP TABLE earlier; SELECT "
                         "setseed(0.5)"));
    run_script(there, kRows);
    postgres::Connection schema = expect(here->connect(kEmpty));
    run_script(schema, schema_sql(""));
  }
};

/// One pair a version serves all cases; none changes what another reads.
class Statistics : public testing::TestWithParam<int> {
public:
  static void TearDownTestSuite() { pairs().clear(); }

protected:
  void SetUp() override {
    std::unique_ptr<Pair>& pair = pairs()[GetParam()];
    if (!pair)
      pair = std::make_unique<Pair>(servers_under_test()[static_cast<std::size_t>(GetParam())]);
    live_ = pair->live.get();
    here_ = pair->here.get();
    expect(here_->drop_database(kDatabase));
    expect(here_->clone_database(kDatabase, kEmpty));
  }

  static std::map<int, std::unique_ptr<Pair>>& pairs() {
    static std::map<int, std::unique_ptr<Pair>> all;
    return all;
  }
  TestServer* live_ = nullptr;
  sandbox::Sandbox* here_ = nullptr;
};

TEST_P(Statistics, AreThoseOfAnalyzeAndPlansAreEqual) {
  postgres::Connection other = expect(live_->connect(kDatabase));
  // What is read under other settings of the live session must be the same.
  expect(other.execute("SET DateStyle = 'German'; SET IntervalStyle = iso_8601; SET TimeZone = "
                       "'Asia/Tokyo'; SET bytea_output = escape"));
  const sandbox::LiveStatistics statistics = expect(sandbox::read_statistics(other));
  EXPECT_THAT(statistics.notes, IsEmpty());
  postgres::Connection live = expect(live_->connect(kDatabase));
  {
    postgres::Connection here = expect(here_->connect(kDatabase));
    EXPECT_THAT(expect(sandbox::write_statistics(here, statistics)), IsEmpty());
  }
  {
    postgres::Connection here = expect(here_->connect(kDatabase));
    const std::vector<std::string> expected = lines(live, rows_sql());
    EXPECT_GT(expected.size(), 50U);
    expect_equal(lines(here, rows_sql()), expected);
    expect_equal(lines(here, kSizes), lines(live, kSizes));
    const std::string extended = extended_sql(live_->major());
    expect_equal(lines(here, extended), lines(live, extended));
    EXPECT_EQ(lines(here, "SELECT count(*)::text FROM pg_cast WHERE oid >= 16384"),
              std::vector<std::string>{"0"});
  }
  sandbox::PlanRoom room = expect(sandbox::PlanRoom::open(*here_, kDatabase, statistics));
  EXPECT_EQ(room.note(), "");
  const auto plans = expect(room.explain({}, {std::begin(kQueries), std::end(kQueries)}));
  ASSERT_EQ(plans.size(), std::size(kQueries));
  for (std::size_t i = 0; i < plans.size(); ++i)
    expect_same_plan(plans[i], lines(live, std::string("EXPLAIN ") + kQueries[i]), kQueries[i]);
  // They are not equal by accident: without the room the planner sees empty tables.
  postgres::Connection here = expect(here_->connect(kDatabase));
  EXPECT_NE(lines(here, std::string("EXPLAIN ") + kQueries[0]), plans[0]);
}

TEST_P(Statistics, WhatARoleMayNotReadIsCounted) {
  postgres::Connection owner = expect(live_->connect(kDatabase));
  expect(
      owner.execute("CREATE ROLE reader LOGIN; GRANT SELECT ON orders, events, family TO reader; "
                    "GRANT SELECT (id, city) ON customers TO reader; GRANT USAGE ON SCHEMA "
                    "\"Odd \"\"Schema\" TO reader; ALTER TABLE family ENABLE ROW LEVEL "
                    "SECURITY"));
  const auto total = lines(owner, "SELECT count(*)::text FROM pg_attribute a JOIN pg_class c ON "
                                  "c.oid = a.attrelid WHERE a.attnum > 0 AND c.relname IN "
                                  "('customers', 'Odd ''Table', 'events_1', 'events_2', 'family', "
                                  "'child')");
  postgres::Connection reader = expect(live_->connect(kDatabase, "reader"));
  const sandbox::LiveStatistics statistics = expect(sandbox::read_statistics(reader));
  ASSERT_FALSE(statistics.notes.empty());
  EXPECT_EQ(statistics.notes.front(),
            fmt::format("statistics of {} columns (6 tables) could not be read: the role may not "
                        "SELECT from them, or row-level security applies to it",
                        std::stoi(total.front()) - 2));
  EXPECT_EQ(statistics.extended.size(), 0U);
  std::vector<std::string> columns;
  for (const sandbox::ColumnStatistics& each : statistics.columns)
    if (each.relation != "orders" && each.relation != "events")
      columns.push_back(each.relation + "." + each.column);
  EXPECT_THAT(columns, testing::UnorderedElementsAre("customers.id", "customers.city"));
  // The sizes are for everybody.
  postgres::Connection here = expect(here_->connect(kDatabase));
  EXPECT_THAT(expect(sandbox::write_statistics(here, statistics)), IsEmpty());
  expect_equal(lines(here, kSizes), lines(owner, kSizes));
}

// What the server says of a value it refuses may quote it.
TEST_P(Statistics, NoNoteHoldsAValue) {
  postgres::Connection live = expect(live_->connect(kDatabase));
  sandbox::LiveStatistics statistics = expect(sandbox::read_statistics(live));
  for (sandbox::ColumnStatistics& each : statistics.columns)
    if (each.column == "feeling") each.values.common = "{secret,sad,glad}";
  for (sandbox::ExtendedStatistics& each : statistics.extended)
    if (each.name == "customers_place") each.common = "{{secret,secret},{secret,secret}}";
  postgres::Connection here = expect(here_->connect(kDatabase));
  const std::vector<std::string> notes = expect(sandbox::write_statistics(here, statistics));
  EXPECT_THAT(notes,
              ElementsAre("statistics of 1 columns were not carried over: "
                          "public.customers.feeling (22P02)",
                          "the extended statistics public.customers_place were not carried over "
                          "as a whole"));
  const std::string log = base::read_file(here_->log()).value_or("");
  EXPECT_THAT(log, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(log, testing::Not(HasSubstr("invalid input")));
}

// The planner's settings of the database and of roles; how texts are sorted.
TEST_P(Statistics, SettingsAreTheLiveOnes) {
  expect(live_->create_database("tuned"));
  postgres::Connection live = expect(live_->connect("tuned"));
  expect(
      live.execute("ALTER DATABASE tuned SET random_page_cost = 1.25; ALTER DATABASE tuned SET "
                   "effective_cache_size = '9GB'; CREATE ROLE analyst; ALTER ROLE analyst SET "
                   "work_mem = '77MB'; ALTER ROLE analyst IN DATABASE tuned SET enable_mergejoin "
                   "= off; ALTER ROLE analyst SET application_name = 'x'"));
  postgres::Connection other = expect(live_->connect("tuned"));
  const sandbox::LiveSettings settings = expect(sandbox::read_settings(other));
  EXPECT_EQ(expect(sandbox::create_database_like(*here_, "like", settings)), std::nullopt);
  postgres::Connection admin = expect(here_->connect());
  expect(admin.execute("CREATE ROLE analyst LOGIN"));
  EXPECT_THAT(expect(sandbox::write_settings(*here_, "like", settings)), IsEmpty());
  // A copy has them too.
  expect(here_->clone_database("copy", "like"));
  postgres::Connection here = expect(here_->connect("copy", "analyst"));
  constexpr const char* shown =
      "SELECT name || ' ' || current_setting(name) FROM pg_settings WHERE name IN "
      "('random_page_cost', 'effective_cache_size', 'work_mem', 'enable_mergejoin') ORDER BY 1";
  EXPECT_THAT(lines(here, shown), ElementsAre("effective_cache_size 9GB", "enable_mergejoin off",
                                              "random_page_cost 1.25", "work_mem 77MB"));
}

// Tables that no disk here could hold; a table and an index that came later; a statement that
// cannot be planned.
TEST_P(Statistics, PlansAreMadeAtAnySize) {
  postgres::Connection live = expect(live_->connect(kDatabase));
  sandbox::LiveStatistics statistics = expect(sandbox::read_statistics(live));
  for (sandbox::RelationSize& each : statistics.sizes) {
    if (each.name == "orders") each.pages = "60000000", each.rows = "5e9"; // 460 GB.
    if (each.name == "orders_pkey") each.pages = "14000000", each.rows = "5e9";
  }
  {
    postgres::Connection here = expect(here_->connect(kDatabase));
    EXPECT_THAT(expect(sandbox::write_statistics(here, statistics)), IsEmpty());
    expect(here.execute("CREATE INDEX later ON public.orders (total); CREATE TABLE public.new_one "
                        "(a int)"));
  }
  sandbox::PlanRoom room = expect(sandbox::PlanRoom::open(*here_, kDatabase, statistics));
  const auto plans =
      expect(room.explain({"SET search_path = public, pg_catalog"},
                          {"SELECT * FROM orders", "SELECT * FROM orders WHERE id = 3",
                           "SELECT nothing_such FROM orders",
                           "SELECT * FROM orders WHERE total = 3", "SELECT * FROM new_one"}));
  ASSERT_EQ(plans.size(), 5U);
  EXPECT_THAT(plans[0].at(0),
              HasSubstr("Seq Scan on orders  (cost=0.00..110000000.00 rows=5000000"));
  EXPECT_THAT(plans[1].at(0), HasSubstr("Index Scan using orders_pkey on orders  (cost=0.58"));
  EXPECT_THAT(plans[2], IsEmpty());
  EXPECT_THAT(base::join(plans[3], "\n"), HasSubstr("Index Scan using later on orders"));
  EXPECT_THAT(plans[4].at(0), HasSubstr("Seq Scan on new_one"));
  // More than all of it may be.
  for (sandbox::RelationSize& each : statistics.sizes)
    if (each.name == "customers") each.pages = "4000000000";
  EXPECT_THAT(expect(sandbox::PlanRoom::open(*here_, kDatabase, statistics)).note(),
              HasSubstr("plans are made for 16 TB of the live 30.4 TB"));
}

std::vector<int> all_servers() {
  std::vector<int> indexes;
  for (std::size_t i = 0; i < servers_under_test().size(); ++i)
    indexes.push_back(static_cast<int>(i));
  return indexes;
}
INSTANTIATE_TEST_SUITE_P(
    Servers, Statistics, testing::ValuesIn(all_servers()), [](const auto& each) {
      return fmt::format(
          "on_{}", servers_under_test()[static_cast<std::size_t>(each.param)].version.major());
    });

} // namespace
} // namespace pgkeep::test
