// What the phases have in common, and their order. shadow_run.h says how it works.
#include "migrate/shadow.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "base/units.h"
#include "migrate/shadow_run.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

using postgres::quote_identifier;
using Steady = std::chrono::steady_clock;

/// Stored columns that both have: name, the new type, whether the type is another.
constexpr std::string_view kColumns = R"(
SELECT o.attname, format_type(s.atttypid, s.atttypmod)
  FROM pg_attribute o
  JOIN pg_attribute s ON s.attrelid = to_regclass($2::text) AND s.attname = o.attname
 WHERE o.attrelid = $1::oid AND o.attnum > 0 AND NOT o.attisdropped AND NOT s.attisdropped
   AND s.attgenerated = ''
 ORDER BY o.attnum)";

/// What must not change under way.
constexpr std::string_view kDefinition = R"(
SELECT md5(string_agg(line, E'\n' ORDER BY line))
  FROM (SELECT format('%s %s %s %s %s %s', a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
                      a.attnotnull, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)) AS line
          FROM pg_attribute a
          LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
         UNION ALL
        SELECT c.conname || ' ' || pg_get_constraintdef(c.oid)
          FROM pg_constraint c WHERE c.conrelid = $1::oid AND c.contype = 'c'
         UNION ALL
        SELECT format('%I.%I', n.nspname, c.relname)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1) x)";

std::vector<std::string> texts(const base::Json& json, std::string_view name) {
  std::vector<std::string> items;
  const base::Json* const list = json.find(name);
  if (list == nullptr || list->as_array() == nullptr) return items;
  for (const base::Json& each : *list->as_array()) {
    if (each.as_string() != nullptr) items.push_back(*each.as_string());
  }
  return items;
}
std::string text(const base::Json& json, std::string_view name) {
  const base::Json* const found = json.find(name);
  return found == nullptr || found->as_string() == nullptr ? "" : *found->as_string();
}
std::int64_t number(const base::Json& json, std::string_view name) {
  const base::Json* const found = json.find(name);
  return found == nullptr || found->as_int() == nullptr ? 0 : *found->as_int();
}

} // namespace

bool is_lock_error(const base::Error& error) {
  return error.sqlstate == "55P03" || error.sqlstate == "40P01" || error.sqlstate == "40001";
}

base::Result<std::vector<std::string>>
texts_of(postgres::Connection& server, const std::string& sql,
         std::span<const std::optional<std::string>> values) {
  PGKEEP_TRY(const postgres::Rows rows, server.query(sql, values));
  std::vector<std::string> found;
  found.reserve(static_cast<std::size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row)
    found.emplace_back(rows.text(row, 0));
  return found;
}

base::Json ShadowRun::Position::to_json() const {
  return base::Json{{"phase", phase},
                    {"oid", oid},
                    {"schema", schema},
                    {"name", name},
                    {"key", base::Json::list(key)},
                    {"cursor", base::Json::list(cursor)},
                    {"end", base::Json::list(end)},
                    {"seen", seen},
                    {"total", total},
                    {"definition", definition},
                    {"validate", base::Json::list(validate)},
                    {"attach", base::Json::list(attach)}};
}

ShadowRun::Position ShadowRun::Position::from(const base::Json& json) {
  return {.phase = text(json, "phase"),
          .oid = number(json, "oid"),
          .schema = text(json, "schema"),
          .name = text(json, "name"),
          .key = texts(json, "key"),
          .cursor = texts(json, "cursor"),
          .end = texts(json, "end"),
          .seen = number(json, "seen"),
          .total = number(json, "total"),
          .definition = text(json, "definition"),
          .validate = texts(json, "validate"),
          .attach = texts(json, "attach")};
}

ShadowRun::ShadowRun(Servers& servers, const PoliteStep& step, StepKey key,
                     const Patience& patience, ShadowOptions options, ShadowAlter alter)
    : servers_(servers), step_(step), key_(std::move(key)), patience_(patience),
      options_(std::move(options)), alter_(std::move(alter)),
      pace_(servers.eyes, options_.pace, step.tell), told_(Steady::now()),
      replayed_(Steady::now()) {}

base::Error ShadowRun::failed(base::Error error) const {
  if (base::is_interrupted()) error = {.code = base::Code::cancelled, .what = "interrupted"};
  if (error.code == base::Code::sql) error.where.clear(); // The server: where it is, is known.
  error = with_where(std::move(error), step_.step.statements.front().where);
  const bool is_there = !position_.phase.empty() && position_.phase != "swapped";
  if (is_there)
    error =
        with_left(std::move(error),
                  fmt::format("{} is as it was; {} and the triggers that log its changes stay "
                              "until `pgkeep migrate up` has gone on, or `pgkeep migrate repair "
                              "--abort-shadow`",
                              names_.table(), names_.shadow()));
  return error;
}

base::Error ShadowRun::refused(std::string what, std::string expected) const {
  return {.code = base::Code::unsupported,
          .what = std::move(what),
          .where = step_.step.statements.front().where,
          .expected = std::move(expected)};
}

base::Result<> ShadowRun::begin(std::string_view more) {
  // A role that the migration has set may not see our schema; rows that a policy hides would be
  // lost: row_security = off makes that an error.
  return servers_.work.execute(fmt::format(
      "BEGIN; SET LOCAL ROLE NONE; SET LOCAL row_security = off; SET LOCAL jit = off; {}", more));
}

