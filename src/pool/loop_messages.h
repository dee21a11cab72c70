/// What threads tell a loop: by its mailbox, each message once, in the order of each sender.
///
/// Private to src/pool. Plain values; what they point to is kept alive by them or by the loop they
/// go to (a client and a server that are away wait for the message that brings them back). Threads:
/// a message belongs to whoever has it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "pool/census.h"
#include "pool/connection.h"
#include "pool/console_talk.h"
#include "pool/heir.h"
#include "pool/host_names.h"
#include "pool/moved_client.h"
#include "pool/pools.h"
#include "pool/regime.h"
#include "pool/tls_opening.h"

namespace pgkeep::pool {

/// Whoever asked for a cancellation: it learns by the end of its connection.
struct Asker {
  base::Fd fd = {};
  std::unique_ptr<TlsSession> tls = {};
  Peer peer = {};
  Micros connected_at = 0;
  std::uint64_t id = 0; ///< Of the client that it was.
};

/// Carries one cancel request to the server that runs the query.
struct Canceller final : Endpoint {
  Canceller() : Endpoint(Kind::cancel) {}
  Server* target = nullptr; ///< Null once it is closed.
  Asker asker;
  bool is_connected = false;
  std::unique_ptr<TlsOpening> opening; ///< Null: the request goes as it is.
  std::string request;                 ///< Empty once it is sent.
  Micros since = 0;
  std::int64_t peer = 0; ///< It goes to that peer; 0: to a server.
  std::uint64_t id = 0;
  std::shared_ptr<Pool> pool; ///< Of that server, which it may outlive. Null: it goes to a peer.
  SocketAddress address;
};

struct NewClient {
  base::Fd fd;
  Peer peer;
};
struct HandedServer {
  std::unique_ptr<Server> server;
  std::shared_ptr<Pool> pool;
};
struct WantedServer {
  std::shared_ptr<Pool> pool;
  int loop = 0;
  bool makes_room = false; ///< For another one, which only a client that replicates can use.
};
/// The answer where it is used after all.
struct NotLent {
  std::shared_ptr<Pool> pool;
  int loop = 0; ///< Which has none.
};
struct Welcomed {
  std::shared_ptr<Pool> pool;
};
/// Somebody waits in another loop for a place that an idle server here has.
struct WantedPlace {
  std::shared_ptr<Pool> pool;
  Pool::Room full{};
  bool is_to_listen = false; ///< Even one of the same pool gives way.
};
struct PlaceFree {}; ///< For which somebody waited.
struct Granted {     ///< The place of a server that another pool gave up.
  std::shared_ptr<Pool> pool;
};
struct LoginFailed {
  std::shared_ptr<Pool> pool;
  std::string text;
  std::string sqlstate;
};
struct CancelWish {
  Asker asker;
  std::uint32_t process = 0;
  std::string key;
  bool may_be_of_former = true; ///< Of a client that is still in the process before this one.
};
/// A request for a client of a peer.
struct PeerWish {
  std::int64_t peer = 0;
  Asker asker;
  std::string request = {};
  Micros since = 0;
};
/// The name of the peer was looked up.
struct PeerResolved {
  PeerWish wish;
  std::optional<SocketAddress> address = {}; ///< None: the name has none.
};
struct ClientWorked {
  Client* client = nullptr;
  std::unique_ptr<ClientLogin> login;
  ClientLogin::Step step;
};
struct ServerWorked {
  Server* server = nullptr;
  std::unique_ptr<ServerLogin> login;
  ServerLogin::Step step;
};
struct CancelWorked {
  Canceller* canceller = nullptr;
  std::unique_ptr<TlsOpening> opening;
  TlsOpening::Step step;
};
struct Resolved {
  Server* server = nullptr;
  HostNames::Addresses addresses;
};
/// A name has them no more.
struct AddressesGone {
  std::string host;
  HostNames::Addresses addresses;
};
/// What the files say now. Answered by Taken.
struct NewFiles {
  DirectoryPtr directory;
  std::uint64_t number = 0;
};
/// To the loop that listens by the pool's connection, and what it answers.
struct WantedChannel {
  std::shared_ptr<Pool> pool;
  std::string channel;
  int loop = 0;
  std::uint64_t wish = 0; ///< Its number; 0: that loop has nobody for it any more.
};
struct ChannelHeard {
  std::shared_ptr<Pool> pool;
  std::string channel;
  std::uint64_t wish = 0;
};
/// The server refused to listen to it.
struct ChannelRefused {
  std::shared_ptr<Pool> pool;
  std::string channel;
  std::uint64_t wish = 0;
  std::string error; ///< The body of its ErrorResponse.
};
struct Notified {
  std::shared_ptr<Pool> pool;
  std::shared_ptr<const std::string> message; ///< Of all the loops that it was sent to.
};
struct EarLost {
  enum class Cause : std::uint8_t {
    lost,
    failed, ///< It never was: its login was refused, or nobody was there.
    moved,  ///< Another pool's connection listens now.
  };
  std::shared_ptr<Pool> pool;
  Cause cause{};
  std::string reason = {};
};
/// From another process: see moved_client.h.
struct ClientToTake {
  MovedClient client;
  base::Fd fd;
};
/// Nobody new: another process serves now, and takes the clients that are between transactions.
struct Retire {
  std::shared_ptr<Heir> heir; ///< Its owners: the control thread and the loops.
};
struct Stop {}; ///< At once.
using LoopMessage =
    std::variant<NewClient, HandedServer, WantedServer, NotLent, Welcomed, WantedPlace, PlaceFree,
                 Granted, LoginFailed, CancelWish, PeerResolved, ClientWorked, ServerWorked,
                 CancelWorked, Resolved, AddressesGone, NewFiles, NewRegime, KillDatabase,
                 CountWish, ConsoleReply, WantedChannel, ChannelHeard, ChannelRefused, Notified,
                 EarLost, ClientToTake, Retire, HeirHasRoom, Stop>;

} // namespace pgkeep::pool
