// The statements of the guides, run as they stand on a real server: what the audit must say about
// the database that they make, and what it must not.
//
// Statements that only a text shows (a query, a URL, a missing WHERE) are not here: lint judges
// them. Each case is a database of its own; roles are made under the guides' names and dropped.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "audit/audit.h"
#include "base/text.h"
#include "golden/audit_case.h"
#include "golden/shared_server.h"
#include "postgres/sql_parser.h"
#include "support/test_server.h"

namespace pgkeep::test {
namespace {

constexpr const char* kDatabase = "guides";

/// A finding is named by its rule, or by "rule object".
struct Guide {
  const char* name;
  const char* sql;
  std::vector<std::string> says = {};
  std::vector<std::string> must_not_say = {};
  /// No warning and no error about anything in the database.
  bool is_well_made = false;
  /// Counters of a second's age are trusted, and the smallest index counts.
  bool trusts_counters = false;
};

const std::vector<Guide>& guides() {
  static const std::vector<Guide> all = {
      {.name = "users_corrected",
       .sql = "CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT "
              "NULL UNIQUE, name text NOT NULL, status text NOT NULL DEFAULT 'active' CHECK "
              "(status IN ('active', 'disabled')), created_at timestamptz NOT NULL DEFAULT now());",
       .must_not_say = {"status-without-check", "values-in-definition", "timestamp-without-zone"},
       .is_well_made = true},
      {.name = "author_id_without_index",
       .sql = "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"
              "CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author_id "
              "bigint NOT NULL REFERENCES users(id) ON DELETE CASCADE, created_at timestamptz NOT "
              "NULL DEFAULT now());",
       .says = {"foreign-key-without-index public.posts.author_id"},
       .must_not_say = {"foreign-key-type-mismatch"}},
      {.name = "author_id_beside_its_prefix",
       .sql = "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"
              "CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author_id "
              "bigint NOT NULL REFERENCES users(id) ON DELETE CASCADE, created_at timestamptz NOT "
              "NULL DEFAULT now());"
              "CREATE INDEX idx_posts_author_created ON posts (author_id, created_at);"
              "CREATE INDEX idx_posts_author_id ON posts (author_id);",
       .says = {"redundant-index public.idx_posts_author_id"},
       .must_not_say = {"foreign-key-without-index",
                        "redundant-index public.idx_posts_author_created", "duplicate-index"}},
      {.name = "valid_status_not_valid",
       .sql = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, status "
              "text NOT NULL);"
              "INSERT INTO orders (status) VALUES ('pending'), ('stale');"
              "ALTER TABLE orders ADD CONSTRAINT valid_status CHECK (status IN "
              "('pending','shipped','cancelled')) NOT VALID;",
       .says = {"constraint-not-valid"},
       .must_not_say = {"status-without-check"}},
      {.name = "unnamed_index_twice",
       .sql = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id "
              "bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());"
              "CREATE INDEX CONCURRENTLY ON orders (user_id, created_at DESC);"
              "CREATE INDEX CONCURRENTLY ON orders (user_id, created_at DESC);",
       .says = {"duplicate-index"},
       .must_not_say = {"invalid-index", "redundant-index"}},
      {.name = "payments",
       .sql = "CREATE TABLE users (id SERIAL PRIMARY KEY);"
              "CREATE TABLE payments (id SERIAL PRIMARY KEY, user_id INTEGER REFERENCES users(id), "
              "amount_cents INTEGER, status TEXT NOT NULL);",
       .says = {"serial public.payments.id", "int-key public.payments.id",
                "foreign-key-without-index public.payments.user_id",
                "status-without-check public.payments.status"},
       .must_not_say = {"foreign-key-type-mismatch", "money-as-float"}},
      {.name = "idempotency_key",
       .sql = "CREATE TABLE payments (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, idem_key "
              "text NOT NULL UNIQUE, amount_cents bigint NOT NULL CHECK (amount_cents > 0));"
              "INSERT INTO payments (idem_key, amount_cents) VALUES ('a', 1) ON CONFLICT "
              "(idem_key) DO NOTHING RETURNING id;",
       .must_not_say = {"unique-nullable", "serial", "int-key"},
       .is_well_made = true},
      {.name = "grant_on_all_tables",
       .sql = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"
              "CREATE ROLE app_user LOGIN; CREATE ROLE analytics LOGIN;"
              "GRANT CONNECT ON DATABASE guides TO app_user, analytics;"
              "GRANT USAGE ON SCHEMA public TO app_user, analytics;"
              "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app_user;"
              "GRANT SELECT ON ALL TABLES IN SCHEMA public TO analytics;",
       .says = {"default-privileges-missing role app_user in schema public of postgres",
                "default-privileges-missing role analytics in schema public of postgres",
                "public-database-rights database guides"},
       .must_not_say = {"sequence-usage-missing"}},
      {.name = "grant_insert_on_a_serial_key",
       .sql = "CREATE TABLE orders (id SERIAL PRIMARY KEY, total numeric(12,2) NOT NULL);"
              "CREATE ROLE app_user LOGIN;"
              "GRANT SELECT, INSERT, UPDATE ON TABLE orders TO app_user;",
       .says = {"sequence-usage-missing public.orders_id_seq for app_user"}},
      {.name = "grant_insert_and_usage_on_a_serial_key",
       .sql = "CREATE TABLE orders (id SERIAL PRIMARY KEY, total numeric(12,2) NOT NULL);"
              "CREATE ROLE app_user LOGIN;"
              "GRANT SELECT, INSERT, UPDATE ON TABLE orders TO app_user;"
              "GRANT USAGE ON SEQUENCE orders_id_seq TO app_user;",
       .must_not_say = {"sequence-usage-missing"}},
      {.name = "last_login_timestamp",
       .sql = "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"
              "ALTER TABLE users ADD COLUMN last_login TIMESTAMP;",
       .says = {"timestamp-without-zone public.users.last_login"}},
      {.name = "user_sales_summary",
       .sql = "CREATE TABLE sales (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id "
              "bigint NOT NULL, amount numeric(12,2) NOT NULL);"
              "CREATE MATERIALIZED VIEW user_sales_summary AS SELECT user_id, sum(amount) AS total "
              "FROM sales GROUP BY user_id;"
              "CREATE UNIQUE INDEX ON user_sales_summary (user_id);"
              "REFRESH MATERIALIZED VIEW CONCURRENTLY user_sales_summary;",
       .must_not_say = {"missing-primary-key"},
       .is_well_made = true},
      {.name = "idx_scan_0",
       .sql = "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text "
              "NOT NULL UNIQUE);"
              "CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author_id "
              "bigint NOT NULL REFERENCES users(id), title text NOT NULL);"
              "CREATE INDEX posts_author ON posts (author_id);"
              "CREATE INDEX posts_title ON posts (title);",
       .says = {"unused-index public.posts_title"},
       .must_not_say = {"unused-index public.users_pkey", "unused-index public.users_email_key",
                        "unused-index public.posts_author", "unused-index public.posts_pkey"},
       .trusts_counters = true},
      {.name = "idx_scan_0_with_young_counters",
       .sql = "CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text "
              "NOT NULL);"
              "CREATE INDEX posts_title ON posts (title);",
       .must_not_say = {"unused-index"}},
      {.name = "log_connections_off",
       .sql = "SELECT 1;",
       .says = {"connection-logging-off setting log_connections",
                "connection-logging-off setting log_disconnections"}},
  };
  return all;
}

struct GuideCase {
  Guide guide;
  postgres::ServerBinaries server;
};
void PrintTo(const GuideCase& each, std::ostream* out) {
  *out << each.guide.name << " on PostgreSQL " << each.server.version.major();
}

std::vector<GuideCase> cases() {
  std::vector<GuideCase> all;
  for (const postgres::ServerBinaries& server : servers_under_test()) {
    for (const Guide& guide : guides())
      all.push_back({.guide = guide, .server = server});
  }
  return all;
}

base::Result<> run_script(TestServer& server, const std::string& sql) {
  PGKEEP_TRY(postgres::Connection connection, server.connect(kDatabase));
  PGKEEP_TRY(const std::vector<postgres::StatementText> statements,
             postgres::split_statements(sql));
  for (const postgres::StatementText& each : statements)
    PGKEEP_CHECK(connection.execute(each.sql));
  return {};
}

base::Result<> drop_roles(TestServer& server) {
  PGKEEP_TRY(postgres::Connection admin, server.connect());
  PGKEEP_TRY(const postgres::Rows rows,
             admin.query("SELECT format('DROP OWNED BY %1$I; DROP ROLE %1$I', rolname) FROM "
                         "pg_roles WHERE rolname IN ('app_user', 'analytics')"));
  for (int row = 0; row < rows.count(); ++row)
    PGKEEP_CHECK(admin.execute(std::string(rows.text(row, 0))));
  return {};
}

base::Result<findings::Report> audit_guide(TestServer& server, const Guide& guide) {
  PGKEEP_TRY(postgres::Connection connection, server.connect(kDatabase));
  PGKEEP_TRY(catalog::Snapshot db,
             catalog::read_snapshot(connection, {.left_out = catalog::kComparedOnly}));
  db.outside.clock = db.server.client_now;
  catalog::ReplicaUse& replicas = db.outside.replicas.emplace();
  replicas.confirmed_none = true;
  replicas.stats_since = db.server.stats_since;
  catalog::mark_outside(db);
  findings::Limits limits = findings::limits_from(base::Config{});
  if (guide.trusts_counters) {
    limits.counters_age = limits.unused_index_age = {};
    limits.unused_index_bytes = 0;
  }
  return audit::judge(db, {.limits = limits});
}

bool is_said(const findings::Report& report, const std::string& what) {
  return std::ranges::any_of(report.findings, [&](const findings::Finding& each) {
    return each.rule == what || each.rule + " " + each.object == what;
  });
}

std::string all_said(const findings::Report& report) {
  std::string text;
  for (const findings::Finding& each : report.findings) {
    text += fmt::format("  {} {} {}\n",
                        findings::name_of(each.severity.value_or(findings::Severity::info)),
                        each.rule, each.object);
  }
  return text;
}

class Guides : public testing::TestWithParam<GuideCase> {
protected:
  void SetUp() override {
    const auto server = SharedServers::get(GetParam().server);
    ASSERT_TRUE(server) << base::to_line(server.error());
    server_ = *server;
    const auto created = server_->create_database(kDatabase);
    ASSERT_TRUE(created) << base::to_line(created.error());
  }
  void TearDown() override {
    if (server_ == nullptr) return;
    const auto dropped = server_->drop_database(kDatabase);
    EXPECT_TRUE(dropped) << base::to_line(dropped.error());
    const auto roles = drop_roles(*server_);
    EXPECT_TRUE(roles) << base::to_line(roles.error());
  }
  TestServer* server_ = nullptr;
};

TEST_P(Guides, SaysWhatTheGuideNeeds) {
  const Guide& guide = GetParam().guide;
  const auto done = run_script(*server_, guide.sql);
  ASSERT_TRUE(done) << base::to_line(done.error());
  const auto report = audit_guide(*server_, guide);
  ASSERT_TRUE(report) << base::to_line(report.error());
  for (const std::string& what : guide.says)
    EXPECT_TRUE(is_said(*report, what)) << what << " is missing among\n" << all_said(*report);
  for (const std::string& what : guide.must_not_say)
    EXPECT_FALSE(is_said(*report, what)) << what << " was said";
  if (!guide.is_well_made) return;
  for (const findings::Finding& each : report->findings) {
    if (!each.object.starts_with("public.")) continue;
    EXPECT_EQ(each.severity, findings::Severity::info) << each.rule << " " << each.message;
  }
}

INSTANTIATE_TEST_SUITE_P(Statements, Guides, testing::ValuesIn(cases()), [](const auto& each) {
  return fmt::format("{}_{}", each.param.guide.name, each.param.server.version.major());
});

/// uuid keys and bigint keys do not match: the server itself refuses the guide's posts table.
TEST(GuidesByTheServer, RefusesAForeignKeyOfAnotherType) {
  auto server = TestServer::start(servers_under_test().back());
  ASSERT_TRUE(server) << base::to_line(server.error());
  auto connection = (*server)->connect();
  ASSERT_TRUE(connection) << base::to_line(connection.error());
  const auto users = connection->execute("CREATE TABLE users (id uuid PRIMARY KEY)");
  ASSERT_TRUE(users) << base::to_line(users.error());
  const auto posts = connection->execute("CREATE TABLE posts (id bigint PRIMARY KEY, author_id "
                                         "bigint NOT NULL REFERENCES users(id) ON DELETE CASCADE)");
  ASSERT_FALSE(posts);
  EXPECT_EQ(posts.error().sqlstate, "42804");
}

} // namespace
} // namespace pgkeep::test
