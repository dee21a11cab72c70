/// A rule about SQL text: a card as every rule has it, and the functions that judge.
///
/// A rule that the audit judges too gives only the id on its card; title, why and how are the
/// audit's (one rule, one id). Private to src/lint. Thread-safety: rows are constants.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "findings/rule.h"
#include "lint/change.h"
#include "lint/context.h"
#include "lint/script.h"

namespace pgkeep::lint {

enum class Group : std::uint8_t {
  safety, ///< A migration that stops or breaks a running application.
  design, ///< What the schema will be.
  query,  ///< Statements of the application.
  taste,  ///< Names and habits: off unless asked for.
};

class Queries;

/// A statement with all that is known where it stands.
struct Subject {
  const Statement& statement;
  const std::vector<Change>& changes;
  const std::vector<Effect>& effects; ///< Of all changes.
  const Context& context;
  /// Made by the first rule that asks for it: queries_of() of rules/query_tree.h.
  mutable std::shared_ptr<const Queries> queries = nullptr;
};

/// Collects findings; each gets the file, line and column of its offset.
class TextSink {
public:
  TextSink(findings::Sink& sink, const Script& script) : sink_(&sink), script_(&script) {}
  void add(std::size_t offset, findings::Finding finding);

private:
  findings::Sink* sink_;
  const Script* script_;
};

struct TextRule {
  findings::Rule card;
  Group group = Group::safety;
  /// Called for each statement of each section, in order.
  void (*statement)(const Subject& subject, TextSink& out) = nullptr;
  /// Called after the last statement of a section.
  void (*section)(const Context& context, TextSink& out) = nullptr;
  /// Judges sections that go down as well.
  bool judges_down = false;
};

} // namespace pgkeep::lint
