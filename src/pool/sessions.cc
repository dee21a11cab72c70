// What a client leaves in its server beyond a transaction, where pin_sessions or
// keep_session_settings want it looked after: see wire/session_state.h. The server is asked before
// it would be released. Settings are given to whatever server is next; for the rest the server
// stays, and is cleaned when its client goes. Where something may have been set whose name was not
// read, the server is cleaned at once: nobody else gets it as it is.
#include "base/text.h"
#include "pool/loop.h"
#include "wire/error_fields.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kClean = "DISCARD ALL";
constexpr std::size_t kCustomMax = 64;    ///< Settings with a prefix, of one client.
constexpr std::uint8_t kQuestionsMax = 5; ///< That fail, before client and server are given up.
constexpr std::string_view kQueryCanceled = "57014"; ///< By a request, or by statement_timeout.
/// Before it is lifted for the question behind it, which would otherwise find what lifts it.
constexpr std::string_view kTimeoutQuestion =
    "SELECT 'setting', 'statement_timeout', pg_catalog.current_setting('statement_timeout') "
    "WHERE pg_catalog.current_setting('statement_timeout') <> '0'";
constexpr std::string_view kNoTimeout = "SET LOCAL statement_timeout = 0;";

wire::SessionOrigin origin_of(const Server& server) {
  return {.user = server.user, .connect_query = server.pool->shared.database().connect_query};
}

} // namespace

/// A text that comes in parts, too long to be waited for, is not read: it may have said anything.
void Loop::note_text(Client& client, const wire::MessageScanner::Part& part) {
  if (part.type != wire::from_client::kQuery && part.type != wire::from_client::kParse) return;
  const wire::SessionHints wanted = client.pool->shared.session_hints();
  client.hints |= part.ends ? wire::hints_in(part.body) & wanted : wanted & ~wire::kHintUnknown;
  if (!part.ends) note_more_text(client, part);
  if ((wanted & wire::kHintSettings) != 0) note_custom(client, wire::custom_settings_in(part.body));
}

/// One of those parts.
void Loop::note_more_text(Client& client, const wire::MessageScanner::Part& part) {
  if (part.type != wire::from_client::kQuery && part.type != wire::from_client::kParse) return;
  if (wire::may_set(part.body))
    client.hints |= wire::kHintUnknown & client.pool->shared.session_hints();
}

void Loop::note_custom(Client& client, const std::vector<std::string>& names) {
  if (names.empty() || (client.pool->shared.session_hints() & wire::kHintSettings) == 0) return;
  if (!client.custom) client.custom = std::make_unique<std::set<std::string>>();
  for (const std::string& name : names) {
    if (client.custom->size() < kCustomMax) {
      client.custom->insert(name);
    } else if (!client.custom->contains(name)) {
      client.hints |= wire::kHintUnknown;
    }
  }
}

/// What it asked for at its start: no server has taken it yet.
void Loop::start_session(Client& client, const wire::SessionSettings& settings) {
  if (settings.empty()) return;
  client.session = std::make_unique<wire::SessionSettings>();
  for (const auto& [name, value] : settings) {
    const std::string lower = base::to_lower(name);
    client.session->insert_or_assign(wire::is_of_user(lower) ? lower : name, wire::escaped(value));
    if (name.find('.') != std::string::npos) note_custom(client, {name});
  }
}

void Loop::note_tag(Client& client, const wire::MessageScanner::Part& part) {
  const wire::SessionHints wanted = client.pool->shared.session_hints();
  const bool is_whole = part.begins && part.ends;
  client.hints |= is_whole ? wire::hints_of_tag(part.body) & wanted : wanted;
  if (is_whole && client.pool->shared.shares_listen()) note_listen_tag(client, part.body);
}

