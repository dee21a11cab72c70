#include "pool/takeover.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/address.h"
#include "wire/bytes.h"

namespace pgkeep::pool {
namespace {

constexpr std::size_t kSocketsMax = 253; // As many as one message takes (SCM_MAX_FD).
constexpr std::size_t kDescriptionBytesMax = 65'536;
constexpr int kAnswerSeconds = 10;
constexpr char kServing = 'S';
constexpr char kGone = 'G';
constexpr std::string_view kObjection = "objection\t"; // A reason follows, and the end of the line.
constexpr std::size_t kObjectionBytesMax = 1024;

base::Error failed(std::string_view what, std::string where) {
  return {.code = base::Code::io,
          .what = fmt::format("{}: {}", what, std::generic_category().message(errno)),
          .where = std::move(where)};
}

std::string path_of(const Settings& settings) {
  return fmt::format("{}/.s.PGSQL.{}.takeover", settings.unix_socket_dir, settings.listen_port);
}

bool has_folder(const Settings& settings) {
  return settings.unix_socket_dir.starts_with('/');
}

/// SOCK_SEQPACKET: what is sent as one comes as one.
base::Fd packet_socket() {
  return base::Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return std::nullopt;
  std::ranges::copy(path, address.sun_path);
  return address;
}

const sockaddr* plain(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Its descriptors go with a message; those that came go into `fds`.
struct Descriptors {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kSocketsMax * sizeof(int))> bytes{};
};

/// Whether it is us, or root, who may be whoever he likes. Who runs it is whom a process became
/// that was started as root (user=), on both sides.
bool is_trusted(uid_t account) {
  return account == ::geteuid() || account == 0;
}

/// Whoever hands over says who its clients are, and nobody asks them again: in a folder where all
/// may write anybody can put a socket of this name.
base::Result<> refuse_stranger(const base::Fd& peer, const std::string& path) {
  const auto who = credentials_behind(peer.get());
  if (!who) return failed("getsockopt()", path);
  struct stat file{};
  // A link of somebody's may lead to a socket of ours, but of another pooler's.
  if (::lstat(path.c_str(), &file) != 0) return failed("lstat()", path);
  if (is_trusted(who->uid) && is_trusted(file.st_uid)) return {};
  return base::Error{
      .code = base::Code::refused,
      .what = fmt::format("what hands over its sockets there is not ours: its process has uid {}, "
                          "its file uid {}",
                          who->uid, file.st_uid),
      .where = path,
      .expected = fmt::format("uid {} or 0", ::geteuid()),
      .hint = "Find out who put it there. A unix_socket_dir where only the pooler's account may "
              "write is safe from that."};
}

/// None: it has none.
std::optional<base::Error> objection_in(std::string_view message) {
  if (!message.starts_with(kObjection)) return std::nullopt;
  message.remove_prefix(kObjection.size());
  return base::Error{
      .code = base::Code::refused,
      .what = fmt::format("the running process hands nothing over: {}",
                          message.substr(0, message.find('\n'))),
      .hint =
          "It goes on serving. The next process would not know of that: say RESUME or ENABLE to "
          "the one that runs first."};
}

void take_descriptors(msghdr& message, std::vector<base::Fd>& fds) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
}

} // namespace

