// The one list of families, and what of it the options ask for.
#include "lint/chosen.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "lint/families.h"

namespace pgkeep::lint {
namespace {

using findings::Rule;

std::vector<const TextRule*> collect_rules() {
  // The one list of families. The order within an area is the order here.
  const auto families = std::to_array<std::span<const TextRule>>({syntax_rules,
                                                                  column_rules,
                                                                  constraint_rules,
                                                                  index_rules,
                                                                  partition_rules,
                                                                  rewrite_rules,
                                                                  drop_rules,
                                                                  rename_rules,
                                                                  row_rules,
                                                                  timeout_rules,
                                                                  transaction_rules,
                                                                  object_rules,
                                                                  value_rules,
                                                                  right_rules,
                                                                  file_rules,
                                                                  type_rules,
                                                                  reference_rules,
                                                                  key_rules,
                                                                  schema_constraint_rules,
                                                                  schema_index_rules,
                                                                  query_rules,
                                                                  predicate_rules,
                                                                  join_rules,
                                                                  unknown_name_rules,
                                                                  secret_rules,
                                                                  race_rules,
                                                                  expression_rules,
                                                                  table_shape_rules,
                                                                  comparison_rules,
                                                                  arithmetic_rules,
                                                                  runner_rules,
                                                                  pattern_rules,
                                                                  house_rules,
                                                                  lock_order_rules,
                                                                  query_size_rules,
                                                                  prepared_rules,
                                                                  query_index_rules});
  std::vector<const TextRule*> rules;
  for (const std::span<const TextRule> family : families) {
    for (const TextRule& rule : family)
      rules.push_back(&rule);
  }
  return rules;
}

const std::vector<const TextRule*>& text_rules() {
  static const std::vector<const TextRule*> rules = collect_rules();
  return rules;
}

/// The card to show: our own, or that of the judge who owns the id.
const Rule* card_of(const TextRule& rule, std::span<const Rule* const> shared) {
  if (!rule.card.title.empty()) return &rule.card;
  const Rule* const found = findings::find_rule(shared, rule.card.id);
  return found == nullptr ? &rule.card : found;
}

base::Result<> check_known(const std::vector<std::string>& words,
                           std::span<const Rule* const> cards) {
  for (const std::string& word : words) {
    if (findings::find_rule(cards, base::to_lower(word)) != nullptr) continue;
    std::vector<std::string_view> ids;
    for (const Rule* const card : cards)
      ids.push_back(card->id);
    const auto near = base::nearest(word, ids);
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("no rule is called \"{}\"", base::printable(word)),
                       .expected = near ? fmt::format("perhaps {}", *near) : "the id of a rule",
                       .hint = "`pgkeep lint --list` shows them all."};
  }
  return {};
}

bool has_alias(const Rule& card, std::string_view word) {
  const std::vector<std::string> aliases = base::split_words(card.aliases);
  return std::ranges::find(aliases, word) != aliases.end();
}

} // namespace

std::vector<const Rule*> all_rules(std::span<const Rule* const> shared) {
  std::vector<const Rule*> cards;
  for (const TextRule* const rule : text_rules())
    cards.push_back(card_of(*rule, shared));
  std::ranges::stable_sort(cards, {}, [](const Rule* card) { return card->area; });
  return cards;
}

base::Result<std::vector<Chosen>> chosen_rules(const Options& options) {
  const std::vector<const Rule*> cards = all_rules(options.shared);
  PGKEEP_CHECK(check_known(options.only, cards));
  PGKEEP_CHECK(check_known(options.skip, cards));
  const auto names = [&](const std::vector<std::string>& words, const Rule& card) {
    return std::ranges::any_of(
        words, [&](const std::string& word) { return word == card.id || has_alias(card, word); });
  };
  std::vector<Chosen> chosen;
  for (const TextRule* const rule : text_rules()) {
    const Rule* const card = card_of(*rule, options.shared);
    const bool is_wanted =
        options.only.empty() ? rule->group != Group::taste : names(options.only, *card);
    if (is_wanted && !names(options.skip, *card)) chosen.push_back({.rule = rule, .card = card});
  }
  return chosen;
}

} // namespace pgkeep::lint
