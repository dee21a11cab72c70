// File by file, section by section, statement by statement: each statement is judged with what was
// known before it, then what it does becomes known.
#include "lint/lint.h"

#include <algorithm>
#include <bitset>
#include <future>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "lint/families.h"
#include "lint/ignore_marks.h"
#include "lint/lock_orders.h"
#include "lint/lock_table.h"
#include "lint/set_config.h"
#include "lint/text_rule.h"

namespace pgkeep::lint {
namespace {

using findings::Finding;
using findings::Report;
using findings::Rule;
using findings::Sink;

std::vector<const TextRule*> collect_rules() {
  // The one list of families. The order within an area is the order here.
  const auto families = std::to_array<std::span<const TextRule>>({syntax_rules,
                                                                  column_rules,
                                                                  constraint_rules,
                                                                  index_rules,
                                                                  partition_rules,
                                                                  rewrite_rules,
                                                                  drop_rules,
                                                                  rename_rules,
                                                                  row_rules,
                                                                  timeout_rules,
                                                                  transaction_rules,
                                                                  object_rules,
                                                                  value_rules,
                                                                  right_rules,
                                                                  file_rules,
                                                                  type_rules,
                                                                  reference_rules,
                                                                  key_rules,
                                                                  schema_constraint_rules,
                                                                  schema_index_rules,
                                                                  query_rules,
                                                                  predicate_rules,
                                                                  join_rules,
                                                                  unknown_name_rules,
                                                                  secret_rules,
                                                                  race_rules,
                                                                  expression_rules,
                                                                  table_shape_rules,
                                                                  comparison_rules,
                                                                  arithmetic_rules,
                                                                  runner_rules,
                                                                  pattern_rules,
                                                                  house_rules,
                                                                  lock_order_rules,
                                                                  query_size_rules,
                                                                  prepared_rules,
                                                                  query_index_rules});
  std::vector<const TextRule*> rules;
  for (const std::span<const TextRule> family : families) {
    for (const TextRule& rule : family)
      rules.push_back(&rule);
  }
  return rules;
}

const std::vector<const TextRule*>& text_rules() {
  static const std::vector<const TextRule*> rules = collect_rules();
  return rules;
}

/// The card to show: our own, or that of the judge who owns the id.
const Rule* card_of(const TextRule& rule, std::span<const Rule* const> shared) {
  if (!rule.card.title.empty()) return &rule.card;
  const Rule* const found = findings::find_rule(shared, rule.card.id);
  return found == nullptr ? &rule.card : found;
}

base::Result<> check_known(const std::vector<std::string>& words,
                           std::span<const Rule* const> cards) {
  for (const std::string& word : words) {
    if (findings::find_rule(cards, base::to_lower(word)) != nullptr) continue;
    std::vector<std::string_view> ids;
    for (const Rule* const card : cards)
      ids.push_back(card->id);
    const auto near = base::nearest(word, ids);
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("no rule is called \"{}\"", base::printable(word)),
                       .expected = near ? fmt::format("perhaps {}", *near) : "the id of a rule",
                       .hint = "`pgkeep lint --list` shows them all."};
  }
  return {};
}

bool has_alias(const Rule& card, std::string_view word) {
  const std::vector<std::string> aliases = base::split_words(card.aliases);
  return std::ranges::find(aliases, word) != aliases.end();
}

/// What was chosen, each with its sink and what its sink may not say.
struct Asked {
  const TextRule* rule;
  const Rule* card;
  Sink sink;
};

constexpr std::size_t kRulesMax = 512;

/// Which rules are asked of a statement, by the kinds of its nodes.
class Choice {
public:
  Choice(std::span<const Asked> asked, bool ignores_nodes) : rules_by_kind_(kKinds) {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const TextRule& rule = *asked[i].rule;
      if (rule.statement == nullptr) continue;
      if (rule.nodes.empty() || ignores_nodes) always_.set(i);
      const postgres::KindSet kinds = postgres::kinds_named(rule.nodes);
      for (std::size_t kind = 0; kind < kKinds; ++kind) {
        if (kinds.test(kind)) rules_by_kind_[kind].set(i);
      }
    }
  }
  /// In their order.
  [[nodiscard]] std::vector<std::size_t> of(const postgres::KindSet& kinds) const {
    Rules found = always_;
    each_bit(kinds, [&](std::size_t kind) { found |= rules_by_kind_[kind]; });
    std::vector<std::size_t> places;
    places.reserve(found.count());
    each_bit(found, [&](std::size_t place) { places.push_back(place); });
    return places;
  }

private:
  static constexpr std::size_t kKinds = postgres::KindSet().size();
  using Rules = std::bitset<kRulesMax>;

