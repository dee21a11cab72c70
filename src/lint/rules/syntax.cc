// What could not be read, and comments that set rules aside (the engine finds those).
#include <fmt/format.h>

#include "base/text.h"
#include "lint/families.h"

namespace pgkeep::lint {
namespace {

using findings::Area;
using findings::Fix;
using findings::Severity;

std::string shortened(std::string_view sql) {
  constexpr std::size_t bytes_max = 200;
  return base::ellipsize(sql.substr(0, bytes_max * 2), bytes_max);
}

void syntax_error(const Subject& subject, TextSink& out) {
  const Statement& statement = subject.statement;
  if (statement.root || statement.is_opaque) return;
  const std::string_view sql = subject.context.script.sql_of(statement);
  const auto& server_parses = subject.context.server_parses;
  if (server_parses && server_parses(sql)) return;
  out.add(statement.problem_offset,
          {.message = statement.problem,
           .evidence = base::Json{{"statement", shortened(sql)},
                                  {"server_was_asked", static_cast<bool>(server_parses)}},
           .fix = Fix{.note = server_parses
                                  ? "Neither PostgreSQL 15's grammar nor the server's knows this."
                                  : "PostgreSQL 15's grammar does not know this. Where it is newer "
                                    "syntax, give a server with --database: it is asked."}});
}

void unknown_syntax(const Subject& subject, TextSink& out) {
  const Statement& statement = subject.statement;
  if (statement.root || statement.is_opaque) return;
  const std::string_view sql = subject.context.script.sql_of(statement);
  const auto& server_parses = subject.context.server_parses;
  if (!server_parses || !server_parses(sql)) return;
  out.add(statement.begin,
          {.message = "the server knows this syntax and pgkeep does not: it was not judged",
           .evidence = base::Json{{"statement", shortened(sql)}},
           .fix = Fix{.note = "Look at the locks that it takes yourself, on a clone."}});
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
    {.card = {.id = "unknown-syntax",
              .title = "Syntax that only the server knows",
              .why = "What is not understood is not judged: its locks and its work are unknown.",
              .how = "Judge the statement by hand, or trace it on a clone.",
              .source =
                  "PostgreSQL 15's own grammar, by libpg_query; the server that --database names",
              .severity = Severity::info,
              .area = Area::schema},
     .statement = unknown_syntax,
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
