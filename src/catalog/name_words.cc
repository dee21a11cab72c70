#include "catalog/name_words.h"

#include <array>

#include "base/text.h"

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

std::vector<std::string> name_words(std::string_view name) {
  std::vector<std::string> words;
  words.reserve(4); // Few names have more.
  words.emplace_back();
  bool was_small = false;
  for (const char c : name) {
    const bool is_capital = c >= 'A' && c <= 'Z';
    if (c == '_' || c == '-' || c == ' ' || (is_capital && was_small)) {
      if (!words.back().empty()) words.emplace_back();
    }
    was_small = c >= 'a' && c <= 'z';
    if (c == '_' || c == '-' || c == ' ') continue;
    words.back().push_back(is_capital ? static_cast<char>(c - 'A' + 'a') : c);
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

bool names_money(std::string_view column) {
  const std::vector<std::string> words = name_words(column);
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
         any_word(name_words(column), {"count", "quantity", "qty", "age", "size", "weight", "width",
                                       "height", "length", "score", "rating", "stock", "percent",
                                       "rate", "votes", "views", "points", "total", "duration"});
}

bool names_deletion_mark(std::string_view column) {
  return is_one_of(column,
                   {"deleted_at", "deleted_on", "archived_at", "removed_at", "discarded_at"});
}

bool names_secret(std::string_view column) {
  const std::vector<std::string> words = name_words(column);
  if (any_word(words,
               {"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "ssn",
                "iban", "card", "cvv", "cvc", "pin", "otp", "passport", "credential"}))
    return true;
  const std::string joined = base::join(words, "_");
  const auto parts = std::to_array<std::string_view>(
      {"api_key", "private_key", "access_key", "secret_key", "card_number", "credit_card", "tax_id",
       "national_id", "password", "social_secur"});
  return std::ranges::any_of(
      parts, [&](std::string_view part) { return joined.find(part) != std::string::npos; });
}

bool names_state(std::string_view column) {
  const std::vector<std::string> words = name_words(column);
  return !words.empty() && is_one_of(words.back(), {"status", "state", "kind", "type"});
}

std::vector<std::string> other_ends(std::string_view column) {
  std::vector<std::string> ends;
  const std::vector<std::string> words = name_words(column);
  for (const RangeWords& pair : kRangeWords) {
    std::string other;
    bool has_low = false;
    for (const std::string& word : words) {
      if (!other.empty()) other += '_';
      const bool is_low = !has_low && word == pair.low;
      other += is_low ? pair.high : std::string_view(word);
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
