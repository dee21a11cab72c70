/// What the live planner would do with the statements of migrations that go up: their plans at the
/// live size. Private to src/migrate.
///
/// An empty model of the live database follows the migrations, statement by statement, each in a
/// transaction of its own; queries and changes of rows are planned in front of what comes after
/// them (sandbox/plans.h). No row is changed there. Of a statement that the model does not take,
/// all that comes after it has no plan, and a note says so. Batches have none: each is a range of
/// keys.
///
/// Threads: one. Errors: of the sandbox.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/steps.h"
#include "migrate/trace.h"
#include "sandbox/plans.h"
#include "sandbox/sandbox.h"

namespace pgkeep::migrate {

class LivePlans {
public:
  LivePlans(sandbox::Sandbox& server, sandbox::PlanRoom& room) : server_(server), room_(room) {}

  /// `traced`: the same steps, as they were rehearsed; they get their plans.
  base::Result<> follow(const std::vector<Step>& steps, std::vector<TracedStep>& traced);

private:
  struct Asked {
    std::string sql;
    TracedStatement* statement;
  };
  base::Result<> follow_step(const Step& step, TracedStep& traced);
  base::Result<> run(const StepStatement& statement);
  base::Result<> answer();
  [[nodiscard]] std::vector<std::string> settings() const;

  sandbox::Sandbox& server_;
  sandbox::PlanRoom& room_;
  std::vector<std::string> session_; ///< SET and the like, of the migration.
  std::vector<std::string> local_;   ///< Of the step.
  std::vector<Asked> asked_;         ///< Nothing was run since the first of them.
  bool is_lost_ = false;
};

} // namespace pgkeep::migrate
