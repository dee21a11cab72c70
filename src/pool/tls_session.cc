// The library reads and writes through a BIO of ours that has no buffer: it reads what the caller
// of the moment brought, and appends to what he gave. So nothing is ever half written, and the
// library never waits for a socket.
#include "pool/tls_session.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

namespace pgkeep::pool {

/// The callbacks of the BIO.
struct TlsBio {
  static TlsSession& session_of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, std::size_t room, std::size_t* count) {
    std::string_view& input = session_of(bio).input_;
    BIO_clear_retry_flags(bio);
    *count = std::min(room, input.size());
    if (*count == 0) {
      BIO_set_retry_read(bio);
      return 0;
    }
    std::memcpy(to, input.data(), *count);
    input.remove_prefix(*count);
    return 1;
  }
  static int write(BIO* bio, const char* from, std::size_t bytes, std::size_t* count) {
    BIO_clear_retry_flags(bio);
    std::string* const output = session_of(bio).output_;
    PGKEEP_ASSERT(output != nullptr);
    output->append(from, bytes);
    *count = bytes;
    return 1;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static const BIO_METHOD* method() {
    static const std::unique_ptr<BIO_METHOD, base::Release<BIO_meth_free>> made = [] {
      std::unique_ptr<BIO_METHOD, base::Release<BIO_meth_free>> methods(
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pgkeep"));
      PGKEEP_ASSERT(methods != nullptr);
      BIO_meth_set_read_ex(methods.get(), read);
      BIO_meth_set_write_ex(methods.get(), write);
      BIO_meth_set_ctrl(methods.get(), control);
      BIO_meth_set_create(methods.get(), create);
      return methods;
    }();
    return made.get();
  }
};

namespace {

using CertificatePtr = std::unique_ptr<X509, base::Release<X509_free>>;

CertificatePtr certificate_of(SSL* tls) {
  return CertificatePtr(SSL_get1_peer_certificate(tls));
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string common_name_of(X509* certificate) {
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* utf8 = nullptr;
  const int bytes =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (bytes < 0) return {};
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(bytes));
  OPENSSL_free(utf8);
  // "postgres\0.example.org" was issued to the owner of example.org.
  return name.find('\0') == std::string::npos ? name : std::string();
}

// PgBouncer names the group of a key exchange where its way to ask for it knows one: with clients
// below TLS 1.3, with servers where it is a curve of the old kind.
int group_with_client(SSL* tls) {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(tls);
  if (cipher == nullptr || SSL_CIPHER_get_kx_nid(cipher) != NID_kx_ecdhe) return NID_undef;
  return static_cast<int>(SSL_get_shared_group(tls, 0));
}
int group_with_server(SSL* tls) {
  EVP_PKEY* key = nullptr;
  // What SSL_get_peer_tmp_key() stands for.
  if (SSL_ctrl(tls, SSL_CTRL_GET_PEER_TMP_KEY, 0, static_cast<void*>(&key)) != 1) return NID_undef;
  std::array<char, 64> name{};
  const bool is_curve = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
                        EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr) == 1;
  EVP_PKEY_free(key);
  return is_curve ? OBJ_sn2nid(name.data()) : NID_undef;
}

bool has_other_names(X509* certificate) {
  return X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) >= 0;
}

} // namespace

void free_tls(SSL* session) noexcept {
  SSL_free(session);
}

std::unique_ptr<TlsSession> TlsSession::of(const TlsContexts::Context& context) {
  std::unique_ptr<TlsSession> session(new TlsSession);
  session->tls_.reset(SSL_new(context.get()));
  BIO* const bio = session->tls_ ? BIO_new(TlsBio::method()) : nullptr;
  if (bio == nullptr) {
    ERR_clear_error();
    return nullptr;
  }
  BIO_set_data(bio, session.get());
  SSL_set_bio(session->tls_.get(), bio, bio); // Takes it over.
  return session;
}

std::unique_ptr<TlsSession> TlsSession::to_client(const TlsContexts& contexts) {
  auto session = of(contexts.clients);
  if (session) SSL_set_accept_state(session->tls_.get());
  return session;
}

std::unique_ptr<TlsSession> TlsSession::to_server(const TlsContexts& contexts,
                                                  const std::string& host) {
  auto session = of(contexts.servers);
  if (!session) return session;
  SSL_set_connect_state(session->tls_.get());
  if (!is_address(host)) // What SSL_set_tlsext_host_name() stands for.
    SSL_ctrl(session->tls_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(host.c_str()));
  return session;
}

