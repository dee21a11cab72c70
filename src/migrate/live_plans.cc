#include "migrate/live_plans.h"

#include <algorithm>

#include "base/text.h"

namespace pgkeep::migrate {
namespace {

constexpr std::chrono::milliseconds kStatementLimit{30'000};

bool is_select(const postgres::Node& root) {
  return root.is("SelectStmt");
}
bool makes_table(const postgres::Node& root) {
  return root.is("CreateTableAsStmt") || (is_select(root) && root.node("into_clause"));
}
/// A query over tables, or a change of rows.
bool has_plan(const postgres::Node& root) {
  return (is_select(root) && !root.nodes("from_clause").empty()) || root.is("InsertStmt") ||
         root.is("UpdateStmt") || root.is("DeleteStmt") || root.is("MergeStmt") ||
         root.is("CreateTableAsStmt");
}
/// What it changes is rows.
bool is_of_rows(const postgres::Node& root) {
  return has_plan(root) && !is_select(root) && !makes_table(root);
}
/// It may fail for want of rows or of a transaction, and the schema is the same without it.
bool may_fail(const postgres::Node& root) {
  return (is_select(root) && !makes_table(root)) || root.is("DoStmt") || root.is("CallStmt") ||
         root.is("LockStmt") || root.is("ConstraintsSetStmt") || root.is("TransactionStmt");
}

/// For a session: what was set for one transaction there counts for several here.
std::string for_session(std::string sql) {
  constexpr std::string_view local = "local ";
  const auto at = std::ranges::search(sql, local, {}, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c == '\n' ? ' ' : c;
  });
  constexpr std::ptrdiff_t begin_max = 16; // "SET LOCAL ..."
  if (!at.empty() && at.begin() - sql.begin() < begin_max)
    sql.replace(at.begin(), at.end(), "SESSION ");
  return sql;
}

/// A plan without a scan says nothing: INSERT ... VALUES.
bool has_scan(const std::vector<std::string>& plan) {
  return std::ranges::any_of(
      plan, [](const std::string& line) { return line.find("Scan ") != std::string::npos; });
}

} // namespace

std::vector<std::string> LivePlans::settings() const {
  std::vector<std::string> all = session_;
  all.insert(all.end(), local_.begin(), local_.end());
  return all;
}

base::Result<> LivePlans::answer() {
  if (asked_.empty()) return {};
  std::vector<std::string> statements;
  statements.reserve(asked_.size());
  for (const Asked& each : asked_)
    statements.push_back(each.sql);
  std::vector<std::vector<std::string>> plans(statements.size());
  if (!is_lost_) {
    PGKEEP_TRY(plans, room_.explain(settings(), statements));
  }
  for (std::size_t i = 0; i < plans.size(); ++i) {
    TracedStatement& statement = *asked_[i].statement;
    if (plans[i].empty()) {
      statement.notes.emplace_back("its plan at the live size is not known");
    } else if (has_scan(plans[i])) {
      statement.live_plan = std::move(plans[i]);
    }
  }
  asked_.clear();
  return {};
}

base::Result<> LivePlans::run(const StepStatement& statement) {
  PGKEEP_TRY(postgres::Connection model,
             postgres::Connection::open(server_.conninfo(room_.model()),
                                        {.application_name = "pgkeep/model",
                                         .read_only = false,
                                         .statement_limit = kStatementLimit,
                                         .lock_limit = std::nullopt,
                                         .own_search_path = false,
                                         .idle_limit = std::nullopt}));
  for (const std::string& each : settings())
    static_cast<void>(model.execute(each));
  const auto done = model.execute(statement.sql);
  if (done) return {};
  if (done.error().code == base::Code::unreachable) return done.error();
  if (!may_fail(statement.statement->root)) is_lost_ = true;
  return {};
}

base::Result<> LivePlans::follow_step(const Step& step, TracedStep& traced) {
  local_.clear();
  for (std::size_t i = 0; i < step.statements.size(); ++i) {
    const StepStatement& statement = step.statements[i];
    const postgres::Node& root = statement.statement->root;
    if (root.is("VariableSetStmt") || sets_session(root)) {
      PGKEEP_CHECK(answer());
      (sets_session(root) ? session_ : local_).push_back(for_session(statement.sql));
      continue;
    }
    if (has_plan(root) && step.kind != StepKind::batch && i < traced.statements.size())
      asked_.push_back({.sql = statement.sql, .statement = &traced.statements[i]});
    if (is_of_rows(root) || root.is("CopyStmt")) continue;
    PGKEEP_CHECK(answer());
    PGKEEP_CHECK(run(statement));
  }
  return answer();
}

base::Result<> LivePlans::follow(const std::vector<Step>& steps, std::vector<TracedStep>& traced) {
  session_.clear();
  for (std::size_t i = 0; i < steps.size() && i < traced.size(); ++i)
    PGKEEP_CHECK(follow_step(steps[i], traced[i]));
  return {};
}

} // namespace pgkeep::migrate
