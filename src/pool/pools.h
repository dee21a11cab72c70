/// The pools: of one database and one user each, with one limit over all loops.
///
/// Private to src/pool. Threads: a Pool is used by every loop: its atomics at any time, the rest
/// under its mutex or never changed; a LoopPool belongs to one loop. What the files say of a pool
/// (Terms) never changes: a reload puts other Terms in their place, and the old ones are kept until
/// every loop has said that it is done with the pass in which it may have seen them. So what is
/// asked twice in one pass may differ: take a copy where that would matter. Source: PgBouncer's
/// manual, config (pool_size, pool_mode, server_login_retry), usage (RELOAD, RECONNECT).
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pool/connection.h"
#include "pool/directory.h"
#include "pool/ear_seat.h"
#include "pool/learned.h"
#include "pool/listening.h"
#include "pool/quotas.h"
#include "pool/shares.h"
#include "pool/statistics.h"

namespace pgkeep::pool {

class Pools;

class Pool : public std::enable_shared_from_this<Pool> {
public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  Pool(Pools& pools, DirectoryPtr files, const DatabaseDefinition& database, std::string name,
       std::string user, int loops, std::shared_ptr<EarSeat> ear_seat);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool(Pool&&) = delete;
  Pool& operator=(const Pool&) = delete;
  Pool& operator=(Pool&&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; } ///< Of the database, to clients.
  [[nodiscard]] const std::string& user() const { return user_; } ///< At the server.
  [[nodiscard]] const DatabaseDefinition& database() const { return *terms().database; }
  [[nodiscard]] PoolMode mode() const { return terms().mode; }
  [[nodiscard]] int size() const { return terms().size; } ///< 0: as many as are wanted.
  /// Named statements are prepared on whatever server answers; 0: they are the client's business.
  [[nodiscard]] std::size_t statements_max() const { return terms().statements_max; }
  [[nodiscard]] bool may_try_again() const { return heals_plans() || conflicts_max() > 0; }
  [[nodiscard]] bool heals_plans() const { return terms().heals_plans; }
  [[nodiscard]] int conflicts_max() const { return terms().conflicts_max; } ///< Retried so often.
  /// What is looked after in sessions that share servers: nothing, unless it was asked for.
  [[nodiscard]] wire::SessionHints session_hints() const { return terms().session_hints; }
  [[nodiscard]] bool shares_listen() const { return terms().shares_listen; }
  [[nodiscard]] bool reads_tags() const { return session_hints() != 0 || shares_listen(); }
  [[nodiscard]] const std::vector<std::string>& tracked() const { return terms().tracked; }
  /// 0: none. Those of a client that are its user's, and not the server's, are kept with it.
  struct Limits {
    Micros query = 0;
    Micros idle_transaction = 0;
    Micros transaction = 0;
    Micros server_lifetime = 0;
  };
  [[nodiscard]] const Limits& limits() const { return terms().limits; }
  [[nodiscard]] const TlsContexts& tls() const { return terms().directory->tls; }
  /// Whether a server that was opened in `epoch` is to go as soon as nobody works with it.
  [[nodiscard]] bool is_outdated(unsigned epoch) const { return epoch != this->epoch(); }
  [[nodiscard]] unsigned epoch() const { return epoch_.load(std::memory_order_relaxed); }
  /// With the servers goes what clients are told of them: see has_welcome().
  void reconnect() { epoch_.fetch_add(1, std::memory_order_relaxed); }
  /// The files do not have its database any more.
  [[nodiscard]] bool is_dead() const { return is_dead_.load(std::memory_order_relaxed); }

  /// What other files say of it: by one thread at a time.
  void take_files(const DirectoryPtr& files);
  /// Once no loop can be looking at what take_files() replaced.
  void forget_former_files();
  [[nodiscard]] ServerIdentity identity() const;

