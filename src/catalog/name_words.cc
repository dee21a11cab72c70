#include "catalog/name_words.h"

#include <array>

namespace pgkeep::catalog {
namespace {

struct RangeWords {
  std::string_view low;
  std::string_view high;
};
constexpr std::array kRangeWords = {
    RangeWords{"start", "end"},   RangeWords{"starts", "ends"},  RangeWords{"started", "ended"},
    RangeWords{"min", "max"},     RangeWords{"from", "to"},      RangeWords{"from", "until"},
    RangeWords{"begin", "end"},   RangeWords{"begins", "ends"},  RangeWords{"minimum", "maximum"},
    RangeWords{"lower", "upper"}, RangeWords{"opens", "closes"},
};

constexpr std::string_view kIdSuffix = "_id";

} // namespace

NameWords::NameWords(std::string_view name) {
  letters_.reserve(name.size()); // Views stay where they are.
  bool was_small = false;
  std::size_t begin = 0;
  for (const char c : name) {
    const bool is_between = c == '_' || c == '-' || c == ' ';
    const bool is_capital = c >= 'A' && c <= 'Z';
    if (is_between || (is_capital && was_small)) {
      add(std::string_view(letters_).substr(begin));
      begin = letters_.size();
    }
    was_small = c >= 'a' && c <= 'z';
    if (!is_between) letters_.push_back(is_capital ? static_cast<char>(c - 'A' + 'a') : c);
  }
  add(std::string_view(letters_).substr(begin));
}

void NameWords::add(std::string_view word) {
  if (word.empty()) return;
  if (count_ < few_.size()) {
    few_[count_++] = word;
    return;
  }
  if (more_.empty()) more_.assign(few_.begin(), few_.end());
  more_.push_back(word);
}

std::string NameWords::joined() const {
  std::string text;
  for (const std::string_view word : all()) {
    if (!text.empty()) text += '_';
    text += word;
  }
  return text;
}

bool names_money(std::string_view column) {
  const NameWords name(column);
  const auto words = name.all();
  if (words.empty() ||
      any_word(words, {"rate",   "ratio",    "percent", "percentage", "pct",   "factor", "score",
                       "time",   "duration", "seconds", "ms",         "hours", "days",   "count",
                       "weight", "distance", "km",      "kg",         "bytes", "size",   "mb",
                       "gb",     "points",   "units",   "quantity",   "area",  "length", "rows"}))
    return false;
  if (any_word(words, {"price", "prices", "salary", "balance", "fee", "fees", "cost", "costs",
                       "tax", "amount", "revenue", "payout", "discount", "subtotal"}))
    return true;
  return words.back() == "total";
}

bool names_quantity(std::string_view column) {
  return names_money(column) ||
         any_word(NameWords(column).all(),
                  {"count", "quantity", "qty", "age", "size", "weight", "width", "height", "length",
                   "score", "rating", "stock", "percent", "rate", "votes", "views", "points",
                   "total", "duration"});
}

bool names_deletion_mark(std::string_view column) {
  return is_one_of(column,
                   {"deleted_at", "deleted_on", "archived_at", "removed_at", "discarded_at"});
}

bool names_secret(std::string_view column) {
  const NameWords name(column);
  const auto words = name.all();
  if (any_word(words,
               {"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "ssn",
                "iban", "card", "cvv", "cvc", "pin", "otp", "passport", "credential"}))
    return true;
  const std::string joined = name.joined();
  const auto parts = std::to_array<std::string_view>(
      {"api_key", "private_key", "access_key", "secret_key", "card_number", "credit_card", "tax_id",
       "national_id", "password", "social_secur"});
  return std::ranges::any_of(
      parts, [&](std::string_view part) { return joined.find(part) != std::string::npos; });
}

bool names_state(std::string_view column) {
  const NameWords name(column);
  const auto words = name.all();
  return !words.empty() && is_one_of(words.back(), {"status", "state", "kind", "type"});
}

std::vector<std::string> other_ends(std::string_view column) {
  std::vector<std::string> ends;
  const NameWords name(column);
  const auto words = name.all();
  for (const RangeWords& pair : kRangeWords) {
    std::string other;
    bool has_low = false;
    for (const std::string_view word : words) {
      if (!other.empty()) other += '_';
      const bool is_low = !has_low && word == pair.low;
      other += is_low ? pair.high : word;
      has_low = has_low || is_low;
    }
    if (has_low) ends.push_back(std::move(other));
  }
  return ends;
}

std::vector<std::string> table_names_for(std::string_view column) {
  if (!column.ends_with(kIdSuffix) || column.size() <= kIdSuffix.size()) return {};
  const std::string stem(column.substr(0, column.size() - kIdSuffix.size()));
  std::vector<std::string> names = {stem, stem + "s", stem + "es"};
  if (stem.ends_with("y")) names.push_back(stem.substr(0, stem.size() - 1) + "ies");
  if (stem == "person") names.emplace_back("people");
  return names;
}

} // namespace pgkeep::catalog
