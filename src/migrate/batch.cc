// Each batch: SELECT the key at which it ends (an index scan of `size` keys), then the statement
// narrowed to (cursor, end], then the new cursor into the step's record, COMMIT. Nobody waits for
// the disk meanwhile: a crash takes back rows and cursor together, and the step's end is flushed.
// The size follows the time that a batch took, so that nobody waits long for the rows it locks.
#include "migrate/batch.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/process.h"
#include "base/text.h"
#include "base/units.h"
#include "migrate/batch_pace.h"
#include "migrate/key_sql.h"
#include "postgres/quote.h"
#include "postgres/sql_parser.h"

namespace pgkeep::migrate {
namespace {

using Parameters = std::vector<std::optional<std::string>>;
using Steady = std::chrono::steady_clock;
using postgres::Node;
using postgres::quote_identifier;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::int64_t kSizeMax = 1'000'000;

base::Error bad_batch(const Step& step, std::string what, std::string expected) {
  return {.code = base::Code::config,
          .what = std::move(what),
          .where = step.statements.front().where,
          .expected = std::move(expected)};
}

/// "o" of "UPDATE orders AS o", or the table's own name as it is written.
std::string name_in_statement(const Node& range) {
  const std::string_view alias = range.node("alias").text("aliasname");
  if (!alias.empty()) return quote_identifier(alias);
  const std::string table = quote_identifier(range.text("relname"));
  const std::string_view schema = range.text("schemaname");
  return schema.empty() ? table : quote_identifier(schema) + "." + table;
}

std::string relation_name(const Node& range) {
  const std::string table = quote_identifier(range.text("relname"));
  const std::string_view schema = range.text("schemaname");
  return schema.empty() ? table : quote_identifier(schema) + "." + table;
}

/// Where WHERE and RETURNING stand at the top of the statement; npos where they do not.
struct Clauses {
  std::size_t where = std::string::npos;
  std::size_t where_end = std::string::npos;
  std::size_t returning = std::string::npos;
};
Clauses clauses_of(const std::string& sql) {
  Clauses found;
  for (const postgres::TokenText& token : postgres::tokens_of(sql)) {
    if (token.depth > 0) continue;
    if (token.text == "where" && found.where == std::string::npos) {
      found.where = token.offset;
      found.where_end = token.offset + token.text.size();
    }
    if (token.text == "returning") found.returning = token.offset;
  }
  return found;
}

/// Where a run is, as its record keeps it.
struct Position {
  std::vector<std::string> cursor; ///< Empty = nothing done yet.
  std::vector<std::string> end;
  std::int64_t looked_at = 0; ///< Keys behind us.
  std::int64_t total = 0;     ///< Estimated.

  [[nodiscard]] base::Json to_json() const {
    return base::Json{{"cursor", base::Json::list(cursor)},
                      {"end", base::Json::list(end)},
                      {"looked_at", looked_at},
                      {"total", total}};
  }
  static Position from(const base::Json& json) {
    Position position;
    const auto texts = [&](std::string_view name) {
      std::vector<std::string> items;
      const base::Json* const list = json.find(name);
      const base::Json::Array* const array = list == nullptr ? nullptr : list->as_array();
      if (array == nullptr) return items;
      for (const base::Json& each : *array) {
        if (each.as_string() != nullptr) items.push_back(*each.as_string());
      }
      return items;
    };
    position.cursor = texts("cursor");
    position.end = texts("end");
    if (const base::Json* n = json.find("looked_at"); n != nullptr && n->as_int() != nullptr)
      position.looked_at = *n->as_int();
    if (const base::Json* n = json.find("total"); n != nullptr && n->as_int() != nullptr)
      position.total = *n->as_int();
    return position;
  }
};

class Batches {
public:
  Batches(Servers& servers, const PoliteStep& step, StepKey key, const Patience& patience,
          BatchOptions options, BatchSql sql)
      : servers_(servers), step_(step), key_(std::move(key)), patience_(patience),
        options_(std::move(options)), sql_(std::move(sql)),
        pace_(servers.eyes,
              {.size_max = options_.size,
               .lag_max = options_.lag_max,
               .target = options_.target,
               .active_max = options_.active_max},
              step.tell) {}

  base::Result<Outcome> run(const base::Json& position);

private:
  base::Result<> begin();
  base::Result<bool> one_batch();
  base::Result<bool> try_batch();
  void tell();
  [[nodiscard]] base::Error failed(base::Error error) const {
    if (base::is_interrupted()) return {.code = base::Code::cancelled, .what = "interrupted"};
    return with_where(std::move(error), step_.step.statements.front().where);
  }

