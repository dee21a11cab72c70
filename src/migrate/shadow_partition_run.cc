// A table that becomes partitions: what differs from another shadow. The partitions have their own
// names from the beginning and stand in our schema, where nobody sees them and no publication sends
// them; just before the swap they move to theirs.
//
// Foreign keys of the table: a partitioned table takes none that is NOT VALID (before 18), and one
// that is valid would be checked under the swap's lock. So each partition gets it NOT VALID in the
// swap, is checked afterwards while everybody works, and then the table's own takes them over.
// Source: PostgreSQL manual, sql-altertable (ADD table_constraint), ddl-partitioning.
#include <fmt/format.h>

#include "base/text.h"
#include "migrate/shadow_run.h"
#include "migrate/shadow_sql.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {

std::vector<std::optional<std::string>> ShadowRun::swap_values() const {
  std::vector<std::string> partitions;
  std::vector<std::string> schemas;
  if (alter_.partitioning) {
    for (const ShadowPartition& each : alter_.partitioning->partitions) {
      partitions.push_back(each.name);
      schemas.push_back(each.schema);
    }
  }
  return {fmt::format("{}", names_.oid), names_.shadow(), array_literal(partitions),
          array_literal(schemas)};
}

base::Result<> ShadowRun::refuse_partitioning() {
  std::vector<std::optional<std::string>> values = swap_values();
  values[1] = array_literal(alter_.partitioning->columns);
  PGKEEP_TRY(const auto lines,
             texts_of(servers_.eyes, std::string(kShadowPartitionRefusals), values));
  if (lines.empty()) return {};
  return refused(base::join(lines, "; "),
                 fmt::format("a table whose unique keys all contain ({})",
                             base::join(alter_.partitioning->columns, ", ")));
}

/// In the transaction that makes the shadow; still empty.
base::Result<> ShadowRun::make_partitions() {
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid)};
  PGKEEP_TRY(const postgres::Rows storage,
             servers_.eyes.query(std::string(kShadowPartitionStorage), values));
  // Where a partition does not say otherwise it lies where its table lay.
  std::string sql = fmt::format("SET LOCAL default_tablespace = ''; SET LOCAL "
                                "default_table_access_method = {};\n",
                                postgres::quote_literal(storage.text(0, 0)));
  for (const ShadowPartition& each : alter_.partitioning->partitions) {
    const std::string name = postgres::quote_qualified("pgkeep", each.name);
    // A comment may end the line.
    sql += fmt::format("CREATE TABLE {} PARTITION OF {} {}\n;", name, names_.shadow(), each.bounds);
    if (!storage.text(0, 1).empty() && !each.has_options)
      sql += fmt::format("ALTER TABLE {} SET ({});\n", name, storage.text(0, 1));
    if (!storage.text(0, 2).empty())
      sql += fmt::format("ALTER TABLE {} REPLICA IDENTITY {};\n", name, storage.text(0, 2));
  }
  return servers_.work.execute(sql);
}

/// Each once: that it is done is recorded in its own transaction.
base::Result<> ShadowRun::attach_keys() {
  while (!position_.attach.empty()) {
    const std::optional<std::string> values[] = {position_.schema, position_.name};
    PGKEEP_TRY(const postgres::Rows others,
               servers_.eyes.query(std::string(kShadowAttachLocked), values));
    std::vector<lint::RelationName> relations = {
        {.schema = position_.schema, .name = position_.name}};
    for (int row = 0; row < others.count(); ++row)
      relations.push_back(
          {.schema = std::string(others.text(row, 0)), .name = std::string(others.text(row, 1))});
    Position after = position_;
    after.attach.erase(after.attach.begin());
    const auto attempt = [&]() -> base::Result<> {
      PGKEEP_CHECK(begin(fmt::format("SET LOCAL lock_timeout = {}", patience_.lock_try.count())));
      const auto locked = std::chrono::steady_clock::now();
      PGKEEP_CHECK(servers_.work.execute(position_.attach.front()));
      return commit_locked(after, locked);
    };
    PGKEEP_CHECK(politely(lint::LockMode::share_row_exclusive, relations, attempt));
  }
  return {};
}

} // namespace pgkeep::migrate
