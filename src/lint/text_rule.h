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

/// A statement with all that is known where it stands.
struct Subject {
  const Statement& statement;
  const std::vector<Change>& changes;
  const std::vector<Effect>& effects; ///< Of all changes.
  const Context& context;
  postgres::KindSet kinds = {};            ///< Of all nodes of the statement.
  std::vector<std::string_view> rows = {}; ///< Of each change: lock_row_of().
  /// Made by the first rule that asks for it: queries_of() of rules/query_tree.h.
  mutable std::shared_ptr<const Queries> queries = nullptr;
  /// The same: columns_of() of rules/column_changes.h.
  mutable std::shared_ptr<const std::vector<ColumnChange>> columns = nullptr;
  /// The same: check_of() of rules/prepared.h.
  mutable std::shared_ptr<const postgres::QueryCheck> check = nullptr;
};

/// What a rule says about a file.
struct Said {
  findings::Finding finding;
  std::uint32_t rule = 0; ///< Its place among those that were chosen.
};

/// Collects what one rule says; each finding gets the file, line and column of its offset.
class TextSink {
public:
  struct Target {
    std::vector<Said>& said;
    std::vector<std::string>& skipped; ///< The rule's own, of all files.
  };
  TextSink(const Script& script, const findings::Rule& card, std::uint32_t rule, Target target)
      : script_(script), card_(card), rule_(rule), target_(target) {}
  void add(std::size_t offset, findings::Finding finding);
  /// The rule could not look: it does not count as passed. The same reason is kept once.
  void skip(std::string reason);

private:
  const Script& script_;
  const findings::Rule& card_;
  std::uint32_t rule_;
  Target target_;
};

struct TextRule {
  findings::Rule card;
  Group group = Group::safety;
  /// Called for each statement of each section, in order.
  void (*statement)(const Subject& subject, TextSink& out) = nullptr;
  /// Kinds of nodes, with blanks between: `statement` is asked only of a statement that has one of
  /// them somewhere. Empty: of every statement.
  std::string_view nodes = {};
  /// Called after the last statement of a section.
  void (*section)(const Context& context, TextSink& out) = nullptr;
  /// Judges sections that go down as well.
  bool judges_down = false;
  /// About how a file of changes is run: not asked of named queries, which run one by one.
  bool is_about_migrations = false;
  /// Reads Context::lock_orders, which are kept for it alone.
  bool compares_lock_orders = false;
};

} // namespace pgkeep::lint
