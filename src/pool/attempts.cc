// Statements that are said once more, while nothing of their answer has gone to the client: see
// wire/attempt.h for what is held back. And servers whose kept plans do not fit any more: after one
// of them said so, all of the pool forget what they have prepared, each when it is next free.
#include "pool/loop.h"
#include "wire/bytes.h"
#include "wire/error_fields.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kForgetPlans = "DEALLOCATE ALL";
// The pause before another attempt: half to one and a half of it, twice as long each time.
constexpr Micros kFirstPause = 2000;
constexpr int kPauseDoublingsMax = 6;
constexpr std::string_view kNoSuchStatement = "26000";

} // namespace

/// Of what has just been sent to the server, and began when nothing was under way.
void Loop::begin_attempt(const Client& client, Server& server, const Outgoing& outgoing) {
  if (client.server != &server || client.state != Client::State::active || server.swallowed > 0 ||
      client.exchange.owed() != 1 || !outgoing.prefix.empty() ||
      (outgoing.made.empty() && outgoing.bytes.empty()) || outgoing.end != Outgoing::End::none)
    return;
  std::string_view bytes = outgoing.made.empty() ? outgoing.bytes : outgoing.made;
  const Pool& pool = server.pool->shared;
  const bool may_retry = pool.conflicts_max() > 0;
  if (outgoing.made.size() + outgoing.bytes.size() > wire::Attempt::kRequestMax ||
      (!may_retry && bytes.front() != wire::from_client::kBind))
    return;
  std::string joined; // Of what was said in other words and the long rest behind it.
  if (!outgoing.made.empty() && !outgoing.bytes.empty())
    bytes = joined.append(outgoing.made).append(outgoing.bytes);
  const auto request = wire::request_of(bytes);
  if (!request || request->has_named() || request->is_statement_described) return;
  wire::Attempt::Mends mends;
  std::string_view sql = request->sql;
  if (!request->statement.empty()) {
    const auto statement =
        server.prepared ? server.prepared->known.find(request->statement) : nullptr;
    if (statement == nullptr) return;
    mends.changed_plan = pool.heals_plans() && request->is_described;
    sql = statement->parse;
    sql = sql.substr(0, sql.find('\0'));
  }
  if (may_retry && wire::may_run_again(sql)) mends.conflicts_max = pool.conflicts_max();
  if (!mends.changed_plan && mends.conflicts_max == 0) return;
  if (!server.attempt) server.attempt = std::make_unique<wire::Attempt>();
  server.attempt->begin(bytes, request->statement, mends);
}

/// The client has more to say. False: not before the attempt under way is over.
bool Loop::leave_attempt(Server& server) {
  wire::Attempt& attempt = *server.attempt;
  if (!attempt.is_open()) return true;
  if (attempt.is_between()) return false;
  const std::string held(attempt.held());
  attempt.close();
  if (!held.empty()) hear(server, held);
  return !server.is_dead && server.client != nullptr;
}

void Loop::hear_attempt(Server& server, std::string_view bytes) {
  wire::Attempt& attempt = *server.attempt;
  const bool was_preparing = attempt.is_preparing();
  switch (attempt.server_says(bytes)) {
  case wire::Attempt::Next::hold:
    return;
  case wire::Attempt::Next::broken:
    close(server, "bad pkt header", false);
    return;
  case wire::Attempt::Next::again:
    if (attempt.conflicts() > 0) {
      say_again_later(server);
    } else {
      ++server.pool->extras.plans_healed;
      say_again(server);
    }
    return;
  case wire::Attempt::Next::prepare_first:
    // By other settings than its client's it would become another one.
    if (const auto statement = server.prepared->known.find(attempt.statement());
        statement != nullptr && server.client != nullptr && server.client->statements &&
        statement->settings == server.client->statements->settings()) {
      std::string question;
      wire::append_prepare_again(question, *statement);
      server.pool->shared.plans_changed.fetch_add(1);
      send(server, question);
      return;
    }
    break; // It has made room for another: the client hears the error.
  case wire::Attempt::Next::pass:
    if (!was_preparing) break;
    if (const auto statement = server.prepared->known.find(attempt.statement()))
      server.prepared->known.remove(statement->number); // It was closed, and does not parse now.
    break;
  }
  const std::string held(attempt.held());
  attempt.close();
  if (server.client != nullptr && server.client->is_readable) put_off(*server.client);
  hear(server, held.empty() ? bytes : std::string_view(held));
}

void Loop::say_again(Server& server) {
  server.attempt->said_again();
  send(server, server.attempt->request());
}

/// Two that are in each other's way must not come back at the same moment.
void Loop::say_again_later(Server& server) {
  ++server.pool->extras.statements_retried;
  const int doublings = std::min(server.attempt->conflicts() - 1, kPauseDoublingsMax);
  const Micros pause = kFirstPause << static_cast<unsigned>(doublings);
  const Micros share = wire::Reader(random(sizeof(std::uint16_t))).uint16();
  delayed_.push_back({.server = &server, .due = now_ + pause / 2 + pause * share / UINT16_MAX});
}

void Loop::say_again_what_is_due() {
  std::vector<Server*> due;
  std::erase_if(delayed_, [&](const Delayed& each) {
    if (each.due > now_) return false;
    due.push_back(each.server);
    return true;
  });
  for (Server* server : due)
    say_again(*server); // None of them closes another.
}

/// The client hears it, and will prepare its statement once more, which would find the old one: for
/// as long as it keeps this server it is prepared anew here, later all of the pool are. One that a
/// function's DEALLOCATE took away is prepared anew as well.
void Loop::note_useless_statement(Server& server, std::string_view error) {
  const auto fields = wire::error_fields_of(error);
  if (fields && fields->sqlstate == kNoSuchStatement)
    server.prepared->pipeline.doubt_next(server.prepared->known);
  if (!wire::is_changed_plan(error)) return;
  server.pool->shared.plans_changed.fetch_add(1);
  server.prepared->pipeline.doubt_next(server.prepared->known);
}

bool Loop::has_old_plans(const Server& server) {
  return server.prepared && server.prepared->plans_seen !=
                                server.pool->shared.plans_changed.load(std::memory_order_relaxed);
}

/// What it knows is forgotten when it says that it has done so.
void Loop::forget_plans(Server& server) {
  server.prepared->plans_seen = server.pool->shared.plans_changed.load();
  ask_server(server, Server::State::resetting, kForgetPlans);
}

} // namespace pgkeep::pool