base::Result<std::unique_ptr<Handover>>
Handover::offer(const Settings& settings, const std::vector<ListeningSocket>& sockets) {
  if (!has_folder(settings)) return std::unique_ptr<Handover>();
  const std::string path = path_of(settings);
  std::unique_ptr<Handover> own(new Handover);
  for (const ListeningSocket& socket : sockets) {
    for (const base::Fd& fd : socket.fds) {
      own->description_ +=
          fmt::format("{}\t{}\t{}\n", socket.is_unix ? "unix" : "tcp", socket.name, socket.path);
      own->sockets_.emplace_back(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    }
  }
  if (own->sockets_.size() > kSocketsMax || own->description_.size() > kDescriptionBytesMax)
    return base::Error{.code = base::Code::io, .what = "too many listening sockets", .where = path};
  const auto address = address_of(path);
  if (!address)
    return base::Error{
        .code = base::Code::io, .what = "the path of a Unix socket is too long", .where = path};
  ::unlink(path.c_str()); // Left by one that is gone, or that has just let go.
  own->listener_ = packet_socket();
  ::fcntl(own->listener_.get(), F_SETFL, O_NONBLOCK);
  if (::bind(own->listener_.get(), plain(*address), sizeof(*address)) != 0)
    return failed("cannot bind", path);
  own->path_ = path;
  if (::chmod(path.c_str(), 0600) != 0 || ::listen(own->listener_.get(), 1) != 0)
    return failed("cannot listen", path);
  return own;
}

Handover::~Handover() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

int Handover::fd() const {
  if (peer_.is_open()) return peer_.get();
  return pause_.is_on() ? -1 : listener_.get();
}

std::optional<int> Handover::look(const std::string& objection, std::int64_t now_us) {
  if (peer_.is_open()) return hear_peer(objection);
  pause_.end_if_over(now_us);
  if (!pause_.is_on()) accept(objection, now_us);
  return std::nullopt;
}

void Handover::accept(const std::string& objection, std::int64_t now_us) {
  peer_ = base::Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!peer_.is_open()) {
    pause_.note(errno, now_us);
    return;
  }
  const auto who = credentials_behind(peer_.get());
  peer_process_ = who ? who->pid : 0;
  const bool is_ours = who && is_trusted(who->uid);
  if (is_ours && !objection.empty()) {
    object(objection);
  } else if (!is_ours || !send_sockets()) {
    peer_.reset();
  }
}

std::optional<int> Handover::hear_peer(const std::string& objection) {
  char word = 0;
  const ssize_t count = ::recv(peer_.get(), &word, 1, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (count == 1 && word == kServing) {
    if (objection.empty()) return peer_process_;
    object(objection); // Since it was given the sockets.
    return std::nullopt;
  }
  peer_.reset(); // It died: all stays as it was.
  return std::nullopt;
}

void Handover::object(const std::string& objection) {
  std::string message =
      fmt::format("{}{}", kObjection, objection).substr(0, kObjectionBytesMax - 1);
  message.push_back('\n');
  static_cast<void>(::send(peer_.get(), message.data(), message.size(), MSG_NOSIGNAL));
  peer_.reset();
}

bool Handover::send_sockets() {
  Descriptors control;
  iovec text{.iov_base = description_.data(), .iov_len = description_.size()};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(sockets_.size() * sizeof(int));
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sockets_.size() * sizeof(int));
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    const int fd = sockets_[i].get();
    std::memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof(int));
  }
  return ::sendmsg(peer_.get(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.iov_len);
}

base::Fd Handover::finish() {
  sockets_.clear();
  listener_.reset();
  ::unlink(path_.c_str());
  path_.clear(); // The next one there is another's.
  static_cast<void>(::send(peer_.get(), &kGone, 1, MSG_NOSIGNAL));
  return std::move(peer_);
}

