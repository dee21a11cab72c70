/// Finds and reads the history table of another tool; changes nothing. Private to src/migrate.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/baseline/tools.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

struct ForeignTable {
  const Tool* tool = nullptr; ///< A row of known_tools().
  std::string schema;
  std::string name;
  [[nodiscard]] std::string label() const { return schema + "." + name; }
};

enum class ForeignState : std::uint8_t {
  applied,
  failed,  ///< Begun and not at its end, or marked dirty.
  through, ///< It and all before it.
};

struct ForeignRow {
  std::string version; ///< Empty where the tool knows names only.
  std::string name;    ///< "V001__users.sql", "0001_initial".
  std::string other;   ///< Another name that a file may have.
  ForeignState state = ForeignState::applied;
  std::string note;
  [[nodiscard]] std::string label() const;
};

/// All that are there. `wanted`: a tool's name; its table is then known by its columns alone.
base::Result<std::vector<ForeignTable>> find_foreign(postgres::Connection& server,
                                                     std::string_view wanted);
base::Result<std::vector<ForeignRow>> read_foreign(postgres::Connection& server,
                                                   const ForeignTable& table);

} // namespace pgkeep::migrate
