#include "lint/locks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pgkeep::lint {
namespace {

/// "SHARE orders" for each lock, statements apart by "; ".
std::string locks(const std::string& text) {
  const Script script = Script::read("V001__x.sql", text);
  std::string out;
  for (const StatementLocks& each : locks_of(script, script.sections().front(), nullptr, 15)) {
    if (&script.sections().front().statements.front() != each.statement) out += "; ";
    for (const Effect& effect : each.effects)
      out += fmt::format("{}{} {}", out.empty() || out.ends_with("; ") ? "" : ", ",
                         name_of(effect.mode), effect.relation.text());
    if (each.is_unknown) out += "?";
  }
  return out;
}

TEST(Locks, AreThoseOfEachStatement) {
  EXPECT_EQ(locks("CREATE INDEX ON orders (a); ALTER TABLE orders ADD COLUMN b int;"),
            "SHARE orders; ACCESS EXCLUSIVE orders");
  EXPECT_EQ(locks("CREATE INDEX CONCURRENTLY x ON orders (a);"), "SHARE UPDATE EXCLUSIVE orders");
  EXPECT_EQ(locks("ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES c NOT VALID;"),
            "SHARE ROW EXCLUSIVE a, SHARE ROW EXCLUSIVE c");
}

TEST(Locks, LeaveOutWhatTheFileItselfMade) {
  EXPECT_EQ(
      locks("CREATE TABLE fresh (a int); CREATE INDEX ON fresh (a); CREATE INDEX ON old (a);"),
      "; ; SHARE old");
}

TEST(Locks, OfABlockAreItsStatements) {
  EXPECT_EQ(locks("DO $$ BEGIN ALTER TABLE orders ADD COLUMN b int; END $$;"),
            "ACCESS EXCLUSIVE orders");
  EXPECT_TRUE(locks("DO $$ BEGIN EXECUTE 'ALTER TABLE ' || x; END $$;").ends_with('?'));
  EXPECT_TRUE(locks("SOMETHING nobody knows;").ends_with('?'));
  // What a function does when it is called locks nothing now.
  EXPECT_EQ(
      locks("CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE orders "
            "ADD COLUMN b int; END $$;"),
      "");
}

} // namespace
} // namespace pgkeep::lint
