// Non-blocking from the first byte: name, connect, SSLRequest (8 bytes: length, 80877103), one byte
// of answer, handshake. One deadline over all of it. Nothing is verified and nothing else is sent:
// the server sees a client that goes away before its startup packet. Sources: PostgreSQL manual,
// protocol-message-formats (SSLRequest); OpenSSL manual, SSL_get_error.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <list>
#include <memory>
#include <mutex>
#include <system_error>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/text.h"
#include "catalog/host.h"

namespace pgkeep::catalog {
namespace {

using base::Release;
using base::Result;
using Clock = std::chrono::steady_clock;

struct Deadline {
  Clock::time_point at;
  [[nodiscard]] int left_ms() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at - Clock::now()).count();
    return left <= 0 ? 0 : static_cast<int>(left);
  }
};

base::Error failure(std::string what) {
  return {.code = base::Code::unreachable, .what = std::move(what)};
}
base::Error limit_reached() {
  return {.code = base::Code::timeout, .what = "no answer within the time limit"};
}
std::string system_text(int error) {
  return std::generic_category().message(error);
}

// ---- Name and connection ----

/// A question to the resolver, which may outlive the caller: where the limit is reached and the
/// resolver cannot be stopped, its memory must stay until it has answered.
struct Lookup {
  std::string host;
  std::string port;
  addrinfo hints{};
  gaicb request{};
  ~Lookup() {
    if (request.ar_result != nullptr) ::freeaddrinfo(request.ar_result);
  }
};

void keep_until_answered(std::unique_ptr<Lookup> lookup) {
  static std::mutex mutex; // guards waiting
  static std::list<std::unique_ptr<Lookup>> waiting;
  const std::lock_guard lock(mutex);
  waiting.remove_if([](const auto& each) { return ::gai_error(&each->request) != EAI_INPROGRESS; });
  waiting.push_back(std::move(lookup));
}

Result<std::unique_ptr<Lookup>> resolve(const std::string& host, int port, Deadline deadline) {
  auto lookup = std::make_unique<Lookup>();
  lookup->host = host;
  lookup->port = std::to_string(port);
  lookup->hints.ai_socktype = SOCK_STREAM;
  lookup->hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST;
  // An address needs no resolver, and no thread to wait for one.
  if (::getaddrinfo(lookup->host.c_str(), lookup->port.c_str(), &lookup->hints,
                    &lookup->request.ar_result) == 0)
    return lookup;
  lookup->hints.ai_flags = AI_NUMERICSERV;
  lookup->request.ar_name = lookup->host.c_str();
  lookup->request.ar_service = lookup->port.c_str();
  lookup->request.ar_request = &lookup->hints;
  std::array<gaicb*, 1> requests{&lookup->request};
  int error = ::getaddrinfo_a(GAI_NOWAIT, requests.data(), 1, nullptr);
  if (error != 0)
    return failure(fmt::format("the host's name cannot be looked up: {}", ::gai_strerror(error)));
  while ((error = ::gai_error(&lookup->request)) == EAI_INPROGRESS) {
    const int left_ms = deadline.left_ms();
    if (left_ms == 0) {
      if (::gai_cancel(&lookup->request) == EAI_NOTCANCELED) keep_until_answered(std::move(lookup));
      return limit_reached();
    }
    const timespec wait{.tv_sec = left_ms / 1000, .tv_nsec = (left_ms % 1000) * 1'000'000L};
    std::array<const gaicb*, 1> waited{&lookup->request};
    ::gai_suspend(waited.data(), 1, &wait);
  }
  if (error != 0)
    return failure(fmt::format("the host's name cannot be resolved: {}", ::gai_strerror(error)));
  return lookup;
}

/// Waits until the socket can be read (POLLIN) or written (POLLOUT), or has failed.
Result<> wait_for(int fd, short events, Deadline deadline) {
  for (;;) {
    pollfd polled{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&polled, 1, deadline.left_ms());
    if (ready > 0) return {};
    if (ready == 0) return limit_reached();
    if (errno != EINTR) return failure(system_text(errno));
  }
}

Result<base::Fd> connect_one(const addrinfo& address, Deadline deadline) {
  base::Fd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return failure(system_text(errno));
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return failure(system_text(errno));
    PGKEEP_CHECK(wait_for(fd.get(), POLLOUT, deadline));
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return failure(system_text(error));
  }
  return fd;
}

Result<base::Fd> connect_to(const std::string& host, int port, Deadline deadline) {
  PGKEEP_TRY(const std::unique_ptr<Lookup> lookup, resolve(host, port, deadline));
  base::Error last = failure("the host has no address");
  for (const addrinfo* each = lookup->request.ar_result; each != nullptr; each = each->ai_next) {
    auto fd = connect_one(*each, deadline);
    if (fd) return fd;
    last = std::move(fd).error();
    if (last.code == base::Code::timeout) break;
  }
  return last;
}

