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

} // namespace

void TextSink::add(std::size_t offset, findings::Finding finding) {
  const Script::Place place = script_.place_of(offset);
  const findings::Rule& card = *record_.cards[rule_];
  const auto rule = static_cast<std::uint32_t>(rule_);
  finding.rule = card.id;
  if (!finding.severity) finding.severity = card.severity;
  finding.file = place.path;
  finding.line = place.line;
  finding.column = place.column;
  if (record_.writer != nullptr) {
    record_.said.written.push_back({.json = record_.writer->write(finding, &card),
                                    .line = place.line,
                                    .column = place.column,
                                    .rule = rule,
                                    .severity = *finding.severity});
    return;
  }
  finding.source_line = script_.line_at(place);
  record_.said.said.emplace_back(std::move(finding), rule);
}

void TextSink::skip(std::string reason) {
  std::vector<std::string>& skipped = record_.skipped[rule_];
  if (std::ranges::find(skipped, reason) == skipped.end()) skipped.push_back(std::move(reason));
}

Linter::Linter(const Options& options, const FilePaths& paths, std::span<const Chosen> chosen,
               Part part)
    : options_(options), paths_(paths), chosen_(chosen), part_(part),
      rules_(chosen, options.ignores_nodes,
             [&](std::size_t place) { return part.has(*chosen[place].rule, place); }),
      schema_(options.database) {
  PGKEEP_ASSERT(chosen.size() <= RuleSet::kRulesMax);
  if (options.writes_json) writer_.emplace();
  record_.skipped.resize(chosen.size());
  for (const Chosen& each : chosen)
    record_.cards.push_back(each.card);
  for (std::size_t place = 0; place < chosen.size(); ++place) {
    const TextRule& rule = *chosen[place].rule;
    if (!part.has(rule, place)) continue;
    keeps_locks_ |= rule.group != Group::query;
    keeps_lock_orders_ |= rule.compares_lock_orders;
  }
}

SaidOfFile Linter::judge(const Script& script) {
  // A mark asks for the findings themselves.
  const bool keeps_findings = !writer_ || script.has_ignore_marks();
  record_.writer = keeps_findings ? nullptr : &*writer_;
  record_.said.said.reserve(keeps_findings ? said_last_ : 0);
  for (const Section& section : script.sections()) {
    // What goes down undoes what goes up: it is judged alone.
    std::optional<Schema> before;
    if (section.is_down) before.emplace(schema_);
    judge_section(script, section);
    if (before) schema_ = *std::move(before);
  }
  said_last_ = record_.said.said.size();
  return std::exchange(record_.said, {});
}

void Linter::judge_section(const Script& script, const Section& section) {
  const int major = options_.database == nullptr ? options_.server_major
                                                 : options_.database->server.version / 10'000;
  Context context{.script = script,
                  .section = section,
                  .limits = options_.limits,
                  .server_major = major,
                  .database = options_.database,
                  .server_parses = options_.server_parses,
                  .prepare = options_.prepare,
                  .mandatory_columns = options_.mandatory_columns,
                  .lock_orders = keeps_lock_orders_ ? &lock_orders_ : nullptr,
                  .schema = schema_,
                  .paths = paths_,
                  .created = &created_,
                  .changed = options_.prepare ? &changed_ : nullptr};
  for (const Statement& statement : section.statements)
    judge_statement(context, statement);
  RuleSet rules = rules_.about_sections();
  if (section.is_down) rules &= rules_.about_ways_down();
  if (!section.query.empty()) rules &= rules_.about_named_queries();
  rules.each([&](std::size_t place) {
    TextSink out(script, record_, place);
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

void Linter::judge_statement(Context& context, const Statement& statement) {
  begin_statement(context, statement);
  const bool runs_later = statement.origin == Origin::function;
  effects_.clear();
  rows_.clear();
  const Subject subject{.statement = statement,
                        .changes = statement.changes,
                        .effects = effects_,
                        .rows = rows_,
                        .context = context,
                        .kinds = statement.kinds};
  if (keeps_locks_) add_locks(subject);
  RuleSet rules = rules_.of(subject.kinds);
  if (context.section.is_down) rules &= rules_.about_ways_down();
  if (runs_later) rules &= rules_.about_queries();
  if (!context.section.query.empty()) rules &= rules_.about_named_queries();
  ask(subject, rules);
  if (runs_later) return;
  keep(context, statement);
  if (statement.is_batched() || context.is_online) end_transaction(context);
}

void Linter::ask(const Subject& subject, const RuleSet& rules) {
  rules.each([&](std::size_t place) {
    TextSink out(subject.context.script, record_, place);
    chosen_[place].rule->statement(subject, out);
  });
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
}

void Linter::keep(Context& context, const Statement& statement) {
  for (const Effect& effect : effects_) {
    if (keeps_lock_orders_) keep_lock_order(context, effect, statement.begin);
    context.locks.push_back(
        {.relation = effect.relation, .mode = effect.mode, .offset = statement.begin});
    if (!blocks_writes(effect.mode) || !context.is_in_use(effect.relation)) continue;
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

} // namespace pgkeep::lint
