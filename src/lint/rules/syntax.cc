// What could not be read, and comments that set rules aside (the engine finds those).
#include <fmt/format.h>

#include "lint/families.h"

namespace pgkeep::lint {
namespace {

using findings::Area;
using findings::Fix;
using findings::Severity;

void syntax_error(const Subject& subject, TextSink& out) {
  const Statement& statement = subject.statement;
  if (statement.root) return;
  out.add(
      statement.problem_offset,
      {.message = statement.problem,
       .evidence =
           base::Json{{"statement", subject.context.script.sql_of(statement).substr(0, 200)}},
       .fix = Fix{
           .note = "PostgreSQL 15's grammar does not know this. Where it is newer syntax, give a "
                   "server with --database: it is asked."}});
}

void nothing(const Subject& /*subject*/, TextSink& /*out*/) {}

constexpr TextRule kRules[] = {
    {.card = {.id = "syntax-error",
              .title = "SQL that does not parse",
              .why = "The migration stops there, half applied where it runs without a transaction.",
              .how = "Mend the text at the place that is named.",
              .source = "PostgreSQL 15's own grammar, by libpg_query",
              .severity = Severity::error,
              .area = Area::schema},
     .statement = syntax_error,
     .judges_down = true},
    {.card = {.id = "ignore-without-reason",
              .title = "A rule is ignored without a reason",
              .why = "Nobody knows later whether the danger was understood.",
              .how = "Write -- pgkeep:ignore RULE: reason.",
              .source = "pgkeep",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = nothing},
    {.card = {.id = "ignore-unused",
              .title = "A comment ignores a rule that says nothing",
              .why = "It hides the next finding of that rule.",
              .how = "Take the comment out.",
              .source = "pgkeep",
              .severity = Severity::info,
              .area = Area::schema},
     .statement = nothing},
};

} // namespace

const std::span<const TextRule> syntax_rules{kRules};

} // namespace pgkeep::lint
