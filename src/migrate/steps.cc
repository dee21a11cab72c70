#include "migrate/steps.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::migrate {
namespace {

using lint::Statement;
using postgres::Node;

constexpr std::size_t kTitleColumns = 72;

base::Error bad_place(const Source& source, std::size_t offset, std::string what,
                      std::string expected) {
  const lint::Script::Place place = source.script->place_of(offset);
  return {.code = base::Code::config,
          .what = std::move(what),
          .where = fmt::format("{}:{}:{}", place.path, place.line, place.column),
          .expected = std::move(expected)};
}

/// The Script blanks what only psql understands: nothing of a file may be left out silently.
base::Result<> check_is_sql(const Source& source) {
  if (!source.refused.empty()) return source.refused.front();
  return {};
}

bool reads_stdin(const Node& root) {
  return root.is("CopyStmt") && root.flag("is_from") && !root.flag("is_program") &&
         root.text("filename").empty();
}

bool has_option(const Node& root, std::string_view list, std::string_view name) {
  return std::ranges::any_of(root.nodes(list), [&](const Node& option) {
    if (option.text("defname") != name) return false;
    const Node value = option.node("arg");
    const std::string_view word = value.is("String") ? value.text("sval") : "";
    return word != "false" && word != "off";
  });
}

/// How the runner ends and begins transactions by what the file says.
enum class Boundary : std::uint8_t { none, end, refused };

Boundary boundary_of(const Node& root) {
  if (!root.is("TransactionStmt")) return Boundary::none;
  const std::string_view kind = root.name("kind");
  const bool is_plain =
      kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START" || kind == "TRANS_STMT_COMMIT";
  return is_plain ? Boundary::end : Boundary::refused;
}

class Cutter {
public:
  explicit Cutter(const Source& source) : source_(source) {}

  base::Result<> add(const lint::StatementLocks& locks) {
    const Statement& statement = *locks.statement;
    const std::vector<lint::Directive> directives =
        lint::directives_above(source_.script->text(), statement.begin);
    if (lint::find_directive(directives, "step") != nullptr) end_step();
    const Boundary boundary = boundary_of(statement.root);
    if (boundary == Boundary::refused)
      return bad_place(source_, statement.begin, "the runner begins and ends transactions itself",
                       "BEGIN and COMMIT alone, or `-- pgkeep:step` where a transaction ends");
    if (boundary == Boundary::end) {
      end_step();
      return {};
    }
    StepStatement fresh = statement_of(source_, statement);
    fresh.locks = locks.effects;
    fresh.is_unknown = locks.is_unknown;
    if (reads_stdin(statement.root) && !fresh.data)
      return bad_place(source_, statement.begin, "the data of COPY is missing",
                       "its lines below the statement, and \\. on a line of its own behind them");
    if (statement.is_shadow_partition) {
      steps_.back().statements.push_back(std::move(fresh));
      return {};
    }
    // SQL would make a new table; the runner swaps the one of that name.
    if (statement.makes_partitions())
      fresh.locks.push_back({.relation = lint::relation_of(statement.root.node("relation")),
                             .mode = lint::LockMode::access_exclusive});
    for (const char* const name : {"batch", "shadow"}) {
      const lint::Directive* const directive = lint::find_directive(directives, name);
      if (directive == nullptr) continue;
      PGKEEP_CHECK(check_directive(*directive, statement));
      const bool is_batch = directive->name == "batch";
      push_alone(is_batch ? StepKind::batch : StepKind::shadow, std::move(fresh), *directive);
      return {};
    }
    // A new label of an enum cannot be used in the transaction that adds it.
    if (runs_alone(statement.root)) {
      push_alone(StepKind::alone, std::move(fresh), {});
    } else if (statement.root.is("AlterEnumStmt")) {
      push_alone(StepKind::transaction, std::move(fresh), {});
    } else {
      if (!is_open_) steps_.push_back({.kind = StepKind::transaction, .statements = {}});
      is_open_ = true;
      steps_.back().statements.push_back(std::move(fresh));
    }
    return {};
  }

  void end_step() { is_open_ = false; }
  std::vector<Step> take() { return std::move(steps_); }

private:
  base::Result<> check_directive(const lint::Directive& directive, const Statement& statement) {
    const bool is_batch = directive.name == "batch";
    const bool fits = is_batch ? statement.root.is("UpdateStmt") || statement.root.is("DeleteStmt")
                               : statement.is_shadowed();
    if (fits) return {};
    return bad_place(source_, directive.offset,
                     fmt::format("pgkeep:{} does not fit the statement below it", directive.name),
                     is_batch
                         ? "an UPDATE or DELETE"
                         : "an ALTER TABLE, or CREATE TABLE t (LIKE t INCLUDING ALL) PARTITION BY");
  }

