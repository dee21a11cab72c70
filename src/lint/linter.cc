#include "lint/linter.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/units.h"
#include "lint/lock_table.h"
#include "lint/set_config.h"

namespace pgkeep::lint {
namespace {

/// "2s", "2000": a bare number counts milliseconds. None where it is no duration.
std::optional<std::int64_t> milliseconds_of(std::string_view text) {
  std::string duration;
  std::ranges::copy_if(text, std::back_inserter(duration), [](char c) { return c != ' '; });
  const bool is_bare = !duration.empty() &&
                       std::ranges::all_of(duration, [](char c) { return c >= '0' && c <= '9'; });
  const auto parsed = base::parse_duration(is_bare ? duration + "ms" : duration);
  if (!parsed) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*parsed).count();
}

/// SET x = 2000, '2s', 2s: as text, and as milliseconds where it is a duration.
SettingState setting_of(const Change& change, const Statement& statement) {
  SettingState state{.name = change.name,
                     .value = {},
                     .is_local = change.node.flag("is_local"),
                     .offset = statement.begin};
  const std::vector<postgres::Node> values = change.node.nodes("args");
  if (values.empty()) return state;
  const postgres::Node& value = values.front();
  if (const postgres::Node number = value.node("ival")) {
    state.value = fmt::format("{}", number.number("ival"));
    state.ms = number.number("ival");
  } else {
    state.value = value.node("sval").text("sval");
    state.ms = milliseconds_of(state.value);
  }
  return state;
}

bool acts_on_rows(Operation operation) {
  return operation == Operation::insert || operation == Operation::update ||
         operation == Operation::remove || operation == Operation::select ||
         operation == Operation::copy || operation == Operation::lock_table;
}

bool creates_table(Operation operation) {
  return operation == Operation::create_table || operation == Operation::create_table_as ||
         operation == Operation::create_partition_of;
}

Surroundings surroundings_of(const Options& options, const FilePaths& paths, const Script& script,
                             const Section& section) {
  return {.script = script,
          .section = section,
          .limits = options.limits,
          .server_major = options.database == nullptr ? options.server_major
                                                      : options.database->server.version / 10'000,
          .database = options.database,
          .server_parses = options.server_parses,
          .prepare = options.prepare,
          .mandatory_columns = options.mandatory_columns,
          .paths = paths};
}

} // namespace

Linter::Linter(const Options& options, const FilePaths& paths, std::span<const Chosen> chosen,
               Part part)
    : options_(options), paths_(paths), chosen_(chosen),
      rules_(chosen, options.ignores_nodes,
             [&](std::size_t place) { return part.has(*chosen[place].rule, place); }),
      schema_(options.database) {
  for (std::size_t place = 0; place < chosen.size(); ++place) {
    const TextRule& rule = *chosen[place].rule;
    if (!part.has(rule, place)) continue;
    keeps_locks_ |= rule.group != Group::query;
    keeps_lock_orders_ |= rule.compares_lock_orders;
  }
}

SaidOfFile Linter::judge(const Script& script, TextRecord& record) {
  record.begin(script);
  for (const Section& section : script.sections()) {
    // What goes down undoes what goes up: it is judged alone.
    std::optional<Schema> before;
    if (section.is_down) before.emplace(schema_);
    judge_section(script, section, record);
    if (before) schema_ = *std::move(before);
  }
  return record.end();
}

void Linter::judge_section(const Script& script, const Section& section, TextRecord& record) {
  Context context{surroundings_of(options_, paths_, script, section), schema_};
  context.lock_orders = keeps_lock_orders_ ? &lock_orders_ : nullptr;
  context.created = &created_;
  context.changed = options_.prepare ? &changed_ : nullptr;
  for (const Statement& statement : section.statements)
    judge_statement(context, statement, record);
  rules_.of(section).each([&](std::size_t place) {
    TextSink out(script, record, place);
    chosen_[place].rule->section(context, out);
  });
}

void Linter::begin_statement(Context& context, const Statement& statement) const {
  context.is_in_block = statement.origin == Origin::block;
  context.is_online = statement.is_shadowed();
  if (!keeps_locks_) return;
  context.was_begun = context.has_begin;
  if (context.section.begins_step(statement)) end_transaction(context);
  const bool runs_later = statement.origin == Origin::function;
  if (!runs_later && (!context.shares_transaction() || statement.runs_alone())) {
    const bool has_begin = context.has_begin;
    end_transaction(context); // Nothing is held of what ran before.
    context.has_begin = has_begin;
  }
}

void Linter::judge_statement(Context& context, const Statement& statement, TextRecord& record) {
  begin_statement(context, statement);
  effects_.clear();
  rows_.clear();
  const Subject subject(statement, context, effects_, rows_);
  if (keeps_locks_) add_locks(subject);
  RuleSet rules = rules_.of(context.section, statement);
  if (effects_.empty()) rules -= rules_.about_effects();
  rules.each([&](std::size_t place) {
    TextSink out(context.script, record, place);
    chosen_[place].rule->statement(subject, out);
  });
  if (statement.origin == Origin::function) return; // It runs later.
  keep(context, statement);
  if (statement.is_batched() || context.is_online) end_transaction(context);
}

