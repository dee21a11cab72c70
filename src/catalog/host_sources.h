/// Reads a machine's facts below a root folder: "/" for this machine, a folder of copied files in
/// tests. Private to src/catalog. Thread-safety: pure but for the files that it reads. Sources:
/// Linux kernel documentation, cgroup-v2 (memory.max, cpu.max), cgroup-v1 memory and cpu
/// (memory.limit_in_bytes, cpu.cfs_quota_us), sysctl/vm, admin-guide/mm/transhuge; proc(5).
#pragma once

#include <filesystem>
#include <string>

#include "catalog/host.h"

namespace pgkeep::catalog {

/// RAM, cores, kernel settings; no disks and no clock, which are not files.
Host read_host_files(const std::filesystem::path& root);

} // namespace pgkeep::catalog
