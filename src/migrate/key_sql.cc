#include "migrate/key_sql.h"

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::migrate {

std::string row_of(const std::vector<std::string>& items) {
  return items.size() == 1 ? items.front() : "(" + base::join(items, ", ") + ")";
}

std::string parameters_from(std::size_t first, std::size_t count) {
  std::vector<std::string> names;
  names.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    names.push_back(fmt::format("${}", first + i));
  return row_of(names);
}

} // namespace pgkeep::migrate