  template <std::size_t count, typename Visit>
  static void each_bit(const std::bitset<count>& bits, Visit&& visit) {
    for (std::size_t at = bits._Find_first(); at < count; at = bits._Find_next(at))
      visit(at);
  }

  Rules always_;
  std::vector<Rules> rules_by_kind_;
};

class Linter {
public:
  Linter(const Options& options, std::span<const std::string> paths, std::vector<Asked>& asked)
      : options_(options), paths_(paths), asked_(asked), choice_(asked, options.ignores_nodes),
        schema_(options.database) {}

  void read(const Script& script) {
    for (const Section& section : script.sections()) {
      // What goes down undoes what goes up: it is judged alone.
      std::optional<Schema> before;
      if (section.is_down) before = schema_;
      judge(script, section);
      if (before) schema_ = *std::move(before);
      if (!section.query.empty()) ++named_queries_;
    }
  }
  [[nodiscard]] int named_queries() const { return named_queries_; }

private:
  void judge(const Script& script, const Section& section);
  void keep(Context& context, const Statement& statement, const std::vector<Change>& changes,
            const std::vector<Effect>& effects);
  void keep_transaction(Context& context, const Statement& statement, const postgres::Node& root);
  static void end_transaction(Context& context);

  const Options& options_;
  std::span<const std::string> paths_;
  std::vector<RelationName> created_; ///< Views and sequences.
  std::vector<RelationName> changed_; ///< Everything but rows; each once.
  LockOrders lock_orders_;
  int named_queries_ = 0;
  std::vector<Asked>& asked_;
  Choice choice_;
  Schema schema_;
};

void Linter::judge(const Script& script, const Section& section) {
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
                  .lock_orders = &lock_orders_,
                  .schema = schema_,
                  .paths = paths_};
  for (const Statement& statement : section.statements) {
    context.is_in_block = statement.origin == Origin::block;
    const bool runs_later = statement.origin == Origin::function;
    context.is_online = statement.is_shadowed();
    context.was_begun = context.has_begin;
    if (section.begins_step(statement)) end_transaction(context);
    if (!runs_later && (!context.shares_transaction() || statement.runs_alone())) {
      const bool has_begin = context.has_begin;
      end_transaction(context); // Nothing is held of what ran before.
      context.has_begin = has_begin;
    }
    const std::vector<Change>& changes = statement.changes;
    std::vector<Effect> effects;
    for (const Change& change : changes) {
      if (context.is_online) break; // The runner takes short locks by itself, and retries.
      std::ranges::move(effects_of(change, context), std::back_inserter(effects));
    }
    context.created = created_;
    context.changed = changed_;
    Subject subject{.statement = statement,
                    .changes = changes,
                    .effects = effects,
                    .context = context,
                    .kinds = postgres::kinds_in(statement.root)};
    for (const Change& change : changes)
      subject.rows.push_back(lock_row_of(change, context));
    for (const std::size_t place : choice_.of(subject.kinds)) {
      Asked& each = asked_[place];
      if (section.is_down && !each.rule->judges_down) continue;
      // What a function does when it is called is for the rules about queries.
      if (runs_later && each.rule->group != Group::query) continue;
      if (!section.query.empty() && each.rule->is_about_migrations) continue;
      TextSink out(each.sink, script);
      each.rule->statement(subject, out);
    }
    if (runs_later) continue;
    keep(context, statement, changes, effects);
    if (statement.is_batched() || context.is_online) end_transaction(context);
  }
  for (Asked& each : asked_) {
    if (each.rule->section == nullptr || (section.is_down && !each.rule->judges_down)) continue;
    if (!section.query.empty() && each.rule->is_about_migrations) continue;
    TextSink out(each.sink, script);
    each.rule->section(context, out);
  }
}