void Linter::end_transaction(Context& context) {
  context.has_begin = false;
  context.locks.clear();
  context.locked_against_reads.clear();
  context.created_in_transaction.clear();
  context.added_in_transaction.clear();
  context.domains_in_transaction.clear();
  std::erase_if(context.settings, [](const SettingState& each) { return each.is_local; });
}

void Linter::keep_transaction(Context& context, const Statement& statement,
                              const postgres::Node& root) {
  const std::string_view kind = root.name("kind");
  if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START") {
    end_transaction(context);
    context.has_begin = true;
    context.begin_offset = statement.begin;
  } else if (kind == "TRANS_STMT_COMMIT" || kind == "TRANS_STMT_ROLLBACK" ||
             kind == "TRANS_STMT_PREPARE") {
    end_transaction(context);
  }
}

void Linter::add_locks(const Subject& subject) {
  for (const Change& change : subject.changes) {
    rows_.push_back(lock_row_of(change, subject.context));
    if (subject.context.is_online) continue; // The runner takes short locks itself, and retries.
    add_effects_of(change, rows_.back(), subject.context, effects_);
  }
  for (Effect& effect : effects_)
    effect.is_in_use = subject.context.is_in_use(effect.relation);
}

void Linter::keep(Context& context, const Statement& statement) {
  for (const Effect& effect : effects_) {
    if (keeps_lock_orders_) keep_lock_order(context, effect, statement.begin);
    context.locks.push_back(
        {.relation = effect.relation, .mode = effect.mode, .offset = statement.begin});
    if (!blocks_writes(effect.mode) || !effect.is_in_use) continue;
    if (!context.first_strong_lock) context.first_strong_lock = statement.begin;
    context.last_strong_lock = statement.begin;
  }
  for (const Change& change : statement.changes) {
    if (keeps_locks_) {
      keep_settings(context, statement, change);
      keep_change(context, statement, change);
    }
    if (context.changed != nullptr && change.relation && !acts_on_rows(change.operation))
      changed_.insert(change.relation);
    if (change.operation == Operation::create_view ||
        change.operation == Operation::create_sequence)
      created_.insert(change.relation);
    context.schema.apply(change);
  }
}

void Linter::keep_lock_order(Context& context, const Effect& effect, std::size_t offset) {
  if (!blocks_reads(effect.mode)) return;
  const LockOrders::Number number = lock_orders_.number_of(effect.relation);
  lock_orders_.add(context, effect, number, offset);
  auto& locked = context.locked_against_reads;
  const bool is_known = std::ranges::find(locked, number, &LockedRelation::number) != locked.end();
  if (!is_known) locked.push_back({.relation = effect.relation, .number = number});
}

void Linter::keep_settings(Context& context, const Statement& statement, const Change& change) {
  if (change.operation == Operation::set) context.settings.push_back(setting_of(change, statement));
  for (const SetConfig& call : set_configs_of(change.node))
    context.settings.push_back({.name = call.name,
                                .value = call.value,
                                .ms = milliseconds_of(call.value),
                                .is_local = call.is_local,
                                .offset = statement.begin});
  if (change.operation == Operation::reset)
    std::erase_if(context.settings, [&](const SettingState& each) {
      return change.name.empty() || each.name == change.name;
    });
}

void Linter::keep_change(Context& context, const Statement& statement, const Change& change) {
  if (change.operation == Operation::transaction) keep_transaction(context, statement, change.node);
  if (change.operation == Operation::create_domain)
    context.domains_in_transaction.emplace_back(change);
  if (creates_table(change.operation)) context.created_in_transaction.push_back(change.relation);
  const bool adds_unvalidated = (change.operation == Operation::add_check ||
                                 change.operation == Operation::add_foreign_key) &&
                                change.node.flag("skip_validation");
  if (adds_unvalidated)
    context.added_in_transaction.push_back(
        fmt::format("{}.{}", change.relation.text(), change.name));
}

LoneLinter::LoneLinter(const Options& options, const FilePaths& paths,
                       std::span<const Chosen> chosen)
    : options_(options), paths_(paths), chosen_(chosen),
      rules_(chosen, options.ignores_nodes,
             [&](std::size_t place) { return chosen[place].rule->lone != nullptr; }) {}

SaidOfFile LoneLinter::judge(const Script& script, TextRecord& record) const {
  record.begin(script);
  for (const Section& section : script.sections()) {
    const Surroundings around = surroundings_of(options_, paths_, script, section);
    for (const Statement& statement : section.statements) {
      const LoneSubject subject(statement, around);
      rules_.of(section, statement).each([&](std::size_t place) {
        TextSink out(script, record, place);
        chosen_[place].rule->lone(subject, out);
      });
    }
  }
  return record.end();
}

} // namespace pgkeep::lint
