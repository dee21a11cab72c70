// Settings that the library does not know are found here, at the start, and not by the first
// client.
#include "pool/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kAlpn = "postgresql"; ///< IANA's name of our protocol.
constexpr int kVerifyDepth = 6;                  ///< As in PgBouncer.
constexpr std::size_t kErrorBytes = 256;
/// A client opens one connection at a time with a ticket; a second one costs every handshake.
constexpr std::size_t kTickets = 1;

base::Error wrong(std::string what) {
  return {.code = base::Code::config, .what = std::move(what)};
}

/// Why a file is not what it should be, and forgets it.
std::string take_reason() {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

/// Nobody is there to be asked for the password of a key.
int no_password(char*, int, int, void*) {
  return -1;
}

/// The settings of one side.
struct Side {
  std::string_view prefix;
  TlsMode mode{};
  const std::string& key_file;
  const std::string& cert_file;
  const std::string& ca_file;
  const std::string& protocols;
  const std::string& ciphers;
  const std::string& tls13_ciphers;
};

struct Protocol {
  std::string_view name;
  std::uint64_t bits;
};
constexpr std::uint64_t kOldBits = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
constexpr std::uint64_t kNewBits = SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3;
constexpr Protocol kProtocols[] = {{"all", kOldBits | kNewBits},   {"legacy", kOldBits | kNewBits},
                                   {"default", kNewBits},          {"secure", kNewBits},
                                   {"tlsv1", kOldBits | kNewBits}, {"tlsv1.0", SSL_OP_NO_TLSv1},
                                   {"tlsv1.1", SSL_OP_NO_TLSv1_1}, {"tlsv1.2", SSL_OP_NO_TLSv1_2},
                                   {"tlsv1.3", SSL_OP_NO_TLSv1_3}};

/// The protocols that are not wanted; none where a word is unknown. "!" takes one away.
std::optional<std::uint64_t> refused_protocols(const std::string& text) {
  std::uint64_t wanted = 0;
  std::string copy = base::to_lower(text);
  std::ranges::replace(copy, ':', ',');
  for (const std::string& each : base::split(copy, ',')) {
    std::string_view word = base::trim(each);
    const bool is_taken_away = word.starts_with('!');
    if (is_taken_away) word.remove_prefix(1);
    if (is_taken_away && wanted == 0) wanted = kOldBits | kNewBits;
    const auto found = std::ranges::find(kProtocols, word, &Protocol::name);
    if (found == std::end(kProtocols)) return std::nullopt;
    wanted = is_taken_away ? wanted & ~found->bits : wanted | found->bits;
  }
  return (kOldBits | kNewBits) & ~wanted;
}

base::Result<> set_protocols(SSL_CTX* context, const Side& side) {
  if (side.protocols.empty()) return {};
  const auto refused = refused_protocols(side.protocols);
  if (!refused) return wrong(fmt::format("invalid {}_protocols: {}", side.prefix, side.protocols));
  SSL_CTX_set_options(context, *refused);
  return {};
}

base::Result<> set_ciphers(SSL_CTX* context, const Side& side, bool has_ecdh) {
  constexpr std::array<std::string_view, 4> kDefaults = {"default", "secure", "fast", "normal"};
  const std::string word = base::to_lower(side.ciphers);
  std::string list;
  if (word == "all") {
    list = "ALL:!aNULL:!eNULL";
  } else if (!word.empty() && std::ranges::find(kDefaults, word) == kDefaults.end()) {
    list = side.ciphers;
  }
  if (!has_ecdh) list = (list.empty() ? std::string("DEFAULT") : list) + ":!kECDHE";
  if (!list.empty() && SSL_CTX_set_cipher_list(context, list.c_str()) != 1) {
    ERR_clear_error();
    return wrong(fmt::format("invalid {}_ciphers: {}", side.prefix, side.ciphers));
  }
  if (!side.tls13_ciphers.empty() &&
      SSL_CTX_set_ciphersuites(context, side.tls13_ciphers.c_str()) != 1) {
    ERR_clear_error();
    return wrong(fmt::format("invalid {}13_ciphers: {}", side.prefix, side.tls13_ciphers));
  }
  return {};
}

base::Result<> set_keys(SSL_CTX* context, const Side& side) {
  if (side.cert_file.empty() && side.key_file.empty()) return {};
  const auto failed = [](std::string_view what, const std::string& path) {
    return wrong(fmt::format("TLS setup failed: failed to load {} file \"{}\": {}", what, path,
                             take_reason()));
  };
  if (!side.cert_file.empty() &&
      SSL_CTX_use_certificate_chain_file(context, side.cert_file.c_str()) != 1)
    return failed("certificate", side.cert_file);
  if (!side.key_file.empty() &&
      SSL_CTX_use_PrivateKey_file(context, side.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return failed("private key", side.key_file);
  if (SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return wrong(fmt::format("TLS setup failed: private/public key mismatch: {}_cert_file \"{}\" "
                             "and {}_key_file \"{}\"",
                             side.prefix, side.cert_file, side.prefix, side.key_file));
  }
  return {};
}

base::Result<> set_authorities(SSL_CTX* context, const Side& side) {
  SSL_CTX_set_verify_depth(context, kVerifyDepth);
  if (side.ca_file.empty()) {
    // The machine's are a hundred files to read: only where they are asked.
    if (side.mode >= TlsMode::verify_ca) SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  if (SSL_CTX_load_verify_locations(context, side.ca_file.c_str(), nullptr) == 1) return {};
  return wrong(fmt::format("TLS setup failed: failed to load CA file \"{}\": {}", side.ca_file,
                           take_reason()));
}

base::Result<TlsContexts::Context> new_context(const SSL_METHOD* method, const Side& side,
                                               bool has_ecdh) {
  TlsContexts::Context context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return wrong(fmt::format("TLS setup failed: {}", take_tls_error("out of memory")));
  // An idle connection keeps no buffers; nobody changes keys or identity half-way.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_SSLv3 | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_default_passwd_cb(context.get(), no_password);
  PGKEEP_CHECK(set_protocols(context.get(), side));
  PGKEEP_CHECK(set_ciphers(context.get(), side, has_ecdh));
  PGKEEP_CHECK(set_authorities(context.get(), side));
  PGKEEP_CHECK(set_keys(context.get(), side));
  return context;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                    const unsigned char* offered, unsigned int offered_bytes, void*) {
  const std::string_view all(reinterpret_cast<const char*>(offered), offered_bytes);
  for (std::size_t at = 0; at < all.size(); at += 1U + static_cast<unsigned char>(all[at])) {
    const std::string_view name = all.substr(at + 1, static_cast<unsigned char>(all[at]));
    if (name != kAlpn) continue;
    *chosen = offered + at + 1;
    *chosen_bytes = static_cast<unsigned char>(name.size());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// Whether its certificate is good is remembered by the session, and asked where it counts.
int take_any(int, X509_STORE_CTX*) {
  return 1;
}

base::Result<> set_key_exchange(SSL_CTX* context, const Settings& settings) {
  const std::string dhe = base::to_lower(settings.client_tls_dheparams);
  if (dhe == "auto") {
    SSL_CTX_set_dh_auto(context, 1);
  } else if (dhe == "legacy") {
    SSL_CTX_set_dh_auto(context, 2);
  } else if (!dhe.empty() && dhe != "none") {
    return wrong(fmt::format("invalid client_tls_dheparams: {}", settings.client_tls_dheparams));
  }
  const std::string curve = base::to_lower(settings.client_tls_ecdhcurve);
  if (curve.empty() || curve == "auto" || curve == "none") return {};
  if (SSL_CTX_set1_groups_list(context, settings.client_tls_ecdhcurve.c_str()) == 1) return {};
  ERR_clear_error();
  return wrong(fmt::format("invalid client_tls_ecdhecurve: {}", settings.client_tls_ecdhcurve));
}

base::Result<TlsContexts::Context> context_for_clients(const Settings& settings) {
  const Side side{.prefix = "client_tls",
                  .mode = settings.client_tls_sslmode,
                  .key_file = settings.client_tls_key_file,
                  .cert_file = settings.client_tls_cert_file,
                  .ca_file = settings.client_tls_ca_file,
                  .protocols = settings.client_tls_protocols,
                  .ciphers = settings.client_tls_ciphers,
                  .tls13_ciphers = settings.client_tls13_ciphers};
  const bool has_ecdh = base::to_lower(settings.client_tls_ecdhcurve) != "none";
  PGKEEP_TRY(TlsContexts::Context context, new_context(TLS_server_method(), side, has_ecdh));
  PGKEEP_CHECK(set_key_exchange(context.get(), settings));
  if (side.mode >= TlsMode::verify_ca) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  } else if (!side.ca_file.empty()) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, take_any);
  }
  constexpr unsigned char kSessionsOf[] = "pgkeep";
  SSL_CTX_set_session_id_context(context.get(), kSessionsOf, sizeof(kSessionsOf));
  SSL_CTX_set_num_tickets(context.get(), kTickets);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  return context;
}

base::Result<TlsContexts::Context> context_for_servers(const Settings& settings) {
  const Side side{.prefix = "server_tls",
                  .mode = settings.server_tls_sslmode,
                  .key_file = settings.server_tls_key_file,
                  .cert_file = settings.server_tls_cert_file,
                  .ca_file = settings.server_tls_ca_file,
                  .protocols = settings.server_tls_protocols,
                  .ciphers = settings.server_tls_ciphers,
                  .tls13_ciphers = settings.server_tls13_ciphers};
  PGKEEP_TRY(TlsContexts::Context context, new_context(TLS_client_method(), side, true));
  SSL_CTX_set_verify(context.get(),
                     side.mode >= TlsMode::verify_ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  return context;
}

/// What the settings of clients must have together, in PgBouncer's words.
std::optional<std::string_view> missing_for_clients(const Settings& settings) {
  const TlsMode mode = settings.client_tls_sslmode;
  if (mode != TlsMode::disable &&
      (settings.client_tls_key_file.empty() || settings.client_tls_cert_file.empty()))
    return "To allow TLS connections from clients, client_tls_key_file and client_tls_cert_file "
           "must be set.";
  if (settings.auth_type == AuthType::cert) {
    if (mode != TlsMode::verify_full)
      return "auth_type=cert requires client_tls_sslmode=SSLMODE_VERIFY_FULL";
    if (settings.client_tls_ca_file.empty()) return "auth_type=cert requires client_tls_ca_file";
  }
  if (mode > TlsMode::verify_ca && settings.client_tls_ca_file.empty())
    return "client_tls_sslmode requires client_tls_ca_file";
  return std::nullopt;
}

} // namespace

base::Result<TlsContexts> make_tls_contexts(const Settings& settings) {
  if (const auto missing = missing_for_clients(settings)) return wrong(std::string(*missing));
  TlsContexts all{.clients = {},
                  .servers = {},
                  .client_mode = settings.client_tls_sslmode,
                  .server_mode = settings.server_tls_sslmode,
                  .binding = {}};
  if (all.server_mode != TlsMode::disable) {
    PGKEEP_TRY(all.servers, context_for_servers(settings));
  }
  if (all.client_mode != TlsMode::disable) {
    PGKEEP_TRY(all.clients, context_for_clients(settings));
    all.binding = end_point_hash_of(SSL_CTX_get0_certificate(all.clients.get()));
  }
  return all;
}

bool is_same_tls(const Settings& one, const Settings& other) {
  return std::ranges::all_of(setting_rows(), [&](const SettingRow& row) {
    return !row.name.contains("_tls") || shown(one, row) == shown(other, row);
  });
}

std::string end_point_hash_of(X509* certificate) {
  if (certificate == nullptr) return {};
  int digest_of_signature = NID_undef;
  if (X509_get_signature_info(certificate, &digest_of_signature, nullptr, nullptr, nullptr) != 1 ||
      digest_of_signature == NID_undef) {
    ERR_clear_error();
    return {};
  }
  // What is weak is replaced, by RFC 5929.
  const bool is_weak = digest_of_signature == NID_md5 || digest_of_signature == NID_sha1;
  const EVP_MD* const digest = is_weak ? EVP_sha256() : EVP_get_digestbynid(digest_of_signature);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int bytes = 0;
  if (digest == nullptr || X509_digest(certificate, digest, hash.data(), &bytes) != 1) {
    ERR_clear_error();
    return {};
  }
  return {reinterpret_cast<const char*>(hash.data()), bytes};
}

std::string take_tls_error(std::string_view otherwise) {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0) return std::string(otherwise);
  std::array<char, kErrorBytes> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

} // namespace pgkeep::pool
