#include "migrate/declare/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "migrate/declare/files.h"
#include "migrate/declare/model_test.h"
#include "migrate/declare/statements.h"

namespace pgkeep::migrate::declaring {
namespace {

std::vector<std::string> statements(const Plan& plan) {
  std::vector<std::string> out;
  for (const Action& action : plan.actions) {
    for (const Piece& piece : action.pieces)
      out.push_back(piece.text);
  }
  return out;
}

using Texts = std::vector<std::string>;

Plan plan_of(Model& from, Model& to, const PlanOptions& options = {}) {
  from.link();
  to.link();
  return plan_changes(from, to, options);
}

void add_view(Model& model, const std::string& identity, std::uint32_t oid, std::uint32_t table,
              std::int32_t part, const std::string& type) {
  Object& view = add_object(model, {.type = "VIEW",
                                    .name = identity.substr(7),
                                    .address = {.class_id = kClassRelation, .oid = oid},
                                    .word = "view",
                                    .identity = identity,
                                    .sql = {"CREATE VIEW " + identity + " AS SELECT"}});
  model.relations[identity] = {.identity = identity,
                               .kind = "v",
                               .address = view.address,
                               .columns = {{.name = "x", .number = 1, .type = type}}};
  model.dependencies.push_back(
      {.who = view.address, .on = {.class_id = kClassRelation, .oid = table, .part = part}});
}

TEST(PlanChanges, NothingForEqualModels) {
  Model model;
  add_table(model, "public.t", 1, {{"id", "integer"}, {"x", "text"}});
  add_view(model, "public.v", 2, 1, 2, "text");
  EXPECT_TRUE(plan_of(model, model).actions.empty());
}

TEST(PlanChanges, WhatReadsAColumnGoesBeforeItsTypeChanges) {
  Model from;
  Model to;
  add_table(from, "public.t", 1, {{"id", "integer"}, {"x", "text"}});
  add_view(from, "public.v", 2, 1, 2, "text");
  add_view(from, "public.w", 3, 2, 1, "text"); // Of the view.
  add_view(from, "public.other", 4, 1, 1, "integer");
  add_table(to, "public.t", 1, {{"id", "integer"}, {"x", "character varying"}});
  add_view(to, "public.v", 2, 1, 2, "character varying");
  add_view(to, "public.w", 3, 2, 1, "character varying");
  add_view(to, "public.other", 4, 1, 1, "integer");
  const Plan plan = plan_of(from, to);
  EXPECT_EQ(statements(plan),
            (Texts{"DROP VIEW public.w", "DROP VIEW public.v",
                   "ALTER TABLE public.t ALTER COLUMN x TYPE character varying",
                   "CREATE VIEW public.v AS SELECT", "CREATE VIEW public.w AS SELECT"}));
  EXPECT_TRUE(plan.actions[2].ignore.starts_with("change-type-dependents: "));
}

TEST(PlanChanges, WhatARepeatableFileMakesIsDroppedIfItIsThere) {
  Model from;
  Model to;
  add_table(from, "public.t", 1, {{"x", "text"}});
  add_view(from, "public.v", 2, 1, 1, "text");
  add_table(to, "public.t", 1, {{"x", "integer"}});
  add_view(to, "public.v", 2, 1, 1, "integer");
  const Plan plan = plan_of(from, to, {.repeatable = {"VIEW|public|v"}});
  EXPECT_EQ(statements(plan).front(), "DROP VIEW IF EXISTS public.v");
}

TEST(PlanChanges, LossesComeLastAndAreNamed) {
  Model from;
  Model to;
  add_table(from, "public.gone", 1, {{"id", "integer"}});
  add_table(from, "public.t", 2, {{"id", "integer"}, {"fax", "text"}});
  add_table(to, "public.t", 2, {{"id", "integer"}, {"mail", "text"}});
  const Plan plan = plan_of(from, to);
  EXPECT_EQ(statements(plan),
            (Texts{"ALTER TABLE public.t ADD COLUMN mail text",
                   "ALTER TABLE public.t DROP COLUMN fax", "DROP TABLE public.gone"}));
  EXPECT_EQ(plan.actions[1].loses, "public.t.fax");
  EXPECT_EQ(plan.actions[2].loses, "public.gone");
}

TEST(PlanChanges, OfTablesInUseIndexesAreBuiltBesideTheWriters) {
  Model from;
  Model to;
  add_table(from, "public.t", 1, {{"id", "integer"}});
  add_table(to, "public.t", 1, {{"id", "integer"}});
  add_table(to, "public.u", 2, {{"id", "integer"}});
  for (const std::string name : {"t", "u"})
    add_object(to, {.type = "INDEX",
                    .name = name + "_idx",
                    .address = {.class_id = kClassRelation, .oid = name == "t" ? 8U : 9U},
                    .word = "index",
                    .identity = "public." + name + "_idx",
                    .table = "public." + name,
                    .sql = {"CREATE INDEX " + name + "_idx ON public." + name + " (id)"}});
  add_object(to, {.type = "FK CONSTRAINT",
                  .name = "t t_id_fkey",
                  .address = {.class_id = kClassConstraint, .oid = 10},
                  .word = "table constraint",
                  .identity = "t_id_fkey on public.t",
                  .table = "public.t",
                  .sql = {"ALTER TABLE ONLY public.t ADD CONSTRAINT t_id_fkey FOREIGN KEY (id)"}});
  EXPECT_EQ(statements(plan_of(from, to)),
            (Texts{"CREATE TABLE public.u ()", "CREATE INDEX u_idx ON public.u (id)",
                   "CREATE INDEX CONCURRENTLY t_idx ON public.t (id)",
                   "ALTER TABLE ONLY public.t ADD CONSTRAINT t_id_fkey FOREIGN KEY (id) NOT VALID",
                   "ALTER TABLE public.t VALIDATE CONSTRAINT t_id_fkey"}));
}

TEST(PlanChanges, GrantsAndCommentsAreSets) {
  Model from;
  Model to;
  const Address table = add_table(from, "public.t", 1, {{"id", "integer"}}).address;
  add_table(to, "public.t", 1, {{"id", "integer"}});
  from.grants["t"] = {.front = "",
                      .on = "TABLE public.t",
                      .scope = "",
                      .address = table,
                      .rights = {{"app", "SELECT"}, {"app", "INSERT"}}};
  to.grants["t"] = {.front = "",
                    .on = "TABLE public.t",
                    .scope = "",
                    .address = table,
                    .rights = {{"app", "SELECT"}, {"app", "UPDATE*"}, {"PUBLIC", "SELECT"}}};
  from.comments["TABLE public.t"] = {.address = table, .on = "TABLE public.t", .text = "old"};
  to.comments["COLUMN public.t.id"] = {.address = {.class_id = kClassRelation, .oid = 1, .part = 1},
                                       .on = "COLUMN public.t.id",
                                       .text = "it's"};
  EXPECT_EQ(
      statements(plan_of(from, to)),
      (Texts{"REVOKE INSERT ON TABLE public.t FROM app", "GRANT SELECT ON TABLE public.t TO PUBLIC",
             "GRANT UPDATE ON TABLE public.t TO app WITH GRANT OPTION",
             "COMMENT ON COLUMN public.t.id IS 'it''s'", "COMMENT ON TABLE public.t IS NULL"}));
}

TEST(PlanChanges, EnumsTakeLabelsOrBecomeNewTypes) {
  struct Case {
    Texts from;
    Texts to;
    std::string want; ///< Of the first statement, the beginning.
  };
  const Case cases[] = {
      {{"a", "c"}, {"a", "b", "c"}, "ALTER TYPE public.m ADD VALUE 'b' AFTER 'a'"},
      {{"b"}, {"a", "b"}, "ALTER TYPE public.m ADD VALUE 'a' BEFORE 'b'"},
      {{"a", "b"}, {"a", "c"}, "ALTER TYPE public.m RENAME VALUE 'b' TO 'c'"},
      {{"a", "b"}, {"b", "a"}, "ALTER TYPE public.m RENAME TO m_pgkeep_old"},
      {{"a", "b"}, {"a"}, "ALTER TYPE public.m RENAME TO m_pgkeep_old"},
  };
  for (const Case& each : cases) {
    Model from;
    Model to;
    for (auto* const model : {&from, &to}) {
      add_table(*model, "public.t", 1, {{"x", "public.m"}});
      const Texts& labels = model == &from ? each.from : each.to;
      std::string sql = "CREATE TYPE public.m AS ENUM (";
      for (const std::string& label : labels)
        sql += label + ",";
      add_object(*model, {.type = "TYPE",
                          .name = "m",
                          .address = {.class_id = kClassType, .oid = 5},
                          .word = "type",
                          .identity = "public.m",
                          .sql = {sql}});
      model->types["public.m"] = {.kind = "e", .labels = labels};
      model->dependencies.push_back({.who = {.class_id = kClassRelation, .oid = 1, .part = 1},
                                     .on = {.class_id = kClassType, .oid = 5}});
    }
    const Texts found = statements(plan_of(from, to));
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found.front(), each.want);
    const bool moves = found.front().ends_with("_old");
    EXPECT_EQ(std::ranges::count(found, "ALTER TABLE public.t ALTER COLUMN x DROP DEFAULT, ALTER "
                                        "COLUMN x TYPE public.m USING x::text::public.m"),
              moves ? 1 : 0);
  }
}

TEST(Statements, LastPartKnowsQuotes) {
  EXPECT_EQ(last_part("public.orders"), "orders");
  EXPECT_EQ(last_part("public.\"a.b\""), "\"a.b\"");
  EXPECT_EQ(last_part("\"x.y\".\"a\"\"b\""), "\"a\"\"b\"");
}

TEST(Files, CommentsLossesAndSteps) {
  Written up;
  up.renames = {{.from = "public.t.a",
                 .to = "public.t.b",
                 .up = {"ALTER TABLE public.t RENAME COLUMN a TO b"},
                 .down = {"ALTER TABLE public.t RENAME COLUMN b TO a"},
                 .is_guessed = true}};
  up.actions = {
      {.pieces = {{.text = "ADD CONSTRAINT"}, {.text = "VALIDATE", .place = Place::own}}},
      {.pieces = {{.text = "DROP TABLE public.gone"}}, .comment = "Gone.", .loses = "public.gone"}};
  EXPECT_EQ(
      up_file(up, "schema.sql", {}),
      "-- Why this is needed, for whoever reads it in two years. Written by `pgkeep migrate new "
      "--schema`:\n-- what leads from the files before this one to schema.sql.\n\n"
      "-- Read as a rename of public.t.a; if it is not, say --no-renames.\n"
      "ALTER TABLE public.t RENAME COLUMN a TO b;\nADD CONSTRAINT;\n-- pgkeep:step\n"
      "VALIDATE;\n-- pgkeep:step\n\n-- Gone.\nDROP TABLE public.gone;\n");
  EXPECT_EQ(
      down_file({.actions = {up.actions[1]}}, "V2.sql", up),
      "-- The way back from V2.sql.\n-- It loses what was written since then to public.gone.\n"
      "-- What the way up took away comes back empty: public.gone.\n\n"
      "-- pgkeep:loses public.gone: what was written there since\nDROP TABLE public.gone;\n"
      "ALTER TABLE public.t RENAME COLUMN b TO a;\n");
  const Written failed{.failures = {{.action = up.actions[1], .why = "no\nway"}},
                       .refused = {"public.x stays"}};
  const std::string text = up_file(failed, "s", {"which one"});
  EXPECT_NE(text.find("-- which one.\n"), std::string::npos);
  EXPECT_NE(text.find("--   DROP TABLE public.gone\n-- Not done here: public.x stays.\n"),
            std::string::npos)
      << text;
}

TEST(Files, ATransactionForEachTableButNoneBetweenAnEndAndItsReturn) {
  Written up;
  up.actions = {{.pieces = {{.text = "ALTER a 1"}}, .table = "a"},
                {.pieces = {{.text = "ALTER a 2"}}, .table = "a"},
                {.pieces = {{.text = "ALTER b"}}, .table = "b"},
                {.pieces = {{.text = "DROP VIEW"}}, .leaves = "v"},
                {.pieces = {{.text = "ALTER c"}}, .table = "c"},
                {.pieces = {{.text = "CREATE VIEW"}}, .comes = "v"},
                {.pieces = {{.text = "ALTER d"}}, .table = "d"}};
  const std::string text = up_file(up, "s", {});
  EXPECT_TRUE(
      text.ends_with("\n\nALTER a 1;\nALTER a 2;\n-- pgkeep:step\nALTER b;\n-- pgkeep:step\n"
                     "DROP VIEW;\nALTER c;\nCREATE VIEW;\n-- pgkeep:step\nALTER d;\n"))
      << text;
}

} // namespace
} // namespace pgkeep::migrate::declaring
