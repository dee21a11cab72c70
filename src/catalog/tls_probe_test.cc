// Against ports of our own that answer in the ways a server can; a real PostgreSQL with
// certificates is asked in tests/e2e.
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <csignal>

#include "base/fd.h"
#include "catalog/host.h"

namespace pgkeep::catalog {
namespace {

using base::Fd;
using base::Release;

/// A listening port on the loopback; `serve` gets each connection, one after another, until it is
/// destroyed.
class Port {
public:
  explicit Port(std::function<void(int)> serve)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address); // NOLINT: the sockets' interface.
    socklen_t length = sizeof address;
    if (::bind(listener_.get(), generic, length) != 0 || ::listen(listener_.get(), 8) != 0) return;
    if (::getsockname(listener_.get(), generic, &length) != 0) return;
    number_ = ntohs(address.sin_port);
    if (!serve) return; // Silent: the kernel accepts, nobody answers.
    thread_ = std::jthread([this, serve = std::move(serve)] {
      const Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.is_open()) serve(client.get());
    });
  }
  ~Port() { ::shutdown(listener_.get(), SHUT_RDWR); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  [[nodiscard]] int number() const { return number_; }

private:
  Fd listener_;
  int number_ = 0;
  std::jthread thread_;
};

bool read_request(int fd) {
  unsigned char request[8];
  return ::recv(fd, request, sizeof request, MSG_WAITALL) == 8 && request[3] == 8 &&
         request[4] == 0x04 && request[5] == 0xd2 && request[6] == 0x16 && request[7] == 0x2f;
}

std::string error_when(const std::string& answer) {
  const Port port([&](int fd) {
    if (read_request(fd)) static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
  });
  const TlsProbe probe = probe_tls("127.0.0.1", port.number(), 5000);
  EXPECT_FALSE(probe.handshake_done);
  return probe.error;
}

TEST(TlsProbe, SilentPortEndsInTheLimit) {
  const Port port(nullptr);
  const auto begin = std::chrono::steady_clock::now();
  const TlsProbe probe = probe_tls("127.0.0.1", port.number(), 200);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_FALSE(probe.handshake_done);
  EXPECT_EQ(probe.error, "no answer within the time limit");
  EXPECT_GE(took, std::chrono::milliseconds(200));
  EXPECT_LT(took, std::chrono::seconds(20)) << "it has a limit";
}

TEST(TlsProbe, SilentInTheHandshakeEndsInTheLimit) {
  const Port port([](int fd) {
    if (read_request(fd)) static_cast<void>(::send(fd, "S", 1, MSG_NOSIGNAL));
    char byte = 0;
    while (::recv(fd, &byte, 1, 0) > 0) {
    }
  });
  EXPECT_EQ(probe_tls("127.0.0.1", port.number(), 200).error, "no answer within the time limit");
}

TEST(TlsProbe, AnswersThatAreNoHandshake) {
  EXPECT_EQ(error_when("N"), "the server does not offer TLS");
  EXPECT_EQ(error_when("E"), "the server answered the request for TLS with an error");
  EXPECT_EQ(error_when("H"), "the answer is not a PostgreSQL server's");
  EXPECT_EQ(error_when(""), "the server closed the connection when asked for TLS");
  EXPECT_NE(error_when("SHTTP/1.1 400 Bad Request\r\n\r\n").find("handshake failed"),
            std::string::npos);
}

TEST(TlsProbe, NobodyThere) {
  int number = 0;
  {
    const Port port(nullptr);
    number = port.number();
  }
  EXPECT_EQ(probe_tls("127.0.0.1", number, 5000).error, "Connection refused");
  EXPECT_NE(probe_tls("/run/postgresql", 5432, 5000).error.find("Unix socket"), std::string::npos);
}

TEST(TlsProbe, NobodyOfThatName) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer does not know the threads of glibc's resolver";
#endif
  EXPECT_NE(probe_tls("no-such-host.invalid", 5432, 5000).error, "");
}

using KeyPtr = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Release<X509_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Release<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Release<SSL_free>>;

/// A self-signed certificate, valid from 2026-01-01 to 2027-01-01 (UTC).
CertificatePtr make_certificate(EVP_PKEY* key) {
  CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
  ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), "20260101000000Z");
  ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "20270101000000Z");
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const std::string common_name = "db.example.test";
  const auto* bytes =
      reinterpret_cast<const unsigned char*>(common_name.data()); // NOLINT: OpenSSL's text.
  X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, bytes, -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  const std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>> names(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                          "DNS:db.example.test,DNS:*.example.test,IP:10.0.0.5,IP:::1"));
  X509_add_ext(certificate.get(), names.get(), -1);
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

TEST(TlsProbe, SeesTheCertificate) {
  // The server of this test may write to a client that has seen enough and left.
  std::signal(SIGPIPE, SIG_IGN);
  const KeyPtr key(EVP_EC_gen("P-256"));
  ASSERT_NE(key, nullptr);
  const CertificatePtr certificate = make_certificate(key.get());
  const Port port([&](int fd) {
    if (!read_request(fd)) return;
    static_cast<void>(::send(fd, "S", 1, MSG_NOSIGNAL));
    const ContextPtr context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
    const SslPtr ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return;
    char byte = 0;
    static_cast<void>(SSL_read(ssl.get(), &byte, 1));
  });
  const TlsProbe probe = probe_tls("127.0.0.1", port.number(), 10'000);
  EXPECT_TRUE(probe.handshake_done) << probe.error;
  EXPECT_EQ(probe.error, "");
  EXPECT_EQ(probe.protocol, "TLSv1.3");
  EXPECT_EQ(probe.subject, "CN=db.example.test");
  EXPECT_EQ(probe.not_before, 1767225600.0);
  EXPECT_EQ(probe.not_after, 1798761600.0);
  EXPECT_EQ(probe.names,
            (std::vector<std::string>{"db.example.test", "*.example.test", "10.0.0.5", "::1"}));
}

} // namespace
} // namespace pgkeep::catalog
