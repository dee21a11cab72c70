// What could not be read, and comments that set rules aside (the engine finds those).
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "lint/families.h"
#include "lint/rules/prepared.h"

namespace pgkeep::lint {
namespace {

using findings::Area;
using findings::Fix;
using findings::Severity;

std::string shortened(std::string_view sql) {
  constexpr std::size_t bytes_max = 200;
  return base::ellipsize(sql.substr(0, bytes_max * 2), bytes_max);
}

/// Whether the server's grammar knows the statement; none where nobody can be asked.
std::optional<bool> is_known_to_server(const Subject& subject) {
  if (const postgres::QueryCheck* const check = check_of(subject))
    return !check->refusal || check->refusal->sqlstate != "42601";
  const auto& server_parses = subject.context.server_parses;
  if (!server_parses) return std::nullopt;
  return server_parses(subject.context.script.sql_of(subject.statement));
}

void syntax_error(const Subject& subject, TextSink& out) {
  const Statement& statement = subject.statement;
  if (statement.root || statement.is_opaque) return;
  const std::string_view sql = subject.context.script.sql_of(statement);
  const std::optional<bool> is_known = is_known_to_server(subject);
  if (is_known.value_or(false)) return;
  out.add(statement.problem_offset,
          {.message = statement.problem,
           .evidence = base::Json{{"statement", shortened(sql)},
                                  {"server_was_asked", is_known.has_value()}},
           .fix = Fix{.note = is_known
                                  ? "Neither PostgreSQL 15's grammar nor the server's knows this."
                                  : "PostgreSQL 15's grammar does not know this. Where it is newer "
                                    "syntax, give a server with --database: it is asked."}});
}

void unknown_syntax(const Subject& subject, TextSink& out) {
  const Statement& statement = subject.statement;
  if (statement.root || statement.is_opaque) return;
  const std::string_view sql = subject.context.script.sql_of(statement);
  if (!is_known_to_server(subject).value_or(false)) return;
  out.add(statement.begin,
          {.message = "the server knows this syntax and pgkeep does not: it was not judged",
           .evidence = base::Json{{"statement", shortened(sql)}},
           .fix = Fix{.note = "Look at the locks that it takes yourself, on a clone."}});
}

/// The text behind EXECUTE up to the semicolon, or to the last of `words` that lets it parse.
std::optional<postgres::Tree> expression_tree(std::string_view text, std::size_t begin) {
  bool is_quoted = false;
  std::size_t end = begin;
  for (; end < text.size() && (is_quoted || text[end] != ';'); ++end)
    is_quoted ^= text[end] == '\'';
  const std::string expression(text.substr(begin, end - begin));
  auto whole = postgres::Tree::parse("SELECT " + expression);
  if (whole) return *std::move(whole);
  const std::string lowered = base::to_lower(expression);
  for (const std::string_view word : {" using ", " into "}) {
    auto part = postgres::Tree::parse("SELECT " + expression.substr(0, lowered.find(word)));
    if (part) return *std::move(part);
  }
  return std::nullopt;
}

/// What makes a value safe inside of SQL text.
bool is_quoting(const postgres::Node& node) {
  const postgres::NodeList names = node.nodes_if("FuncCall", "funcname");
  constexpr auto safe = std::to_array<std::string_view>(
      {"quote_ident", "quote_literal", "quote_nullable", "array_to_string", "string_agg"});
  return !names.empty() && std::ranges::find(safe, names.back().text("sval")) != safe.end();
}

/// "||" of a bare variable, or format() with %s. Empty for neither.
std::string unsafe_part(const postgres::Node& expression) {
  std::string found;
  postgres::walk(expression, [&](const postgres::Node& node) {
    if (is_quoting(node) || node.is("TypeCast")) return false; // x::regclass is a safe name.
    const postgres::NodeList names = node.nodes_if("FuncCall", "funcname");
    if (!names.empty() && names.back().text("sval") == "format") {
      const postgres::NodeList arguments = node.nodes("args");
      const std::string_view shape =
          arguments.empty() ? std::string_view{} : arguments.front().node("sval").text("sval");
      if (shape.find("%s") != std::string_view::npos) found = "%s";
      return false;
    }
    const bool is_joined =
        node.is("A_Expr") && !node.nodes("name").empty() &&
        node.nodes("name").back().text("sval") == "||" &&
        (node.node("lexpr").is("ColumnRef") || node.node("rexpr").is("ColumnRef"));
    if (is_joined) found = "||";
    return true;
  });
  return found;
}

void string_concatenated_sql(const LoneSubject& subject, TextSink& out) {
  const Statement& statement = subject.statement;
  if (!statement.is_opaque || statement.problem_offset <= statement.begin) return;
  const auto tree = expression_tree(subject.around.script.text(), statement.problem_offset);
  const std::string part = tree ? unsafe_part(tree->root()) : std::string{};
  if (part.empty()) return;
  out.add(statement.problem_offset,
          {.message = fmt::format("{} puts a value into the text of a statement as it is: a quote "
                                  "in it ends the constant, and what follows is run",
                                  part),
           .evidence = base::Json{{"by", part}},
           .fix = Fix{.note = "The variable's meaning is for its author to say: give values with "
                              "USING and $1, names with format('%I'), texts with format('%L')."}});
}

void nothing(const LoneSubject& /*subject*/, TextSink& /*out*/) {}

constexpr TextRule kSyntaxRules[] = {
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
    {.card = {.id = "string-concatenated-sql",
              .title = "SQL put together from values",
              .why = "Whoever chooses the value writes the statement.",
              .how = "EXECUTE ... USING for values, format() with %I and %L for names and texts.",
              .source = "PostgreSQL manual, plpgsql-statements: Executing Dynamic Commands",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .lone = string_concatenated_sql,
     .judges_down = true},
    {.card = {.id = "ignore-without-reason",
              .title = "A rule is ignored without a reason",
              .why = "Nobody knows later whether the danger was understood.",
              .how = "Write -- pgkeep:ignore RULE: reason.",
              .source = "pgkeep",
              .severity = Severity::warning,
              .area = Area::schema},
     .lone = nothing},
    {.card = {.id = "ignore-unused",
              .title = "A comment ignores a rule that says nothing",
              .why = "It hides the next finding of that rule.",
              .how = "Take the comment out.",
              .source = "pgkeep",
              .severity = Severity::info,
              .area = Area::schema},
     .lone = nothing},
};

} // namespace

const std::span<const TextRule> syntax_rules{kSyntaxRules};

} // namespace pgkeep::lint
