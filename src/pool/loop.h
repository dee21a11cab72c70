/// One thread's share of the pooler: it accepts clients, joins them to servers and passes on what
/// they say, with one epoll and no lock on the way of a query.
///
/// Every socket is put into epoll once, edge-triggered for all it could report, and not touched
/// again until it goes. Bytes are in flight only within one pass: received into the loop's one
/// buffer, scanned for where messages end, and sent on; what a socket does not take is kept in a
/// borrowed buffer, and its source is not read meanwhile. A client that has to wait stays unread:
/// its bytes are in the kernel, and nothing is done until a server is free for it.
///
/// Private to src/pool. Threads: a Loop belongs to the thread that runs it; others may call post()
/// and clients(). Source: epoll(7) (edge-triggered: a short read means drained; EPOLLRDHUP).
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "pool/census.h"
#include "pool/connection.h"
#include "pool/console_talk.h"
#include "pool/host_names.h"
#include "pool/log.h"
#include "pool/loop_messages.h"
#include "pool/mailbox.h"
#include "pool/outgoing.h"
#include "pool/pools.h"
#include "pool/regime.h"
#include "pool/service_manager.h"
#include "pool/worker.h"

namespace pgkeep::pool {

class Control;
class Loop;

/// What all loops use. Threads: each member says for itself.
struct Shared {
  Shared(const DirectoryPtr& files, LogTargets log_targets, int loop_count);
  ~Shared();
  Shared(const Shared&) = delete;
  Shared(Shared&&) = delete;
  Shared& operator=(const Shared&) = delete;
  Shared& operator=(Shared&&) = delete;

  Log log;
  int verbosity_added = 0; ///< By the command line, to that of the files.
  const ServiceManager manager = ServiceManager::of_environment();
  Pools pools;
  wire::StatementTable statements;
  MovedKeys moved_keys;
  HostNames host_names;
  std::vector<std::unique_ptr<Loop>> loops; ///< Never changed while they run.
  Control* control = nullptr;               ///< The same.
  std::atomic<int> clients{0};              ///< Of all loops.
  std::atomic<int> console_clients{0};      ///< The same.
  std::atomic<std::uint64_t> last_id{0};    ///< Of a client or server.
  std::atomic<std::size_t> retired{0};      ///< Loops that accept nobody any more.
  Workers workers;                          ///< Before the loops: what they run uses those.
  Workers outside;                          ///< Where logins wait for LDAP and PAM.
  Workers names;                            ///< Where servers wait for DNS: not behind logins.
};

struct Listener final : Endpoint {
  Listener() : Endpoint(Kind::listener) {}
  std::uint16_t port = 0;
  bool is_shared = false; ///< With other loops.
  bool is_paused = false;
};

class Loop {
public:
  Loop(Shared& shared, DirectoryPtr files, int index);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop(Loop&&) = delete;
  Loop& operator=(const Loop&) = delete;
  Loop& operator=(Loop&&) = delete;

  /// Before run(). `is_shared`: other loops wait on the same socket.
  void add_listener(base::Fd fd, std::uint16_t port, bool is_unix, bool is_shared);
  /// Until it is told to stop.
  void run();
  /// False where the mailbox is full: the message stays the caller's.
  bool post(LoopMessage message) { return mailbox_.post(message); }
  void post_always(LoopMessage message) { mailbox_.post_always(message); }
  /// Of another process.
  void send_here(MovedClient client, base::Fd fd);
  [[nodiscard]] int clients() const { return client_count_.load(std::memory_order_relaxed); }

private:
  static constexpr std::size_t kInputBytes = 65'536;
  /// What they become fits into input_, with a record whose front came earlier.
  static constexpr std::size_t kSealedBytes = 48'000;
  static_assert(kSealedBytes + TlsSession::kRecordBytesMax < kInputBytes);
  static constexpr int kRoundsMax = 8; ///< Full buffers of one socket before others have a turn.
  static constexpr std::size_t kSpareMax = 64;
  static constexpr int kAcceptsMax = 64; ///< In one pass.

  // loop.cc: the pass.
  void pass();
  void dispatch(Endpoint& endpoint, std::uint32_t events);
  void look_at(Endpoint& endpoint);
  void look_at_client(Client& client);
  void look_at_server(Server& server);
  void put_off(Endpoint& endpoint);
  void bury(std::unique_ptr<Endpoint> endpoint);
  void take_mail();
  void read_clock();

