/// auth_type = ldap: a directory server says whether a password is right.
///
/// Either by logging in there under a name made of prefix, user and suffix, or by looking for the
/// user's entry first and then logging in under its name. Threads: any; fits_ldap() takes as long
/// as the server does, so it is called by a worker only. Source: PostgreSQL manual, auth-ldap;
/// PgBouncer's manual, config (auth_ldap_options); reasons are in PgBouncer's words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace pgkeep::pool {

struct LdapOptions {
  std::string scheme = "ldap"; ///< Or "ldaps".
  std::string server = {};     ///< Host names with spaces between. Empty: found by DNS (SRV).
  int port = 0;                ///< 0: the scheme's.
  bool starts_tls = false;
  std::string prefix = {};
  std::string suffix = {};
  std::string base = {}; ///< Where to search; empty: there is no search.
  std::string bind_name = {};
  base::Secret bind_password = {};
  std::string attribute = {};
  std::string filter = {};
  int scope = 0; ///< LDAP_SCOPE_...
};

/// Words as ldapserver=host, without quotes. Errors: Code::config; Code::unsupported where this
/// program was built without LDAP.
base::Result<LdapOptions> ldap_options_of(const std::vector<std::string>& words);
/// The words of auth_ldap_options: spaces or commas between, quotes around values that have some.
base::Result<std::vector<std::string>> ldap_words_in(std::string_view text);

/// Errors: Code::refused, with the reason for the log.
base::Result<> fits_ldap(const LdapOptions& options, const std::string& user,
                         const base::Secret& password);

} // namespace pgkeep::pool
