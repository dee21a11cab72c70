/// A table that becomes partitions, as the file says it:
///
///   -- pgkeep:shadow every=month from=2024-01-01 to=2026-01-01
///   CREATE TABLE events (LIKE events INCLUDING ALL) PARTITION BY RANGE (created_at);
///   CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
///
/// The second and later statements, `every` and `parts` say which partitions there are. The text
/// alone decides, never the rows: so that every database gets the same, and a reader sees which.
/// Private to src/migrate. Pure. Errors: Code::config with the statement's place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "migrate/steps.h"

namespace pgkeep::migrate {

struct ShadowPartition {
  std::string schema = {}; ///< Not quoted; empty: that of the table.
  std::string name;        ///< Not quoted.
  std::string bounds;      ///< What follows PARTITION OF t: "FOR VALUES ... WITH (...)", "DEFAULT".
  bool has_options = false; ///< WITH is among that: else it gets the table's.
};

struct ShadowPartitioning {
  std::string by;                   ///< "PARTITION BY RANGE (created_at)", with a line's end.
  std::vector<std::string> columns; ///< Of the partition key; not quoted.
  std::vector<ShadowPartition> partitions;
};

base::Result<ShadowPartitioning> shadow_partitioning(const Step& step);

/// Arguments of the directive that shadow_partitioning() reads.
bool is_partition_argument(std::string_view key);

/// An error at the step's first statement. Code::config.
base::Error bad_shadow(const Step& step, std::string what, std::string expected);
/// "id" of `ID`, "Id" of `"Id"`.
std::string name_of_token(const std::string& text);

} // namespace pgkeep::migrate