/// Asks for TLS; an error unless the server says S.
Result<> ask_for_tls(int fd, Deadline deadline) {
  constexpr std::array<unsigned char, 8> kSslRequest{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
  // Eight bytes always fit into a new socket's buffer.
  if (::send(fd, kSslRequest.data(), kSslRequest.size(), MSG_NOSIGNAL) != std::ssize(kSslRequest)) {
    return failure(system_text(errno));
  }
  PGKEEP_CHECK(wait_for(fd, POLLIN, deadline));
  char answer = 0;
  const ssize_t count = ::recv(fd, &answer, 1, 0);
  if (count < 0) return failure(system_text(errno));
  if (count == 0) return failure("the server closed the connection when asked for TLS");
  if (answer == 'S') return {};
  if (answer == 'N') return failure("the server does not offer TLS");
  if (answer == 'E') return failure("the server answered the request for TLS with an error");
  return failure("the answer is not a PostgreSQL server's");
}

// ---- Certificate ----

using ContextPtr = std::unique_ptr<SSL_CTX, Release<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Release<SSL_free>>;
using CertificatePtr = std::unique_ptr<X509, Release<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Release<BIO_free_all>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Release<GENERAL_NAMES_free>>;

std::string openssl_text() {
  const unsigned long error = ERR_get_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  ERR_clear_error();
  return reason == nullptr ? "the connection was closed" : reason;
}

double unix_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<double>(::timegm(&parts));
}

std::string subject_of(const X509& certificate) {
  const BioPtr text(BIO_new(BIO_s_mem()));
  if (text == nullptr) return {};
  // UTF-8 as it is, control characters escaped.
  constexpr unsigned long kFlags =
      XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  X509_NAME_print_ex(text.get(), X509_get_subject_name(&certificate), 0, kFlags);
  char* data = nullptr;
  const long length = BIO_get_mem_data(text.get(), &data);
  return data == nullptr ? std::string{} : std::string(data, static_cast<std::size_t>(length));
}

std::string address_text(const unsigned char* bytes, int length) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (length != 4 && length != 16) return {};
  const char* done = ::inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, text.data(), text.size());
  return done == nullptr ? std::string{} : std::string(done);
}

constexpr int kNamesMax = 100;

std::vector<std::string> names_of(const X509& certificate) {
  std::vector<std::string> names;
  const NamesPtr list(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = list == nullptr ? 0 : std::min(sk_GENERAL_NAME_num(list.get()), kNamesMax);
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    const ASN1_STRING* value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    const unsigned char* bytes = ASN1_STRING_get0_data(value);
    const int length = ASN1_STRING_length(value);
    std::string text =
        name->type == GEN_DNS ? std::string(bytes, bytes + length) : address_text(bytes, length);
    if (!text.empty()) names.push_back(base::printable(text));
  }
  return names;
}

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

Result<SslPtr> prepare(int fd, const std::string& host) {
  const ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return failure(openssl_text());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  // Weak servers are to be seen, not refused: whatever this library still speaks.
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_security_level(context.get(), 0);
  SslPtr ssl(SSL_new(context.get()));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), fd) != 1) return failure(openssl_text());
  if (!is_address(host)) {
    // What the macro SSL_set_tlsext_host_name says, without its cast; the name is copied.
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(host.c_str()));
  }
  return ssl;
}

Result<> shake_hands(SSL& ssl, int fd, Deadline deadline) {
  for (;;) {
    ERR_clear_error();
    const int done = SSL_connect(&ssl);
    if (done == 1) return {};
    const int wanted = SSL_get_error(&ssl, done);
    if (wanted == SSL_ERROR_WANT_READ) {
      PGKEEP_CHECK(wait_for(fd, POLLIN, deadline));
    } else if (wanted == SSL_ERROR_WANT_WRITE) {
      PGKEEP_CHECK(wait_for(fd, POLLOUT, deadline));
    } else {
      return failure(fmt::format("the TLS handshake failed: {}", openssl_text()));
    }
    if (deadline.left_ms() == 0) return limit_reached();
  }
}

Result<> probe(const std::string& host, int port, Deadline deadline, TlsProbe& out) {
  PGKEEP_TRY(const base::Fd fd, connect_to(host, port, deadline));
  PGKEEP_CHECK(ask_for_tls(fd.get(), deadline));
  PGKEEP_TRY(const SslPtr ssl, prepare(fd.get(), host));
  auto shaken = shake_hands(*ssl, fd.get(), deadline);
  // A server that wants a client certificate may have shown its own before it refused us.
  if (const CertificatePtr certificate(SSL_get1_peer_certificate(ssl.get()));
      certificate != nullptr) {
    out.subject = base::printable(subject_of(*certificate));
    out.not_before = unix_seconds(X509_get0_notBefore(certificate.get()));
    out.not_after = unix_seconds(X509_get0_notAfter(certificate.get()));
    out.names = names_of(*certificate);
  }
  PGKEEP_CHECK(std::move(shaken));
  out.handshake_done = true;
  out.protocol = SSL_get_version(ssl.get());
  return {};
}

/// OpenSSL writes to the socket without MSG_NOSIGNAL; a server that goes away must not end us.
class WithoutSigpipe {
public:
  WithoutSigpipe() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe, &before_);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
  ~WithoutSigpipe() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    const timespec now{};
    if (!was_pending_) {
      while (sigtimedwait(&pipe, nullptr, &now) == -1 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

private:
  sigset_t before_{};
  bool was_pending_ = false;
};

} // namespace

TlsProbe probe_tls(const std::string& host, int port, int limit_ms) {
  TlsProbe out;
  if (host.empty() || host.starts_with('/') || host.starts_with('@')) {
    out.error = "the connection goes over a Unix socket, which has no TLS";
    return out;
  }
  const WithoutSigpipe guard;
  const Deadline deadline{.at = Clock::now() + std::chrono::milliseconds(limit_ms)};
  if (auto done = probe(host, port, deadline, out); !done) out.error = done.error().what;
  return out;
}

} // namespace pgkeep::catalog
