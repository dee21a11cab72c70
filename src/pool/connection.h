/// The two ends that a loop joins: clients and servers, and what both have as sockets.
///
/// Private to src/pool. Plain state, which the Loop that owns them works on; nothing here is
/// synchronised. A client stays with its loop; a server is handed over as a whole. A client that is
/// idle must cost less than a KiB: what is needed for a while only hangs on a pointer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/fd.h"
#include "pool/address.h"
#include "pool/auth_query.h"
#include "pool/cancel_key.h"
#include "pool/client_login.h"
#include "pool/list.h"
#include "pool/listening.h"
#include "pool/micros.h"
#include "pool/parameters.h"
#include "pool/replication.h"
#include "pool/server_login.h"
#include "pool/tls_session.h"
#include "wire/attempt.h"
#include "wire/exchange.h"
#include "wire/message.h"
#include "wire/prepared.h"
#include "wire/scanner.h"
#include "wire/session_state.h"

namespace pgkeep::pool {

struct LoopPool;
struct Quota;
struct Server;

/// Bytes that a socket did not take, or that nobody could be given yet. Borrowed from the loop.
struct Kept {
  std::string bytes;
  std::size_t sent = 0;
  [[nodiscard]] std::string_view rest() const { return std::string_view(bytes).substr(sent); }
};

/// What epoll points to.
struct Endpoint {
  enum class Kind : std::uint8_t { listener, client, server, cancel };

  explicit Endpoint(Kind kind_of) : kind(kind_of) {}
  Endpoint(const Endpoint&) = delete;
  Endpoint(Endpoint&&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  Endpoint& operator=(Endpoint&&) = delete;
  virtual ~Endpoint() = default;

  const Kind kind;
  bool is_unix = false;
  bool is_readable = false;     ///< The kernel may have bytes for us.
  bool is_ended = false;        ///< The other side said that it sends no more, or is gone.
  bool waits_to_send = false;   ///< Its socket is full: epoll says when it is not any more.
  bool is_put_off = false;      ///< In the loop's list of those to look at again.
  bool is_away = false;         ///< A worker has its login.
  bool is_dead = false;         ///< Closed; it goes at the end of the pass.
  bool is_in_handshake = false; ///< Of TLS: anything else that is sent would break it.
  bool is_tls_over = false;     ///< The other side ended TLS, or broke it.
  base::Fd fd;
  /// Named statements are looked after. Decided when a client gets a server, while nothing is
  /// half-way: the two ways keep the start of a message in different places.
  bool keeps_statements = false;
  std::unique_ptr<TlsSession> tls; ///< Null: plain.
  std::unique_ptr<Kept> kept;      ///< Of what is to be sent, as the network gets it.
};

struct ConsoleSession {
  bool is_admin = false;
  bool is_waiting = false; ///< For an answer: it is not read meanwhile.
  std::string input;
};

struct Client;

/// auth_query: a client that logs in waits for what a server stores of it.
struct Question {
  Link<Question> link; ///< Of the pool's, while it waits for a server.
  Client* client = nullptr;
  LoopPool* pool = nullptr;
  Server* server = nullptr; ///< That was asked.
  Micros since = 0;
  std::string messages;
  AuthAnswer answer;
};

struct Client final : Endpoint {
  enum class State : std::uint8_t {
    login,
    welcome, ///< It may come in once a server said what its greeting is.
    idle,
    waiting, ///< In the queue of its pool.
    setting, ///< It has a server, which is told its parameters first.
    active,  ///< It has a server.
    console, ///< It has no pool, and talks to Control.
  };

  Client() : Endpoint(Kind::client) {}