  void push_alone(StepKind kind, StepStatement statement, lint::Directive directive) {
    Step step{.kind = kind, .statements = {}, .directive = std::move(directive)};
    step.statements.push_back(std::move(statement));
    steps_.push_back(std::move(step));
    is_open_ = false;
  }

  const Source& source_;
  std::vector<Step> steps_;
  bool is_open_ = false; ///< The last step is a transaction that takes more.
};

} // namespace

std::string_view name_of(StepKind kind) noexcept {
  constexpr std::string_view names[] = {"transaction", "alone", "batch", "shadow"};
  return names[static_cast<std::size_t>(kind)];
}

std::string Step::title() const {
  if (statements.empty()) return {};
  std::string_view shown = base::trim(statements.front().shown);
  const bool has_secret = holds_secret(statements.front().statement->root);
  if (has_secret) shown = shown.substr(0, shown.find_first_of("'$"));
  std::string first;
  for (const char c : shown) {
    const bool is_blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!is_blank || !first.ends_with(' ')) first += is_blank ? ' ' : c;
  }
  if (has_secret) first += "...";
  const std::string words = base::ellipsize(base::printable(first), kTitleColumns);
  return statements.size() == 1 ? words
                                : fmt::format("{} and {} more", words, statements.size() - 1);
}

lint::LockMode Step::strongest_lock() const {
  lint::LockMode strongest = lint::LockMode::none;
  for (const StepStatement& statement : statements) {
    if (statement.is_unknown) return lint::LockMode::access_exclusive;
    for (const lint::Effect& effect : statement.locks)
      strongest = std::max(strongest, effect.mode);
  }
  return strongest;
}

StepStatement statement_of(const Source& source, const Statement& statement) {
  const lint::Script& script = *source.script;
  const lint::Script::Place place = script.place_of(statement.begin);
  return {.sql = std::string(base::trim(script.sql_of(statement))),
          .shown = script.shown(statement.begin, statement.end),
          .where = fmt::format("{}:{}:{}", place.path, place.line, place.column),
          .statement = &statement,
          .script = &script,
          .data = script.data_of(statement)};
}

bool runs_alone(const Node& root) {
  if (root.is("IndexStmt") || root.is("DropStmt")) return root.flag("concurrent");
  if (root.is("VacuumStmt")) return root.flag("is_vacuumcmd");
  if (root.is("ReindexStmt")) {
    const std::string_view kind = root.name("kind");
    return kind == "REINDEX_OBJECT_SCHEMA" || kind == "REINDEX_OBJECT_SYSTEM" ||
           kind == "REINDEX_OBJECT_DATABASE" || has_option(root, "params", "concurrently");
  }
  if (root.is("ClusterStmt")) return !root.node("relation");
  if (root.is("AlterTableStmt")) {
    return std::ranges::any_of(root.nodes("cmds"), [](const Node& command) {
      const Node definition = command.node("def");
      if (!definition.is("PartitionCmd")) return false;
      return definition.flag("concurrent") ||
             command.name("subtype") == "AT_DetachPartitionFinalize";
    });
  }
  constexpr std::string_view alone[] = {"CreatedbStmt",          "DropdbStmt",
                                        "AlterSystemStmt",       "CreateTableSpaceStmt",
                                        "DropTableSpaceStmt",    "CreateSubscriptionStmt",
                                        "AlterSubscriptionStmt", "DropSubscriptionStmt"};
  return std::ranges::any_of(alone, [&](std::string_view kind) { return root.is(kind); });
}

bool holds_secret(const Node& root) {
  const bool is_role = root.is("CreateRoleStmt") || root.is("AlterRoleStmt");
  if (!is_role)
    return root.is("CreateUserMappingStmt") || root.is("AlterUserMappingStmt") ||
           root.is("CreateSubscriptionStmt") || root.is("AlterSubscriptionStmt");
  return std::ranges::any_of(root.nodes("options"), [](const Node& option) {
    return option.text("defname") == "password";
  });
}

bool sets_session(const Node& root) {
  return root.is("VariableSetStmt") && !root.flag("is_local");
}

base::Result<std::vector<Step>> steps_of(const Source& source, const catalog::Snapshot* database,
                                         int server_major) {
  PGKEEP_CHECK(check_is_sql(source));
  Cutter cutter(source);
  for (const lint::Section* section : source.sections()) {
    cutter.end_step();
    for (const lint::StatementLocks& locks :
         lint::locks_of(*source.script, *section, database, server_major))
      PGKEEP_CHECK(cutter.add(locks));
  }
  return cutter.take();
}

} // namespace pgkeep::migrate
