// A server that answers every query with the same, for measuring poolers: what a transaction costs
// is then the pooler's own. It speaks the simple and the extended protocol and asks for no
// password.
//
//   server PORT    on 127.0.0.1, one thread, until it is killed
//
// A statement with "bytes:N" gets about N bytes, in rows of a thousand; any other one row of one
// byte.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "wire/bytes.h"
#include "wire/message.h"
#include "wire/startup.h"

namespace {

using namespace pgkeep::wire;

constexpr std::size_t kRowBytes = 1000;
constexpr int kEventsMax = 256;

struct Answer {
  std::string description;
  std::string rows;
  std::string all; ///< Of a simple query.
};

Answer made_of(std::string_view sql) {
  std::size_t bytes = 1;
  if (const std::size_t at = sql.find("bytes:"); at != std::string_view::npos)
    std::from_chars(sql.data() + at + 6, sql.data() + sql.size(), bytes);
  Answer answer;
  MessageWriter(answer.description, from_server::kRowDescription)
      .uint16(1)
      .text("c")
      .uint32(0)
      .uint16(0)
      .uint32(25)
      .uint16(0xffff)
      .uint32(0xffffffff)
      .uint16(0);
  for (std::size_t done = 0; done < bytes; done += kRowBytes) {
    const std::size_t width = std::min(kRowBytes, bytes - done);
    MessageWriter(answer.rows, from_server::kDataRow)
        .uint16(1)
        .uint32(static_cast<std::uint32_t>(width))
        .bytes(std::string(width, '1'));
  }
  append_command_complete(answer.rows, "SELECT 1");
  answer.all = answer.description + answer.rows;
  append_ready_for_query(answer.all, TransactionStatus::idle);
  return answer;
}

const Answer& answer_to(std::string_view sql) {
  static std::map<std::string, Answer, std::less<>> answers;
  const auto found = answers.find(sql);
  return found != answers.end() ? found->second
                                : answers.emplace(std::string(sql), made_of(sql)).first->second;
}

struct Connection {
  int fd = -1;
  bool is_started = false;
  std::string in = {};
  std::string out = {};
  std::map<std::string, const Answer*, std::less<>> statements = {};
  const Answer* portal = nullptr;
};

void greet(Connection& connection) {
  append_authentication_ok(connection.out);
  for (const auto& [name, value] :
       {std::pair{"server_version", "15.0"}, std::pair{"client_encoding", "UTF8"},
        std::pair{"DateStyle", "ISO, MDY"}, std::pair{"TimeZone", "UTC"},
        std::pair{"standard_conforming_strings", "on"}, std::pair{"application_name", ""}})
    append_parameter_status(connection.out, name, value);
  append_backend_key(connection.out, 1, "key4");
  append_ready_for_query(connection.out, TransactionStatus::idle);
}

void answer(Connection& connection, char type, std::string_view body) {
  Reader reader(body);
  std::string& out = connection.out;
  switch (type) {
  case from_client::kQuery:
    out += answer_to(reader.text()).all;
    break;
  case from_client::kParse: {
    const std::string name(reader.text());
    connection.statements[name] = &answer_to(reader.text());
    append_empty(out, from_server::kParseComplete);
    break;
  }
  case from_client::kBind: {
    reader.text();
    const auto found = connection.statements.find(reader.text());
    if (found == connection.statements.end()) std::abort(); // The pooler mixed up its servers.
    connection.portal = found->second;
    append_empty(out, from_server::kBindComplete);
    break;
  }
  case from_client::kDescribe:
    out += connection.portal->description;
    break;
  case from_client::kExecute:
    out += connection.portal->rows;
    break;
  case from_client::kSync:
    append_ready_for_query(out, TransactionStatus::idle);
    break;
  default:
    break;
  }
}

/// False: it is over.
bool take(Connection& connection) {
  std::array<char, 65'536> buffer;
  const ssize_t count = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (count <= 0) return count < 0 && errno == EAGAIN;
  connection.in.append(buffer.data(), static_cast<std::size_t>(count));
  std::size_t at = 0;
  for (;;) {
    const std::string_view rest = std::string_view(connection.in).substr(at);
    if (!connection.is_started) {
      const auto startup = startup_of(rest);
      if (!startup) return false;
      if (!*startup) break;
      at += (*startup)->bytes;
      connection.is_started = (*startup)->wish == FirstWish::session;
      if (connection.is_started) {
        greet(connection);
      } else {
        connection.out += 'N';
      }
      continue;
    }
    const auto header = header_of(rest);
    if (!header || rest.size() < header->message_bytes()) break;
    if (header->type == from_client::kTerminate) return false;
    answer(connection, header->type,
           rest.substr(Header::kBytes, header->message_bytes() - Header::kBytes));
    at += header->message_bytes();
  }
  connection.in.erase(0, at);
  return true;
}

bool flush(Connection& connection) {
  while (!connection.out.empty()) {
    const ssize_t sent =
        ::send(connection.fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    connection.out.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int one = 1;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  ::setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); // Inherited.
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener, 1024) != 0)
    return 4;
  const int epoll = ::epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  std::map<int, Connection> connections;
  for (;;) {
    std::array<epoll_event, kEventsMax> events;
    const int count = ::epoll_wait(epoll, events.data(), kEventsMax, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (accepted < 0) continue;
        connections[accepted].fd = accepted;
        event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.fd = accepted}};
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, &event);
      } else if (Connection& connection = connections[fd];
                 !take(connection) || !flush(connection)) {
        ::close(fd);
        connections.erase(fd);
      }
    }
  }
}
