#include "lint/context.h"

#include <ranges>

#include <fmt/format.h>

#include "base/units.h"

namespace pgkeep::lint {

const SettingState* Context::setting(std::string_view name) const {
  for (const SettingState& each : settings | std::views::reverse) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

bool Context::is_in_use(const RelationName& relation) const {
  const TableState* const table = schema.find(relation);
  if (table == nullptr) // Only the database could tell.
    return created == nullptr || !created->contains(relation);
  if (table->is_created_here || table->is_temporary) return false;
  const bool is_known_empty = table->rows == 0 || (table->rows < 0 && table->bytes == 0);
  return database == nullptr || !is_known_empty;
}

std::string Context::with_size(const RelationName& relation) const {
  const TableState* const table = schema.find(relation);
  if (table == nullptr || table->rows < 0) return relation.text();
  return fmt::format("{} ({} rows)", relation.text(),
                     base::human_count(static_cast<std::int64_t>(table->rows)));
}

} // namespace pgkeep::lint
