/// What TLS connections are made with: keys, certificates, authorities, protocols, ciphers; one set
/// for clients and one for servers, made of the settings.
///
/// A reload makes another one: connections keep what they were made with. All loops share it, and
/// with it the keys of session tickets, so a client may resume its session in any of them. A key
/// file that others may read is taken as it is, as PgBouncer does. Private to src/pool. Threads:
/// immutable once made, any may use it. Source: PgBouncer's manual, config (TLS settings);
/// RFC 5929 (tls-server-end-point); SSL_CTX_set_options(3).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "pool/settings.h"

// Of OpenSSL, whose headers stay in tls_*.cc.
struct ssl_ctx_st;
struct x509_st;

namespace pgkeep::pool {

struct TlsContexts {
  using Context = std::shared_ptr<ssl_ctx_st>; ///< Shared with the sessions that are made of it.
  Context clients;                             ///< Null: clients get no TLS.
  Context servers;                             ///< Null: servers are asked for none.
  TlsMode client_mode = TlsMode::disable;
  TlsMode server_mode = TlsMode::disable;
  /// tls-server-end-point of our certificate; empty where it has none: nothing to bind a channel
  /// to.
  std::string binding;
};

/// Errors: Code::config, in PgBouncer's words where it has some; the path of a bad file is in them.
base::Result<TlsContexts> make_tls_contexts(const Settings& settings);

/// Whether connections that the one set of settings led to are as good as those of the other: what
/// stands in files is not looked at.
bool is_same_tls(const Settings& one, const Settings& other);

/// The hash of a certificate that SCRAM binds a channel to; empty where its signature algorithm has
/// no hash (Ed25519).
std::string end_point_hash_of(x509_st* certificate);

/// The newest error of the library in this thread, as "error:0A000086:SSL routines::...", and
/// forgets all others; `otherwise` where there is none.
std::string take_tls_error(std::string_view otherwise);

} // namespace pgkeep::pool
