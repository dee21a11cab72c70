// Pools, clients and servers as the console shows them.
#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include "pool/console_show_parts.h"

namespace pgkeep::pool {
namespace {

/// "2026-11-29 13:00:00 UTC", in the machine's time zone.
std::string time_of(const Picture& picture, Micros when) {
  const auto wall =
      std::chrono::system_clock::now() - std::chrono::microseconds(picture.now - when);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(wall));
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %Z", &parts)};
}

std::string pointer(std::uintptr_t value) {
  return value == 0 ? std::string() : fmt::format("{:#x}", value);
}

constexpr ConsoleColumn kSocketColumns[] = {
    {"type"},
    {"user"},
    {"database"},
    {"replication"},
    {"state"},
    {"addr"},
    {"port", 'i'},
    {"local_addr"},
    {"local_port", 'i'},
    {"connect_time", 'T'},
    {"request_time", 'T'},
    {"wait", 'i'},
    {"wait_us", 'i'},
    {"close_needed", 'i'},
    {"ptr"},
    {"link"},
    {"remote_pid", 'i'},
    {"tls"},
    {"application_name"},
    {"prepared_statements", 'i'},
    {"id", 'i'},
};
constexpr ConsoleColumn kBufferColumns[] = {
    {"recv_pos", 'i'},    {"pkt_pos", 'i'},   {"pkt_remain", 'i'}, {"send_pos", 'i'},
    {"send_remain", 'i'}, {"pkt_avail", 'i'}, {"send_avail", 'i'},
};

ConsoleValues socket_row(const Picture& picture, const SocketCensus& socket, std::string state) {
  return {std::string(socket.is_server ? "S" : "C"),
          socket.user,
          socket.database,
          std::string(socket.replication),
          std::move(state),
          socket.address,
          number(socket.port),
          socket.local_address,
          number(socket.local_port),
          time_of(picture, socket.connected_at),
          time_of(picture, socket.request_at),
          number(socket.waits / kMicrosInSecond),
          number(socket.waits % kMicrosInSecond),
          number(socket.is_outdated ? 1 : 0),
          pointer(socket.self),
          pointer(socket.link),
          number(socket.process),
          socket.tls,
          socket.application_name,
          number(socket.statements),
          number(socket.id)};
}

/// And, behind PgBouncer's columns, what keeps a client at its server.
std::string show_sockets_of(const Picture& picture, bool is_server) {
  std::vector<ConsoleColumn> columns(std::begin(kSocketColumns), std::end(kSocketColumns));
  columns.push_back({"pinned"});
  ConsoleAnswer answer;
  answer.columns(columns);
  for (const SocketCensus& socket : picture.sockets) {
    if (socket.is_server != is_server || socket.state == "login" || socket.state == kPoolerSocket)
      continue;
    ConsoleValues values = socket_row(picture, socket, std::string(socket.state));
    values.emplace_back(wire::text_of_holds(socket.held));
    answer.row(values);
  }
  return std::move(answer).done("SHOW");
}
/// With what is in their buffers, which here is nothing most of the time: bytes go on in the pass
/// in which they come.
std::string show_buffers(const Picture& picture, bool is_busy_only) {
  std::vector<ConsoleColumn> columns(std::begin(kSocketColumns), std::end(kSocketColumns));
  columns.insert(columns.end(), std::begin(kBufferColumns), std::end(kBufferColumns));
  ConsoleAnswer answer;
  answer.columns(columns);
  for (const SocketCensus& socket : picture.sockets) {
    if (socket.state == kPoolerSocket || (is_busy_only && !socket.is_busy)) continue;
    const std::string_view state = socket.is_server && socket.state == "new"     ? "login"
                                   : !socket.is_server && socket.state == "idle" ? "active"
                                                                                 : socket.state;
    ConsoleValues values =
        socket_row(picture, socket, fmt::format("{}_{}", socket.is_server ? "sv" : "cl", state));
    values.resize(columns.size(), number(0));
    answer.row(values);
  }
  return std::move(answer).done("SHOW");
}
} // namespace

