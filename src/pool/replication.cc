// A client that replicates waits until a server has been opened for it; what it is greeted with is
// what that server said, and why the server would not have it, it is told in the server's words.
#include "pool/replication.h"

#include <array>

#include "base/text.h"
#include "pool/loop.h"
#include "wire/message.h"

namespace pgkeep::pool {
namespace {

constexpr std::array<std::string_view, 4> kTrue = {"true", "yes", "on", "1"};

/// As the server does: case does not count, and the beginning of a word is enough ("o" is not).
bool is_true(std::string_view value) {
  const std::string lowered = base::to_lower(value);
  for (const std::string_view word : kTrue) {
    if (!lowered.empty() && word.starts_with(lowered) && lowered != "o") return true;
  }
  return false;
}

} // namespace

Replication replication_of(std::string_view value) {
  if (value == "database") return Replication::logical;
  return is_true(value) ? Replication::physical : Replication::none;
}

std::string_view name_of(Replication kind) {
  switch (kind) {
  case Replication::logical:
    return "database";
  case Replication::physical:
    return "yes";
  case Replication::none:
    break;
  }
  return "no";
}

void become_replication(ServerIdentity& identity, const Client& client, const TrackedNames& names) {
  identity.connect_query.clear();
  identity.startup.emplace_back("replication", name_of(client.replication->kind));
  for (std::size_t i = 0; i < names.count(); ++i) {
    if (const auto value = client.parameters.get(i))
      identity.startup.emplace_back(names.name(i), *value);
  }
  if (!client.replication->options.empty())
    identity.startup.emplace_back("options", client.replication->options);
}

void Loop::enter_replication(Client& client) {
  client.state = Client::State::welcome;
  client.pool->replicating.push_back(client);
  call_for_own_server(*client.pool);
}

void Loop::call_for_own_server(LoopPool& pool) {
  Client* const client = pool.replicating.front();
  if (client == nullptr || launch(pool, {.replicating = client}) || !pool.starting.empty()) return;
  ask_other_loops(pool, {.makes_room = true}); // One that comes makes room: see launch().
}

void Loop::own_server_ready(Server& server) {
  Client& client = *server.client;
  std::string greeting;
  wire::append_authentication_ok(greeting);
  for (const auto& [name, value] : server.login->parameters())
    wire::append_parameter_status(greeting, name, value);
  append_key(greeting, client);
  wire::append_ready_for_query(greeting, wire::TransactionStatus::idle);
  server.login.reset();
  server.request_at = now_;
  server.status = wire::TransactionStatus::idle;
  client.server = nullptr;
  server.client = nullptr;
  link(client, server);
  send(client, greeting);
  if (server.is_readable) put_off(server);
  if (client.is_readable) put_off(client);
  call_for_server(*server.pool);
  const std::unique_ptr<Kept> unread = std::move(client.unread);
  if (!unread) return;
  const Outgoing outgoing = scan(client, server, unread->rest());
  to_server(client, outgoing);
  keep_partial(client);
  if (outgoing.end != Outgoing::End::none) end_client(client, outgoing.end);
}

void Loop::own_server_failed(Server& server, const ServerLogin::Step& step) {
  Client* const client = std::exchange(server.client, nullptr);
  close(server, step.text, !step.server_text.empty());
  if (client == nullptr) return;
  client->server = nullptr;
  disconnect(*client, step.server_text.empty() ? step.text : step.server_text, true,
             step.server_sqlstate.empty() ? "08P01" : step.server_sqlstate);
}

} // namespace pgkeep::pool