  /// How many servers there may be; 0 of a limit over several pools: none.
  struct Sizes {
    int reserve = 0; ///< Beyond size(), for those who have waited reserve_timeout.
    Micros reserve_timeout = 0;
    int least = 0; ///< min_pool_size.
    int of_database = 0;
    int of_user = 0;
    int of_all = 0;
  };
  [[nodiscard]] const Sizes& sizes() const { return terms().sizes; }
  /// What keeps one more server away.
  enum class Room : std::uint8_t { taken, pool_full, database_full, user_full, all_full };
  /// One more server connection, if the pool has fewer than `most` (0: any number) and every limit
  /// allows it. Each that was taken is given back.
  Room take_place(int most);
  /// True: somebody waits for a place that a limit over several pools kept from him.
  bool give_place();
  /// The same for the connection that listens: it needs no place of the pool itself, and goes
  /// before those who wait.
  Room take_place(PriorPlace& place);
  bool give_place(PriorPlace& place);
  /// Such a connection waits for the next place that one of the pool's servers has.
  [[nodiscard]] bool is_overdrawn() const;
  /// What listens for all pools of the database.
  [[nodiscard]] EarSeat& ear_seat() const { return *ear_seat_; }
  [[nodiscard]] std::shared_ptr<EarSeat> shared_ear_seat() const { return ear_seat_; }
  /// Whether the two share what is full.
  [[nodiscard]] bool shares(Room room, const Pool& other) const;
  [[nodiscard]] int servers() const { return servers_.load(); }
  /// Those of them that are logged in, in all loops.
  [[nodiscard]] int connected() const { return servers() - logging_in.load(); }
  /// No server is left and the last login failed: nobody waits for one. `connect_problem()`: what
  /// clients are told meanwhile, as since PgBouncer 1.24.
  [[nodiscard]] bool is_out_of_reach() const { return is_login_failing.load() && connected() <= 0; }
  void note_connect_failure(std::string_view reason);
  [[nodiscard]] std::string connect_problem() const;
  /// Servers that it must give up for pools that have fewer: see Shares.
  [[nodiscard]] int debts() const { return debts_.load(std::memory_order_relaxed); }
  /// Whether a server that is free may have to go for others: a first look that costs nothing.
  [[nodiscard]] bool may_owe() const {
    return debts() > 0 || of_database_.is_overdrawn.load(std::memory_order_relaxed) ||
           of_user_.is_overdrawn.load(std::memory_order_relaxed) ||
           of_all_.is_overdrawn.load(std::memory_order_relaxed);
  }
  void add_debt(int change) { debts_.fetch_add(change, std::memory_order_relaxed); }
  /// Places of all that others gave up for this pool.
  void grant();
  bool return_grant(); ///< True: somebody waits for it.

  /// What the first server since reconnect() said of itself: the greeting of every client.
  struct Welcome {
    std::shared_ptr<const Parameters> parameters; ///< With the loops that greet by them.
    unsigned epoch = 0;
  };
  /// True: it counts, and whoever waits for it can be greeted. False: another server was first, or
  /// this one is as outdated as what it says.
  bool set_welcome(const Parameters& parameters, unsigned epoch);
  [[nodiscard]] bool has_welcome() const { return welcome_epoch() == epoch(); }
  [[nodiscard]] unsigned welcome_epoch() const {
    return welcome_epoch_.load(std::memory_order_acquire);
  }
  /// The last one, which reconnect() may have outdated a moment ago; none before the first.
  [[nodiscard]] Welcome welcome() const;
  /// What a client of the pool's own user logged in with; the last one counts.
  void learn(const Learned& brought);
  /// From another process, which knows nothing newer.
  void learn_the_rest(const Learned& brought);
  [[nodiscard]] Learned learned() const;
  /// Changes with what servers are logged in to with: a failure from before says nothing any more.
  [[nodiscard]] unsigned lessons() const { return lessons_.load(); }
  /// Its user is one that auth_query asks as: no forced user takes its place.
  void set_asking() { asks_for_others_.store(true, std::memory_order_relaxed); }

  /// What other loops must know of a loop's part of the pool, each in a cache line of its own.
  struct alignas(64) Part {
    std::atomic<Micros> waiting_since{0}; ///< Since when its first waiter waits; 0: nobody.
    std::atomic<int> idle{0};             ///< Servers that nobody uses.
    std::atomic<int> servers{0};          ///< All that the loop has.
    std::atomic<int> clients{0};          ///< That came in to this pool.
  };
  [[nodiscard]] Part& part(int loop) { return parts_[static_cast<std::size_t>(loop)]; }
  [[nodiscard]] int loops() const { return loops_; }

  std::atomic<int> logging_in{0}; ///< Of servers().
  std::atomic<Micros> last_connect_at{0};
  std::atomic<Micros> last_entry_at{0}; ///< Of a client.
  std::atomic<bool> is_connect_failing{false};
  std::atomic<bool> is_login_failing{false};
  std::atomic<Micros> last_lifetime_end{0};
  std::atomic<unsigned> next_host{0};
  std::atomic<unsigned> next_address{0}; ///< Of a name that has several.
  std::atomic<int> ear_loop{-1}; ///< Which loop has its connection that listens; below 0: none yet.
  /// So often a server said that a statement's result is no longer what it was: see Prepared.
  std::atomic<unsigned> plans_changed{0};

private:
  /// What auth_file has of the user as whom it logs in; null: nothing.
  [[nodiscard]] const base::Secret* listed() const;
  void forget_failures();
  struct Terms {
    Terms(DirectoryPtr files, const DatabaseDefinition& definition, const std::string& user);
    DirectoryPtr directory;
    const DatabaseDefinition* database; ///< In the directory.
    PoolMode mode{};
    int size = 0;
    std::size_t statements_max = 0;
    bool heals_plans = false;
    int conflicts_max = 0;
    wire::SessionHints session_hints = 0;
    std::vector<std::string> tracked;
    bool shares_listen = false;
    Limits limits;
    Sizes sizes;
  };
  [[nodiscard]] const Terms& terms() const { return *terms_.load(std::memory_order_acquire); }
  /// In the order in which their places are taken.
  [[nodiscard]] std::array<PriorPlace::Bound, 3> bounds() const;

