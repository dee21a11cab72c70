// Indexes of the shadow table, each in a transaction of its own that is recorded by the index that
// is there. No application sees the table: plain builds hold up nobody. One process a build: more
// would take the processors from the application.
#include <fmt/format.h>

#include "migrate/shadow_run.h"
#include "migrate/shadow_sql.h"
#include "migrate/watch.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {

base::Result<> ShadowRun::build_indexes() {
  // A unique index can only be built where the shadow is the table as of one moment.
  PGKEEP_CHECK(catch_up());
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid), names_.shadow(),
                                               alter_.partitioning ? "t" : "f"};
  PGKEEP_TRY(const postgres::Rows indexes,
             servers_.eyes.query(std::string(kShadowIndexes), values));
  PGKEEP_TRY(const postgres::Rows statistics,
             servers_.eyes.query(std::string(kShadowStatistics), std::span(values).first(2)));
  const auto tell = [&](const std::string& text, double fraction) {
    step_.tell({.kind = "progress", .text = "indexes: " + text, .fraction = fraction});
  };
  for (int row = 0; row < indexes.count(); ++row) {
    if (indexes.text(row, 5) != "t") {
      step_.tell({.kind = "note",
                  .text = fmt::format("an INVALID index of {} is left out", names_.table())});
      continue;
    }
    const std::optional<std::string> name[] = {std::string(indexes.text(row, 0))};
    PGKEEP_TRY(const auto there,
               texts_of(servers_.eyes,
                        "SELECT 1 FROM pg_constraint WHERE conname = $1::text AND connamespace = "
                        "'pgkeep'::regnamespace",
                        name));
    PGKEEP_CHECK(begin(fmt::format(
        "SET LOCAL max_parallel_maintenance_workers = 0; SET LOCAL default_tablespace = {}",
        postgres::quote_literal(indexes.text(row, 2)))));
    {
      const Watch watch(servers_.work, servers_.eyes, tell);
      if (!indexes.text(row, 1).empty())
        PGKEEP_CHECK(servers_.work.execute(std::string(indexes.text(row, 1))));
      if (!indexes.text(row, 3).empty() && there.empty())
        PGKEEP_CHECK(servers_.work.execute(std::string(indexes.text(row, 3))));
    }
    PGKEEP_CHECK(commit(position_));
  }
  PGKEEP_CHECK(begin(""));
  for (int row = 0; row < statistics.count(); ++row)
    PGKEEP_CHECK(servers_.work.execute(std::string(statistics.text(row, 1))));
  Position after = position_;
  if (after.phase == "indexes") after.phase = "checking";
  PGKEEP_CHECK(commit(after));
  return {};
}

} // namespace pgkeep::migrate
