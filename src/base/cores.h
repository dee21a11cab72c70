/// How many processors there are for this process.
///
/// Threads: any. Source: sched_getaffinity(2).
#pragma once

namespace pgkeep::base {

/// Those that it may run on, at least 1: std::thread::hardware_concurrency() counts all that are
/// online, under `taskset` and in a cpuset as well.
int allowed_cores();

} // namespace pgkeep::base
