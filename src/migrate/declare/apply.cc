// Batches and shadow tables are the tracer's, which knows how; it looks at every relation for every
// statement, which is too slow for the thousands of a whole folder.
#include "migrate/declare/apply.h"

#include "base/interrupt.h"
#include "migrate/polite.h"
#include "migrate/runner.h"
#include "migrate/steps.h"
#include "migrate/trace.h"
#include "sandbox/like.h"

namespace pgkeep::migrate::declaring {
namespace {

base::Result<> run_statements(postgres::Connection& work, const Step& step) {
  for (const StepStatement& each : step.statements) {
    base::Result<> done;
    if (each.data) {
      const auto copied = work.copy_in(each.sql, *each.data);
      if (!copied) done = copied.error();
    } else {
      done = work.execute(each.sql);
    }
    if (!done)
      return base::with_where(std::move(done).error(),
                              migrate::place_in(each, work.last_error_position()));
  }
  return {};
}

base::Result<> run_step(Servers& servers, const Step& step) {
  if (step.kind == StepKind::batch || step.kind == StepKind::shadow) {
    Tracer tracer(servers, nullptr);
    PGKEEP_CHECK(tracer.begin({}));
    PGKEEP_CHECK(tracer.run(step));
    return {};
  }
  if (step.kind == StepKind::alone) return run_statements(servers.work, step);
  PGKEEP_CHECK(servers.work.execute("BEGIN"));
  auto done = run_statements(servers.work, step);
  PGKEEP_CHECK(servers.work.execute(done ? "COMMIT" : "ROLLBACK"));
  return done;
}

} // namespace

base::Result<> apply_source(const sandbox::Sandbox& server, const std::string& database,
                            const Source& source) {
  PGKEEP_TRY(Servers servers, open_servers(server.conninfo(database)));
  PGKEEP_TRY(const std::vector<Step> steps,
             steps_of(source, nullptr, servers.work.version().major()));
  sandbox::MissingRoles roles(server);
  for (const Step& step : steps) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    PGKEEP_CHECK(roles.run([&] { return run_step(servers, step); }));
  }
  return {};
}

} // namespace pgkeep::migrate::declaring