base::Result<> ShadowRun::commit(const Position& position, std::int64_t rows) {
  PGKEEP_CHECK(servers_.work.execute("SET LOCAL search_path = pg_catalog; " +
                                     step_position_sql(key_, position.to_json(), rows) +
                                     "; COMMIT"));
  position_ = position;
  return {};
}

base::Result<> ShadowRun::commit_locked(const Position& position, Steady::time_point locked) {
  const auto looks = Steady::now();
  if (step_.before_unlock) PGKEEP_CHECK(step_.before_unlock());
  const auto looked = Steady::now();
  PGKEEP_CHECK(commit(position));
  locked_ms_ =
      std::chrono::duration<double, std::milli>((looks - locked) + (Steady::now() - looked))
          .count();
  if (step_.after_unlock) step_.after_unlock(locked_ms_);
  return {};
}

base::Result<> ShadowRun::politely(lint::LockMode mode,
                                   const std::vector<lint::RelationName>& relations,
                                   const std::function<base::Result<>()>& attempt) {
  StepStatement aim;
  for (const lint::RelationName& each : relations)
    aim.locks.push_back({.relation = each, .mode = mode});
  Gate gate(servers_, patience_, step_.tell);
  PGKEEP_CHECK(gate.aim_at({&aim, 1}));
  while (true) {
    PGKEEP_CHECK(gate.wait_outside());
    const base::Result<> done = attempt();
    if (done) break;
    base::Error error = done.error();
    if (servers_.work.is_in_transaction()) PGKEEP_CHECK(servers_.work.execute("ROLLBACK"));
    if (!is_lock_error(error)) return error;
    PGKEEP_CHECK(gate.pause());
  }
  outcome_.attempts += gate.attempts();
  outcome_.waited += gate.waited();
  return {};
}

base::Result<std::string> ShadowRun::definition() {
  const std::optional<std::string> values[] = {fmt::format("{}", position_.oid)};
  PGKEEP_TRY(const auto found, texts_of(servers_.eyes, std::string(kDefinition), values));
  return found.empty() ? "" : found.front();
}

base::Result<> ShadowRun::check_definition() {
  PGKEEP_TRY(const std::string now, definition());
  if (now == position_.definition) return {};
  return base::Error{
      .code = base::Code::refused,
      .what = fmt::format("the columns, checks or name of {} were changed since its shadow table "
                          "was made",
                          names_.table()),
      .hint = "Take the shadow table away (`pgkeep migrate repair --abort-shadow`) and run again."};
}

/// What the statements on rows need, from both tables as they are.
base::Result<> ShadowRun::load() {
  names_ = {.oid = position_.oid, .schema = position_.schema, .name = position_.name};
  sql_ = {.names = names_, .key = {}, .columns = {}};
  for (const std::string& each : position_.key)
    sql_.key.push_back(quote_identifier(each));
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid), names_.shadow()};
  PGKEEP_TRY(const postgres::Rows rows, servers_.eyes.query(std::string(kColumns), values));
  for (int row = 0; row < rows.count(); ++row) {
    const std::string name(rows.text(row, 0));
    ShadowColumn column{.name = quote_identifier(name),
                        .value = quote_identifier(name),
                        .type = std::string(rows.text(row, 1))};
    for (const ShadowAlter::Using& each : alter_.usings) {
      if (each.column == name) column.value = fmt::format("({})", each.expression);
    }
    sql_.columns.push_back(std::move(column));
  }
  return {};
}

void ShadowRun::tell_progress(std::string text, std::int64_t done, std::int64_t total) {
  const auto now = Steady::now();
  if (now - told_ < std::chrono::seconds{1}) return;
  told_ = now;
  const double fraction =
      total <= 0 ? -1 : std::min(0.999, static_cast<double>(done) / static_cast<double>(total));
  step_.tell({.kind = "progress",
              .text = std::move(text),
              .figures = base::Json{{"rows", done}, {"size", pace_.size()}},
              .fraction = fraction});
}

base::Result<> ShadowRun::go() {
  if (position_.phase.empty()) {
    PGKEEP_CHECK(create());
  } else if (position_.phase != "swapped") {
    names_ = {.oid = position_.oid, .schema = position_.schema, .name = position_.name};
    PGKEEP_CHECK(check_definition());
  }
  PGKEEP_CHECK(load());
  if (position_.phase == "created") PGKEEP_CHECK(catch_changes());
  if (position_.phase == "copying") PGKEEP_CHECK(copy_rows());
  if (position_.phase == "indexes") PGKEEP_CHECK(build_indexes());
  if (position_.phase == "checking") PGKEEP_CHECK(check_rows());
  if (position_.phase == "swapping") PGKEEP_CHECK(swap());
  return finish();
}

base::Result<Outcome> ShadowRun::run(const base::Json& position) {
  const auto from = Steady::now();
  position_ = Position::from(position);
  const base::Result<> done = go();
  if (!done) {
    if (servers_.work.is_in_transaction()) static_cast<void>(servers_.work.execute("ROLLBACK"));
    return failed(done.error());
  }
  outcome_.waited += pace_.waited();
  outcome_.duration = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - from);
  return outcome_;
}

base::Result<Outcome> run_shadow(Servers& servers, const PoliteStep& step, const StepKey& key,
                                 const base::Json& position, const Patience& patience) {
  PGKEEP_TRY(ShadowOptions options, shadow_options(step.step));
  PGKEEP_TRY(ShadowAlter alter, shadow_alter(step.step));
  return ShadowRun(servers, step, key, patience, std::move(options), std::move(alter))
      .run(position);
}

} // namespace pgkeep::migrate
