/// The walk over the statements: each is judged with what was known before it, then what it does
/// becomes known.
///
/// Private to src/lint. One thread at a time each. Several may judge the same Scripts, each with
/// some of the rules: what carries over from file to file each of them keeps for itself, so that
/// what a rule says does not depend on who else is there; but not what none of its rules asks for.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "lint/chosen.h"
#include "lint/lock_orders.h"
#include "lint/rule_set.h"
#include "lint/schema.h"
#include "lint/script.h"

namespace pgkeep::lint {

class Linter {
public:
  /// Which of the rules one Linter asks: the `number`th of `count` parts of those that need to know
  /// what was before.
  struct Part {
    std::size_t number = 0;
    std::size_t count = 1;
    /// Of a rule, and its place among the chosen ones. Those about queries stay together: what a
    /// statement's queries are is then found once.
    [[nodiscard]] bool has(const TextRule& rule, std::size_t place) const {
      if (rule.lone != nullptr) return false;
      if (count == 1) return true;
      const std::size_t last = count - 1;
      return rule.group == Group::query ? number == last : number == place % last;
    }
  };

  /// Everything given must outlive it.
  Linter(const Options& options, const FilePaths& paths, std::span<const Chosen> chosen, Part part);

  /// Files in the order in which they run, one after another. Into the record of whose thread it
  /// is.
  SaidOfFile judge(const Script& script, TextRecord& record);

private:
  void judge_section(const Script& script, const Section& section, TextRecord& record);
  void judge_statement(Context& context, const Statement& statement, TextRecord& record);
  void begin_statement(Context& context, const Statement& statement) const;
  void add_locks(const Subject& subject);
  void keep(Context& context, const Statement& statement);
  void keep_lock_order(Context& context, const Effect& effect, std::size_t offset);
  void keep_change(Context& context, const Statement& statement, const Change& change);
  static void keep_transaction(Context& context, const Statement& statement,
                               const postgres::Node& root);
  static void keep_settings(Context& context, const Statement& statement, const Change& change);
  static void end_transaction(Context& context);

  const Options& options_;
  const FilePaths& paths_;
  std::span<const Chosen> chosen_;
  RulesByKind rules_;
  RelationSet created_; ///< Views and sequences.
  RelationSet changed_; ///< Everything but rows.
  LockOrders lock_orders_;
  // Of the statement at hand: kept for their memory.
  std::vector<Effect> effects_;
  std::vector<std::string_view> rows_;
  bool keeps_locks_ = false; ///< Settings and transactions too: not where all is about queries.
  bool keeps_lock_orders_ = false;
  Schema schema_;
};

/// The rules that judge each statement by itself. Any number of threads at the same time.
class LoneLinter {
public:
  /// Everything given must outlive it.
  LoneLinter(const Options& options, const FilePaths& paths, std::span<const Chosen> chosen);
  /// Any file at any time.
  SaidOfFile judge(const Script& script, TextRecord& record) const;

private:
  const Options& options_;
  const FilePaths& paths_;
  std::span<const Chosen> chosen_;
  RulesByKind rules_;
};

} // namespace pgkeep::lint
