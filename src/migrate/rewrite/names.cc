#include "migrate/rewrite/names.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace pgkeep::migrate::rewriting {
namespace {

constexpr std::size_t kNameBytesMax = 63;

/// Cut between characters of UTF-8.
std::string_view clip(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0U) == 0x80U)
    --bytes;
  return text.substr(0, bytes);
}

} // namespace

std::string object_name(std::string_view first, std::string_view second, std::string_view label) {
  const std::size_t overhead = label.size() + 1 + (second.empty() ? 0 : 1);
  const std::size_t available = kNameBytesMax - overhead;
  std::size_t first_bytes = first.size();
  std::size_t second_bytes = second.size();
  while (first_bytes + second_bytes > available) {
    if (first_bytes > second_bytes) {
      --first_bytes;
    } else {
      --second_bytes;
    }
  }
  std::string name(clip(first, first_bytes));
  if (!second.empty()) name.append(1, '_').append(clip(second, second_bytes));
  return name.append(1, '_').append(label);
}

std::string Names::choose(std::string_view schema, std::string_view first, std::string_view second,
                          std::string_view label) {
  const std::string in(schema.empty() ? "public" : schema);
  std::string name = object_name(first, second, label);
  for (int number = 1; is_taken(in, name); ++number)
    name = object_name(first, second, fmt::format("{}{}", label, number));
  take(in, name);
  return name;
}

std::string Names::addition(std::span<const std::string> columns) {
  std::string all;
  for (const std::string& column : columns) {
    if (!all.empty()) all += '_';
    all += clip(column, kNameBytesMax);
    if (all.size() > kNameBytesMax) break;
  }
  return all;
}

std::string Names::fixed(const std::string& text) {
  if (text.size() <= kNameBytesMax) return text;
  std::uint32_t sum = 2166136261U; // FNV-1a.
  for (const char c : text)
    sum = (sum ^ static_cast<unsigned char>(c)) * 16777619U;
  return fmt::format("{}_{:08x}", clip(text, kNameBytesMax - 9), sum);
}

void Names::take(std::string_view schema, std::string_view name) {
  taken_.insert(fmt::format("{}.{}", schema.empty() ? "public" : schema, name));
}

bool Names::is_taken(const std::string& schema, const std::string& name) const {
  if (taken_.contains(fmt::format("{}.{}", schema, name))) return true;
  if (database_ == nullptr) return false;
  const auto has_it = [&](const auto& each) { return each.name == name && each.schema == schema; };
  return std::ranges::any_of(database_->relations, has_it) ||
         std::ranges::any_of(database_->indexes, has_it) ||
         std::ranges::any_of(database_->sequences, has_it) ||
         std::ranges::any_of(database_->constraints, [&](const catalog::Constraint& each) {
           if (each.name != name) return false;
           const catalog::Relation* const relation = database_->relation(each.relation);
           return relation != nullptr && relation->schema == schema;
         });
}

} // namespace pgkeep::migrate::rewriting
