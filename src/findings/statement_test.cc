#include "findings/statement.h"

#include <gtest/gtest.h>

namespace pgkeep::findings {
namespace {

struct KindCase {
  const char* sql;
  StatementKind kind;
  bool takes_locks;
};

class StatementKinds : public testing::TestWithParam<KindCase> {};

TEST_P(StatementKinds, AreReadFromBareWords) {
  EXPECT_EQ(kind_of(GetParam().sql), GetParam().kind) << GetParam().sql;
  EXPECT_EQ(takes_locks(GetParam().sql), GetParam().takes_locks) << GetParam().sql;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, StatementKinds,
    testing::Values(
        KindCase{"ALTER SYSTEM SET fsync = 'on'", StatementKind::system_setting, false},
        KindCase{"SELECT pg_reload_conf()", StatementKind::reload, false},
        KindCase{"SELECT setval('s', 1)", StatementKind::transactional, false},
        KindCase{"CREATE INDEX CONCURRENTLY i ON t (a)", StatementKind::alone, true},
        KindCase{"create unique index concurrently i on t (a)", StatementKind::alone, true},
        KindCase{"CREATE INDEX \"CONCURRENTLY\" ON t (a)", StatementKind::transactional, true},
        KindCase{"/* CONCURRENTLY */ CREATE INDEX i ON t (a) -- CONCURRENTLY",
                 StatementKind::transactional, true},
        KindCase{"DROP INDEX CONCURRENTLY IF EXISTS i", StatementKind::alone, true},
        KindCase{"REINDEX INDEX CONCURRENTLY i", StatementKind::alone, true},
        KindCase{"REINDEX INDEX i", StatementKind::transactional, true},
        KindCase{"VACUUM (ANALYZE) t", StatementKind::alone, false},
        KindCase{"ANALYZE t", StatementKind::transactional, false},
        KindCase{"CREATE DATABASE x", StatementKind::alone, true},
        KindCase{"ALTER DATABASE x SET statement_timeout = '1s'", StatementKind::transactional,
                 false},
        KindCase{"ALTER TABLE t VALIDATE CONSTRAINT c", StatementKind::validate, true},
        KindCase{"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
                 StatementKind::transactional, true},
        KindCase{"ALTER TABLE p DETACH PARTITION c CONCURRENTLY", StatementKind::alone, true},
        KindCase{"COMMENT ON TABLE t IS 'VACUUM CONCURRENTLY'", StatementKind::transactional,
                 false},
        KindCase{"DO $x$ BEGIN VACUUM; END $x$", StatementKind::transactional, false},
        KindCase{"ALTER ROLE app SET lock_timeout = '5s'", StatementKind::transactional, false},
        KindCase{"GRANT SELECT ON t TO r", StatementKind::transactional, false},
        KindCase{"", StatementKind::transactional, false}));

TEST(BareWords, SkipsEverythingQuoted) {
  EXPECT_EQ(
      bare_words("SELECT 'it''s', \"Co\"\"l\", E'\\'x', $$body$$ , $1 /* a /* b */ c */ FROM t"),
      (std::vector<std::string>{"SELECT", "E", "FROM", "T"}));
  EXPECT_EQ(bare_words("SELECT 'never closed"), std::vector<std::string>{"SELECT"});
  EXPECT_EQ(bare_words("a b c", 2).size(), 2U);
}

TEST(SettingTarget, IsWhatAStatementGivesAValue) {
  EXPECT_EQ(setting_target("ALTER SYSTEM SET work_mem = '1MB'"),
            setting_target("ALTER SYSTEM SET work_mem = '2MB'"));
  EXPECT_NE(setting_target("ALTER ROLE a SET work_mem = '1MB'"),
            setting_target("ALTER ROLE b SET work_mem = '1MB'"));
  EXPECT_EQ(setting_target("ALTER SYSTEM RESET work_mem"), "");
  EXPECT_EQ(setting_target("ALTER TABLE t SET (fillfactor = 90)"), "");
  EXPECT_EQ(setting_target("UPDATE t SET a = 1"), "");
}

} // namespace
} // namespace pgkeep::findings
