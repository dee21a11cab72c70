#include "pool/pools.h"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeep::pool {
namespace {

template <typename Value>
Value chosen(const std::optional<Value>& of_user, const std::optional<Value>& of_database,
             Value of_all) {
  return of_user.value_or(of_database.value_or(of_all));
}

const base::Secret* listed_in(const Directory& files, const std::string& user) {
  const auto found = files.users.find(user);
  return found == files.users.end() ? nullptr : &found->second;
}

bool is_same_secret(const base::Secret* one, const base::Secret* other) {
  if (one == nullptr || other == nullptr) return one == other;
  return one->reveal() == other->reveal();
}

/// Whether servers that one of them opened are as good as those of the other.
bool leads_to_the_same(const DatabaseDefinition& one, const DatabaseDefinition& other) {
  return one.dbname == other.dbname && one.hosts == other.hosts && one.port == other.port &&
         one.user == other.user && one.auth_dbname == other.auth_dbname &&
         one.connect_query == other.connect_query && one.startup == other.startup;
}

} // namespace

Pool::Terms::Terms(DirectoryPtr files, const DatabaseDefinition& definition,
                   const std::string& user)
    : directory(std::move(files)), database(&definition) {
  const Settings& settings = directory->settings();
  const UserDefinition* of_user = directory->configuration.user(user);
  const Overrides none;
  const Overrides& own = of_user == nullptr ? none : of_user->own;
  mode = chosen(own.pool_mode, database->own.pool_mode, settings.pool_mode);
  // A number below 0 counts as 0.
  const auto number = [](std::int64_t value) {
    return static_cast<int>(std::max<std::int64_t>(value, 0));
  };
  size = number(chosen(own.pool_size, database->own.pool_size, settings.default_pool_size));
  if (mode != PoolMode::session)
    statements_max = static_cast<std::size_t>(settings.max_prepared_statements);
  heals_plans = statements_max > 0 && settings.heal_cached_plans;
  conflicts_max = static_cast<int>(settings.retry_serialization_failures);
  if (mode != PoolMode::session) {
    if (settings.keep_session_settings)
      session_hints |= wire::kHintSettings | wire::kHintUser | wire::kHintUnknown;
    if (settings.pin_sessions) session_hints |= wire::kHintHolds | wire::kHintUser;
    for (std::size_t i = 0; i < directory->tracked.count(); ++i)
      tracked.push_back(directory->tracked.name(i));
    shares_listen = settings.share_listen;
  }
  const auto limit = [&](std::optional<Duration> Overrides::* of_own, Duration of_all) {
    return chosen(own.*of_own, database->own.*of_own, of_all).count();
  };
  limits = {.query = limit(&Overrides::query_timeout, settings.query_timeout),
            .idle_transaction =
                limit(&Overrides::idle_transaction_timeout, settings.idle_transaction_timeout),
            .transaction = limit(&Overrides::transaction_timeout, settings.transaction_timeout),
            .server_lifetime = limit(&Overrides::server_lifetime, settings.server_lifetime)};
  sizes = {.reserve = number(chosen(own.reserve_pool_size, database->own.reserve_pool_size,
                                    settings.reserve_pool_size)),
           .reserve_timeout = settings.reserve_pool_timeout.count(),
           .least = number(database->own.min_pool_size.value_or(settings.min_pool_size)),
           .of_database =
               number(database->own.max_connections.value_or(settings.max_db_connections)),
           .of_user = number(own.max_connections.value_or(settings.max_user_connections)),
           .of_all = number(settings.max_server_connections)};
}

Pool::Pool(Pools& pools, DirectoryPtr files, const DatabaseDefinition& database, std::string name,
           std::string user, int loops, std::shared_ptr<EarSeat> ear_seat)
    : pools_(pools), name_(std::move(name)), user_(std::move(user)), loops_(loops),
      parts_(std::make_unique<Part[]>(static_cast<std::size_t>(loops))),
      of_database_(pools.quotas.refer(Quotas::Kind::database, name_)),
      of_user_(pools.quotas.refer(Quotas::Kind::user, user_)), of_all_(pools.all_quota),
      ear_seat_(std::move(ear_seat)) {
  terms_ =
      all_terms_.emplace_back(std::make_unique<Terms>(std::move(files), database, user_)).get();
}

Pool::~Pool() {
  pools_.quotas.leave(Quotas::Kind::database, name_);
  pools_.quotas.leave(Quotas::Kind::user, user_);
}

