/// SCRAM-SHA-256, both sides, as state machines over the texts that are exchanged.
///
/// Whoever uses them brings the randomness, and sends and receives. A server side may be given what
/// pg_authid stores; the keys that it learns of a client open a server in that client's name
/// (PgBouncer does so as well), without a password anywhere. Bytes from outside are refused with
/// Code::refused and a text that does not repeat them. Threads: one object, one thread.
///
/// Passwords count as they are written: SASLprep changes nothing in printable ASCII, and for other
/// characters the caller normalises. Source: RFC 5802, RFC 7677, RFC 5929 (tls-server-end-point);
/// PostgreSQL manual, sasl-authentication and catalog-pg-authid.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/secret.h"

namespace pgkeep::wire {

inline constexpr std::string_view kScramSha256 = "SCRAM-SHA-256";
/// With channel binding.
inline constexpr std::string_view kScramSha256Plus = "SCRAM-SHA-256-PLUS";
inline constexpr int kScramIterations = 4096; ///< PostgreSQL's default of scram_iterations.
/// More would keep a client busy for minutes, and is nobody's setting.
inline constexpr int kScramIterationsMax = 10'000'000;
inline constexpr std::size_t kScramSaltBytes = 16;
/// Of randomness for one nonce, as many as the server takes.
inline constexpr std::size_t kScramNonceBytes = 18;

using ScramKey = std::array<unsigned char, 32>;

/// What a server keeps of a password.
struct ScramVerifier {
  int iterations = kScramIterations;
  std::string salt; ///< Bytes, not base64.
  ScramKey stored_key{};
  ScramKey server_key{};
  /// "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>".
  [[nodiscard]] std::string text() const;
};
/// None where the text is something else.
std::optional<ScramVerifier> scram_verifier_of(std::string_view text);
/// Errors: Code::io where the cryptographic library fails.
base::Result<ScramVerifier> make_verifier(const base::Secret& password, std::string salt,
                                          int iterations = kScramIterations);
/// Whether it was made of this password: takes as long as make_verifier().
bool fits_verifier(const ScramVerifier& verifier, std::string_view password);
/// Of a user of whom no verifier is stored: the salt is the same for each try, so that nobody
/// learns whether there is such a user; no password fits. `secret` is random and stays the same
/// while the process lives.
ScramVerifier mock_verifier(std::string_view user, std::string_view secret,
                            int iterations = kScramIterations);

/// What opens a server in the name of a client.
struct ScramClientKeys {
  ScramKey client_key{};
  ScramKey server_key{}; ///< Proves the server.
};
/// Whether they are of the password and the salt that the verifier was made of.
bool fits_verifier(const ScramVerifier& verifier, const ScramClientKeys& keys);

/// The server's side.
class ScramServer {
public:
  /// `nonce`: printable, without a comma. `binding`: tls-server-end-point of our certificate, where
  /// SCRAM-SHA-256-PLUS was offered; empty where it was not.
  ScramServer(ScramVerifier verifier, std::string nonce, std::string binding = {});

  /// Takes the client's first message; gives ours. `mechanism` is the one that it chose.
  base::Result<std::string> first(std::string_view mechanism, std::string_view message);
  /// Before final(), where the verifier was one of another password: ours of the same salt and
  /// iterations, which is all that first() says of it.
  void set_verifier(ScramVerifier verifier) { verifier_ = std::move(verifier); }
  /// Takes the client's proof; gives ours. Errors: Code::refused where the password is wrong.
  base::Result<std::string> final(std::string_view message);
  /// After final().
  [[nodiscard]] const ScramClientKeys& keys() const { return keys_; }

private:
  ScramVerifier verifier_;
  std::string nonce_; ///< The client's and ours, after first().
  std::string binding_;
  std::string wanted_binding_; ///< What the client must repeat, in base64.
  std::string exchanged_;      ///< client-first-message-bare, server-first-message.
  ScramClientKeys keys_;
};

/// The client's side.
class ScramClient {
public:
  /// `binding`: tls-server-end-point of the server's certificate, to bind the channel to; empty for
  /// none, and `could_bind` says whether the connection is one that could be bound.
  struct Channel {
    std::string binding = {};
    bool could_bind = false;
  };
  ScramClient(base::Secret password, std::string nonce, Channel channel);
  ScramClient(const ScramClientKeys& keys, std::string nonce, Channel channel);

  [[nodiscard]] std::string first();
  /// Takes the server's first message; gives our proof.
  base::Result<std::string> final(std::string_view message);
  /// Errors: Code::refused where the server cannot prove that it knows the password.
  [[nodiscard]] base::Result<> verify(std::string_view message) const;

private:
  [[nodiscard]] std::string header() const;

  std::optional<base::Secret> password_; ///< Where keys were not given.
  ScramClientKeys keys_;
  std::string nonce_;
  Channel channel_;
  std::string exchanged_;
  ScramKey server_signature_{};
};

/// Printable, of random bytes: for a nonce.
std::string nonce_of(std::string_view random);

} // namespace pgkeep::wire
