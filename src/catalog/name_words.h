/// What the name of a column says, for rules that read names: whether it is an amount of money, a
/// secret, the lower end of a range. Not for: telling what a column holds.
///
/// Judges of catalogs and of text share these lists, so that both say the same. Pure; any thread.
/// Source: pgkeep; the words of secrets are those of splinter's and OWASP's lists.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::catalog {

/// Lower case, split at underscores, dashes, blanks and where a small letter meets a capital:
/// "unitPrice", "unit_price" -> unit, price.
class NameWords {
public:
  explicit NameWords(std::string_view name);
  NameWords(const NameWords&) = delete; // Words are views into it.
  NameWords& operator=(const NameWords&) = delete;
  ~NameWords() = default;

  [[nodiscard]] std::span<const std::string_view> all() const {
    return more_.empty() ? std::span(few_).first(count_) : std::span(more_);
  }
  /// With '_' between them.
  [[nodiscard]] std::string joined() const;

private:
  void add(std::string_view word);

  std::string letters_;
  std::array<std::string_view, 4> few_; ///< Few names have more.
  std::size_t count_ = 0;
  std::vector<std::string_view> more_; ///< All of them, where there are more.
};

inline bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, word) != list.end();
}
inline bool any_word(std::span<const std::string_view> words,
                     std::initializer_list<std::string_view> list) {
  return std::ranges::any_of(words, [&](std::string_view word) { return is_one_of(word, list); });
}

/// An amount of money. A word that measures something else takes the meaning away.
bool names_money(std::string_view column);
/// A number that is compared or summed: money, counts, sizes.
bool names_quantity(std::string_view column);
/// The mark of a row that is deleted and kept: deleted_at.
bool names_deletion_mark(std::string_view column);
/// Something that nobody should read: a password, a token, a card's number.
bool names_secret(std::string_view column);
/// One of a few values: status, order_state, kind.
bool names_state(std::string_view column);
/// The names of the other end of a range, words joined by '_': "valid_from" -> valid_to,
/// valid_until. Empty where it is no lower end.
std::vector<std::string> other_ends(std::string_view column);
/// The tables that "user_id" may mean: user, users. Empty where it does not end in "_id".
std::vector<std::string> table_names_for(std::string_view column);

} // namespace pgkeep::catalog
