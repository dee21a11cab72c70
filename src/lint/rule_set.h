/// Which rules are asked of a statement, by the kinds of its nodes. Private to src/lint.
/// Thread-safety: constant once made.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lint/chosen.h"

namespace pgkeep::lint {

/// Of places among the chosen rules.
class RuleSet {
public:
  static constexpr std::size_t kRulesMax = 512;

  void add(std::size_t rule) { words_[rule / kBits] |= std::uint64_t{1} << rule % kBits; }
  RuleSet& operator|=(const RuleSet& other) {
    for (std::size_t i = 0; i < words_.size(); ++i)
      words_[i] |= other.words_[i];
    return *this;
  }
  RuleSet& operator&=(const RuleSet& other) {
    for (std::size_t i = 0; i < words_.size(); ++i)
      words_[i] &= other.words_[i];
    return *this;
  }
  RuleSet& operator-=(const RuleSet& other) {
    for (std::size_t i = 0; i < words_.size(); ++i)
      words_[i] &= ~other.words_[i];
    return *this;
  }
  /// In their order.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t left = words_[i]; left != 0; left &= left - 1)
        visit(i * kBits + static_cast<std::size_t>(std::countr_zero(left)));
    }
  }

private:
  static constexpr std::size_t kBits = 64;
  std::array<std::uint64_t, kRulesMax / kBits> words_{};
};

class RulesByKind {
public:
  /// Of the rules of a list those for which `is_mine` holds. All: whatever nodes there are.
  template <typename IsMine>
  RulesByKind(std::span<const Chosen> chosen, bool all, IsMine&& is_mine) : by_kind_(kKinds) {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (is_mine(i)) add(i, *chosen[i].rule, all);
    }
  }
  /// Those that are asked of a statement of the section.
  [[nodiscard]] RuleSet of(const Section& section, const Statement& statement) const;
  /// Those of no use where a statement locks nothing.
  [[nodiscard]] const RuleSet& about_effects() const { return about_effects_; }
  /// Those that judge the section at its end.
  [[nodiscard]] RuleSet of(const Section& section) const;

private:
  static constexpr std::size_t kKinds = postgres::KindSet().size();
  void add(std::size_t place, const TextRule& rule, bool all);
  void leave_out(RuleSet& rules, const Section& section) const;

  RuleSet always_;
  std::vector<RuleSet> by_kind_;
  RuleSet about_queries_; ///< Asked about what a function does when it is called, too.
  RuleSet about_ways_down_;
  RuleSet about_named_queries_;
  RuleSet about_effects_;
  RuleSet about_sections_;
};

} // namespace pgkeep::lint
