#include "migrate/shadow.h"

namespace pgkeep::migrate {

base::Result<Outcome> run_shadow(Servers&, const PoliteStep& step, const StepKey&,
                                 const base::Json&, const Patience&) {
  return base::Error{.code = base::Code::unsupported,
                     .what = "shadow tables are not there yet",
                     .where = step.step.statements.front().where};
}

} // namespace pgkeep::migrate