  Servers& servers_;
  const PoliteStep& step_;
  StepKey key_;
  const Patience& patience_;
  BatchOptions options_;
  BatchSql sql_;
  Pace pace_;
  Position position_;
  Outcome outcome_;
  Steady::time_point began_ = Steady::now();
  Steady::time_point told_ = Steady::now();
};

base::Result<> Batches::begin() {
  auto rows = servers_.work.query(sql_.first());
  if (!rows) return failed(rows.error());
  if (rows->count() == 0) return {};
  const int keys = static_cast<int>(options_.key.size());
  for (int column = 0; column < keys; ++column) {
    if (rows->is_null(0, column))
      return bad_batch(step_.step, "the key of a batch is null in some row",
                       "a column that is NOT NULL and unique");
    position_.end.emplace_back(rows->text(0, column));
  }
  position_.total = std::max<std::int64_t>(base::integer_or(rows->text(0, keys), 0), 0);
  return {};
}

/// One transaction. False: nothing is left.
base::Result<bool> Batches::try_batch() {
  postgres::Connection& work = servers_.work;
  const std::int64_t lock_ms = std::max<std::int64_t>(options_.target.count() * 10, 200);
  const auto from = Steady::now();
  PGKEEP_CHECK(work.execute(fmt::format(
      "BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = {}", lock_ms)));
  Parameters bounds;
  for (const std::string& each : position_.cursor)
    bounds.emplace_back(each);
  for (const std::string& each : position_.end)
    bounds.emplace_back(each);
  const bool is_first = position_.cursor.empty();
  const std::size_t keys = options_.key.size();
  PGKEEP_TRY(postgres::Rows rows, work.query(sql_.next(is_first, pace_.size()), bounds));
  std::int64_t seen = pace_.size();
  if (rows.count() == 0) { // Fewer keys than that are left.
    PGKEEP_TRY(rows, work.query(sql_.rest(is_first, pace_.size()), bounds));
    if (rows.count() == 0) {
      PGKEEP_CHECK(work.execute("ROLLBACK"));
      return false;
    }
    seen = base::integer_or(rows.text(0, static_cast<int>(keys)), 0);
  }
  Position after = position_;
  after.cursor.clear();
  for (std::size_t column = 0; column < keys; ++column)
    after.cursor.emplace_back(rows.text(0, static_cast<int>(column)));
  after.looked_at += seen;
  Parameters range;
  if (!is_first) {
    for (const std::string& each : position_.cursor)
      range.emplace_back(each);
  }
  for (const std::string& each : after.cursor)
    range.emplace_back(each);
  PGKEEP_TRY(const postgres::Rows changed, work.query(sql_.change(is_first), range));
  const std::string_view tag = changed.command_tag();
  const std::int64_t count = base::integer_or(tag.substr(tag.rfind(' ') + 1), 0);
  PGKEEP_CHECK(work.execute("SET LOCAL search_path = pg_catalog; " +
                            step_position_sql(key_, after.to_json(), count) + "; COMMIT"));
  position_ = std::move(after);
  outcome_.rows += count;
  pace_.adapt(duration_cast<milliseconds>(Steady::now() - from), seen);
  return true;
}

base::Result<bool> Batches::one_batch() {
  milliseconds pause{25};
  const auto from = Steady::now();
  while (true) {
    ++outcome_.attempts;
    base::Result<bool> done = try_batch();
    if (done) return done;
    if (servers_.work.is_in_transaction()) PGKEEP_CHECK(servers_.work.execute("ROLLBACK"));
    const std::string& state = done.error().sqlstate;
    const bool may_retry = state == "55P03" || state == "40P01" || state == "40001";
    if (!may_retry) return failed(done.error());
    if (Steady::now() - from > patience_.budget)
      return base::Error{.code = base::Code::timeout,
                         .what = "rows of the next batch stay locked by others",
                         .where = step_.step.statements.front().where,
                         .hint = "Run again: it goes on behind the batches that are done."};
    if (base::is_interrupted()) return failed({});
    pace_.shrink();
    base::pause_for(pause);
    outcome_.waited += pause;
    pause = std::min(pause * 2, patience_.pause_max);
  }
}

void Batches::tell() {
  const auto now = Steady::now();
  if (now - told_ < std::chrono::seconds{1}) return;
  told_ = now;
  const double fraction = position_.total <= 0
                              ? -1
                              : std::min(0.999, static_cast<double>(position_.looked_at) /
                                                    static_cast<double>(position_.total));
  step_.tell(
      {.kind = "progress",
       .text = fmt::format("{} rows looked at, {} changed, batches of {}",
                           base::human_count(position_.looked_at), base::human_count(outcome_.rows),
                           base::human_count(pace_.size())),
       .figures = base::Json{{"rows", outcome_.rows}, {"size", pace_.size()}},
       .fraction = fraction});
}

base::Result<Outcome> Batches::run(const base::Json& position) {
  position_ = Position::from(position);
  if (position_.end.empty()) PGKEEP_CHECK(begin());
  while (!position_.end.empty()) {
    PGKEEP_CHECK(pace_.throttle());
    PGKEEP_TRY(const bool goes_on, one_batch());
    if (!goes_on) break;
    tell();
  }
  if (!step_.record.empty())
    PGKEEP_CHECK(servers_.work.execute("BEGIN; SET LOCAL search_path = pg_catalog; " +
                                       step_.record + "; COMMIT"));
  outcome_.waited += pace_.waited();
  outcome_.duration = duration_cast<milliseconds>(Steady::now() - began_);
  return outcome_;
}

} // namespace

base::Result<BatchOptions> batch_options(const Step& step) {
  BatchOptions options;
  for (const lint::DirectiveArgument& argument : step.directive.arguments) {
    if (argument.key == "key") {
      // As SQL reads names: in lower case unless quoted.
      for (const postgres::TokenText& token : postgres::tokens_of(argument.value)) {
        if (token.text == ",") continue;
        const bool is_quoted = token.text.size() > 1 && token.text.starts_with('"');
        options.key.push_back(is_quoted ? token.text : quote_identifier(token.text));
      }
    } else if (argument.key == "size" || argument.key == "max-active") {
      const std::int64_t number = base::integer_or(argument.value, 0);
      if (number < 1 || number > kSizeMax)
        return bad_batch(step, fmt::format("{}={} is out of range", argument.key, argument.value),
                         fmt::format("1 to {}", kSizeMax));
      if (argument.key == "size") options.size = number;
      if (argument.key == "max-active") options.active_max = static_cast<int>(number);
    } else if (argument.key == "max-lag" || argument.key == "target") {
      const auto duration = base::parse_duration(argument.value);
      if (!duration)
        return bad_batch(step, fmt::format("{}={} is no duration", argument.key, argument.value),
                         "a duration such as 5s");
      (argument.key == "target" ? options.target : options.lag_max) =
          std::max(duration_cast<milliseconds>(*duration), milliseconds{1});
    } else {
      return bad_batch(step, fmt::format("pgkeep:batch has no argument \"{}\"", argument.key),
                       "key, size, max-lag, max-active, target");
    }
  }
  if (options.key.empty())
    return bad_batch(step, "pgkeep:batch names no key", "key=COLUMN, unique and NOT NULL");
  return options;
}

base::Result<BatchSql> batch_sql(const Step& step, const BatchOptions& options) {
  const StepStatement& statement = step.statements.front();
  const Node root = statement.statement->root;
  const Node range = root.node("relation");
  for (const Node& target : root.nodes_if("UpdateStmt", "target_list")) {
    const std::string column = quote_identifier(target.text("name"));
    if (std::ranges::find(options.key, column) != options.key.end())
      return bad_batch(
          step,
          fmt::format("the statement changes {}, the key of its batches", target.text("name")),
          "a key that stays as it is");
  }
  const Clauses clauses = clauses_of(statement.sql);
  if (clauses.returning != std::string::npos)
    return bad_batch(step, "RETURNING has nobody to return to", "the statement without it");
  BatchSql sql{.table = relation_name(range),
               .alias = name_in_statement(range),
               .front = statement.sql,
               .back = {},
               .key = options.key};
  if (clauses.where != std::string::npos) {
    sql.front = statement.sql.substr(0, clauses.where);
    // A comment may end the line.
    sql.back = fmt::format(" AND ({}\n)", statement.sql.substr(clauses.where_end));
  }
  return sql;
}

std::string BatchSql::first() const {
  return fmt::format("SELECT {}, (SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = "
                     "{}::regclass) FROM {} ORDER BY {} DESC LIMIT 1",
                     base::join(key, ", "), postgres::quote_literal(table), table,
                     base::join(key, " DESC, "));
}

std::string BatchSql::range(bool is_first) const {
  const std::string above =
      is_first ? "" : fmt::format("{} > {} AND ", row_of(key), parameters_from(1, key.size()));
  return fmt::format("SELECT {} FROM {} WHERE {}{} <= {} ORDER BY {}", base::join(key, ", "), table,
                     above, row_of(key), parameters_from(is_first ? 1 : key.size() + 1, key.size()),
                     base::join(key, ", "));
}

std::string BatchSql::next(bool is_first, std::int64_t size) const {
  return fmt::format("{} OFFSET {} LIMIT 1", range(is_first), size - 1);
}

std::string BatchSql::rest(bool is_first, std::int64_t size) const {
  const std::string columns = base::join(key, ", ");
  return fmt::format("SELECT {0}, n FROM (SELECT {0}, row_number() OVER (ORDER BY {0}) AS n FROM "
                     "({1} LIMIT {2}) a) b ORDER BY n DESC LIMIT 1",
                     columns, range(is_first), size);
}

std::string BatchSql::change(bool is_first) const {
  std::vector<std::string> qualified;
  qualified.reserve(key.size());
  for (const std::string& each : key)
    qualified.push_back(alias + "." + each);
  const std::string row = row_of(qualified);
  const std::string above =
      is_first ? "" : fmt::format("{} > {} AND ", row, parameters_from(1, key.size()));
  return fmt::format("{}\nWHERE {}{} <= {}{}", front, above, row,
                     parameters_from(is_first ? 1 : key.size() + 1, key.size()), back);
}

base::Result<Outcome> run_batches(Servers& servers, const PoliteStep& step, const StepKey& key,
                                  const base::Json& position, const Patience& patience) {
  PGKEEP_TRY(BatchOptions options, batch_options(step.step));
  PGKEEP_TRY(BatchSql sql, batch_sql(step.step, options));
  return Batches(servers, step, key, patience, std::move(options), std::move(sql)).run(position);
}

} // namespace pgkeep::migrate
