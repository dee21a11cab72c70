#include "base/cores.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace pgkeep::base {

int allowed_cores() {
  cpu_set_t allowed{};
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return CPU_COUNT(&allowed);
  // There are more than fit.
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

} // namespace pgkeep::base
