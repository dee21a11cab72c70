// Named queries that the server refuses to prepare.
#include "lint/rules/prepared.h"

#include <algorithm>

#include <fmt/format.h>

#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/relations.h"
#include "lint/rules/places.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using findings::Area;
using findings::Severity;
using postgres::Node;
using postgres::QueryCheck;

bool is_named_query(const LoneSubject& subject) {
  const Statement& statement = subject.statement;
  const bool is_asked = !statement.root || statement.root.is("SelectStmt") ||
                        statement.root.is("InsertStmt") || statement.root.is("UpdateStmt") ||
                        statement.root.is("DeleteStmt") || statement.root.is("MergeStmt");
  return is_asked && !subject.around.section.query.empty() && statement.origin == Origin::text &&
         !statement.is_opaque;
}

/// A table of the query that the judged files change: the server does not know it so yet.
std::string changed_table_of(const Subject& subject) {
  std::string found;
  postgres::walk(subject.statement.root, [&](const Node& node) {
    if (!node.is("RangeVar")) return true;
    const RelationName name = relation_of(node);
    const RelationSet* const changed = subject.context.changed;
    if (changed != nullptr && changed->contains(name)) found = name.text();
    return true;
  });
  return found;
}

void query_does_not_prepare(const Subject& subject, TextSink& out) {
  if (!is_named_query(subject)) return;
  const QueryCheck* const check = check_of(subject);
  if (check == nullptr) {
    out.skip("no database was given to prepare the named queries");
    return;
  }
  const std::string& query = subject.context.section.query;
  if (!check->unasked.empty() && check->plan.empty())
    out.skip(fmt::format("the server could not say all about {}: {}", query, check->unasked));
  if (!check->refusal) return;
  const base::Error& refusal = *check->refusal;
  // syntax-error says it.
  if (!subject.statement.root && refusal.sqlstate == "42601") return;
  const SentQuery sent = sent_query_of(subject);
  const bool is_about_type = is_one_of(refusal.sqlstate, {"42P18", "42P08"});
  const bool is_about_name = is_one_of(refusal.sqlstate, {"42P01", "42703"});
  const std::string changed = is_about_name ? changed_table_of(subject) : std::string{};
  findings::Finding finding{
      .object = query,
      .message = fmt::format("the server refuses the query: {} ({})", sent.with_names(refusal.what),
                             refusal.sqlstate),
      .evidence = Json{{"query", query}, {"sqlstate", refusal.sqlstate}, {"sent", sent.sql()}},
      .fix = by_hand(refusal.hint.empty()
                         ? "Only its author knows what the query means: mend it at this place."
                         : sent.with_names(refusal.hint))};
  if (is_about_type) {
    finding.severity = Severity::warning;
    finding.fix = by_hand("Only its author knows which type is meant: write it, as in $1::bigint.");
  }
  if (!changed.empty()) {
    finding.severity = Severity::info;
    finding.message += fmt::format("; the files that are judged change {}", changed);
    finding.fix = by_hand("A change that is not made yet cannot be looked up: run the migrations "
                          "on this database first, and look again.");
  }
  out.add(check->refusal_position > 0 ? sent.offset_of(check->refusal_position)
                                      : subject.statement.begin,
          std::move(finding));
}

constexpr TextRule kPreparedRules[] = {
    {.card = {.id = "query-does-not-prepare",
              .title = "Named query that the server refuses",
              .why = "It fails each time that the application calls it.",
              .how = "Mend it at the place that is named: a column, a type, a function.",
              .source = "PostgreSQL manual, protocol-flow: Extended Query; errcodes-appendix",
              .severity = Severity::error,
              .area = Area::queries},
     .group = Group::query,
     .statement = query_does_not_prepare},
};

} // namespace

const std::span<const TextRule> prepared_rules{kPreparedRules};

SentQuery sent_query_of(const LoneSubject& subject) {
  return {subject.around.script.text(), subject.statement.begin, subject.statement.end,
          subject.around.section.query_parts};
}

const QueryCheck* check_of(const Subject& subject) {
  if (!subject.context.prepare || !is_named_query(subject)) return nullptr;
  if (subject.check == nullptr)
    subject.check =
        std::make_shared<const QueryCheck>(subject.context.prepare(sent_query_of(subject).sql()));
  return subject.check.get();
}

} // namespace pgkeep::lint
