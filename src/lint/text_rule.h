/// A rule about SQL text: a card as every rule has it, and the functions that judge.
///
/// A rule that the audit judges too gives only the id on its card; title, why and how are the
/// audit's (one rule, one id). Private to src/lint. Thread-safety: rows are constants.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "findings/rule.h"
#include "lint/change.h"
#include "lint/context.h"
#include "lint/script.h"
#include "lint/text_record.h"

namespace pgkeep::lint {

enum class Group : std::uint8_t {
  safety, ///< A migration that stops or breaks a running application.
  design, ///< What the schema will be.
  query,  ///< Statements of the application: of no concern are locks, settings and transactions,
          ///< which a judge of such rules alone does not keep.
  taste,  ///< Names and habits: off unless asked for.
};

class Queries;
struct ColumnChange;

/// A statement by itself: what was before it is not known here.
struct LoneSubject {
  LoneSubject(const Statement& it, const Surroundings& its)
      : statement(it), changes(it.changes), kinds(it.kinds), around(its) {}

  const Statement& statement;
  const std::vector<Change>& changes;
  const postgres::KindSet& kinds; ///< Of all nodes of the statement.
  const Surroundings& around;
  /// Made by the first rule that asks for it: columns_of() of rules/column_changes.h.
  mutable std::shared_ptr<const std::vector<ColumnChange>> columns = nullptr;
};

/// A statement with all that is known where it stands.
struct Subject : LoneSubject {
  Subject(const Statement& it, const Context& its, const std::vector<Effect>& its_effects,
          const std::vector<std::string_view>& its_rows)
      : LoneSubject(it, its), context(its), effects(its_effects), rows(its_rows) {}

  const Context& context;
  const std::vector<Effect>& effects;        ///< Of all changes.
  const std::vector<std::string_view>& rows; ///< Of each change: lock_row_of().
  /// Made by the first rule that asks for it: queries_of() of rules/query_tree.h.
  mutable std::shared_ptr<const Queries> queries = nullptr;
  /// The same: check_of() of rules/prepared.h.
  mutable std::shared_ptr<const postgres::QueryCheck> check = nullptr;
};

struct TextRule {
  findings::Rule card;
  Group group = Group::safety;
  /// Called for each statement of each section, in order.
  void (*statement)(const Subject& subject, TextSink& out) = nullptr;
  /// Of a rule that needs nothing of what was before, in place of the two others: it is called for
  /// files in any order, by the thread that has just read them.
  void (*lone)(const LoneSubject& subject, TextSink& out) = nullptr;
  /// Kinds of nodes, with blanks between: they are called only for a statement that has one of them
  /// somewhere. Empty: for every statement.
  std::string_view nodes = {};
  /// Called after the last statement of a section.
  void (*section)(const Context& context, TextSink& out) = nullptr;
  /// Judges sections that go down as well.
  bool judges_down = false;
  /// About how a file of changes is run: not asked of named queries, which run one by one.
  bool is_about_migrations = false;
  /// About what a statement locks: not called for one without Subject::effects.
  bool is_about_effects = false;
  /// Reads Context::lock_orders, which are kept for it alone.
  bool compares_lock_orders = false;
};

} // namespace pgkeep::lint
