// Clients that cost little, for measuring poolers: one thread, each client sends its next
// transaction when the last one is answered.
//
//   load PORT CLIENTS SECONDS WARMUP_SECONDS MODE [SQL]    MODE: simple, extended, connect,
//   prepared (named, once for each client); tls, tls-connect: simple and connect through TLS
//
// After the warm-up it prints "begin", at the end one line: tx, errors, p50_us, p99_us. With "-"
// for the warm-up it prints "in" when all clients are at work, begins when a byte comes on standard
// input, and ends when that does.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/bytes.h"
#include "wire/message.h"
#include "wire/scanner.h"
#include "wire/startup.h"

namespace {

using namespace pgkeep::wire;
using Clock = std::chrono::steady_clock;

constexpr int kEventsMax = 256;

struct Client {
  enum class Tls : std::uint8_t { none, asked, shaking, ready };
  int fd = -1;
  Tls tls = Tls::none;
  std::unique_ptr<SSL, decltype(&SSL_free)> session{nullptr, SSL_free};
  bool is_in = false;
  bool has_prepared = false;
  MessageScanner scanner = {};
  Clock::time_point since = {};
};

struct Load {
  std::uint16_t port = 0;
  bool connects = false;
  SSL_CTX* tls = nullptr; ///< Null: without.
  int epoll = -1;
  std::string startup = {};
  std::string preparation; ///< Said once by each client; empty: nothing.
  std::string transaction = {};
  bool is_counting = false;
  std::size_t answers = 0; ///< Logins and preparations too.
  std::int64_t errors = 0;
  std::vector<float> took_us = {};
};

void say(const Client& client, std::string_view bytes) {
  if (client.tls == Client::Tls::ready) {
    SSL_write(client.session.get(), bytes.data(), static_cast<int>(bytes.size()));
    return;
  }
  while (!bytes.empty()) {
    const ssize_t sent = ::send(client.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return;
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void open(Load& load, Client& client) {
  client = {.since = Clock::now()};
  client.fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(load.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(client.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    std::exit(3);
  const int one = 1;
  ::setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  ::fcntl(client.fd, F_SETFL, O_NONBLOCK);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &client}};
  ::epoll_ctl(load.epoll, EPOLL_CTL_ADD, client.fd, &event);
  if (load.tls == nullptr) {
    say(client, load.startup);
    return;
  }
  std::string request;
  append_tls_request(request);
  say(client, request);
  client.tls = Client::Tls::asked;
}

/// On the way to TLS. False: not there yet.
bool secured(Load& load, Client& client) {
  if (client.tls == Client::Tls::asked) {
    char answer = 0;
    if (::recv(client.fd, &answer, 1, 0) != 1 || answer != 'S') std::exit(4);
    client.session.reset(SSL_new(load.tls));
    SSL_set_fd(client.session.get(), client.fd);
    SSL_set_connect_state(client.session.get());
    client.tls = Client::Tls::shaking;
  }
  if (SSL_do_handshake(client.session.get()) != 1) return false;
  client.tls = Client::Tls::ready;
  say(client, load.startup);
  return true;
}

ssize_t hear(const Client& client, std::span<char> room) {
  if (client.tls != Client::Tls::ready) return ::recv(client.fd, room.data(), room.size(), 0);
  const int count = SSL_read(client.session.get(), room.data(), static_cast<int>(room.size()));
  if (count > 0) return count;
  errno = EAGAIN;
  return SSL_get_error(client.session.get(), count) == SSL_ERROR_WANT_READ ? -1 : 0;
}

/// False: the client's connection is another one now.
bool ready(Load& load, Client& client) {
  ++load.answers;
  const Clock::time_point now = Clock::now();
  if (!load.preparation.empty() && !std::exchange(client.has_prepared, true)) {
    say(client, load.preparation);
    return true;
  }
  const bool was_in = std::exchange(client.is_in, true);
  if (was_in && load.is_counting)
    load.took_us.push_back(std::chrono::duration<float, std::micro>(now - client.since).count());
  if (was_in && load.connects) {
    std::string goodbye;
    append_empty(goodbye, from_client::kTerminate);
    say(client, goodbye);
    ::close(client.fd);
    open(load, client);
    return false;
  }
  if (!load.connects) client.since = now;
  say(client, load.transaction);
  return true;
}

void take(Load& load, Client& client) {
  static std::array<char, 262'144> buffer;
  const bool is_shaking = client.tls == Client::Tls::asked || client.tls == Client::Tls::shaking;
  if (is_shaking && !secured(load, client)) return;
  const ssize_t count = hear(client, buffer);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    ++load.errors;
    ::close(client.fd);
    open(load, client);
    return;
  }
  std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
  while (const auto part = client.scanner.next(bytes)) {
    if (part->begins && part->type == from_server::kError) ++load.errors;
    if (part->ends && part->type == from_server::kReadyForQuery && !ready(load, client)) return;
  }
  if (client.tls == Client::Tls::ready && SSL_pending(client.session.get()) > 0)
    take(load, client); // Of another record, which no event tells of.
}

std::string transaction_of(std::string_view mode, std::string_view sql) {
  std::string bytes;
  const bool is_prepared = mode == "prepared";
  if (mode != "extended" && !is_prepared) {
    append_query(bytes, sql);
    return bytes;
  }
  const std::string_view name = is_prepared ? "statement_1" : "";
  if (!is_prepared) MessageWriter(bytes, from_client::kParse).text("").text(sql).uint16(0);
  MessageWriter(bytes, from_client::kBind).text("").text(name).uint16(0).uint16(0).uint16(0);
  MessageWriter(bytes, from_client::kDescribe).byte('P').text("");
  MessageWriter(bytes, from_client::kExecute).text("").uint32(0);
  append_empty(bytes, from_client::kSync);
  return bytes;
}

std::string preparation_of(std::string_view mode, std::string_view sql) {
  std::string bytes;
  if (mode != "prepared") return bytes;
  MessageWriter(bytes, from_client::kParse).text("statement_1").text(sql).uint16(0);
  append_empty(bytes, from_client::kSync);
  return bytes;
}

void print(const char* word) {
  std::puts(word);
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  std::signal(SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL.
  const std::string mode = argv[5];
  const std::string sql = argc > 6 ? argv[6] : "SELECT 1";
  Load load{.port = static_cast<std::uint16_t>(std::atoi(argv[1])),
            .connects = mode.ends_with("connect"),
            .tls = mode.starts_with("tls") ? SSL_CTX_new(TLS_client_method()) : nullptr,
            .epoll = ::epoll_create1(0),
            .preparation = preparation_of(mode, sql),
            .transaction = transaction_of(mode, sql)};
  append_startup(load.startup, 0, {{"user", "app"}, {"database", "app"}});
  std::vector<Client> clients(static_cast<std::size_t>(std::atoi(argv[2])));
  const bool is_told = std::string_view(argv[4]) == "-";
  const auto warm_up = std::chrono::duration<double>(std::atof(argv[4]));
  const auto runs = std::chrono::duration<double>(std::atof(argv[3]));
  for (Client& client : clients)
    open(load, client);
  epoll_event word{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (is_told) ::epoll_ctl(load.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &word);
  const std::size_t answers_of_all = clients.size() * (load.preparation.empty() ? 2 : 3);
  bool are_in = false;
  const Clock::time_point start = Clock::now();
  Clock::time_point end = Clock::time_point::max();
  const auto begin = [&] {
    load.is_counting = true;
    end = Clock::now() + std::chrono::duration_cast<Clock::duration>(runs);
    print("begin");
  };
  while (Clock::now() < end) {
    if (!load.is_counting && !is_told && Clock::now() - start >= warm_up) begin();
    std::array<epoll_event, kEventsMax> events;
    const int count = ::epoll_wait(load.epoll, events.data(), kEventsMax, 100);
    for (int i = 0; i < count; ++i) {
      auto* const client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (client != nullptr) {
        take(load, *client);
      } else {
        ::epoll_ctl(load.epoll, EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
        begin();
      }
    }
    if (is_told && load.answers >= answers_of_all && !std::exchange(are_in, true)) print("in");
  }
  std::vector<float>& took = load.took_us;
  std::ranges::sort(took);
  const auto at = [&](double share) {
    return took.empty() ? 0.0F : took[static_cast<std::size_t>(share * double(took.size() - 1))];
  };
  std::fprintf(stdout, "tx=%zu errors=%lld p50_us=%.0f p99_us=%.0f\n", took.size(),
               static_cast<long long>(load.errors), double(at(0.5)), double(at(0.99)));
  std::fflush(stdout);
  char byte = 0;
  while (is_told && ::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}
