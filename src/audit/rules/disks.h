/// Which disk a rule means. Private to audit/rules.
#pragma once

#include "catalog/snapshot.h"

namespace pgkeep::audit {

/// The disk that holds pg_wal: its own, else the data folder's. Null where the host is not known.
inline const catalog::Disk* wal_disk(const catalog::Snapshot& db) {
  if (!db.outside.host) return nullptr;
  const catalog::Disk* data = nullptr;
  for (const catalog::Disk& disk : db.outside.host->disks) {
    if (disk.role == "wal") return &disk;
    if (disk.role == "data") data = &disk;
  }
  return data;
}

} // namespace pgkeep::audit
