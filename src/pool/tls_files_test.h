/// Keys and certificates in a folder of their own, made for a test. For tests.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/scratch_test.h"
#include "pool/settings.h"

namespace pgkeep::pool {

class TlsFiles {
public:
  TlsFiles() {
    make("ca", "authority", nullptr);
    make("server", "localhost", "DNS:localhost, IP:127.0.0.1");
    make("client", "plain", nullptr);
    make("other", "other.example.org", "DNS:*.example.org");
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (scratch_.path() / name).string();
  }
  /// For both sides, with each other's authority.
  [[nodiscard]] Settings settings(TlsMode clients, TlsMode servers) const {
    Settings settings;
    settings.client_tls_sslmode = clients;
    settings.client_tls_key_file = path("server.key");
    settings.client_tls_cert_file = path("server.crt");
    settings.client_tls_ca_file = path("ca.crt");
    settings.server_tls_sslmode = servers;
    settings.server_tls_ca_file = path("ca.crt");
    return settings;
  }

private:
  using Key = std::unique_ptr<EVP_PKEY, base::Release<EVP_PKEY_free>>;
  using Certificate = std::unique_ptr<X509, base::Release<X509_free>>;

  /// The first one signs itself and all others.
  void make(const std::string& name, const std::string& common_name, const char* other_names) {
    Key key(EVP_EC_gen("P-256"));
    Certificate certificate(X509_new());
    constexpr long kDaySeconds = 86'400;
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDaySeconds);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDaySeconds);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* const subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(certificate.get(),
                         authority_ ? X509_get_subject_name(authority_.get()) : subject);
    if (!authority_) extend(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    if (other_names != nullptr) extend(certificate.get(), NID_subject_alt_name, other_names);
    X509_sign(certificate.get(), authority_ ? authority_key_.get() : key.get(), EVP_sha256());
    write(path(name + ".crt"), [&](std::FILE* file) { PEM_write_X509(file, certificate.get()); });
    write(path(name + ".key"), [&](std::FILE* file) {
      PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    if (authority_) return;
    authority_ = std::move(certificate);
    authority_key_ = std::move(key);
  }
  static void extend(X509* certificate, int kind, const char* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  template <typename Write>
  static void write(const std::string& path, Write content) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    PGKEEP_ASSERT(file != nullptr);
    content(file);
    std::fclose(file);
  }

  base::Scratch scratch_;
  long serial_ = 0;
  Certificate authority_;
  Key authority_key_;
};

inline const TlsFiles& tls_files() {
  static const TlsFiles made;
  return made;
}

} // namespace pgkeep::pool