  // sockets.cc: receiving and sending.
  ssize_t receive(Endpoint& endpoint);
  ssize_t receive_plain(Endpoint& endpoint, std::span<char> room);
  void send(Endpoint& endpoint, std::span<const std::string_view> parts);
  void send(Endpoint& endpoint, std::string_view bytes) { send(endpoint, std::span(&bytes, 1)); }
  void send_plain(Endpoint& endpoint, std::span<const std::string_view> parts);
  void send_plain(Endpoint& endpoint, std::string_view bytes) {
    send_plain(endpoint, std::span(&bytes, 1));
  }
  void flush(Endpoint& endpoint);
  void watch(Endpoint& endpoint, bool is_new);
  std::unique_ptr<Kept> borrow();
  void give_back(std::unique_ptr<Kept>& kept);
  std::string random(std::size_t count);

  // secure.cc: the same through TLS.
  ssize_t receive_secure(Endpoint& endpoint);
  void send_secure(Endpoint& endpoint, std::span<const std::string_view> parts);
  void say_goodbye(int fd, TlsSession* tls);

  // relay.cc: the way of a query.
  void relay_client(Client& client);
  bool has_room(Client& client);
  void relay_server(Server& server);
  Outgoing scan(Client& client, Server& server, std::string_view bytes);
  Outgoing scan_client(Client& client, std::string_view bytes);
  Outgoing::End accept_message(Client& client, const wire::MessageScanner::Part& part);
  void note_bad_header(wire::Header header, std::string_view next);
  void to_server(Client& client, const Outgoing& outgoing);
  void end_client(Client& client, Outgoing::End end);
  void hear(Server& server, std::string_view bytes);
  void from_server(Server& server, std::string_view bytes);
  bool take_part(Server& server, const wire::MessageScanner::Part& part);
  bool doom(std::string_view reason, bool says_goodbye);
  void end_server(Server& server, std::span<const std::string_view> before);
  bool take_ready(Server& server, const wire::MessageScanner::Part& part);
  void count_query(Client& client, const Server& server);
  bool take_parameter(Server& server, const wire::MessageScanner::Part& part);
  bool take_refusal(Server& server, const wire::MessageScanner::Part& part);
  void answered(Server& server);
  void ask_what_comes(Server& server);
  void pass_ready(Server& server);
  void settle(Server& server);

  // statements.cc: the way of a query where named statements are looked after.
  Outgoing scan_statements(Client& client, Server& server, std::string_view bytes);
  const char* say_statement(Client& client, Server& server, wire::Header header,
                            std::string_view& rest);
  void begin_statements(Server& server, std::uint32_t owed);
  void say_other(const Client& client, Server& server, const wire::MessageScanner::Part& part);
  void note_settings(const Client& client) const;
  void read_apart(Client& client, const Server& server);
  static void begin_scan(Client& client, Server& server);
  [[nodiscard]] bool has_too_many_statements(const Client& client) const;
  bool take_deallocate(Client& client, std::string_view bytes);
  bool keep_statement(Client& client, const wire::SingleRequest& request);
  bool take_own(Client& client, std::string_view bytes);
  void keep_partial(Client& client);
  void from_server_of_statements(Server& server, std::string_view bytes);
  static std::string_view tag_of(Server& server, const wire::MessageScanner::Part& part);
  bool is_theirs(Server& server, char type, std::string_view tag);

  // attempts.cc: statements that are said once more.
  void begin_attempt(const Client& client, Server& server, const Outgoing& outgoing);
  bool leave_attempt(Server& server);
  void hear_attempt(Server& server, std::string_view bytes);
  void say_again(Server& server);
  void say_again_later(Server& server);
  void say_again_what_is_due();
  void note_useless_statement(Server& server, std::string_view error);
  static bool has_old_plans(const Server& server);
  void forget_plans(Server& server);

  // sessions.cc: what a client leaves in its server.
  struct SessionChange {
    std::string sql; ///< Empty: none.
    bool has_settings = false;
  };
  static void note_text(Client& client, const wire::MessageScanner::Part& part);
  static void note_more_text(Client& client, const wire::MessageScanner::Part& part);
  static void start_session(Client& client, const wire::SessionSettings& settings);
  static void note_custom(Client& client, const std::vector<std::string>& names);
  void note_tag(Client& client, const wire::MessageScanner::Part& part);
  bool ask_session(Server& server);
  void take_session_answer(Server& server);
  static SessionChange session_change(const Client& client, Server& server);
  static bool may_ask_again(Server& server, const wire::MessageScanner::Part& part);
  std::string reset_query(Server& server) const;
  void clean(Server& server);

