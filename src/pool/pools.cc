#include "pool/pools.h"

#include <algorithm>

namespace pgkeep::pool {
namespace {

template <typename Value>
Value chosen(const std::optional<Value>& of_user, const std::optional<Value>& of_database,
             Value of_all) {
  return of_user.value_or(of_database.value_or(of_all));
}

} // namespace

Pool::Pool(const Directory& directory, const DatabaseDefinition& database, std::string name,
           std::string user, int loops)
    : directory_(directory), database_(database), name_(std::move(name)), user_(std::move(user)),
      loops_(loops), parts_(std::make_unique<Part[]>(static_cast<std::size_t>(loops))) {
  const Settings& settings = directory.settings();
  const UserDefinition* definition = directory.configuration.user(user_);
  const Overrides none;
  const Overrides& own = definition == nullptr ? none : definition->own;
  mode_ = chosen(own.pool_mode, database.own.pool_mode, settings.pool_mode);
  size_ =
      static_cast<int>(chosen(own.pool_size, database.own.pool_size, settings.default_pool_size));
  if (mode_ != PoolMode::session)
    statements_max_ = static_cast<std::size_t>(settings.max_prepared_statements);
  const auto limit = [&](std::optional<Duration> Overrides::* of_own, Duration of_all) {
    return chosen(own.*of_own, database.own.*of_own, of_all).count();
  };
  limits_ = {.query_wait = limit(&Overrides::query_wait_timeout, settings.query_wait_timeout),
             .query = limit(&Overrides::query_timeout, settings.query_timeout),
             .idle_transaction =
                 limit(&Overrides::idle_transaction_timeout, settings.idle_transaction_timeout),
             .transaction = limit(&Overrides::transaction_timeout, settings.transaction_timeout),
             .client_idle = limit(&Overrides::client_idle_timeout, settings.client_idle_timeout),
             .server_lifetime = limit(&Overrides::server_lifetime, settings.server_lifetime)};
}

ServerIdentity Pool::identity() const {
  ServerIdentity identity{.user = user_,
                          .database = database_.dbname.empty() ? name_ : database_.dbname,
                          .startup = database_.startup,
                          .stored = database_.password,
                          .connect_query = database_.connect_query};
  if (identity.stored.empty()) {
    if (const auto found = directory_.users.find(user_); found != directory_.users.end())
      identity.stored = found->second;
  }
  const std::lock_guard lock(mutex_);
  identity.keys = keys_;
  return identity;
}

bool Pool::take_place() {
  int count = servers_.load();
  // A size of 0 is no limit that anybody wants: as in PgBouncer it lets nobody work, but for the
  // first connection, which brings the greeting.
  while (count < size_ || (count == 0 && !has_welcome())) {
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

Pool& Pools::find_or_make(const Directory& directory, const DatabaseDefinition& database,
                          const std::string& name, const std::string& user) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(
      pools_, [&](const auto& each) { return each->name() == name && each->user() == user; });
  if (found != pools_.end()) return **found;
  return *pools_.emplace_back(std::make_unique<Pool>(directory, database, name, user, loops_));
}

int Pools::servers() const {
  const std::lock_guard lock(mutex_);
  int count = 0;
  for (const auto& pool : pools_)
    count += pool->servers();
  return count;
}

} // namespace pgkeep::pool