void Pool::take_files(const DirectoryPtr& files) {
  const DatabaseDefinition* database = files->configuration.database(name_);
  if (database == nullptr) { // Its clients are sent away by what they know of it.
    is_dead_ = true;
    reconnect();
    return;
  }
  const bool is_elsewhere = is_dead_ || !leads_to_the_same(*terms().database, *database) ||
                            !is_same_tls(terms().directory->settings(), files->settings());
  const base::Secret* const before = listed();
  terms_ = all_terms_.emplace_back(std::make_unique<Terms>(files, *database, user_)).get();
  is_dead_ = false;
  if (!is_same_secret(before, listed())) forget_failures();
  if (is_elsewhere) reconnect();
}

void Pool::forget_former_files() {
  all_terms_.erase(all_terms_.begin(), all_terms_.end() - 1);
}

const base::Secret* Pool::listed() const {
  return listed_in(*terms().directory, user_);
}

ServerIdentity Pool::identity() const {
  const Terms& now = terms();
  const DatabaseDefinition& database = *now.database;
  const bool has_own_user = asks_for_others_ && database.user != user_;
  // Its clients are those of the name that was forced upon them when they came.
  ServerIdentity identity{.user = database.user.empty() || has_own_user ? user_ : database.user,
                          .database = database.dbname.empty() ? name_ : database.dbname,
                          .startup = database.startup,
                          .stored = {},
                          .connect_query = database.connect_query};
  // The password of the entry is that of its user: not of one who asks for the secrets of others.
  if (database.user.empty() || !has_own_user) identity.stored = database.password;
  const AuthType type = now.directory->settings().auth_type;
  Credentials own = credentials_of(learned(), listed_in(*now.directory, identity.user),
                                   type == AuthType::pam || type == AuthType::ldap);
  if (identity.stored.empty()) identity.stored = std::move(own.stored);
  identity.keys = own.keys;
  return identity;
}

Pool::Room Pool::take_place(int most) {
  const Sizes& over = sizes();
  int count = servers_.load();
  do {
    if (most > 0 && count >= most) return Room::pool_full;
  } while (!servers_.compare_exchange_weak(count, count + 1));
  if (!take_one(of_database_.servers, over.of_database)) {
    servers_.fetch_sub(1);
    of_database_.is_wanted.store(true);
    return Room::database_full;
  }
  if (!take_one(of_user_.servers, over.of_user)) {
    servers_.fetch_sub(1);
    of_database_.servers.fetch_sub(1);
    of_user_.is_wanted.store(true);
    return Room::user_full;
  }
  int granted = granted_.load();
  while (granted > 0) {
    if (granted_.compare_exchange_weak(granted, granted - 1)) return Room::taken;
  }
  if (take_one(of_all_.servers, over.of_all)) return Room::taken;
  servers_.fetch_sub(1);
  of_database_.servers.fetch_sub(1);
  of_user_.servers.fetch_sub(1);
  of_all_.is_wanted.store(true);
  return Room::all_full;
}

bool Pool::give_place() {
  servers_.fetch_sub(1);
  bool is_wanted = false;
  for (Quota* quota : {&of_database_, &of_user_, &of_all_}) {
    quota->servers.fetch_sub(1);
    if (quota->is_wanted.load()) is_wanted = quota->is_wanted.exchange(false) || is_wanted;
  }
  return is_wanted;
}

std::array<PriorPlace::Bound, 3> Pool::bounds() const {
  const Sizes& over = sizes();
  return {{{&of_database_, over.of_database}, {&of_user_, over.of_user}, {&of_all_, over.of_all}}};
}

Pool::Room Pool::take_place(PriorPlace& place) {
  constexpr std::array kRooms = {Room::database_full, Room::user_full, Room::all_full};
  const auto full = place.take(bounds());
  return full ? kRooms[*full] : Room::taken;
}

bool Pool::give_place(PriorPlace& place) {
  return place.give_back(bounds());
}

bool Pool::is_overdrawn() const {
  return std::ranges::any_of(bounds(), [](const PriorPlace::Bound& each) {
    return each.quota->is_overdrawn.load() && each.quota->servers.load() > each.most;
  });
}

bool Pool::shares(Room room, const Pool& other) const {
  switch (room) {
  case Room::database_full:
    return &of_database_ == &other.of_database_;
  case Room::user_full:
    return &of_user_ == &other.of_user_;
  default:
    return true;
  }
}

void Pool::grant() {
  of_all_.servers.fetch_add(1);
  granted_.fetch_add(1);
}