  // listening.cc: one connection listens for all.
  bool take_listen(Client& client, std::string_view bytes);
  bool take_listen_at_once(Client& client);
  bool join(Client& client, const std::string& channel);
  void leave(Client& client, const std::string& channel);
  void leave_all(Client& client);
  void rejoin(Client& client);
  void want_channel(LoopPool& pool, const std::string& channel, std::uint64_t wish);
  void take_wish(const WantedChannel& wanted);
  void drop_wish(LoopPool& pool, const WantedChannel& unwanted);
  void call_for_ear(LoopPool& pool);
  void ask_to_listen(LoopPool& pool, const std::string& channel);
  void ear_ready(Server& server);
  void keep_up_ear(LoopPool& pool);
  void hear_channels(Server& server, std::string_view bytes);
  void pass_on(LoopPool& pool, std::string_view message);
  void ear_closed(LoopPool& pool, std::string_view reason);
  void give_up_ear(LoopPool& pool, EarLost::Cause cause, std::string_view reason);
  void tell_heard(LoopPool& pool, int loop, const std::string& channel, std::uint64_t wish);
  void channel_heard(const ChannelHeard& heard);
  bool refuse_channel(LoopPool& pool, std::string_view error);
  void channel_refused(const ChannelRefused& refused);
  void ear_lost(const EarLost& lost);
  void keep_up_listeners(const LoopPool& pool);
  void fan_out(LoopPool& pool, std::string_view message);
  void deliver(Client& client);
  void note_listen_tag(Client& client, std::string_view tag);

  // queue.cc: who gets which server.
  void begin(Client& client);
  bool take_last_words(Client& client);
  [[nodiscard]] static bool is_front_alone(const Client& client, std::string_view bytes);
  void keep_front(Client& client, std::string_view bytes);
  bool hear_rest(Client& client);
  bool serve(Client& client, Server& server);
  Server* idle_server(LoopPool& pool);
  void link(Client& client, Server& server);
  void set_parameters(Client& client, Server& server, const Outgoing& outgoing);
  void wait(Client& client);
  void leave_queue(Client& client);
  void tell_waiting(LoopPool& pool);
  void release(Server& server);
  void let_go(Server& server);
  void set_free(Server& server);
  void give(Server& server);
  void set_idle(Server& server);
  void make_idle(Server& server);
  void leave_idle(Server& server);
  bool needs_check(const Server& server) const;
  bool is_life_over(Server& server);
  void ask_server(Server& server, Server::State state, std::string_view sql);
  static std::size_t free_soon(const LoopPool& pool);
  void call_for_server(LoopPool& pool);

  // lending.cc: servers change loops.
  int older_waiter_elsewhere(LoopPool& pool);
  bool is_short(LoopPool& pool, const Pool::Part& other) const;
  void look_elsewhere(LoopPool& pool);
  void hand_over(Server& server, int loop);
  void send_away();
  void adopt(HandedServer handed);
  void lend(const WantedServer& wanted);
  void not_lent(const NotLent& answer);
  struct Asking {
    int first = 0; ///< The loop to begin with.
    bool makes_room = false;
  };
  void ask_other_loops(LoopPool& pool, Asking how);
  void tell_waiting_loops(const LoopPool& pool);

  // questions.cc: auth_query.
  void ask(Client& client);
  void put(Question& question, Server& server);
  bool put_first(LoopPool& pool, Server& server);
  void read_answer(Server& server);
  void drop_question(Client& client);
  void refuse_questions(LoopPool& pool, std::string_view text);

  // clients.cc: coming and going.
  void listen(Listener& listener, bool is_on);
  void accept(Listener& listener);
  void accept_one(base::Fd fd, Peer peer);
  Client* make_client(base::Fd fd, Peer peer);
  void take_client(base::Fd fd, Peer peer);
  void read_login(Client& client);
  void apply(Client& client, ClientLogin::Step step);
  void work(Client& client);
  void enter(Client& client, std::string greeting);
  void greet(Client& client, std::string greeting);
  void append_key(std::string& greeting, const Client& client) const;
  void prepare_greeting(LoopPool& pool);
  void greet_in_its_way(Client& client, std::string& greeting);
  void greet_all(LoopPool& pool);
  LoopPool& pool_of(const DirectoryPtr& files, const DatabaseDefinition& database,
                    const std::string& name, const std::string& user);
  LoopPool& part_of(const std::shared_ptr<Pool>& pool);
  void disconnect(Client& client, std::string_view reason, bool is_told,
                  std::string_view sqlstate = "08P01");
  void forget(Client& client);
  void refuse_all(LoopPool& pool, std::string_view text, std::string_view sqlstate);
  bool refuse_at_once(Client& client, LoopPool& pool);

