// Clients of the console: what they type goes to the thread that controls the pooler, and its
// answers come back. They belong to no pool, and one who waits for an answer is not read.
#include <cerrno>

#include <fmt/format.h>

#include "pool/console_command.h"
#include "pool/console_rows.h"
#include "pool/control.h"
#include "pool/loop.h"
#include "wire/message.h"

namespace pgkeep::pool {
namespace {

constexpr std::size_t kQueryBytesMax = 65'536;

constexpr std::pair<std::string_view, std::string_view> kParameters[] = {
    {"server_version", kConsoleServerVersion},
    {"client_encoding", "UTF8"},
    {"server_encoding", "UTF8"},
    {"DateStyle", "ISO"},
    {"TimeZone", "GMT"},
    {"standard_conforming_strings", "on"},
    {"is_superuser", "on"},
};

} // namespace

void Loop::enter_console(Client& client, std::string greeting) {
  const ClientLogin& login = *client.login;
  client.console = std::make_unique<ConsoleSession>();
  client.console->is_admin = login.is_admin();
  client.console->input = login.rest();
  client.user = login.user();
  client.parameters = login.parameters();
  shared_.console_clients.fetch_add(1);
  logins_.remove(client);
  client.login.reset();
  client.state = Client::State::console;
  wire::append_authentication_ok(greeting);
  for (const auto& [name, value] : kParameters)
    wire::append_parameter_status(greeting, name, value);
  append_key(greeting, client);
  wire::append_ready_for_query(greeting, wire::TransactionStatus::idle);
  send(client, greeting);
  put_off(client);
}

void Loop::read_console(Client& client) {
  ConsoleSession& session = *client.console;
  if (session.is_waiting || client.kept) { // Else answers that it does not read would pile up.
    if (client.is_ended) disconnect(client, "client unexpected eof", false);
    return;
  }
  hear_console(client);
  while (!client.is_dead && !session.is_waiting && !client.kept && client.is_readable) {
    const ssize_t count = receive(client);
    if (count < 0) return;
    if (count == 0) {
      disconnect(client, "client unexpected eof", false);
      return;
    }
    client.request_at = now_;
    session.input.append(input_->data(), static_cast<std::size_t>(count));
    hear_console(client);
  }
}

/// The next message, if it is there as a whole.
void Loop::hear_console(Client& client) {
  ConsoleSession& session = *client.console;
  const auto header = wire::header_of(session.input);
  if (!header) return;
  if (!header->is_sound() || header->message_bytes() > kQueryBytesMax) {
    disconnect(client, bad_header(session.input), true);
    return;
  }
  if (session.input.size() < header->message_bytes()) return;
  const std::string body =
      session.input.substr(wire::Header::kBytes, header->message_bytes() - wire::Header::kBytes);
  session.input.erase(0, header->message_bytes());
  switch (header->type) {
  case wire::from_client::kQuery: {
    const std::size_t end = body.find('\0');
    if (end == std::string::npos) {
      disconnect(client, "incomplete query", true);
      return;
    }
    session.is_waiting = true;
    ++console_traffic_.queries;
    ++console_traffic_.xacts;
    shared_.control->post(
        ConsoleQuery{.who = {.loop = index_, .slot = client.slot, .id = client.id},
                     .is_admin = session.is_admin,
                     .label = label(client),
                     .text = body.substr(0, end)});
    break;
  }
  case wire::from_client::kTerminate:
    disconnect(client, "client close request", false);
    break;
  case wire::from_client::kParse:
  case wire::from_client::kBind:
  case wire::from_client::kExecute:
    refuse_console(client, "extended query protocol not supported by admin console");
    break;
  default:
    refuse_console(client, fmt::format("unsupported packet type for admin console: {}",
                                       static_cast<int>(header->type)));
    break;
  }
}

void Loop::refuse_console(Client& client, std::string_view text) {
  shared_.log.error(text);
  send(client, ConsoleAnswer::error(text));
  disconnect(client, "bad packet", true);
}

void Loop::answer_console(const ConsoleReply& reply) {
  Client* client = reply.who.slot < clients_.size() ? clients_[reply.who.slot].get() : nullptr;
  if (client == nullptr || client->id != reply.who.id || !client->console) return; // It went.
  if (!client->console->is_waiting) return; // It was told already that it need not wait.
  client->console->is_waiting = false;
  send(*client, reply.bytes);
  put_off(*client); // What it has said meanwhile.
}

} // namespace pgkeep::pool