std::string show_pools(const Picture& picture) {
  constexpr ConsoleColumn kColumns[] = {{"database"},
                                        {"user"},
                                        {"cl_active", 'i'},
                                        {"cl_waiting", 'i'},
                                        {"cl_active_cancel_req", 'i'},
                                        {"cl_waiting_cancel_req", 'i'},
                                        {"sv_active", 'i'},
                                        {"sv_active_cancel", 'i'},
                                        {"sv_being_canceled", 'i'},
                                        {"sv_idle", 'i'},
                                        {"sv_used", 'i'},
                                        {"sv_tested", 'i'},
                                        {"sv_login", 'i'},
                                        {"maxwait", 'i'},
                                        {"maxwait_us", 'i'},
                                        {"pool_mode"},
                                        {"load_balance_hosts"}};
  ConsoleAnswer answer;
  answer.columns(kColumns);
  bool has_console = false;
  const std::string name(kConsoleName);
  const auto add_console = [&] {
    ConsoleValues values = {name, name, number(picture.console_clients)};
    values.resize(15, number(0));
    values.emplace_back("statement");
    values.emplace_back();
    answer.row(values);
    has_console = true;
  };
  for (const PoolCensus& pool : picture.pools) {
    if (!has_console && pool.pool->name() > name) add_console();
    const Micros wait =
        pool.waiting_since == 0 ? 0 : std::max<Micros>(0, picture.now - pool.waiting_since);
    answer.row(
        {pool.pool->name(), pool.pool->user(), number(pool.clients), number(pool.clients_waiting),
         number(pool.cancels_active), number(pool.cancels_waiting), number(pool.servers_active),
         number(pool.cancels_active), number(pool.servers_being_canceled),
         number(pool.servers_idle), number(pool.servers_used), number(pool.servers_tested),
         number(pool.servers_login), number(wait / kMicrosInSecond), number(wait % kMicrosInSecond),
         std::string(name_of(pool.pool->mode())), balance_of(pool.pool->database())});
  }
  if (!has_console) add_console();
  return std::move(answer).done("SHOW");
}

std::string show_clients(const Picture& picture) {
  return show_sockets_of(picture, false);
}
std::string show_servers(const Picture& picture) {
  return show_sockets_of(picture, true);
}

std::string show_all_sockets(const Picture& picture) {
  return show_buffers(picture, false);
}
std::string show_active_sockets(const Picture& picture) {
  return show_buffers(picture, true);
}

/// Without the descriptors themselves, and without what opens a door: keys of cancel requests.
std::string show_fds(const Picture& picture) {
  constexpr ConsoleColumn kColumns[] = {{"fd", 'i'},
                                        {"task"},
                                        {"user"},
                                        {"database"},
                                        {"addr"},
                                        {"port", 'i'},
                                        {"cancel", 'q'},
                                        {"link", 'i'},
                                        {"client_encoding"},
                                        {"std_strings"},
                                        {"datestyle"},
                                        {"timezone"},
                                        {"password"},
                                        {"scram_client_key", 'b'},
                                        {"scram_server_key", 'b'}};
  ConsoleAnswer answer;
  answer.columns(kColumns);
  for (const SocketCensus& socket : picture.sockets) {
    if (socket.database == kConsoleName || socket.state.contains("cancel_req") ||
        socket.state == "active_cancel")
      continue;
    const std::string_view task = socket.state == kPoolerSocket ? kPoolerSocket
                                  : socket.is_server            ? "server"
                                                                : "client";
    ConsoleValues values = {number(socket.fd), std::string(task)};
    for (const std::string& text : {socket.user, socket.database})
      values.push_back(text_or_null(text));
    values.insert(values.end(), {socket.address, number(socket.port), number(0),
                                 number(std::max(0, socket.link_fd))});
    for (const std::string& text : socket.parameters)
      values.push_back(text_or_null(text));
    values.resize(std::size(kColumns)); // No passwords, no keys.
    answer.row(values);
  }
  return std::move(answer).done("SHOW");
}

} // namespace pgkeep::pool
