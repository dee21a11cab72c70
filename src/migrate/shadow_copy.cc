// The copy, and the replays of the log beside it.
#include <algorithm>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "base/units.h"
#include "migrate/shadow_run.h"

namespace pgkeep::migrate {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// While rows are copied the log is replayed this often, so that little is left at the end.
constexpr std::chrono::seconds kReplayEvery{2};
/// The log is vacuumed after this many keys: each replay reads all of its pages.
constexpr std::int64_t kVacuumAfter = 20'000;
/// A log of fewer keys is replayed in a few milliseconds.
constexpr std::int64_t kFewKeys = 200;
constexpr int kRoundsMax = 100;

/// A crash of the server loses such a commit as a whole, the cursor with the rows: nothing is
/// wrong then, and nobody waits for our disk writes.
constexpr std::string_view kAsync = "SET LOCAL synchronous_commit = off; ";

} // namespace

/// One transaction. False: nothing is left.
base::Result<bool> ShadowRun::copy_batch() {
  const auto from = Steady::now();
  const bool is_first = position_.cursor.empty();
  std::vector<std::optional<std::string>> bounds(position_.cursor.begin(), position_.cursor.end());
  const std::size_t before = bounds.size();
  bounds.insert(bounds.end(), position_.end.begin(), position_.end.end());
  // Statistics may be old, and a plan that reads the whole table would be one a batch.
  PGKEEP_CHECK(begin(fmt::format("{} SET LOCAL enable_seqscan = off", kAsync)));
  PGKEEP_TRY(const postgres::Rows rows,
             servers_.work.query(sql_.bound(is_first, pace_.size()), bounds));
  Position after = position_;
  after.cursor = position_.end;
  const bool is_last = rows.count() == 0;
  for (std::size_t column = 0; !is_last && column < sql_.key.size(); ++column) {
    after.cursor[column] = rows.text(0, static_cast<int>(column));
    bounds[before + column] = after.cursor[column];
  }
  PGKEEP_TRY(const postgres::Rows copied, servers_.work.query(sql_.copy(is_first), bounds));
  const std::string_view tag = copied.command_tag(); // "INSERT 0 5000".
  const std::int64_t written = base::integer_or(tag.substr(tag.rfind(' ') + 1), 0);
  after.seen += written;
  PGKEEP_CHECK(commit(after, written));
  outcome_.rows += written;
  pace_.adapt(duration_cast<milliseconds>(Steady::now() - from), written);
  return !is_last;
}

base::Result<> ShadowRun::copy_rows() {
  if (position_.end.empty()) {
    PGKEEP_TRY(const postgres::Rows rows, servers_.work.query(sql_.last_key()));
    const int keys = static_cast<int>(sql_.key.size());
    for (int column = 0; rows.count() > 0 && column < keys; ++column)
      position_.end.emplace_back(rows.text(0, column));
    if (rows.count() > 0) position_.total = base::integer_or(rows.text(0, keys), 0);
  }
  while (!position_.end.empty()) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    PGKEEP_CHECK(pace_.throttle());
    PGKEEP_TRY(const bool goes_on, copy_batch());
    if (!goes_on) break;
    if (Steady::now() - replayed_ > kReplayEvery) PGKEEP_CHECK(replay());
    tell_progress(fmt::format("{} rows copied, batches of {}", base::human_count(position_.seen),
                              base::human_count(pace_.size())),
                  position_.seen, position_.total);
  }
  Position after = position_;
  after.phase = "indexes";
  after.cursor.clear();
  after.end.clear();
  PGKEEP_CHECK(begin(""));
  return commit(after);
}

/// The log into the shadow; the transaction is open. Keys that were in the log.
base::Result<std::int64_t> ShadowRun::replay_in_transaction() {
  using Replay = ShadowSql::Replay;
  PGKEEP_TRY(const postgres::Rows rows,
             servers_.work.query(fmt::format("SELECT count(*), coalesce(bool_or(truncated), false) "
                                             "FROM {}",
                                             names_.log())));
  const std::int64_t keys = base::integer_or(rows.text(0, 0), 0);
  if (keys == 0) return 0;
  // A truncated table has no rows but those whose keys came into the log after it.
  if (rows.text(0, 1) == "t")
    PGKEEP_CHECK(servers_.work.execute(fmt::format("DELETE FROM {}", names_.shadow())));
  // The log has no statistics: whatever is guessed of it, keys are looked up by the index.
  PGKEEP_CHECK(servers_.work.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin "
                                     "= off; SET LOCAL enable_seqscan = off"));
  Replay replay = Replay::all;
  std::vector<std::optional<std::string>> bounds;
  if (position_.phase == "copying" && !position_.end.empty()) {
    replay = position_.cursor.empty() ? Replay::nothing_copied : Replay::partly_copied;
    bounds.assign(position_.cursor.begin(), position_.cursor.end());
    bounds.insert(bounds.end(), position_.end.begin(), position_.end.end());
  }
  PGKEEP_CHECK(servers_.work.query(sql_.replay_delete(replay), bounds));
  PGKEEP_CHECK(servers_.work.query(sql_.replay_insert(replay), bounds));
  PGKEEP_CHECK(servers_.work.execute(fmt::format("DELETE FROM {}", names_.log())));
  return keys;
}

base::Result<std::int64_t> ShadowRun::replay() {
  replayed_ = Steady::now();
  PGKEEP_CHECK(begin(fmt::format("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {}", kAsync)));
  PGKEEP_TRY(const std::int64_t keys, replay_in_transaction());
  // Who was superseded by another runner must not write on: the record is fenced.
  PGKEEP_CHECK(commit(position_));
  replayed_since_vacuum_ += keys;
  if (replayed_since_vacuum_ >= kVacuumAfter) {
    replayed_since_vacuum_ = 0;
    // Cutting off the end of the log would take a lock that writers wait for.
    PGKEEP_CHECK(servers_.work.execute(fmt::format("VACUUM (TRUNCATE false) {}", names_.log())));
  }
  return keys;
}

/// Until the log is short: each round takes less than the one before, for it had less time.
base::Result<> ShadowRun::catch_up() {
  for (int round = 0; round < kRoundsMax; ++round) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    PGKEEP_TRY(const std::int64_t keys, replay());
    tell_progress(fmt::format("{} changes replayed", base::human_count(keys)), 0, 0);
    if (keys <= kFewKeys) return {};
  }
  return base::Error{
      .code = base::Code::timeout,
      .what = fmt::format("{} is changed faster than its changes are replayed", names_.table()),
      .hint = "Run again at a quieter time: it goes on from here."};
}

} // namespace pgkeep::migrate
