/// The name of a relation as a statement writes it. Private to src/lint. A plain value.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "postgres/sql_tree.h"

namespace pgkeep::lint {

struct RelationName {
  std::string schema = {}; ///< Empty where the statement does not say.
  std::string name = {};

  explicit operator bool() const { return !name.empty(); }
  /// "public.orders" or "orders", quoted where needed.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const RelationName&, const RelationName&) = default;
};

/// One may leave out "public".
inline bool is_same(const RelationName& a, const RelationName& b) {
  constexpr std::string_view kUnsaid = "public";
  return a.name == b.name && (a.schema == b.schema || (a.schema.empty() && b.schema == kUnsaid) ||
                              (b.schema.empty() && a.schema == kUnsaid));
}

/// For tables by name, as is_same() tells relations apart.
struct BySameName {
  std::size_t operator()(const RelationName& relation) const {
    return std::hash<std::string>()(relation.name);
  }
  bool operator()(const RelationName& a, const RelationName& b) const { return is_same(a, b); }
};
using RelationSet = std::unordered_set<RelationName, BySameName, BySameName>;

/// "schema.name", by which tables are found. Where it is short no text is allocated.
class KeyText {
public:
  // NOLINTNEXTLINE(*-member-init): what is read of room_ is written first.
  explicit KeyText(const RelationName& name) {
    const std::string_view schema = schema_of(name);
    const std::size_t size = schema.size() + 1 + name.name.size();
    char* begin = room_.data();
    if (size > room_.size()) {
      long_.resize(size);
      begin = long_.data();
    }
    *std::ranges::copy(schema, begin).out = '.';
    std::ranges::copy(name.name, begin + schema.size() + 1);
    text_ = {begin, size};
  }
  KeyText(const KeyText&) = delete;
  KeyText& operator=(const KeyText&) = delete;
  ~KeyText() = default;
  [[nodiscard]] std::string_view text() const { return text_; }
  /// "public" where the name does not say.
  static std::string_view schema_of(const RelationName& name) {
    return name.schema.empty() ? "public" : std::string_view(name.schema);
  }

private:
  std::array<char, 160> room_;
  std::string long_;
  std::string_view text_;
};

/// Of a RangeVar.
RelationName relation_of(const postgres::Node& range);
/// Of a list of String nodes, as DROP has it: {"public", "orders"}; the last `skipped` parts name
/// something inside of it (the trigger of a table).
RelationName relation_of(const std::vector<postgres::Node>& parts, std::size_t skipped = 0);

} // namespace pgkeep::lint
