// How long a statement may wait for its lock, run, and leave a transaction open.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "lint/families.h"
#include "lint/rules/places.h"
#include "lint/set_config.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Fix;
using findings::Phase;
using findings::Safety;
using findings::Severity;
using postgres::Node;

/// Everybody who asks for the table waits behind us for as long. Source: pgkeep.
constexpr std::int64_t kLockTimeoutMsMax = 5'000;

/// pgkeep's runner sets lock_timeout and tries again by itself.
bool is_runners_own(const Context& context) {
  return context.section.transaction == TransactionMode::steps;
}

/// The strongest lock of the statement for which writes wait, on a relation in use.
const Effect* strong_effect(const Subject& subject) {
  const Effect* strongest = nullptr;
  for (const Effect& each : subject.effects) {
    if (!blocks_writes(each.mode) || !each.is_in_use) continue;
    if (strongest == nullptr || each.mode > strongest->mode) strongest = &each;
  }
  return strongest;
}

bool sets(const Node& root, std::string_view name) {
  const std::vector<SetConfig> calls = set_configs_of(root);
  if (std::ranges::find(calls, name, &SetConfig::name) != calls.end()) return true;
  return root.is("VariableSetStmt") && root.name("kind") == "VAR_SET_VALUE" &&
         root.text("name") == name;
}

bool is_set_later(const LoneSubject& subject, std::string_view name) {
  const std::vector<Node> after = roots_after(subject);
  return std::ranges::any_of(after, [&](const Node& root) { return sets(root, name); });
}

constexpr std::string_view kRetryNote =
    "Before the statement. Where it ends with a lock timeout, wait a little and try again: several "
    "short attempts beat a long one.";

/// SET LOCAL says nothing outside of a transaction.
Fix set_before(const Context& context, std::string_view assignment, std::string note) {
  const bool is_local = context.in_transaction();
  return {.safety = Safety::online,
          .phase = Phase::settings,
          .sql = {fmt::format("SET {}{}", is_local ? "LOCAL " : "", assignment)},
          .note = std::move(note)};
}

void lock_timeout_missing(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const Effect* const effect = strong_effect(subject);
  if (effect == nullptr || is_runners_own(context) || context.first_strong_lock) return;
  if (context.setting("lock_timeout") != nullptr || is_set_later(subject, "lock_timeout")) return;
  out.add(
      subject.statement.begin,
      {.object = effect->relation.text(),
       .message = fmt::format("{} on {} may wait behind one long query without limit, and every "
                              "other query then waits behind it",
                              name_of(effect->mode), context.with_size(effect->relation)),
       .evidence = Json{{"relation", effect->relation.text()}, {"lock", name_of(effect->mode)}},
       .fix = set_before(context, "lock_timeout = '2s'", std::string(kRetryNote))});
}

void lock_timeout_late(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const bool is_late = sets(subject.statement.root, "lock_timeout") && context.first_strong_lock &&
                       !is_runners_own(context);
  if (!is_late) return;
  // A second SET is a change; only the first can be late.
  const std::vector<Node> before = roots_before(subject);
  if (std::ranges::any_of(before, [](const Node& root) { return sets(root, "lock_timeout"); }))
    return;
  const int line = context.script.place_of(*context.first_strong_lock).line;
  out.add(subject.statement.begin,
          {.object = "setting lock_timeout",
           .message = fmt::format("lock_timeout is set after line {} has waited for its lock "
                                  "without limit",
                                  line),
           .evidence = Json{{"line_of_first_lock", line}},
           .fix = by_hand("Only the order of the statements is wrong: move it to the top of the "
                          "file.")});
}

/// What was set for the statement at hand, unless a statement before has been told the same.
const SettingState* lock_timeout_in_force(const Subject& subject) {
  const Context& context = subject.context;
  if (strong_effect(subject) == nullptr) return nullptr;
  const SettingState* const setting = context.setting("lock_timeout");
  if (setting == nullptr || !setting->ms) return nullptr;
  const bool was_said = context.last_strong_lock && *context.last_strong_lock > setting->offset;
  return was_said ? nullptr : setting;
}

void lock_timeout_too_long(const Subject& subject, TextSink& out) {
  const SettingState* const setting = lock_timeout_in_force(subject);
  if (setting == nullptr || *setting->ms <= kLockTimeoutMsMax) return;
  const Effect* const effect = strong_effect(subject);
  out.add(setting->offset,
          {.object = "setting lock_timeout",
           .message = fmt::format("For up to {} s every query on {} waits behind the {} that is "
                                  "asked for",
                                  *setting->ms / 1'000, subject.context.with_size(effect->relation),
                                  name_of(effect->mode)),
           .evidence = Json{{"lock_timeout_ms", *setting->ms}, {"limit_ms", kLockTimeoutMsMax}},
           .fix = set_before(subject.context, "lock_timeout = '2s'", std::string(kRetryNote))});
}