  // limits.cc: how many connections there may be.
  bool count(Client& client, const DatabaseDefinition& database, const std::string& name);
  static void discount(Client& client);
  void take_limits(Client& client, const DatabaseDefinition& database);
  bool take_place(LoopPool& pool);
  bool take_place_of_ear(LoopPool& pool);
  bool evict(const Pool& pool, Pool::Room full, bool may_be_own);
  void ask_for_place(LoopPool& pool, Pool::Room full);
  bool pay_debt(Server& server);
  void granted(Pool& pool);
  void tell_place_is_free();
  void look_for_places();
  void keep_up_size(LoopPool& pool);
  void keep_up_pools();
  bool is_empty(const LoopPool& pool) const;

  // replication.cc: clients with a server of their own.
  void enter_replication(Client& client);
  void call_for_own_server(LoopPool& pool);
  void own_server_ready(Server& server);
  void own_server_failed(Server& server, const ServerLogin::Step& step);

  // servers.cc: connecting and logging in.
  struct Purpose { ///< Of a server that is nobody's but for one thing.
    Client* replicating = nullptr;
    bool is_ear = false;
  };
  bool launch(LoopPool& pool, Purpose purpose);
  bool launch(LoopPool& pool) { return launch(pool, {}); }
  [[nodiscard]] bool may_connect(const LoopPool& pool) const;
  void open(LoopPool& pool, Purpose purpose);
  void open(LoopPool& pool) { open(pool, {}); }
  void connect(Server& server);
  void connected(Server& server);
  void read_server_login(Server& server);
  void apply(Server& server, const ServerLogin::Step& step);
  void logged_in(Server& server);
  void close(Server& server, std::string_view reason, bool says_goodbye);

  // new_files.cc: the files were read again.
  void take_files(NewFiles files);
  void close_outdated(LoopPool& pool);
  void kill(LoopPool& pool);

  // take_regime.cc: what was ordered for all or a database.
  void take_regime(NewRegime order);
  void take_marks(LoopPool& pool) const;
  void stop_listening(bool is_tcp_only);
  void close_for_pause(LoopPool& pool);
  void refuse_waiters(LoopPool& pool);
  void kill_database(const KillDatabase& order);
  [[nodiscard]] bool may_rest(const Client& client) const;
  [[nodiscard]] bool may_rest(const Server& server) const;
  [[nodiscard]] int restless() const;
  void end_restless();
  void wake_all();

  // moving.cc: clients that change processes.
  void retire(const Retire& order);
  void move_clients();
  [[nodiscard]] static bool may_move(const Client& client);
  [[nodiscard]] MovedClient moved(const Client& client) const;
  void take_moved(ClientToTake taken);
  void take_moved_statements(Client& client, const MovedClient& moved);

  // console_client.cc: clients of the console.
  void enter_console(Client& client, std::string greeting);
  void read_console(Client& client);
  void hear_console(Client& client);
  void refuse_console(Client& client, std::string_view text);
  void answer_console(const ConsoleReply& reply);

  // counting.cc: what there is.
  void take_census(const CountWish& wish);
  bool kill_client(std::uint64_t id);
  [[nodiscard]] PoolCensus census_of(const LoopPool& pool) const;
  [[nodiscard]] SocketCensus census_of(const Client& client) const;
  [[nodiscard]] SocketCensus census_of(const Server& server) const;
  void count_cancels(Census& census) const;
  [[nodiscard]] std::string_view state_of(const Server& server) const;
  // hosts.cc: which server a connection goes to.
  std::string choose_host(Pool& pool) const;
  void connect_to(Server& server, const std::string& host);
  void connect_to(Server& server, const std::vector<IpAddress>& addresses);
  void resolved(const Resolved& resolved);
  void look_up(const std::string& host, HostNames::Then then);
  void close_gone(const AddressesGone& gone);
  void close_fast(LoopPool& pool);
  void keep_up_zones();

  // cancels.cc: cancel requests.
  void cancel(CancelWish wish);
  [[nodiscard]] CancelKey key_of(const CancelWish& wish) const;
  Client* find_cancelled(const CancelWish& wish);
  void hold_cancel(Server& server, Asker asker);
  void end_held_cancel(Server& server);
  void start_cancel(Server& server, Asker asker);
  Canceller* open_canceller(const SocketAddress& address, std::string request, Asker asker);
  void look_at_canceller(Canceller& canceller);
  void apply(Canceller& canceller, TlsOpening::Step step);
  void send_cancel(Canceller& canceller);
  void end_cancel(Canceller& canceller);