base::Result<std::optional<TakenOver>> take_over(const Settings& settings) {
  if (!has_folder(settings))
    return base::Error{.code = base::Code::config,
                       .what = settings.unix_socket_dir.empty()
                                   ? "cannot reboot if unix dir not configured"
                                   : "cannot reboot with abstract Unix socket",
                       .expected = "unix_socket_dir: a folder"};
  const std::string path = path_of(settings);
  const auto address = address_of(path);
  TakenOver taken{.sockets = {}, .peer = packet_socket()};
  if (!address || ::connect(taken.peer.get(), plain(*address), sizeof(*address)) != 0)
    return std::optional<TakenOver>{};
  PGKEEP_CHECK(refuse_stranger(taken.peer, path));
  const timeval limit{.tv_sec = kAnswerSeconds, .tv_usec = 0};
  ::setsockopt(taken.peer.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  Descriptors control;
  std::string text(kDescriptionBytesMax, '\0');
  iovec part{.iov_base = text.data(), .iov_len = text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const ssize_t count = ::recvmsg(taken.peer.get(), &message, MSG_CMSG_CLOEXEC);
  if (count <= 0) return failed("the running process hands nothing over", path);
  text.resize(static_cast<std::size_t>(count));
  std::vector<base::Fd> fds;
  take_descriptors(message, fds);
  if (auto objection = objection_in(text)) return base::with_where(*std::move(objection), path);
  const std::vector<std::string> lines = base::split(text, '\n');
  if (lines.size() != fds.size() + 1)
    return base::Error{.code = base::Code::io,
                       .what = "the running process handed over something else",
                       .where = path,
                       .hint = "Stop it, and start this one as usual."};
  for (std::size_t i = 0; i < fds.size(); ++i) {
    const std::vector<std::string> words = base::split(lines[i], '\t');
    ListeningSocket socket{.name = words.size() > 1 ? words[1] : "",
                           .fds = {},
                           .is_unix = words.front() == "unix",
                           .is_shared = true,
                           .path = words.size() > 2 ? words[2] : ""};
    socket.fds.push_back(std::move(fds[i]));
    taken.sockets.push_back(std::move(socket));
  }
  return std::optional<TakenOver>(std::move(taken));
}

base::Result<base::Fd> finish(TakenOver taken) {
  std::array<char, kObjectionBytesMax> answer{};
  ssize_t count = 0;
  if (::send(taken.peer.get(), &kServing, 1, MSG_NOSIGNAL) == 1)
    count = ::recv(taken.peer.get(), answer.data(), answer.size(), 0);
  if (count == 1 && answer.front() == kGone) return std::move(taken.peer);
  const std::string_view text(answer.data(), static_cast<std::size_t>(std::max<ssize_t>(0, count)));
  if (auto objection = objection_in(text)) return *std::move(objection);
  return base::Error{.code = base::Code::io,
                     .what = "the running process did not let go of its sockets",
                     .hint = "It goes on serving: stop it, and start this one as usual."};
}

SendOutcome send_client(const base::Fd& way, std::string_view message, int fd) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec text{.iov_base = const_cast<char*>(message.data()), .iov_len = message.size()};
  msghdr packet{};
  packet.msg_iov = &text;
  packet.msg_iovlen = 1;
  packet.msg_control = control.data();
  packet.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&packet);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
  if (::sendmsg(way.get(), &packet, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return SendOutcome::sent;
  // ETOOMANYREFS: of descriptors that are on their way (unix(7)).
  const bool is_full = errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM ||
                       errno == ETOOMANYREFS;
  return is_full ? SendOutcome::full : SendOutcome::gone;
}

Received receive(const base::Fd& way) {
  Received received{.kind = Received::Kind::message, .message = std::string(kMovedBytesMax, '\0')};
  const ssize_t count =
      ::recv(way.get(), received.message.data(), received.message.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (count <= 0) return {.kind = Received::Kind::end};
  received.message.resize(static_cast<std::size_t>(count));
  return received;
}

/// A look first, which has a descriptor of its own: it is known to be here before the message goes.
Received receive_client(const base::Fd& way, Reserve& reserve) {
  Received received{.kind = Received::Kind::message, .message = std::string(kMovedBytesMax, '\0')};
  for (bool has_spent = false;; has_spent = true) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec text{.iov_base = received.message.data(), .iov_len = received.message.size()};
    msghdr packet{};
    packet.msg_iov = &text;
    packet.msg_iovlen = 1;
    packet.msg_control = control.data();
    packet.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(way.get(), &packet, MSG_PEEK | MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (count <= 0) return {.kind = Received::Kind::end};
    std::vector<base::Fd> fds;
    take_descriptors(packet, fds);
    if ((packet.msg_flags & MSG_CTRUNC) != 0 && fds.empty()) {
      if (reserve.spend()) continue;
      return {.kind = Received::Kind::no_room};
    }
    received.message.resize(static_cast<std::size_t>(count));
    if (!fds.empty()) received.fd = std::move(fds.front());
    // Each takes one of those that are kept for them, and none of the rest, which servers need.
    if (!fds.empty() && !has_spent) static_cast<void>(reserve.spend());
    break;
  }
  while (::recv(way.get(), nullptr, 0, MSG_DONTWAIT) < 0 && errno == EINTR) { // All of it goes.
  }
  return received;
}

void send_cancel(const base::Fd& way, CancelKey key) {
  std::string message;
  wire::append_uint32(message, key.process);
  wire::append_uint32(message, key.secret);
  static_cast<void>(::send(way.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

std::optional<CancelKey> cancel_in(std::string_view message) {
  wire::Reader reader(message);
  const CancelKey key{.process = reader.uint32(), .secret = reader.uint32()};
  if (reader.failed() || !reader.at_end()) return std::nullopt;
  return key;
}

bool send_room(const base::Fd& way, std::uint32_t clients) {
  std::string message;
  wire::append_uint32(message, clients);
  return ::send(way.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

std::optional<std::uint32_t> room_in(std::string_view message) {
  wire::Reader reader(message);
  const std::uint32_t clients = reader.uint32();
  if (reader.failed() || !reader.at_end()) return std::nullopt;
  return clients;
}

} // namespace pgkeep::pool