void lock_timeout_zero(const Subject& subject, TextSink& out) {
  const SettingState* const setting = lock_timeout_in_force(subject);
  if (setting == nullptr || *setting->ms != 0) return;
  const Effect* const effect = strong_effect(subject);
  out.add(
      setting->offset,
      {.object = "setting lock_timeout",
       .message = fmt::format("lock_timeout = 0 is no limit: the {} on {} may wait for ever, "
                              "and all others behind it",
                              name_of(effect->mode), subject.context.with_size(effect->relation)),
       .evidence = Json{{"lock_timeout_ms", 0}, {"relation", effect->relation.text()}},
       .fix = set_before(subject.context, "lock_timeout = '2s'", std::string(kRetryNote))});
}

void statement_timeout_missing(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const auto works = [&](const Effect& each) {
    return each.works() && blocks_writes(each.mode) && each.is_in_use;
  };
  const auto found = std::ranges::find_if(subject.effects, works);
  if (found == subject.effects.end() || is_runners_own(context)) return;
  if (context.setting("statement_timeout") != nullptr ||
      context.setting("transaction_timeout") != nullptr)
    return;
  out.add(subject.statement.begin,
          {.object = found->relation.text(),
           .message = fmt::format("{} is held on {} for as long as the work takes: nothing ends it "
                                  "when that is too long",
                                  name_of(found->mode), context.with_size(found->relation)),
           .evidence = Json{{"relation", found->relation.text()}, {"lock", name_of(found->mode)}},
           .fix = set_before(context, "statement_timeout = '30s'",
                             "Before the statement; as long as the application can stand.")});
}

void idle_timeout_missing(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const Effect* const effect = strong_effect(subject);
  if (!context.has_begin || effect == nullptr || is_runners_own(context)) return;
  const bool is_first =
      !context.last_strong_lock || *context.last_strong_lock < context.begin_offset;
  // A transaction that is whole in one text is never idle between its statements unless the client
  // breaks off; then only these two end it.
  if (!is_first || context.setting("idle_in_transaction_session_timeout") != nullptr ||
      context.setting("transaction_timeout") != nullptr)
    return;
  out.add(context.begin_offset,
          {.object = effect->relation.text(),
           .message = fmt::format("Where the client hangs inside of this transaction, {} on {} is "
                                  "held until somebody ends the session",
                                  name_of(effect->mode), effect->relation.text()),
           .evidence = Json{{"relation", effect->relation.text()}, {"lock", name_of(effect->mode)}},
           .fix = Fix{.safety = Safety::online,
                      .phase = Phase::settings,
                      .sql = {context.server_major >= 17
                                  ? "SET transaction_timeout = '1min'"
                                  : "SET idle_in_transaction_session_timeout = '10s'"},
                      .note = "Before BEGIN."}});
}

void application_name_missing(const Context& context, TextSink& out) {
  const std::vector<Statement>& statements = context.section.statements;
  if (!context.script.is_migration() || statements.empty()) return;
  const bool is_named = std::ranges::any_of(
      statements, [](const Statement& each) { return sets(each.root, "application_name"); });
  if (is_named) return;
  out.add(statements.front().begin,
          {.object = "setting application_name",
           .message = "Who looks at pg_stat_activity or the log cannot tell that a migration runs",
           .evidence = Json{{"statements", static_cast<std::int64_t>(statements.size())}},
           .fix = Fix{.safety = Safety::online,
                      .phase = Phase::settings,
                      .sql = {"SET application_name = 'migration'"}}});
}

constexpr auto kLeaking =
    std::to_array<std::string_view>({"role", "session_authorization", "search_path", "timezone"});

void session_setting_leaks(const Context& context, TextSink& out) {
  if (!context.script.is_migration()) return;
  for (const SettingState& each : context.settings) {
    const std::string name = base::to_lower(each.name);
    if (each.is_local || std::ranges::find(kLeaking, name) == kLeaking.end()) continue;
    out.add(each.offset,
            {.object = fmt::format("setting {}", name),
             .message = fmt::format("{} stays as it is set here for whatever the same session runs "
                                    "next",
                                    name),
             .evidence = Json{{"setting", name}, {"value", each.value}},
             .fix = Fix{.safety = Safety::online,
                        .phase = Phase::settings,
                        .sql = {name == "session_authorization" ? "RESET SESSION AUTHORIZATION"
                                                                : fmt::format("RESET {}", name)},
                        .note = "As the last statement; or SET LOCAL inside of a transaction."}});
  }
}

bool is_definition(const Change& change) {
  return change.operation >= Operation::create_table &&
         change.operation <= Operation::refresh_matview;
}

