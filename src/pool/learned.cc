#include "pool/learned.h"

#include <utility>

#include "wire/password.h"

namespace pgkeep::pool {
namespace {

bool is_verifier(const base::Secret& stored) {
  return wire::stored_as(stored.reveal()) == wire::StoredAs::scram;
}

/// Keys are of one verifier: of another password or salt they open nothing.
bool fit(const std::optional<wire::ScramClientKeys>& keys, const base::Secret& stored) {
  if (!keys) return false;
  const auto verifier = wire::scram_verifier_of(stored.reveal());
  return verifier && wire::fits_verifier(*verifier, *keys);
}

bool are_same_keys(const wire::ScramClientKeys& a, const wire::ScramClientKeys& b) {
  return a.client_key == b.client_key && a.server_key == b.server_key;
}

} // namespace

bool learn(Learned& known, const Learned& brought) {
  bool is_new = false;
  if (brought.keys && !(known.keys && are_same_keys(*known.keys, *brought.keys))) {
    known.keys = brought.keys;
    is_new = true;
  }
  if (!brought.secret.empty() && known.secret.reveal() != brought.secret.reveal()) {
    known.secret = brought.secret;
    is_new = true;
  }
  return is_new;
}

void learn_the_rest(Learned& known, const Learned& brought, const base::Secret* listed) {
  const bool are_outdated = listed != nullptr && is_verifier(*listed) && !fit(known.keys, *listed);
  if (brought.keys && (!known.keys || are_outdated)) known.keys = brought.keys;
  if (known.secret.empty()) known.secret = brought.secret;
}

Credentials credentials_of(const Learned& known, const base::Secret* listed,
                           bool is_outside_first) {
  const bool is_listed = listed != nullptr && !listed->empty();
  if (is_listed && !is_verifier(*listed) && !is_outside_first) return {.stored = *listed};
  Credentials found;
  if (!known.secret.empty()) {
    found.stored = known.secret;
  } else if (is_listed) {
    found.stored = *listed;
  }
  const bool is_listed_verifier = is_listed && is_verifier(*listed);
  if (fit(known.keys, is_listed_verifier ? *listed : found.stored)) found.keys = known.keys;
  return found;
}

} // namespace pgkeep::pool
