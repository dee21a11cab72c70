// The directive and the statement below it: where the table's name stands, so that another can
// stand there, and what USING says, so that the copy can say it.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "migrate/shadow_run.h"
#include "postgres/sql_parser.h"

namespace pgkeep::migrate {
namespace {

using postgres::Node;
using postgres::TokenText;
using std::chrono::milliseconds;

constexpr std::int64_t kSizeMax = 1'000'000;

/// What may stand in the ALTER: what the new table can be given while it is empty. The rest locks
/// other tables, names things by the table's name, or is as short without a rewrite.
constexpr std::string_view kAllowed[] = {
    "AT_AddColumn",       "AT_ColumnDefault",   "AT_DropNotNull",     "AT_SetNotNull",
    "AT_SetStatistics",   "AT_SetOptions",      "AT_ResetOptions",    "AT_SetStorage",
    "AT_SetCompression",  "AT_DropColumn",      "AT_AlterColumnType", "AT_SetTableSpace",
    "AT_SetRelOptions",   "AT_ResetRelOptions", "AT_SetLogged",       "AT_SetUnLogged",
    "AT_SetAccessMethod", "AT_AddConstraint",   "AT_DropExpression"};

base::Result<> check_command(const Step& step, const Node& command) {
  const std::string_view kind = command.name("subtype");
  if (std::ranges::find(kAllowed, kind) == std::end(kAllowed))
    return bad_shadow(step,
                      fmt::format("{} does not belong into a rewrite through a shadow table",
                                  kind.substr(kind.find('_') + 1)),
                      "a statement of its own for it, before or after this one");
  const Node definition = command.node("def");
  if (kind == "AT_AddConstraint" &&
      (definition.name("contype") != "CONSTR_CHECK" || definition.text("conname").empty()))
    return bad_shadow(step, "a shadow table takes no such constraint while it is made",
                      "a CHECK with a name here, others in a statement of their own");
  if (kind != "AT_AddColumn") return {};
  for (const Node& constraint : definition.nodes("constraints")) {
    const std::string_view type = constraint.name("contype");
    const bool is_plain = type == "CONSTR_DEFAULT" || type == "CONSTR_NOTNULL" ||
                          type == "CONSTR_NULL" || type == "CONSTR_GENERATED";
    if (!is_plain)
      return bad_shadow(step, "a column that is added to a shadow table has a constraint",
                        "DEFAULT, NOT NULL and GENERATED alone; others in a statement after this");
  }
  const std::vector<std::string> type =
      postgres::strings_of(definition.node("type_name").nodes("names"));
  if (!type.empty() && type.back().find("serial") != std::string::npos)
    return bad_shadow(step, "a serial column cannot be added to a shadow table",
                      "a statement of its own for it, after this one");
  return {};
}

/// USING of each command, the first of which begins at the token `first`: from behind the word to
/// the next comma outside of all brackets.
std::vector<ShadowAlter::Using> usings_of(std::string_view sql,
                                          const std::vector<TokenText>& tokens, std::size_t first) {
  std::vector<ShadowAlter::Using> found;
  int brackets = 0;
  std::size_t open = std::string_view::npos;
  std::string column;
  const auto end_at = [&](std::size_t offset) {
    if (open != std::string_view::npos)
      found.push_back({column, std::string(base::trim(sql.substr(open, offset - open)))});
    open = std::string_view::npos;
  };
  for (std::size_t at = first; at < tokens.size(); ++at) {
    const TokenText& token = tokens[at];
    if (token.text == "[") ++brackets;
    if (token.text == "]") --brackets;
    if (token.depth > 0 || brackets > 0) continue;
    if (token.text == ",") {
      end_at(token.offset);
      first = at + 1;
    } else if (token.text == "using" && open == std::string_view::npos) {
      // ALTER [COLUMN] name [SET DATA] TYPE ... USING
      std::size_t name = first + 1;
      if (name < at && tokens[name].text == "column") ++name;
      column = name_of_token(tokens[name].text);
      open = token.offset + token.text.size();
    }
  }
  end_at(sql.size());
  return found;
}

} // namespace

base::Result<ShadowOptions> shadow_options(const Step& step) {
  ShadowOptions options;
  const bool is_partitioning = step.statements.front().statement->makes_partitions();
  for (const lint::DirectiveArgument& argument : step.directive.arguments) {
    const std::string given = fmt::format("{}={}", argument.key, argument.value);
    if (argument.key == "key") {
      for (const TokenText& token : postgres::tokens_of(argument.value)) {
        if (token.text != ",") options.key.push_back(name_of_token(token.text));
      }
    } else if (argument.key == "size" || argument.key == "max-active") {
      std::int64_t number = 0;
      std::from_chars(argument.value.data(), argument.value.data() + argument.value.size(), number);
      if (number < 1 || number > kSizeMax)
        return bad_shadow(step, given + " is out of range", fmt::format("1 to {}", kSizeMax));
      if (argument.key == "size") options.pace.size_max = number;
      if (argument.key == "max-active") options.pace.active_max = static_cast<int>(number);
    } else if (argument.key == "max-lag" || argument.key == "target") {
      const auto duration = base::parse_duration(argument.value);
      if (!duration) return bad_shadow(step, given + " is no duration", "a duration such as 5s");
      const auto length =
          std::max(std::chrono::duration_cast<milliseconds>(*duration), milliseconds{1});
      (argument.key == "target" ? options.pace.target : options.pace.lag_max) = length;
    } else if (argument.key == "keep" && (argument.value == "yes" || argument.value == "no")) {
      options.keeps_old = argument.value == "yes";
    } else if (!is_partitioning || !is_partition_argument(argument.key)) {
      return bad_shadow(step, fmt::format("pgkeep:shadow has no argument \"{}\"", given),
                        is_partitioning
                            ? "key, size, max-lag, max-active, target, keep=yes or keep=no; every, "
                              "from, to, parts, default"
                            : "key, size, max-lag, max-active, target, keep=yes or keep=no");
    }
  }
  return options;
}

base::Result<ShadowAlter> shadow_alter(const Step& step) {
  const StepStatement& statement = step.statements.front();
  const Node root = statement.statement->root;
  if (statement.statement->makes_partitions()) {
    PGKEEP_TRY(ShadowPartitioning partitioning, shadow_partitioning(step));
    return ShadowAlter{.table = lint::relation_of(root.node("relation")).text(),
                       .partitioning = std::move(partitioning)};
  }
  if (root.name("objtype") != "OBJECT_TABLE")
    return bad_shadow(step, "pgkeep:shadow stands above a statement on something else",
                      "an ALTER TABLE of a table");
  for (const Node& command : root.nodes("cmds"))
    PGKEEP_CHECK(check_command(step, command));
  const std::vector<TokenText> tokens = postgres::tokens_of(statement.sql);
  std::size_t at = 2; // ALTER TABLE [IF EXISTS] [ONLY] name [*] commands
  if (at < tokens.size() && tokens[at].text == "if") at += 2;
  if (at < tokens.size() && tokens[at].text == "only") ++at;
  if (at >= tokens.size()) return bad_shadow(step, "the statement names no table", "ALTER TABLE t");
  const std::size_t begin = tokens[at].offset;
  while (at + 2 < tokens.size() && tokens[at + 1].text == ".")
    at += 2;
  ++at;
  if (at < tokens.size() && tokens[at].text == "*") ++at;
  if (at >= tokens.size())
    return bad_shadow(step, "the statement changes nothing",
                      "ALTER TABLE t SET (fillfactor = 100)");
  const std::size_t end = tokens[at].offset;
  return ShadowAlter{.table = lint::relation_of(root.node("relation")).text(),
                     .before = statement.sql.substr(0, begin),
                     .after = " " + statement.sql.substr(end),
                     .usings = usings_of(statement.sql, tokens, at)};
}

} // namespace pgkeep::migrate
