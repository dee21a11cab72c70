#include "pool/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

namespace pgkeep::pool {
namespace {

constexpr int kFirstPassed = 3; // SD_LISTEN_FDS_START.
constexpr int kPassedMax = 64;

std::string variable(const char* name) {
  const char* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): before threads.
  return value == nullptr ? "" : value;
}

int number_of(const std::string& text) {
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  return failure == std::errc() && stop == end ? number : 0;
}

} // namespace

ServiceManager ServiceManager::of_environment() {
  return ServiceManager(variable("NOTIFY_SOCKET"));
}

void ServiceManager::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  notify(
      fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000LL + now.tv_nsec / 1000));
}

void ServiceManager::main_process(int pid) const {
  notify(fmt::format("MAINPID={}", pid));
}

void ServiceManager::status(std::string_view text) const {
  notify(fmt::format("STATUS={}", text));
}

/// Whether it arrives is nobody's business here: a service manager that is gone stops nothing.
void ServiceManager::notify(std::string_view message) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool is_usable = !notify_socket_.empty() &&
                         notify_socket_.size() < sizeof(address.sun_path) &&
                         (notify_socket_.front() == '/' || notify_socket_.front() == '@');
  if (!is_usable) return;
  std::memcpy(address.sun_path, notify_socket_.data(), notify_socket_.size());
  if (notify_socket_.front() == '@') address.sun_path[0] = '\0';
  const auto bytes =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + notify_socket_.size());
  const base::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return;
  static_cast<void>(::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), bytes));
}

std::vector<base::Fd> take_passed_sockets() {
  std::vector<base::Fd> sockets;
  const bool is_ours = number_of(variable("LISTEN_PID")) == ::getpid();
  const int count = number_of(variable("LISTEN_FDS"));
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
    ::unsetenv(name); // NOLINT(concurrency-mt-unsafe): before threads.
  if (!is_ours || count <= 0 || count > kPassedMax) return sockets;
  for (int fd = kFirstPassed; fd < kFirstPassed + count; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    sockets.emplace_back(fd);
  }
  return sockets;
}

} // namespace pgkeep::pool
