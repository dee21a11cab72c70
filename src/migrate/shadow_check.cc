// Row by row: each range of keys is compared under one snapshot, both tables and the log. A row
// whose key is in the log may differ; any other may not, byte for byte.

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "base/units.h"
#include "migrate/shadow_run.h"
#include "migrate/watch.h"

namespace pgkeep::migrate {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

} // namespace

/// Keys of rows that differ from behind the cursor to there; empty `to`: to the end. The
/// transaction is open.
base::Result<std::string> ShadowRun::differences(const std::vector<std::string>& to) {
  std::vector<std::optional<std::string>> bounds(position_.cursor.begin(), position_.cursor.end());
  bounds.insert(bounds.end(), to.begin(), to.end());
  PGKEEP_TRY(const postgres::Rows rows,
             servers_.work.query(sql_.differing(position_.cursor.empty(), to.empty()), bounds));
  std::vector<std::string> keys;
  for (int row = 0; row < rows.count(); ++row) {
    std::vector<std::string> parts;
    parts.reserve(static_cast<std::size_t>(rows.column_count()));
    for (int column = 0; column < rows.column_count(); ++column)
      parts.emplace_back(base::printable(rows.text(row, column)));
    keys.push_back("(" + base::join(parts, ", ") + ")");
  }
  return base::join(keys, ", ");
}

/// One transaction. False: nothing is left.
base::Result<bool> ShadowRun::check_batch() {
  const auto from = Steady::now();
  constexpr std::string_view kOneSnapshot =
      "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET LOCAL synchronous_commit = off";
  PGKEEP_CHECK(begin(kOneSnapshot));
  const std::vector<std::optional<std::string>> cursor(position_.cursor.begin(),
                                                       position_.cursor.end());
  const std::int64_t size = pace_.size();
  PGKEEP_TRY(const postgres::Rows rows,
             servers_.work.query(sql_.next(position_.cursor.empty(), size), cursor));
  const int keys = static_cast<int>(sql_.key.size());
  const std::int64_t seen = rows.count() == 0 ? 0 : base::integer_or(rows.text(0, keys), 0);
  const bool is_last = seen < size;
  std::vector<std::string> to;
  for (int column = 0; !is_last && column < keys; ++column)
    to.emplace_back(rows.text(0, column));
  PGKEEP_TRY(std::string different, differences(to));
  if (!different.empty()) {
    // TRUNCATE is seen by older snapshots too, before its entry in the log: once more, with the
    // log replayed.
    PGKEEP_CHECK(servers_.work.execute("ROLLBACK"));
    PGKEEP_CHECK(replay());
    PGKEEP_CHECK(begin(kOneSnapshot));
    PGKEEP_TRY(different, differences(to));
  }
  if (!different.empty())
    return base::Error{.code = base::Code::corrupt,
                       .what =
                           fmt::format("rows of {} differ from those of {}: {} {}", names_.shadow(),
                                       names_.table(), base::join(sql_.key, ", "), different),
                       .hint = "Nothing was swapped. Something wrote into the shadow table, or "
                               "USING does not give the same value each time."};
  Position after = position_;
  after.cursor = to;
  after.seen += seen;
  PGKEEP_CHECK(commit(after));
  pace_.adapt(duration_cast<milliseconds>(Steady::now() - from), seen);
  return !is_last;
}

base::Result<> ShadowRun::check_rows() {
  if (position_.cursor.empty()) {
    position_.seen = 0;
    // Statistics and the visibility map, without which the first queries after the swap are slow.
    const Watch watch(servers_.work, servers_.eyes, [&](const std::string& text, double fraction) {
      step_.tell({.kind = "progress", .text = "vacuum: " + text, .fraction = fraction});
    });
    PGKEEP_CHECK(servers_.work.execute(fmt::format("VACUUM (ANALYZE) {}", names_.shadow())));
  }
  while (true) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    PGKEEP_CHECK(pace_.throttle());
    PGKEEP_TRY(const bool goes_on, check_batch());
    if (!goes_on) break;
    if (Steady::now() - replayed_ > std::chrono::seconds{2}) PGKEEP_CHECK(replay());
    tell_progress(fmt::format("{} rows compared", base::human_count(position_.seen)),
                  position_.seen, position_.total);
  }
  Position after = position_;
  after.phase = "swapping";
  after.cursor.clear();
  PGKEEP_CHECK(begin(""));
  return commit(after);
}

} // namespace pgkeep::migrate