  // peers.cc: those for clients of peers.
  struct PeerPool {
    int taken = 0; ///< Of its places.
    std::deque<PeerWish> waiting;
  };
  void forward(CancelWish wish);
  void serve(std::int64_t id, PeerPool& pool);
  void carry(const PeerDefinition& peer, PeerWish wish);
  void carry(PeerWish wish, const SocketAddress* address);
  void take_peer(PeerResolved resolved);
  void keep_up_cancels();
  [[nodiscard]] std::vector<PeerCensus> census_of_peers() const;

  // upkeep.cc: what time brings.
  void keep_up();
  void keep_up(LoopPool& pool);
  void keep_up_logins();
  static Micros resting_since(const Client& client);
  void keep_up_clients();
  void keep_up_waiters(LoopPool& pool);
  void tell_waiters(LoopPool& pool);
  void keep_up_work(LoopPool& pool);
  static bool is_at_least(const Pool& pool);
  void keep_up_servers(LoopPool& pool);
  [[nodiscard]] std::string label(const Client& client) const;
  [[nodiscard]] std::string label(const Server& server) const;
  void log(const Client& client, std::string_view text);
  void log(const Server& server, std::string_view text);

  static void append_notice(std::string& out, std::string_view text);
  [[nodiscard]] const Settings& settings() const { return directory_->settings(); }

  Shared& shared_;
  DirectoryPtr directory_;
  Regime regime_;
  Micros shutdown_at_ = 0; ///< When it was told that clients are not wanted any more.
  Traffic console_traffic_;
  const int index_;
  base::Fd epoll_;
  Mailbox<LoopMessage> mailbox_;
  Listener mailbox_end_; ///< Only stands for the mailbox in epoll.
  Micros now_ = 0;
  Micros next_upkeep_ = 0;
  Micros next_zone_check_ = 0;
  bool is_over_ = false;
  bool has_idle_limit_ = false; ///< A client has one.
  bool is_watching_ = false;    ///< A pool is: a pass comes soon.
  bool is_fresh_ = false;       ///< What was scanned last begins a request that may be an attempt.
  std::unique_ptr<std::array<char, kInputBytes>> input_;
  std::unique_ptr<std::array<char, kSealedBytes>> sealed_input_; ///< Made when TLS first comes.
  std::string sealed_;                                           ///< What TLS makes to be sent.
  std::string open_;                                             ///< Parts that go into one record.
  std::array<char, wire::Header::kBytes> prefix_{};
  std::string_view doom_;     ///< Why a server is closed, once its client has what it said before.
  bool says_goodbye_ = false; ///< To that one.
  bool is_listen_lost_ = false;  ///< The client is told behind the tag that was just read.
  std::uint64_t last_apart_ = 0; ///< A text that is read like no other.
  std::string bad_header_;       ///< What is said of a message that cannot be.
  std::string made_;             ///< For the other side, of the pass.
  std::string due_;              ///< For the same side.
  std::string_view left_over_;   ///< Of the client's bytes: for keep_partial().
  std::vector<std::unique_ptr<Kept>> spare_;
  std::string random_;
  std::vector<Endpoint*> put_off_;
  std::vector<std::unique_ptr<Endpoint>> graveyard_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::shared_ptr<Heir> heir_; ///< It takes our clients; null: there is none.
  bool is_retired_ = false;    ///< Another process serves, even if it is gone again.
  std::vector<std::unique_ptr<Client>> clients_; ///< By slot.
  std::vector<std::uint32_t> free_slots_;
  std::atomic<int> client_count_{0};
  List<Client, &Client::link> logins_;
  std::unordered_map<Server*, std::unique_ptr<Server>> servers_;
  std::unordered_map<Canceller*, std::unique_ptr<Canceller>> cancellers_;
  std::map<Server*, Asker> held_cancels_;       ///< Until what we asked the server is answered.
  std::map<std::int64_t, PeerPool> peer_pools_; ///< By id: of those peers that are this loop's.
  std::vector<Server*> leaving_;
  struct Delayed {
    Server* server = nullptr;
    Micros due = 0;
  };
  std::vector<Delayed> delayed_; ///< Attempts that wait for their time: few, if any.
  std::vector<std::unique_ptr<LoopPool>> pools_;
};

} // namespace pgkeep::pool
