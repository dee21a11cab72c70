// X.509 by OpenSSL's API: the openssl program is not needed at run time. Serial numbers are 128
// random bits.
#include "roles/certificates.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "roles/crypto_failed.h"

namespace pgkeep::roles {
namespace {

using CertificatePtr = std::unique_ptr<X509, base::Release<X509_free>>;
using PrivateKeyPtr = std::unique_ptr<EVP_PKEY, base::Release<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, base::Release<BIO_free_all>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, base::Release<X509_EXTENSION_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, base::Release<BN_free>>;

base::Error not_pem(std::string_view what) {
  return {.code = base::Code::corrupt,
          .what = fmt::format("no {} in PEM form", what),
          .expected = "a file that begins with -----BEGIN"};
}

struct Extension {
  int nid;
  std::string value;
};

std::time_t to_time(base::Timestamp at) {
  return std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(at));
}

std::string to_text(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(length)};
}

base::Result<CertificatePtr> read_certificate(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) return not_pem("certificate");
  return certificate;
}

base::Result<PrivateKeyPtr> read_key(const base::Secret& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.reveal().data(), static_cast<int>(pem.reveal().size())));
  PrivateKeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return not_pem("private key");
  return key;
}

base::Result<> set_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return crypto_failed("RAND_bytes");
  bytes[0] &= 0x7f; // A serial number is positive.
  const NumberPtr number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  if (!number || BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return crypto_failed("serial number");
  }
  return {};
}

base::Result<> add_extensions(X509* certificate, X509* issuer,
                              const std::vector<Extension>& extensions) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  for (const Extension& extension : extensions) {
    const ExtensionPtr made(
        X509V3_EXT_conf_nid(nullptr, &context, extension.nid, extension.value.c_str()));
    if (!made || X509_add_ext(certificate, made.get(), -1) != 1)
      return crypto_failed("certificate extension");
  }
  return {};
}

struct Request {
  std::string common_name;
  base::Timestamp now;
  std::chrono::days lifetime;
  std::vector<Extension> extensions;
  X509* issuer = nullptr; ///< Null: signs itself.
  EVP_PKEY* issuer_key = nullptr;
};

base::Result<KeyPair> make_certificate(const Request& request) {
  const PrivateKeyPtr key(EVP_EC_gen("P-256"));
  const CertificatePtr certificate(X509_new());
  if (!key || !certificate) return crypto_failed("key generation");
  X509_set_version(certificate.get(), X509_VERSION_3);
  PGKEEP_CHECK(set_serial(certificate.get()));
  // An hour back: clients whose clock is a little behind must not refuse a fresh certificate.
  const std::time_t from = to_time(request.now - std::chrono::hours{1});
  const std::time_t to = to_time(request.now + request.lifetime);
  if (ASN1_TIME_set(X509_getm_notBefore(certificate.get()), from) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to) == nullptr ||
      X509_set_pubkey(certificate.get(), key.get()) != 1) {
    return crypto_failed("certificate fields");
  }
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  if (X509_NAME_add_entry_by_txt(
          name, "CN", MBSTRING_UTF8,
          reinterpret_cast<const unsigned char*>(request.common_name.c_str()), -1, -1, 0) != 1) {
    return crypto_failed("subject");
  }
  X509* const issuer = request.issuer != nullptr ? request.issuer : certificate.get();
  EVP_PKEY* const issuer_key = request.issuer_key != nullptr ? request.issuer_key : key.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  PGKEEP_CHECK(add_extensions(certificate.get(), issuer, request.extensions));
  if (X509_sign(certificate.get(), issuer_key, EVP_sha256()) == 0)
    return crypto_failed("signature");

  const BioPtr certificate_bio(BIO_new(BIO_s_mem()));
  const BioPtr key_bio(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_X509(certificate_bio.get(), certificate.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1) {
    return crypto_failed("PEM output");
  }
  return KeyPair{.certificate_pem = to_text(certificate_bio.get()),
                 .key_pem = base::Secret(to_text(key_bio.get()))};
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> buffer{};
  return inet_pton(AF_INET, name.c_str(), buffer.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), buffer.data()) == 1;
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", is_address(name) ? "IP" : "DNS", name);
  }
  return text;
}

base::Timestamp to_timestamp(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return std::chrono::time_point_cast<base::Timestamp::duration>(
      std::chrono::system_clock::from_time_t(timegm(&parts)));
}

} // namespace

base::Result<KeyPair> make_authority(const std::string& common_name, base::Timestamp now) {
  return make_certificate({.common_name = common_name,
                           .now = now,
                           .lifetime = kAuthorityLifetime,
                           .extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                          {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                          {NID_subject_key_identifier, "hash"}}});
}

base::Result<KeyPair> make_server_certificate(const KeyPair& authority,
                                              const std::vector<std::string>& names,
                                              base::Timestamp now) {
  PGKEEP_ASSERT(!names.empty());
  PGKEEP_TRY(const CertificatePtr issuer, read_certificate(authority.certificate_pem));
  PGKEEP_TRY(const PrivateKeyPtr issuer_key, read_key(authority.key_pem));
  return make_certificate({.common_name = names.front(),
                           .now = now,
                           .lifetime = kServerLifetime,
                           .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                                          {NID_key_usage, "critical,digitalSignature"},
                                          {NID_ext_key_usage, "serverAuth"},
                                          {NID_subject_alt_name, alternative_names(names)},
                                          {NID_subject_key_identifier, "hash"},
                                          {NID_authority_key_identifier, "keyid:always"}},
                           .issuer = issuer.get(),
                           .issuer_key = issuer_key.get()});
}

base::Result<CertificateDates> certificate_dates(const std::string& pem) {
  PGKEEP_TRY(const CertificatePtr certificate, read_certificate(pem));
  return CertificateDates{.not_before = to_timestamp(X509_get0_notBefore(certificate.get())),
                          .not_after = to_timestamp(X509_get0_notAfter(certificate.get()))};
}

base::Result<bool> key_matches(const std::string& certificate_pem, const base::Secret& key_pem) {
  PGKEEP_TRY(const CertificatePtr certificate, read_certificate(certificate_pem));
  PGKEEP_TRY(const PrivateKeyPtr key, read_key(key_pem));
  return X509_check_private_key(certificate.get(), key.get()) == 1;
}

} // namespace pgkeep::roles