/// Its client has nothing under way. False: there is nothing to be asked. Who holds nothing lets go
/// of nothing.
bool Loop::ask_session(Server& server) {
  Client& client = *server.client;
  const Pool& pool = server.pool->shared;
  server.asked = std::exchange(client.hints, {}) & pool.session_hints();
  if (client.held == 0) server.asked &= ~wire::kHintLetGo;
  if ((server.asked & wire::kHintSettings) == 0) server.asked &= ~wire::kHintUnknown;
  if (server.asked == 0) return false;
  std::string question;
  static const std::set<std::string> none;
  std::vector<std::string> apart;
  const bool is_again = server.questions_failed > 0;
  if (is_again && (server.asked & wire::kHintSettings) != 0) {
    apart = pool.tracked();
    apart.emplace_back("statement_timeout");
    wire::append_query(question, kTimeoutQuestion);
    ++server.swallowed;
  }
  wire::append_query(
      question, std::string(is_again ? kNoTimeout : "") +
                    wire::question_of(server.asked, is_again ? apart : pool.tracked(),
                                      client.custom ? *client.custom : none, origin_of(server)));
  server.session_answer = std::make_unique<wire::SessionAnswer>();
  ++server.swallowed;
  forget_unnamed(server);
  send(server, question);
  return true;
}

/// An error came in the place of an answer: whether it passes. What the client set may be what ends
/// the question, or a cancel request that came late.
bool Loop::may_ask_again(Server& server, const wire::MessageScanner::Part& part) {
  if (!server.session_answer || !part.begins || !part.ends ||
      server.questions_failed == kQuestionsMax)
    return false;
  const auto fields = wire::error_fields_of(part.body);
  server.has_question_failed = fields && fields->sqlstate == kQueryCanceled;
  return server.has_question_failed;
}

void Loop::take_session_answer(Server& server) {
  const std::unique_ptr<wire::SessionAnswer> answer = std::move(server.session_answer);
  Client& client = *server.client;
  if (std::exchange(server.has_question_failed, false)) { // settle() asks again.
    client.hints |= server.asked;
    ++server.questions_failed;
    return;
  }
  server.questions_failed = 0;
  server.is_unknown = server.is_unknown || (server.asked & wire::kHintUnknown) != 0;
  if ((server.asked & (wire::kHintSettings | wire::kHintUser)) != 0) {
    const wire::SessionSettings& found = answer->settings();
    client.session = found.empty() ? nullptr : std::make_unique<wire::SessionSettings>(found);
    server.session = found.empty() ? nullptr : std::make_unique<wire::SessionSettings>(found);
    note_settings(client);
  }
  if ((server.asked & wire::kHintHolds) == 0) return;
  // Of what a function took nobody knows whose it is. Who was pinned has been alone since then.
  const wire::Holds before = client.held;
  if (before == 0) server.strange = answer->holds() & ~wire::holds_hinted_at(server.asked);
  client.held = answer->holds() & ~server.strange;
  server.is_dirty = answer->holds() != 0;
  Extras& extras = server.pool->extras;
  extras.pins += before == 0 && client.held != 0 ? 1 : 0;
  for (std::size_t i = 0; i < extras.pins_for.size(); ++i)
    extras.pins_for[i] += (client.held & ~before & (1U << i)) != 0 ? 1 : 0;
}

/// What makes the settings of the server those of the client: it is going to be told.
Loop::SessionChange Loop::session_change(const Client& client, Server& server) {
  static const wire::SessionSettings none;
  const std::string settings =
      wire::change_of(client.session ? *client.session : none,
                      server.session ? *server.session : none, origin_of(server));
  if (!settings.empty())
    server.session =
        client.session ? std::make_unique<wire::SessionSettings>(*client.session) : nullptr;
  return {.sql = wire::clean_ground_of(client.hints) + settings, .has_settings = !settings.empty()};
}

/// Of the file, and before it what takes back the settings of a client, if it does not: DISCARD ALL
/// must stand alone.
std::string Loop::reset_query(Server& server) const {
  const std::string& query = settings().server_reset_query;
  const auto session = std::move(server.session);
  const bool discards_all = base::to_lower(base::trim(query)) == base::to_lower(kClean);
  return session && !discards_all ? wire::change_of({}, *session, origin_of(server)) + query
                                  : query;
}

/// What the connect query set goes as well.
void Loop::clean(Server& server) {
  server.is_dirty = server.is_unknown = server.is_listening = false;
  server.strange = 0;
  server.session.reset();
  ask_server(server, Server::State::resetting, kClean);
  const std::string& connect_query = server.pool->shared.database().connect_query;
  if (connect_query.empty()) return;
  std::string question;
  wire::append_query(question, connect_query);
  ++server.swallowed;
  send(server, question);
}

} // namespace pgkeep::pool