void schema_not_qualified(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  if (context.setting("search_path") != nullptr) return;
  for (const Change& change : subject.changes) {
    const bool is_bare = change.relation && change.relation.schema.empty();
    if (!is_definition(change) || !is_bare || change.is_inside_create) continue;
    const TableState* const table = context.schema.find(change.relation);
    const bool is_temporary = (table != nullptr && table->is_temporary) ||
                              (change.node.is("CreateStmt") &&
                               change.node.node("relation").text("relpersistence") == "t");
    if (is_temporary) continue;
    out.add(offset_of_word(subject, change.relation.name, subject.statement.begin),
            {.object = change.relation.text(),
             .message = fmt::format("Which {} is meant depends on the search_path of whoever runs "
                                    "this",
                                    change.relation.text()),
             .evidence = Json{{"name", change.relation.text()}},
             .fix = by_hand(fmt::format("The text does not say the schema: write it before the "
                                        "name, as in public.{}.",
                                        change.relation.text()))});
    return; // Once a statement.
  }
}

constexpr std::string_view kLockSource =
    "PostgreSQL manual, runtime-config-client: lock_timeout; explicit-locking";

constexpr TextRule kTimeoutRules[] = {
    {.card = {.id = "lock-timeout-missing",
              .title = "Strong lock without lock_timeout",
              .why = "It waits behind the longest query, and the whole application waits behind "
                     "it.",
              .how = "SET lock_timeout to 2 s at most before it, and try again after a pause.",
              .source = kLockSource,
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = lock_timeout_missing,
     .is_about_migrations = true,
     .is_about_effects = true},
    {.card = {.id = "lock-timeout-late",
              .title = "lock_timeout is set after the first strong lock",
              .why = "The statement before it waits without limit.",
              .how = "Make it the first statement.",
              .source = kLockSource,
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = lock_timeout_late,
     .nodes = "VariableSetStmt SelectStmt",
     .is_about_migrations = true},
    {.card = {.id = "lock-timeout-too-long",
              .title = "lock_timeout of more than 5 s",
              .why = "For so long nobody else can use the table while we only wait.",
              .how = "Set 2 s, and try again after a pause.",
              .source = kLockSource,
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = lock_timeout_too_long,
     .is_about_migrations = true,
     .is_about_effects = true},
    {.card = {.id = "lock-timeout-zero",
              .title = "lock_timeout is switched off before a strong lock",
              .why = "It waits behind the longest query, and the whole application waits behind "
                     "it.",
              .how = "Set 2 s; 0 is right for CREATE INDEX CONCURRENTLY alone.",
              .source = kLockSource,
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = lock_timeout_zero,
     .is_about_migrations = true,
     .is_about_effects = true},
    {.card = {.id = "statement-timeout-missing",
              .title = "Long work under a lock without statement_timeout",
              .why = "Nothing ends it when it takes longer than was thought.",
              .how = "SET statement_timeout to what the application can stand.",
              .source = "PostgreSQL manual, runtime-config-client: statement_timeout",
              .severity = Severity::info,
              .area = Area::transactions},
     .statement = statement_timeout_missing,
     .is_about_migrations = true,
     .is_about_effects = true},
    {.card = {.id = "idle-timeout-missing",
              .title = "Transaction with a strong lock that may stay idle",
              .why = "A client that hangs keeps the table locked.",
              .how = "SET idle_in_transaction_session_timeout, or transaction_timeout from 17.",
              .source = "PostgreSQL manual, runtime-config-client: "
                        "idle_in_transaction_session_timeout, transaction_timeout",
              .severity = Severity::info,
              .area = Area::transactions},
     .statement = idle_timeout_missing,
     .is_about_migrations = true,
     .is_about_effects = true},
    {.card = {.id = "application-name-missing",
              .title = "Migration that does not say who it is",
              .why = "Nobody can tell the session that blocks from the application's own.",
              .how = "SET application_name first.",
              .source = "PostgreSQL manual, runtime-config-logging: application_name",
              .severity = Severity::info,
              .area = Area::transactions},
     .group = Group::taste,
     .section = application_name_missing,
     .is_about_migrations = true},
    {.card = {.id = "session-setting-leaks",
              .title = "Setting of the session that is not put back",
              .why = "The next migration runs as another role or finds other tables.",
              .how = "SET LOCAL, or RESET at the end.",
              .source = "PostgreSQL manual, sql-set: LOCAL",
              .severity = Severity::warning,
              .area = Area::transactions},
     .section = session_setting_leaks,
     .is_about_migrations = true},
    {.card = {.id = "schema-not-qualified",
              .title = "Name without its schema",
              .why = "Another search_path makes or changes another table.",
              .how = "Write the schema before the name.",
              .source = "PostgreSQL manual, ddl-schemas: The Schema Search Path",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::taste,
     .statement = schema_not_qualified},
};

} // namespace

const std::span<const TextRule> timeout_rules{kTimeoutRules};

} // namespace pgkeep::lint
