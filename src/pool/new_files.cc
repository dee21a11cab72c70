// The files were read again: a loop goes on with what they say now. Clients keep what they were
// told at their coming; servers that lead elsewhere go as soon as nobody works with them.
#include "pool/control.h"
#include "pool/loop.h"

namespace pgkeep::pool {

void Loop::take_files(NewFiles files) {
  directory_ = std::move(files.directory);
  has_idle_limit_ = false;
  for (const auto& client : clients_) {
    if (client && client->pool != nullptr) take_limits(*client, client->pool->shared.database());
  }
  for (const auto& pool : pools_) {
    if (pool->shared.is_dead()) {
      kill(*pool);
      continue;
    }
    close_outdated(*pool);
    call_for_server(*pool);
  }
  shared_.control->post(Taken{.loop = static_cast<std::size_t>(index_), .number = files.number});
}

/// Those that nobody works with: see release() for the others.
void Loop::close_outdated(LoopPool& pool) {
  Server* next = nullptr;
  for (Server* server = pool.idle.front(); server != nullptr; server = next) {
    next = pool.idle.next(*server);
    if (pool.shared.is_outdated(server->epoch))
      close(*server, "database configuration changed", true);
  }
}

/// Whoever is in it goes, at once.
void Loop::kill(LoopPool& pool) {
  constexpr std::string_view kReason = "database removed";
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    Client* client = clients_[i].get();
    if (client != nullptr && client->pool == &pool) disconnect(*client, kReason, true);
  }
  refuse_questions(pool, kReason);
  if (pool.ear && pool.ear->server != nullptr) close(*pool.ear->server, kReason, true);
  for (auto* list : {&pool.idle, &pool.active, &pool.starting, &pool.busy}) {
    Server* next = nullptr;
    for (Server* server = list->front(); server != nullptr; server = next) {
      next = list->next(*server);
      close(*server, kReason, true);
    }
  }
}

} // namespace pgkeep::pool
