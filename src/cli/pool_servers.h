/// Whether the servers behind a pooler have as many connections as its pools may ask for.
///
/// Threads: any; asks one server after the other, each for a few seconds at most.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pool/check.h"

namespace pgkeep::cli {

struct ServerLimit {
  std::string server;                     ///< "db1:5432", "/run/postgresql:5432".
  std::int64_t wanted = 0;                ///< By all pools.
  bool may_be_more = false;               ///< By pools that no file names.
  std::optional<std::int64_t> given = {}; ///< To whoever is no superuser.
  std::string problem = {};               ///< Why that is not known.
};
/// Of each server. Never an error: one that cannot be asked says so.
std::vector<ServerLimit> limits_of(const pool::Check& check);

/// "db1:5432 gives 97 connections, the pools may ask for 120: ..."; empty: it gives enough.
std::string warning_of(const ServerLimit& limit);

} // namespace pgkeep::cli