  Pools& pools_;
  const std::string name_;
  const std::string user_;
  std::vector<std::unique_ptr<const Terms>> all_terms_; ///< Its writer's: the last is current.
  std::atomic<const Terms*> terms_{nullptr};
  std::atomic<unsigned> epoch_{1};
  std::atomic<bool> is_dead_{false};
  const int loops_;
  std::unique_ptr<Part[]> parts_;
  Quota& of_database_;
  Quota& of_user_;
  Quota& of_all_;
  const std::shared_ptr<EarSeat> ear_seat_; ///< With the other pools of the database.
  std::atomic<int> servers_{0};
  std::atomic<int> debts_{0};
  std::atomic<int> granted_{0};
  std::atomic<bool> asks_for_others_{false};
  std::atomic<unsigned> welcome_epoch_{0}; ///< 0: there is none yet.
  std::atomic<unsigned> lessons_{0};
  mutable std::mutex mutex_; // guards learned_, connect_problem_, welcome_ and the writing of
                             // welcome_epoch_
  std::shared_ptr<const Parameters> welcome_;
  Learned learned_;
  std::string connect_problem_; ///< Of the last server that could not be opened.
};

/// All of them: made when a client first needs one, kept while a loop has its part of it.
class Pools {
public:
  Pools(DirectoryPtr files, int loops) : files_(std::move(files)), loops_(loops) {}
  /// `database`: of the files of the time at which the client came.
  struct Found {
    std::shared_ptr<Pool> pool;
    bool is_new_name; ///< No other pool is of a database of that name.
  };
  Found find_or_make(const DirectoryPtr& files, const DatabaseDefinition& database,
                     const std::string& name, const std::string& user);
  [[nodiscard]] int servers() const; ///< In all.
  /// From now on, for those that are there and for those to come.
  void take_files(DirectoryPtr files);
  void forget_former_files();
  /// In the order in which they were made.
  [[nodiscard]] std::vector<std::shared_ptr<Pool>> all() const;
  /// The first loop that has an idle server of another pool (or of that one, too) that shares what
  /// is full; below 0: none.
  [[nodiscard]] int loop_with_idle(const Pool& pool, Pool::Room room, int except,
                                   bool may_be_own) const;
  /// Somebody waits in that loop, and all places are taken, none by an idle server.
  void claim(Pool& pool, int loop);
  /// Forgets pools that no loop knows any more: the names of automatic databases that have none
  /// left.
  std::vector<std::string> sweep();

  Quotas quotas;
  Quota all_quota;
  Shares shares;

private:
  DirectoryPtr files_;
  const int loops_;
  mutable std::mutex mutex_;                 // guards pools_ and files_
  std::vector<std::shared_ptr<Pool>> pools_; ///< With the loops' parts of them.
};

/// A loop's part.
struct LoopPool {
  explicit LoopPool(std::shared_ptr<Pool> shared_pool)
      : owner(std::move(shared_pool)), shared(*owner) {}
  const std::shared_ptr<Pool> owner; ///< With the other loops and Pools.
  Pool& shared;
  List<Client, &Client::link> waiting;       ///< For a server: the first has waited longest.
  List<Client, &Client::link> welcoming;     ///< For the greeting.
  List<Question, &Question::link> questions; ///< For a server.
  List<Client, &Client::link> replicating;   ///< For a server of its own.
  bool is_watched = false; ///< Somebody began to wait in another loop, while a server is idle here.
  bool has_asked = false;  ///< Another loop for a server that it does not use.
  Micros next_eviction = 0; ///< Not before is another server looked for that could give way.
  Micros empty_since = 0;   ///< Of all loops; 0: it is not.
  List<Server, &Server::link> idle; ///< The one used last comes first.
  List<Server, &Server::link> active;
  List<Server, &Server::link> starting;
  List<Server, &Server::link> busy; ///< With questions of ours.
  Pool::Welcome welcome;            ///< Of which the greeting was made.
  ParameterValues welcome_values;   ///< The tracked ones of the greeting.
  Channels channels;                ///< That clients of any pool listen to by this one's Ear.
  std::uint64_t last_wish = 0;      ///< For one of them.
  int listeners = 0;                ///< The pool's own clients that listen, by whatever Ear.
  std::unique_ptr<Ear> ear;         ///< Of the loop that has it.
  std::string greeting;             ///< For a client that asked for nothing, without its key.
  bool is_paused = false;           ///< By order: no server is opened, none is kept.
  bool is_killed = false;           ///< And clients wait for their greeting.
  Traffic traffic;
  Durations durations;
  Extras extras;
};

} // namespace pgkeep::pool