void TlsSession::fail(std::string_view what, int result) {
  const int kind = SSL_get_error(tls_.get(), result);
  problem_ =
      fmt::format("{} failed: {}", what,
                  take_tls_error(kind == SSL_ERROR_SYSCALL ? "unexpected EOF" : "unknown error"));
}

TlsSession::Progress TlsSession::shake_hands(std::string& bytes, std::string& out) {
  ERR_clear_error();
  input_ = bytes;
  output_ = &out;
  const int result = SSL_do_handshake(tls_.get());
  Progress progress = Progress::done;
  if (result != 1) {
    const int kind = SSL_get_error(tls_.get(), result);
    progress = kind == SSL_ERROR_WANT_READ ? Progress::going_on : Progress::failed;
    if (progress == Progress::failed) fail("handshake", result);
  }
  output_ = nullptr;
  bytes.erase(0, bytes.size() - input_.size());
  input_ = {};
  return progress;
}

TlsSession::Received TlsSession::receive(std::string_view bytes, char* plain, std::size_t room,
                                         std::string& out) {
  ERR_clear_error();
  input_ = bytes;
  output_ = &out;
  Received received;
  for (;;) {
    std::size_t count = 0;
    const int result =
        SSL_read_ex(tls_.get(), plain + received.count, room - received.count, &count);
    if (result == 1) {
      received.count += count;
      PGKEEP_ASSERT(received.count <
                    room); // Else there would be bytes left that no event tells of.
      continue;
    }
    const int kind = SSL_get_error(tls_.get(), result);
    if (kind == SSL_ERROR_WANT_READ) break;
    received.is_over = true;
    if (kind != SSL_ERROR_ZERO_RETURN) fail("read", result);
    break;
  }
  output_ = nullptr;
  input_ = {};
  return received;
}

bool TlsSession::send(std::string_view plain, std::string& out) {
  if (plain.empty()) return true;
  ERR_clear_error();
  output_ = &out;
  std::size_t count = 0;
  const int result = SSL_write_ex(tls_.get(), plain.data(), plain.size(), &count);
  const bool is_sent = result == 1 && count == plain.size();
  if (!is_sent) fail("write", result);
  output_ = nullptr;
  return is_sent;
}

void TlsSession::say_goodbye(std::string& out) {
  if (!problem_.empty() || SSL_in_init(tls_.get()) == 1) return;
  ERR_clear_error();
  output_ = &out;
  SSL_shutdown(tls_.get());
  output_ = nullptr;
  ERR_clear_error();
}

std::string TlsSession::text() const {
  SSL* const tls = tls_.get();
  std::string text = fmt::format("{}/{}", SSL_get_version(tls), SSL_get_cipher_name(tls));
  const int group = SSL_is_server(tls) == 1 ? group_with_client(tls) : group_with_server(tls);
  if (group != NID_undef) text += fmt::format("/ECDH={}", OBJ_nid2sn(group));
  return text;
}

TlsSession::Certificate TlsSession::certificate() const {
  const CertificatePtr certificate = certificate_of(tls_.get());
  if (!certificate) return {};
  return {.is_given = true,
          .is_good = SSL_get_verify_result(tls_.get()) == X509_V_OK,
          .common_name = common_name_of(certificate.get())};
}

/// Addresses may stand in the common name, too, where there are no other names: so in PgBouncer.
bool TlsSession::is_of(const std::string& host) const {
  const CertificatePtr certificate = certificate_of(tls_.get());
  if (!certificate) return false;
  if (!is_address(host))
    return X509_check_host(certificate.get(), host.data(), host.size(), 0, nullptr) == 1;
  if (X509_check_ip_asc(certificate.get(), host.c_str(), 0) == 1) return true;
  return !has_other_names(certificate.get()) && common_name_of(certificate.get()) == host;
}

std::string TlsSession::server_binding() const {
  return end_point_hash_of(certificate_of(tls_.get()).get());
}

bool TlsSession::is_tls13() const {
  return SSL_version(tls_.get()) == TLS1_3_VERSION;
}

bool TlsSession::has_named_protocol() const {
  const unsigned char* name = nullptr;
  unsigned int bytes = 0;
  SSL_get0_alpn_selected(tls_.get(), &name, &bytes);
  return bytes > 0;
}

} // namespace pgkeep::pool
