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
#include "findings/written.h"
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
  const std::vector<Effect>& effects;        ///< Of all changes.
  const std::vector<std::string_view>& rows; ///< Of each change: lock_row_of().
  const Context& context;
  const postgres::KindSet& kinds; ///< Of all nodes of the statement.
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

/// The same where it was written at once (Options::writes_json): what its place depends on.
struct SaidWritten {
  const findings::WrittenFinding* json = nullptr;
  int line = 0;
  int column = 0;
  std::uint32_t rule = 0;
  findings::Severity severity = findings::Severity::info;
};

/// What rules say about one file: of each finding one of the two.
struct SaidOfFile {
  std::vector<Said> said = {};
  std::vector<SaidWritten> written = {};
};

/// What rules say of the file at hand, and where it goes. Each of them has its card and reasons, by
/// its place among those that were chosen.
struct TextRecord {
  SaidOfFile said = {};
  findings::FindingWriter* writer = nullptr; ///< Null: findings are kept.
  std::vector<const findings::Rule*> cards = {};
  std::vector<std::vector<std::string>> skipped = {}; ///< Of all files.
};

/// Collects what one rule says; each finding gets the file, line and column of its offset.
class TextSink {
public:
  TextSink(const Script& script, TextRecord& record, std::size_t rule)
      : script_(script), record_(record), rule_(rule) {}
  void add(std::size_t offset, findings::Finding finding);
  /// The rule could not look: it does not count as passed. The same reason is kept once.
  void skip(std::string reason);

private:
  const Script& script_;
  TextRecord& record_;
  std::size_t rule_;
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
