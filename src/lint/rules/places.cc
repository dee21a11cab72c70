#include "lint/rules/places.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

bool is_word_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || c == '_' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

std::size_t find_word(std::string_view text, std::string_view word, std::size_t from) {
  if (word.empty()) return std::string::npos;
  for (std::size_t at = base::find_ignoring_case(text, word, from); at != std::string::npos;
       at = base::find_ignoring_case(text, word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !is_word_character(text[at - 1]);
    const bool ends = end == text.size() || !is_word_character(text[end]);
    if (begins && ends) return at;
  }
  return std::string::npos;
}

} // namespace

std::size_t offset_of_word(const LoneSubject& subject, std::string_view word, std::size_t from) {
  const Statement& statement = subject.statement;
  const std::string_view sql = subject.around.script.sql_of(statement);
  const std::size_t skipped = from > statement.begin ? from - statement.begin : 0;
  const std::size_t found = find_word(sql, word, skipped);
  return found == std::string::npos ? std::max(statement.begin, from) : statement.begin + found;
}

std::size_t place_of(const LoneSubject& subject, const postgres::Node& node) {
  return node.offset().value_or(subject.statement.begin);
}

std::size_t offset_of_name(const LoneSubject& subject, const Change& change) {
  const bool is_inside = change.node.is("AlterTableCmd") || change.node.is("RenameStmt");
  if (!is_inside)
    return offset_of_word(subject, change.name.empty() ? change.relation.name : change.name,
                          change.offset);
  // The relation's own name stands before the names inside of it.
  const std::size_t relation = change.relation
                                   ? offset_of_word(subject, change.relation.name, change.offset)
                                   : change.offset;
  return change.name.empty()
             ? relation
             : offset_of_word(subject, change.name, relation + change.relation.name.size());
}

bool has_word(std::string_view text, std::string_view word) {
  return find_word(text, word, 0) != std::string::npos;
}

std::string object_of(const RelationName& relation, std::string_view part) {
  if (part.empty()) return relation.text();
  return fmt::format("{}.{}", relation.text(), postgres::quote_identifier(part));
}

findings::Fix by_hand(std::string note, std::vector<std::string> sql) {
  return {.safety = findings::Safety::manual, .sql = std::move(sql), .note = std::move(note)};
}

std::string enumerate(const std::vector<std::string>& items) {
  if (items.size() < 2) return items.empty() ? std::string{} : items.front();
  return fmt::format("{} and {}", fmt::join(items.begin(), std::prev(items.end()), ", "),
                     items.back());
}

std::vector<postgres::Node> roots_before(const LoneSubject& subject) {
  std::vector<postgres::Node> roots;
  for (const Statement& each : subject.around.section.statements) {
    if (each.begin >= subject.statement.begin) break;
    if (each.root && each.origin != Origin::function) roots.push_back(each.root);
  }
  return roots;
}

std::vector<postgres::Node> roots_after(const LoneSubject& subject) {
  std::vector<postgres::Node> roots;
  for (const Statement& each : subject.around.section.statements) {
    const bool runs = each.root && each.origin != Origin::function;
    if (runs && each.begin > subject.statement.begin) roots.push_back(each.root);
  }
  return roots;
}

std::vector<const Statement*> statements_before(const LoneSubject& subject) {
  std::vector<const Statement*> found;
  for (const Statement& each : subject.around.section.statements) {
    if (each.begin >= subject.statement.begin) break;
    if (each.root && each.origin != Origin::function) found.push_back(&each);
  }
  return found;
}

std::vector<const Statement*> statements_after(const LoneSubject& subject) {
  std::vector<const Statement*> found;
  for (const Statement& each : subject.around.section.statements) {
    const bool runs = each.root && each.origin != Origin::function;
    if (runs && each.begin > subject.statement.begin) found.push_back(&each);
  }
  return found;
}

const Statement* statement_after(const LoneSubject& subject) {
  const std::vector<Statement>& statements = subject.around.section.statements;
  auto at = std::ranges::upper_bound(statements, subject.statement.begin, {}, &Statement::begin);
  while (at != statements.end() && (!at->root || at->origin == Origin::function))
    ++at;
  return at == statements.end() ? nullptr : &*at;
}

std::string_view text_constant(const postgres::Node& node) {
  return node.is("A_Const") ? node.node("sval").text("sval") : std::string_view{};
}

} // namespace pgkeep::lint
