/// The SQL of the demo shop, embedded at build time from demo/*.sql, in order of the file names.
#pragma once

#include <span>
#include <string_view>

namespace pgkeep::stack {

struct EmbeddedSql {
  std::string_view name;
  std::string_view text;
};
extern const std::span<const EmbeddedSql> demo_sql;

} // namespace pgkeep::stack
