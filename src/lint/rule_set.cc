#include "lint/rule_set.h"

namespace pgkeep::lint {

void RulesByKind::add(std::size_t place, const TextRule& rule, bool all) {
  if (rule.group == Group::query) about_queries_.add(place);
  if (rule.judges_down) about_ways_down_.add(place);
  if (!rule.is_about_migrations) about_named_queries_.add(place);
  if (rule.is_about_effects) about_effects_.add(place);
  if (rule.section != nullptr) about_sections_.add(place);
  if (rule.statement == nullptr && rule.lone == nullptr) return;
  if (rule.nodes.empty() || all) always_.add(place);
  const postgres::KindSet kinds = postgres::kinds_named(rule.nodes);
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    if (kinds.test(kind)) by_kind_[kind].add(place);
  }
}

RuleSet RulesByKind::of(const Section& section, const Statement& statement) const {
  RuleSet found = always_;
  const postgres::KindSet& kinds = statement.kinds;
  for (std::size_t kind = kinds._Find_first(); kind < kKinds; kind = kinds._Find_next(kind))
    found |= by_kind_[kind];
  leave_out(found, section);
  if (statement.origin == Origin::function) found &= about_queries_;
  return found;
}

RuleSet RulesByKind::of(const Section& section) const {
  RuleSet found = about_sections_;
  leave_out(found, section);
  return found;
}

void RulesByKind::leave_out(RuleSet& rules, const Section& section) const {
  if (section.is_down) rules &= about_ways_down_;
  if (!section.query.empty()) rules &= about_named_queries_;
}

} // namespace pgkeep::lint