bool Pool::return_grant() {
  int granted = granted_.load();
  while (granted > 0) {
    if (!granted_.compare_exchange_weak(granted, granted - 1)) continue;
    of_all_.servers.fetch_sub(1);
    return of_all_.is_wanted.exchange(false);
  }
  return false;
}

bool Pool::set_welcome(const Parameters& parameters, unsigned epoch) {
  const std::lock_guard lock(mutex_);
  if (is_outdated(epoch) || welcome_epoch() == epoch) return false;
  welcome_ = std::make_shared<const Parameters>(parameters);
  welcome_epoch_.store(epoch, std::memory_order_release);
  return true;
}

Pool::Welcome Pool::welcome() const {
  const std::lock_guard lock(mutex_);
  return {.parameters = welcome_, .epoch = welcome_epoch()};
}

Learned Pool::learned() const {
  const std::lock_guard lock(mutex_);
  return learned_;
}

void Pool::learn(const Learned& brought) {
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    is_new = pool::learn(learned_, brought);
  }
  if (is_new) forget_failures();
}

void Pool::learn_the_rest(const Learned& brought) {
  const std::lock_guard lock(mutex_);
  pool::learn_the_rest(learned_, brought, listed());
}

/// They were of another password.
void Pool::forget_failures() {
  lessons_.fetch_add(1);
  is_connect_failing.store(false);
  is_login_failing.store(false);
}

void Pool::note_connect_failure(std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    connect_problem_ = reason;
  }
  is_connect_failing.store(true);
  is_login_failing.store(true);
}

std::string Pool::connect_problem() const {
  const std::lock_guard lock(mutex_);
  return fmt::format("server login has been failing, cached error: {} (server_login_retry)",
                     connect_problem_);
}

Pools::Found Pools::find_or_make(const DirectoryPtr& files, const DatabaseDefinition& database,
                                 const std::string& name, const std::string& user) {
  const std::lock_guard lock(mutex_);
  const Pool* sibling = nullptr; // Of the same database.
  for (const auto& each : pools_) {
    if (each->name() != name) continue;
    if (each->user() == user) return {.pool = each, .is_new_name = false};
    sibling = each.get();
  }
  auto seat = sibling == nullptr ? std::make_shared<EarSeat>() : sibling->shared_ear_seat();
  std::shared_ptr<Pool> made = pools_.emplace_back(
      std::make_shared<Pool>(*this, files, database, name, user, loops_, std::move(seat)));
  if (files != files_) made->take_files(files_); // Read again since the client came.
  return {.pool = std::move(made), .is_new_name = sibling == nullptr};
}

void Pools::take_files(DirectoryPtr files) {
  const std::lock_guard lock(mutex_);
  files_ = std::move(files);
  for (const auto& pool : pools_)
    pool->take_files(files_);
}

void Pools::forget_former_files() {
  const std::lock_guard lock(mutex_);
  for (const auto& pool : pools_)
    pool->forget_former_files();
}

std::vector<std::shared_ptr<Pool>> Pools::all() const {
  const std::lock_guard lock(mutex_);
  return pools_;
}

int Pools::servers() const {
  const std::lock_guard lock(mutex_);
  int count = 0;
  for (const auto& pool : pools_)
    count += pool->servers();
  return count;
}

int Pools::loop_with_idle(const Pool& pool, Pool::Room room, int except, bool may_be_own) const {
  const std::lock_guard lock(mutex_);
  for (const auto& each : pools_) {
    if ((each.get() == &pool && !may_be_own) || !pool.shares(room, *each)) continue;
    for (int loop = 0; loop < loops_; ++loop) {
      if (loop != except && each->part(loop).idle.load() > 0) return loop;
    }
  }
  return -1;
}

void Pools::claim(Pool& pool, int loop) {
  const std::lock_guard lock(mutex_);
  shares.claim(pool, loop, pools_);
}

std::vector<std::string> Pools::sweep() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> gone;
  std::erase_if(pools_, [&](const std::shared_ptr<Pool>& pool) {
    if (pool.use_count() > 1) return false; // Only here can it be found: so nobody gets it now.
    if (pool->database().name == DatabaseDefinition::kFallback) gone.push_back(pool->name());
    return true;
  });
  std::erase_if(gone, [&](const std::string& name) {
    return std::ranges::any_of(pools_, [&](const auto& each) { return each->name() == name; });
  });
  return gone;
}

} // namespace pgkeep::pool
