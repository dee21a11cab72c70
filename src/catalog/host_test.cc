#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/files.h"
#include "catalog/host.h"
#include "catalog/host_sources.h"

namespace pgkeep::catalog {
namespace {

namespace fs = std::filesystem;

/// A folder that looks like the root of a machine, removed at the end.
class Machine {
public:
  Machine() {
    std::string name = (fs::temp_directory_path() / "pgkeep_host_XXXXXX").string();
    root_ = ::mkdtemp(name.data()) == nullptr ? fs::path{} : fs::path(name);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() {
    std::error_code ignored;
    if (!root_.empty()) fs::remove_all(root_, ignored);
  }
  void put(const char* path, std::string_view text) const {
    fs::create_directories((root_ / path).parent_path());
    ASSERT_TRUE(base::write_file_durably(root_ / path, text).has_value());
  }
  [[nodiscard]] const fs::path& root() const { return root_; }

private:
  fs::path root_;
};

void put_plain_machine(const Machine& machine) {
  machine.put("proc/meminfo", "MemTotal:       16384000 kB\nMemFree: 1 kB\nHugePages_Total:     "
                              "512\nHugePages_Free:      100\n");
  machine.put(
      "proc/cpuinfo",
      "processor\t: 0\nmodel name\t: x\n\nprocessor\t: 1\n\nprocessor\t: 2\n\nprocessor\t: 3\n");
  machine.put("proc/self/cgroup", "0::/\n");
  machine.put("proc/1/cgroup", "0::/init.scope\n");
  machine.put("proc/sys/vm/overcommit_memory", "2\n");
  machine.put("proc/sys/vm/swappiness", "10\n");
  machine.put("proc/sys/net/ipv4/tcp_keepalive_time", "7200\n");
  machine.put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
}

TEST(Host, PlainMachine) {
  const Machine machine;
  put_plain_machine(machine);
  const Host host = read_host_files(machine.root());
  EXPECT_EQ(host.ram_bytes, 16384000LL * 1024);
  EXPECT_EQ(host.cores, 4);
  EXPECT_EQ(host.huge_pages_total, 512);
  EXPECT_EQ(host.huge_pages_free, 100);
  EXPECT_EQ(host.overcommit_memory, 2);
  EXPECT_EQ(host.swappiness, 10);
  EXPECT_EQ(host.tcp_keepalive_time_s, 7200);
  EXPECT_EQ(host.transparent_huge_pages, "madvise");
  EXPECT_FALSE(host.is_container);
}

TEST(Host, NothingReadableIsUnknown) {
  const Machine machine;
  const Host host = read_host_files(machine.root());
  EXPECT_EQ(host.ram_bytes, 0);
  EXPECT_EQ(host.cores, 0);
  EXPECT_EQ(host.overcommit_memory, -1);
  EXPECT_EQ(host.swappiness, -1);
  EXPECT_EQ(host.transparent_huge_pages, "");
}

TEST(Host, LimitsOfControlGroupsVersion2Count) {
  const Machine machine;
  put_plain_machine(machine);
  machine.put("proc/self/cgroup", "0::/system.slice/postgresql.service\n");
  machine.put("sys/fs/cgroup/system.slice/postgresql.service/memory.max", "max\n");
  machine.put("sys/fs/cgroup/system.slice/postgresql.service/cpu.max", "150000 100000\n");
  machine.put("sys/fs/cgroup/system.slice/memory.max", "2147483648\n");
  machine.put("sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
  const Host host = read_host_files(machine.root());
  EXPECT_EQ(host.ram_bytes, 2147483648LL) << "the smallest limit on the way up";
  EXPECT_EQ(host.cores, 2) << "1.5 cores are two threads";
}

TEST(Host, LimitsAboveTheMachineChangeNothing) {
  const Machine machine;
  put_plain_machine(machine);
  machine.put("sys/fs/cgroup/memory.max", "999999999999999\n");
  machine.put("sys/fs/cgroup/cpu.max", "6400000 100000\n");
  const Host host = read_host_files(machine.root());
  EXPECT_EQ(host.ram_bytes, 16384000LL * 1024);
  EXPECT_EQ(host.cores, 4);
}

TEST(Host, LimitsOfControlGroupsVersion1Count) {
  const Machine machine;
  put_plain_machine(machine);
  machine.put("proc/self/cgroup",
              "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/docker/abc\n");
  machine.put("proc/1/cgroup", "5:memory:/docker/abc\n");
  // Inside the container only the top of its own tree is seen.
  machine.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
  machine.put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
  machine.put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  const Host host = read_host_files(machine.root());
  EXPECT_EQ(host.ram_bytes, 1073741824LL);
  EXPECT_EQ(host.cores, 1) << "half a core is one thread";
  EXPECT_TRUE(host.is_container);
}

TEST(Host, ThisMachineAndItsDisks) {
  const Machine machine;
  fs::create_directories(machine.root() / "pg_wal");
  fs::create_directories(machine.root() / "pg_tblspc" / "16500");
  const Host host = read_host(machine.root().string());
  EXPECT_GT(host.ram_bytes, 64LL * 1024 * 1024);
  EXPECT_GE(host.cores, 1);
  ASSERT_EQ(host.disks.size(), 3U);
  EXPECT_EQ(host.disks[0].role, "data");
  EXPECT_EQ(host.disks[1].role, "wal");
  EXPECT_EQ(host.disks[2].role, "tablespace 16500");
  for (const Disk& disk : host.disks) {
    EXPECT_GT(disk.total_bytes, 0);
    EXPECT_LE(disk.free_bytes, disk.total_bytes);
    EXPECT_TRUE(disk.path.starts_with(fs::canonical(machine.root()).string()));
  }
  EXPECT_GE(host.clock_synchronised, -1);
  EXPECT_EQ(host.server_stderr, "") << "no server runs there";
}

TEST(Host, StderrOfTheServer) {
  const Machine machine;
  // This process stands for a postmaster.
  machine.put("postmaster.pid", std::to_string(::getpid()) + "\n/data\n");
  const std::string where = read_host(machine.root().string()).server_stderr;
  const std::string target = fs::read_symlink("/proc/self/fd/2").string();
  if (target.starts_with("pipe:")) {
    EXPECT_EQ(where, "pipe");
  } else if (target == "/dev/null") {
    EXPECT_EQ(where, "null");
  } else {
    EXPECT_FALSE(where.empty());
  }
}

TEST(Host, NoDataFolderNoDisks) {
  EXPECT_TRUE(read_host("").disks.empty());
}

} // namespace
} // namespace pgkeep::catalog
