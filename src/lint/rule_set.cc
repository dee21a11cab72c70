#include "lint/rule_set.h"

namespace pgkeep::lint {

void RulesByKind::add(std::size_t place, const TextRule& rule, bool all) {
  if (rule.group == Group::query) about_queries_.add(place);
  if (rule.judges_down) about_ways_down_.add(place);
  if (!rule.is_about_migrations) about_named_queries_.add(place);
  if (rule.section != nullptr) about_sections_.add(place);
  if (rule.statement == nullptr) return;
  if (rule.nodes.empty() || all) always_.add(place);
  const postgres::KindSet kinds = postgres::kinds_named(rule.nodes);
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    if (kinds.test(kind)) by_kind_[kind].add(place);
  }
}

RuleSet RulesByKind::of(const postgres::KindSet& kinds) const {
  RuleSet found = always_;
  for (std::size_t kind = kinds._Find_first(); kind < kKinds; kind = kinds._Find_next(kind))
    found |= by_kind_[kind];
  return found;
}

} // namespace pgkeep::lint
