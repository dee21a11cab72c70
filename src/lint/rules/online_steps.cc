#include "lint/rules/online_steps.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "lint/lock_table.h"
#include "lint/rules/places.h"
#include "postgres/quote.h"

namespace pgkeep::lint {

bool is_row_in_use(const Subject& subject, const Change& change, std::string_view row) {
  // What fails on any row fails beside the table as well.
  if (subject.context.is_online && row != "add-column") return false;
  const auto index = static_cast<std::size_t>(&change - subject.changes.data());
  const bool is_own = index < subject.rows.size() && &subject.changes[index] == &change;
  const std::string_view actual =
      is_own ? subject.rows[index] : lock_row_of(change, subject.context);
  return actual == row && subject.context.is_in_use(change.relation);
}

std::string who_waits(const Context& context, const RelationName& relation, LockMode mode) {
  return fmt::format("{} of {} wait", blocks_reads(mode) ? "reads and writes" : "writes",
                     context.with_size(relation));
}

std::string who_waits_first(const Context& context, const RelationName& relation, LockMode mode) {
  std::string text = who_waits(context, relation, mode);
  text.front() = blocks_reads(mode) ? 'R' : 'W';
  return text;
}

std::string part_text(const LoneSubject& subject, std::size_t offset) {
  const std::string_view text = subject.around.script.text();
  int depth = 0;
  char quote = 0;
  std::size_t end = offset;
  for (; end < subject.statement.end; ++end) {
    const char c = text[end];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      if (--depth < 0) break;
    } else if ((c == ',' && depth == 0) || c == ';') {
      break;
    }
  }
  return std::string(base::trim(text.substr(offset, end - offset)));
}

std::string with_word_after(const LoneSubject& subject, std::string_view after,
                            std::string_view word, std::size_t from) {
  const Statement& statement = subject.statement;
  std::string sql(base::trim(subject.around.script.sql_of(statement)));
  const std::size_t place = offset_of_word(subject, after, std::max(from, statement.begin));
  sql.insert(place - statement.begin + after.size(), fmt::format(" {}", word));
  return sql;
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  quoted.reserve(names.size());
  for (const std::string& each : names)
    quoted.push_back(postgres::quote_identifier(each));
  return base::join(quoted, ", ");
}

std::string composed_name(const RelationName& relation, const std::vector<std::string>& columns,
                          std::string_view suffix) {
  std::string name = relation.name;
  for (const std::string& each : columns)
    name += "_" + each;
  return postgres::quote_identifier(name + std::string(suffix));
}

findings::Fix online_steps(std::vector<std::string> sql, std::string note) {
  return {.safety = findings::Safety::online, .sql = std::move(sql), .note = std::move(note)};
}

bool has_option(const std::vector<postgres::Node>& options, std::string_view name) {
  return std::ranges::any_of(
      options, [&](const postgres::Node& each) { return each.text("defname") == name; });
}

} // namespace pgkeep::lint
