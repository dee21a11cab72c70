/// Writes what the server reads besides its data: pgkeep.conf, pg_hba.conf, pg_ident.conf,
/// certificates.
///
/// Every write is durable and idempotent; a running server takes the changes at the next reload (or
/// restart, which it then says itself).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "stack/layout.h"
#include "stack/settings.h"

namespace pgkeep::stack {

/// data/pgkeep.conf, included at the end of data/postgresql.conf.
base::Result<> write_settings(const Layout& layout, const std::vector<ServerSetting>& settings);
/// Who may come in, and how: peer on the socket for administration, SCRAM for roles, TLS only
/// beyond the socket, then reject.
base::Result<> write_access_files(const Layout& layout, std::string_view database);

struct CertificateWork {
  bool made_authority = false;
  bool made_server_certificate = false;
};
/// Makes the authority where there is none or its end is near (90 days), and the server's
/// certificate where there is none, two thirds of its life are over, it does not match its key, or
/// the authority is new. A new certificate is written before it is used.
base::Result<CertificateWork> ensure_certificates(const Layout& layout, base::Timestamp now);

} // namespace pgkeep::stack