  State state = State::login;
  bool is_wait_told = false;    ///< By query_wait_notify, of this wait.
  wire::SessionHints hints = 0; ///< Of what its server may keep of it.
  wire::Holds held = 0;         ///< What keeps its server where it is.
  std::uint32_t unproven = 0;   ///< A bit for each of its parameters that no server took yet.
  std::uint32_t slot = 0;
  std::uint32_t secret = 0;
  wire::MessageScanner scanner;
  wire::Exchange exchange;
  Link<Client> link; ///< Of the loop's logins or the pool's queue.
  Server* server = nullptr;
  LoopPool* pool = nullptr;
  Micros connected_at = 0;
  Micros request_at = 0;
  Micros wait_since = 0;
  Micros transaction_at = 0;    ///< Since when it has had something to do.
  Micros query_at = 0;          ///< Since when it waits for the end of a query; 0: it does not.
  std::uint64_t id = 0;         ///< Of all clients and servers, while the process lives.
  Quota* of_database = nullptr; ///< Where it is counted, once it came in.
  Quota* of_user = nullptr;
  Micros query_wait_max = 0; ///< Of the user who logged in, whoever it is at the server; 0: none.
  Micros idle_max = 0;
  ParameterValues parameters;
  std::string user;
  std::unique_ptr<ClientLogin> login;
  std::unique_ptr<Question> question;
  std::unique_ptr<Kept> unread;  ///< Came before there was a server for it.
  std::unique_ptr<Kept> partial; ///< The front of a message that is needed as a whole.
  std::unique_ptr<wire::ClientStatements> statements; ///< None before it names one.
  std::unique_ptr<ConsoleSession> console;            ///< Of a client of the console.
  std::unique_ptr<ReplicationWish> replication;       ///< None of most.
  std::unique_ptr<wire::SessionSettings> session;     ///< None: those of any session.
  std::unique_ptr<Listening> listening;               ///< It has listened to something.
  std::unique_ptr<std::set<std::string>> custom;      ///< Names of settings that it may have.
  std::unique_ptr<CancelKey> old_key;                 ///< It was told by the process before this.
  Peer peer;
};

/// What a server has prepared, and what is under way about that between it and its client.
struct Prepared {
  Prepared(wire::StatementTable& table, std::size_t statements_max)
      : pipeline(table, statements_max) {}
  wire::ServerStatements known;
  unsigned plans_seen = 0; ///< Of Pool::plans_changed: what is known was prepared since.
  wire::PreparedPipeline pipeline;
};

struct Server final : Endpoint {
  enum class State : std::uint8_t {
    connecting,
    login,
    idle,
    active,    ///< Linked to a client.
    resetting, ///< Runs server_reset_query.
    checking,  ///< Runs server_check_query.
    asked,     ///< Runs an auth_query.
    cancelled, ///< A cancel request is under way to it: what it would hit must not be another's.
    leaving,   ///< For another loop, once this pass is over.
  };

  Server() : Endpoint(Kind::server) {}

  State state = State::connecting;
  wire::TransactionStatus status = wire::TransactionStatus::idle;
  std::uint16_t swallowed = 0; ///< So many ReadyForQuery are answers to us, not to the client.
  std::uint16_t cancels = 0;   ///< Under way.
  bool is_in_doubt = false;    ///< An answer may come before that to our question.
  bool is_cancel_late = false; ///< A request to it was given up, and may still hit what it runs.
  wire::MessageScanner scanner;
  Link<Server> link; ///< Of one of the pool's lists.
  Client* client = nullptr;
  Question* question = nullptr; ///< Of the client that owns it.
  LoopPool* pool = nullptr;
  bool is_dirty = false;      ///< Holds what must go before another client comes.
  bool is_unknown = false;    ///< Settings may be among that which nobody can name.
  bool is_listening = false;  ///< Hears what its client asked for: must not be another's.
  bool is_ear = false;        ///< Listens for all clients of the database, and has none.
  bool is_own = false;        ///< Of a client that replicates, and never of another.
  bool is_no_failure = false; ///< That it was not opened says nothing of the next one.
  Micros connected_at = 0;
  Micros request_at = 0;
  std::uint64_t id = 0;
  unsigned epoch = 0;   ///< Of the pool when it was opened.
  unsigned lessons = 0; ///< So was this.
  int next_loop = 0;    ///< Where it goes when it leaves.
  ParameterValues parameters;
  std::string parameter; ///< A ParameterStatus of which a part has come.
  std::unique_ptr<ServerLogin> login;
  std::unique_ptr<Prepared> prepared; ///< None before anybody prepares something on it.
  std::unique_ptr<wire::Attempt> attempt;
  std::unique_ptr<wire::SessionSettings> session;      ///< What was set in it; none: nothing.
  std::unique_ptr<wire::SessionAnswer> session_answer; ///< What is left in it is being asked.
  wire::SessionHints asked = 0;
  std::uint8_t questions_failed = 0; ///< In a row: the same is asked again.
  bool has_question_failed = false;  ///< The one that is not over yet.
  wire::Holds strange = 0;           ///< What it holds and its client was not seen to take.
  std::uint32_t process = 0;
  std::string cancel_key;
  SocketAddress address;
  std::string host; ///< As the configuration calls it.
  std::string user; ///< As whom it logged in.
};

/// Of a client that has nothing under way; none: else, or only a server knows what to answer.
std::optional<wire::TransactionStatus> status_between(const Client& client);
/// A query of ours takes the unnamed statement away, whoever's it was.
void forget_unnamed(Server& server);

} // namespace pgkeep::pool
