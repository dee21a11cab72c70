/// Clients that replicate (walreceivers, pg_basebackup, subscriptions): each has a server of its
/// own, which is opened for it and closed with it, and counts in pool_size.
///
/// Private to src/pool; plain values. Source: PostgreSQL manual, protocol-replication; PgBouncer
/// 1.25 (since 1.23 it lets them through).
#pragma once

#include <string>
#include <string_view>

namespace pgkeep::pool {

struct Client;
struct ServerIdentity;
class TrackedNames;

enum class Replication : unsigned char { none, logical, physical };
/// Of the startup parameter "replication": "database", or a boolean as the server reads them. As in
/// PgBouncer what is neither is none.
Replication replication_of(std::string_view value);
std::string_view name_of(Replication kind); ///< "no", "database", "yes".

struct ReplicationWish {
  Replication kind = Replication::none;
  std::string options; ///< Of the startup packet, as it came.
};

/// What the client's server is told at its start: a physical one takes no SET later.
void become_replication(ServerIdentity& identity, const Client& client, const TrackedNames& names);

} // namespace pgkeep::pool
