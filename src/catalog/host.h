/// Outside facts: what no SQL can tell. The caller fills them; rules may need them; absent ones are
/// skipped with the reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace pgkeep::catalog {

struct Disk {
  std::string role; ///< "data", "wal", "tablespace NAME".
  std::string path;
  std::int64_t total_bytes = 0;
  std::int64_t free_bytes = 0;
};

/// The machine on which the server runs.
struct Host {
  std::int64_t ram_bytes = 0;
  std::int32_t cores = 0;
  std::vector<Disk> disks;
  std::int32_t rotational =
      -1; ///< 1 spinning, 0 SSD, -1 unknown: of the disk below the data folder.
  std::int32_t overcommit_memory = -1; ///< vm.overcommit_memory.
  std::int32_t swappiness = -1;
  std::string transparent_huge_pages; ///< "always", "madvise", "never".
  std::int64_t huge_pages_total = 0;
  std::int64_t huge_pages_free = 0;
  bool is_container = false;
  std::int32_t clock_synchronised = -1; ///< 1 yes, 0 no, -1 unknown (adjtimex).
  std::int32_t tcp_keepalive_time_s = -1;
  std::string server_stderr; ///< Where the postmaster's stderr goes: "file", "pipe", "socket",
                             ///< "terminal", "null"; empty = unknown.
};

struct TlsProbe {
  bool handshake_done = false;
  std::string protocol; ///< "TLSv1.3".
  std::string subject;
  double not_before = 0; ///< Unix seconds.
  double not_after = 0;
  std::vector<std::string> names; ///< Subject alternative names.
  std::string error;              ///< Why there was no handshake.
};

/// Use of one index on one replica.
struct ReplicaIndexUse {
  std::string schema;
  std::string index;
  std::int64_t scans = 0;
};
struct ReplicaUse {
  bool confirmed_none = false; ///< The caller says that there is no replica.
  std::int32_t replicas = 0;
  double stats_since = 0; ///< The youngest of them.
  std::vector<ReplicaIndexUse> indexes;
};

struct BackupState {
  double newest_full = 0; ///< Unix seconds; 0 = none.
  double newest_drill = 0;
  std::string repository;
};

/// One pool of a pooler, as its admin console shows it (SHOW POOLS).
struct PoolerPool {
  std::string database;
  std::string user;
  std::string mode;                 ///< "session", "transaction", "statement".
  std::int64_t clients_waiting = 0; ///< cl_waiting.
  double max_wait_s = 0;            ///< Age of the oldest waiting client.
};
struct Pooler {
  std::string address;
  std::vector<PoolerPool> pools;
};

/// What a folder of source code shows.
struct MigrationFile {
  std::string path;
  bool has_down = false;
};
struct SecretInCode {
  std::string path;
  std::int32_t line = 0;
  std::string kind; ///< "password in a URL", "PASSWORD literal in SQL", "ENV in Dockerfile", ...
};
struct UnparameterisedQuery {
  std::string path;
  std::int32_t line = 0;
};
struct CodeRepository {
  std::string path;
  bool is_version_controlled = false;
  std::vector<MigrationFile> migrations;
  std::vector<SecretInCode> secrets;
  std::vector<UnparameterisedQuery> unparameterised;
  std::int32_t files_read = 0;
  std::vector<std::string> notes; ///< Caps reached.
};

struct Outside {
  std::optional<double> clock; ///< Unix seconds by which dated tables (end of life) are judged.
  std::optional<Host> host;
  std::optional<TlsProbe> tls;
  std::optional<ReplicaUse> replicas;
  std::optional<BackupState> backups;
  std::optional<CodeRepository> repository;
  std::optional<Pooler> pooler;
};

/// Reads this machine (only meaningful where the server runs here).
Host read_host(const std::string& data_directory);

/// Speaks SSLRequest to a server and looks at its certificate. Verifies nothing: it only looks.
/// Bounded by limit_ms.
TlsProbe probe_tls(const std::string& host, int port, int limit_ms);

/// Walks a folder of source code: migrations, files that may hold secrets. Bounded: 20,000 files, 1
/// MiB each.
base::Result<CodeRepository> read_code_repository(const std::string& path);

} // namespace pgkeep::catalog
