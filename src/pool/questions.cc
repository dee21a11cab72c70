// auth_query: a client that logs in and that no file knows waits until a server, connected as
// auth_user, has said what it stores of it. The question waits in the queue of that pool as clients
// do, and before them: who logs in holds nothing yet.
#include <fmt/format.h>

#include "pool/loop.h"

namespace pgkeep::pool {

void Loop::ask(Client& client) {
  if (regime_.shutdown == Shutdown::wait_for_servers) {
    disconnect(client, "server shutting down", true);
    return;
  }
  const ClientLogin::Question& what = client.login->question();
  if (regime_.marks_of(what.database_name).is_disabled) {
    const bool is_other = what.database_name != client.login->database_name();
    disconnect(client,
               fmt::format("{}database \"{}\" is disabled", is_other ? "authentication " : "",
                           what.database_name),
               true);
    return;
  }
  LoopPool& pool =
      pool_of(client.login->files(), *what.database, what.database_name, std::string(what.user));
  if (pool.shared.is_dead()) { // Since the client came: no server will be asked.
    disconnect(client, "database removed", true);
    return;
  }
  pool.shared.set_asking();
  if (refuse_at_once(client, pool)) return;
  client.question = std::make_unique<Question>();
  Question& question = *client.question;
  question.client = &client;
  question.pool = &pool;
  question.since = now_;
  question.messages = auth_question(what.query, client.login->user());
  if (pool.questions.empty() && pool.waiting.empty()) {
    if (Server* server = idle_server(pool)) {
      leave_idle(*server);
      put(question, *server);
      return;
    }
  }
  pool.questions.push_back(question);
  tell_waiting(pool);
  call_for_server(pool);
}

/// To a server that is in no list.
void Loop::put(Question& question, Server& server) {
  question.server = &server;
  server.question = &question;
  server.state = Server::State::asked;
  server.request_at = now_;
  server.pool->busy.push_back(server);
  forget_unnamed(server);
  send(server, question.messages);
}

/// False: there is no question.
bool Loop::put_first(LoopPool& pool, Server& server) {
  Question* question = pool.questions.front();
  if (question == nullptr) return false;
  pool.questions.remove(*question);
  tell_waiting(pool);
  put(*question, server);
  return true;
}

void Loop::read_answer(Server& server) {
  const ssize_t count = receive(server);
  if (count < 0) return;
  if (count == 0) {
    close(server, "server conn crashed?", false);
    return;
  }
  server.request_at = now_;
  Question& question = *server.question;
  switch (question.answer.feed({input_->data(), static_cast<std::size_t>(count)})) {
  case AuthAnswer::State::more:
    if (server.is_readable) put_off(server);
    return;
  case AuthAnswer::State::failed: {
    const std::string problem = question.answer.problem();
    if (const std::string& error = question.answer.server_error(); !error.empty())
      shared_.log.error(fmt::format("S: error in auth_query: {}", error));
    close(server, problem, false);
    return;
  }
  case AuthAnswer::State::done:
    break;
  }
  Client& client = *question.client;
  const std::unique_ptr<Question> owner = std::move(client.question);
  server.question = nullptr;
  server.status = owner->answer.status();
  for (const auto& [name, value] : owner->answer.parameters()) {
    if (const auto index = directory_->tracked.index_of(name)) server.parameters.set(*index, value);
  }
  server.pool->busy.remove(server);
  if (server.status == wire::TransactionStatus::idle) {
    let_go(server);
  } else {
    close(server, "auth_query left a transaction open", true);
  }
  apply(client, client.login->answered(owner->answer.user()));
}

/// Its client goes. A server that was asked has an answer for nobody else.
void Loop::drop_question(Client& client) {
  const std::unique_ptr<Question> question = std::move(client.question);
  if (!question) return;
  if (Server* server = question->server) {
    server->question = nullptr;
    close(*server, "client disconnect while server was not ready", true);
  } else {
    question->pool->questions.remove(*question);
    tell_waiting(*question->pool);
  }
}

void Loop::refuse_questions(LoopPool& pool, std::string_view text) {
  while (Question* question = pool.questions.front())
    disconnect(*question->client, text, true);
}

} // namespace pgkeep::pool
