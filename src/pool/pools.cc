#include "pool/pools.h"

#include <algorithm>

namespace pgkeep::pool {
namespace {

template <typename Value>
Value chosen(const std::optional<Value>& of_user, const std::optional<Value>& of_database,
             Value of_all) {
  return of_user.value_or(of_database.value_or(of_all));
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
  size =
      static_cast<int>(chosen(own.pool_size, database->own.pool_size, settings.default_pool_size));
  if (mode != PoolMode::session)
    statements_max = static_cast<std::size_t>(settings.max_prepared_statements);
  const auto limit = [&](std::optional<Duration> Overrides::* of_own, Duration of_all) {
    return chosen(own.*of_own, database->own.*of_own, of_all).count();
  };
  limits = {.query_wait = limit(&Overrides::query_wait_timeout, settings.query_wait_timeout),
            .query = limit(&Overrides::query_timeout, settings.query_timeout),
            .idle_transaction =
                limit(&Overrides::idle_transaction_timeout, settings.idle_transaction_timeout),
            .transaction = limit(&Overrides::transaction_timeout, settings.transaction_timeout),
            .client_idle = limit(&Overrides::client_idle_timeout, settings.client_idle_timeout),
            .server_lifetime = limit(&Overrides::server_lifetime, settings.server_lifetime)};
}

Pool::Pool(DirectoryPtr files, const DatabaseDefinition& database, std::string name,
           std::string user, int loops)
    : name_(std::move(name)), user_(std::move(user)), loops_(loops),
      parts_(std::make_unique<Part[]>(static_cast<std::size_t>(loops))) {
  terms_ =
      all_terms_.emplace_back(std::make_unique<Terms>(std::move(files), database, user_)).get();
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
  terms_ = all_terms_.emplace_back(std::make_unique<Terms>(files, *database, user_)).get();
  is_dead_ = false;
  if (is_elsewhere) reconnect();
}

void Pool::forget_former_files() {
  all_terms_.erase(all_terms_.begin(), all_terms_.end() - 1);
}

ServerIdentity Pool::identity() const {
  const Terms& now = terms();
  const DatabaseDefinition& database = *now.database;
  // Its clients are those of the name that was forced upon them when they came.
  ServerIdentity identity{.user = database.user.empty() ? user_ : database.user,
                          .database = database.dbname.empty() ? name_ : database.dbname,
                          .startup = database.startup,
                          .stored = database.password,
                          .connect_query = database.connect_query};
  if (identity.stored.empty()) {
    const auto& users = now.directory->users;
    if (const auto found = users.find(identity.user); found != users.end())
      identity.stored = found->second;
  }
  const std::lock_guard lock(mutex_);
  identity.keys = keys_;
  return identity;
}

bool Pool::take_place() {
  int count = servers_.load();
  const int size_max = size();
  // A size of 0 is no limit that anybody wants: as in PgBouncer it lets nobody work, but for the
  // first connection, which brings the greeting.
  while (count < size_max || (count == 0 && !has_welcome())) {
    if (servers_.compare_exchange_weak(count, count + 1)) return true;
  }
  return false;
}

void Pool::set_welcome(const Parameters& parameters) {
  const std::lock_guard lock(mutex_);
  if (has_welcome()) return;
  welcome_ = parameters;
  has_welcome_.store(true, std::memory_order_release);
}

void Pool::set_keys(const wire::ScramClientKeys& keys) {
  const std::lock_guard lock(mutex_);
  keys_ = keys;
}

Pool& Pools::find_or_make(const DirectoryPtr& files, const DatabaseDefinition& database,
                          const std::string& name, const std::string& user) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(
      pools_, [&](const auto& each) { return each->name() == name && each->user() == user; });
  if (found != pools_.end()) return **found;
  Pool& made = *pools_.emplace_back(std::make_unique<Pool>(files, database, name, user, loops_));
  if (files != files_) made.take_files(files_); // Read again since the client came.
  return made;
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

std::vector<Pool*> Pools::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Pool*> found;
  for (const auto& pool : pools_)
    found.push_back(pool.get());
  return found;
}

int Pools::servers() const {
  const std::lock_guard lock(mutex_);
  int count = 0;
  for (const auto& pool : pools_)
    count += pool->servers();
  return count;
}

} // namespace pgkeep::pool
