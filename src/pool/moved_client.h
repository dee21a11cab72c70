/// A client that goes on in another process: what must be known of it there, and under which number
/// it asks for a cancellation.
///
/// In an online restart (takeover.h) a client that is between two transactions goes to the new
/// process as one message with its socket. It notices nothing: its parameters, its settings and its
/// prepared statements go along, and what it has said meanwhile waits in the kernel. Clients with
/// TLS, and those that listen, stay where they are until they leave.
///
/// Private to src/pool. Threads: MovedKeys any; the rest are plain values. Source: unix(7)
/// (SCM_RIGHTS); what PgBouncer's SHOW FDS hands over.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "pool/address.h"
#include "pool/cancel_key.h"
#include "wire/scram.h"
#include "wire/session_state.h"

namespace pgkeep::pool {

struct MovedClient {
  using Texts = std::vector<std::pair<std::string, std::string>>;

  std::string database;  ///< As the client calls it.
  std::string pool_user; ///< At the server.
  std::string user;
  Peer peer;
  CancelKey key; ///< That it was told.
  std::int64_t connected_at = 0;
  Texts parameters; ///< The tracked ones, by name.
  Texts statements; ///< What it calls them, and their text with types, as in Parse.
  std::optional<wire::SessionSettings> session;
  std::optional<std::set<std::string>> custom;
  std::optional<wire::ScramClientKeys> keys; ///< With these two its pool logs in to servers.
  base::Secret secret;
};

/// Between two processes of the same version or others that know this form of the message.
std::string message_of(const MovedClient& client);
/// None: it is no such message, or of a form that is not known here.
std::optional<MovedClient> moved_client_of(std::string_view message);

/// Where clients are that came from another process and were told their number there.
class MovedKeys {
public:
  struct Place {
    int loop = 0;
    std::uint32_t slot = 0;
    std::uint64_t id = 0; ///< Of the client.
  };
  void add(CancelKey key, Place place);
  void remove(CancelKey key);
  [[nodiscard]] std::optional<Place> find(CancelKey key) const;

private:
  using Key = std::pair<std::uint32_t, std::uint32_t>;
  mutable std::mutex mutex_; // guards places_
  std::map<Key, Place> places_;
  std::atomic<bool> is_used_{false}; ///< Else nobody need look.
};

} // namespace pgkeep::pool
