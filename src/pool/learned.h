/// What a pool learns from its clients' logins, and what of it opens servers.
///
/// auth_file may have but a verifier of a user, or nothing at all: then keys or a secret that a
/// login brought are what the pooler logs in to servers with. What auth_file says later goes before
/// what was learned earlier. Private to src/pool. Threads: plain values and pure functions, but for
/// OpenSSL's. Source: PgBouncer's manual, config (auth_query, Authentication file format).
#pragma once

#include <optional>

#include "base/secret.h"
#include "wire/scram.h"

namespace pgkeep::pool {

struct Learned {
  std::optional<wire::ScramClientKeys> keys; ///< Of a client whose verifier is known.
  /// What auth_query found, or a password that somebody outside took as right; empty: nothing.
  base::Secret secret;
};
/// What of `brought` is there takes the place of what was known. False: all of it was.
bool learn(Learned& known, const Learned& brought);
/// Of another process, which may be older: only what there is nothing better of. `listed`: as
/// below.
void learn_the_rest(Learned& known, const Learned& brought, const base::Secret* listed);

struct Credentials {
  base::Secret stored; ///< A password, "md5..." or a verifier (of no use without keys).
  std::optional<wire::ScramClientKeys> keys = {};
};
/// `listed`: what auth_file has of the user now; null: nothing. `is_outside_first`: users prove
/// themselves to somebody outside (PAM, LDAP), so what they said there goes before auth_file.
Credentials credentials_of(const Learned& known, const base::Secret* listed, bool is_outside_first);

} // namespace pgkeep::pool