void Linter::end_transaction(Context& context) {
  context.has_begin = false;
  context.locks.clear();
  context.created_in_transaction.clear();
  context.added_in_transaction.clear();
  context.changes_in_transaction.clear();
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

void Linter::keep(Context& context, const Statement& statement, const std::vector<Change>& changes,
                  const std::vector<Effect>& effects) {
  for (const Effect& effect : effects) {
    lock_orders_.add(context, effect, statement.begin);
    context.locks.push_back(
        {.relation = effect.relation, .mode = effect.mode, .offset = statement.begin});
    if (!blocks_writes(effect.mode) || !context.is_in_use(effect.relation)) continue;
    if (!context.first_strong_lock) context.first_strong_lock = statement.begin;
    context.last_strong_lock = statement.begin;
  }
  for (const Change& change : changes) {
    if (change.operation == Operation::transaction)
      keep_transaction(context, statement, change.node);
    if (change.operation == Operation::set)
      context.settings.push_back(setting_of(change, statement));
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
    const bool creates = change.operation == Operation::create_table ||
                         change.operation == Operation::create_table_as ||
                         change.operation == Operation::create_partition_of;
    if (creates) context.created_in_transaction.push_back(change.relation);
    if (change.relation && !acts_on_rows(change.operation) &&
        std::ranges::find(changed_, change.relation) == changed_.end())
      changed_.push_back(change.relation);
    if (change.operation == Operation::create_view ||
        change.operation == Operation::create_sequence)
      created_.push_back(change.relation);
    const bool adds_unvalidated = (change.operation == Operation::add_check ||
                                   change.operation == Operation::add_foreign_key) &&
                                  change.node.flag("skip_validation");
    if (adds_unvalidated)
      context.added_in_transaction.push_back(
          fmt::format("{}.{}", change.relation.text(), change.name));
    if (change.operation != Operation::transaction)
      context.changes_in_transaction.push_back(change);
    context.schema.apply(change);
  }
}

void add_to(Report& report, Asked& asked, IgnoreMarks& marks) {
  for (const std::string& reason : asked.sink.skipped())
    report.skipped.push_back({std::string(asked.card->id), reason});
  bool says_nothing = asked.sink.skipped().empty();
  for (Finding& finding : asked.sink.found()) {
    says_nothing = false;
    if (!finding.severity) finding.severity = asked.card->severity;
    if (auto reason = marks.reason_of(finding, asked.card)) {
      report.set_aside.push_back({std::move(finding), *std::move(reason)});
    } else {
      report.findings.push_back(std::move(finding));
    }
  }
  if (says_nothing) report.passed.emplace_back(asked.card->id);
}

/// The worst first, then by place. Findings are big: their order is found before they are moved,
/// and each is moved once.
void sort_by_place(std::vector<Finding>& findings) {
  std::vector<std::size_t> from(findings.size());
  std::iota(from.begin(), from.end(), std::size_t{0});
  std::ranges::stable_sort(from, [&](std::size_t left, std::size_t right) {
    const Finding& a = findings[left];
    const Finding& b = findings[right];
    if (a.severity != b.severity) return a.severity > b.severity;
    if (const int files = a.file.compare(b.file); files != 0) return files < 0;
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  for (std::size_t start = 0; start < from.size(); ++start) {
    if (from[start] == start) continue;
    Finding held = std::move(findings[start]);
    std::size_t to = start;
    while (from[to] != start) {
      findings[to] = std::move(findings[from[to]]);
      to = std::exchange(from[to], to);
    }
    findings[to] = std::move(held);
    from[to] = to;
  }
}

/// The first of the files: up to so many bytes, or one. A thread for each file would cost more
/// than a small file does.
std::future<std::vector<Script>> begin_reading(std::span<const File> files) {
  constexpr std::size_t kBytesMax = std::size_t{512} * 1024;
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < files.size() && (count == 0 || bytes < kBytesMax); ++count)
    bytes += files[count].text.size();
  return std::async(std::launch::async, [files = files.first(count)] {
    std::vector<Script> scripts;
    scripts.reserve(files.size());
    for (const File& file : files)
      scripts.push_back(Script::read(file.path, file.text));
    return scripts;
  });
}

} // namespace

void TextSink::add(std::size_t offset, Finding finding) {
  const Script::Place place = script_->place_of(offset);
  finding.file = script_->path();
  finding.line = place.line;
  finding.column = place.column;
  finding.source_line = script_->line_at(place.line);
  sink_->add(std::move(finding));
}

void TextSink::skip(std::string reason) {
  if (std::ranges::find(sink_->skipped(), reason) == sink_->skipped().end())
    sink_->skip(std::move(reason));
}

std::vector<const Rule*> all_rules(std::span<const Rule* const> shared) {
  std::vector<const Rule*> cards;
  for (const TextRule* const rule : text_rules())
    cards.push_back(card_of(*rule, shared));
  std::ranges::stable_sort(cards, {}, [](const Rule* card) { return card->area; });
  return cards;
}

base::Result<Report> lint(std::span<const File> files, const Options& options) {
  const std::vector<const Rule*> cards = all_rules(options.shared);
  PGKEEP_CHECK(check_known(options.only, cards));
  PGKEEP_CHECK(check_known(options.skip, cards));
  const auto names = [&](const std::vector<std::string>& words, const Rule& card) {
    return std::ranges::any_of(
        words, [&](const std::string& word) { return word == card.id || has_alias(card, word); });
  };
  std::vector<Asked> asked;
  for (const TextRule* const rule : text_rules()) {
    const Rule* const card = card_of(*rule, options.shared);
    const bool is_wanted =
        options.only.empty() ? rule->group != Group::taste : names(options.only, *card);
    if (is_wanted && !names(options.skip, *card))
      asked.push_back({.rule = rule, .card = card, .sink = Sink(*card)});
  }
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const File& file : files)
    paths.push_back(file.path);
  PGKEEP_ASSERT(asked.size() <= kRulesMax);
  Linter linter(options, paths, asked);
  IgnoreMarks marks;
  // Some files are parsed while those before are judged; no more than twice as many are held.
  std::future<std::vector<Script>> reading = begin_reading(files);
  while (!files.empty()) {
    const std::vector<Script> scripts = reading.get();
    files = files.subspan(scripts.size());
    reading = begin_reading(files);
    for (const Script& script : scripts) {
      linter.read(script);
      marks.add(script);
    }
  }
  Report report;
  report.target = base::Json{{"files", static_cast<std::int64_t>(paths.size())}};
  report.title = fmt::format("{} {}", paths.size(), paths.size() == 1 ? "file" : "files");
  if (options.database == nullptr)
    report.notes.push_back(
        fmt::format("no database was given: PostgreSQL {} is assumed, and every table "
                    "that these files do not create counts as large and in use",
                    options.server_major));
  if (const int count = linter.named_queries(); count > 0 && !options.prepare)
    report.notes.push_back(fmt::format("{} named {} not prepared: give a server with --database",
                                       count, count == 1 ? "query was" : "queries were"));
  std::size_t found = 0;
  for (Asked& each : asked)
    found += each.sink.found().size();
  report.findings.reserve(found);
  for (Asked& each : asked) {
    report.rules.push_back(each.card);
    add_to(report, each, marks);
  }
  marks.add_findings(report);
  sort_by_place(report.findings);
  return report;
}

} // namespace pgkeep::lint
