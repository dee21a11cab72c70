/// A small certificate authority of our own, and the server certificates that it signs: P-256,
/// SHA-256.
///
/// The authority's key stays with the operator (0600), off the data folder; the server gets a leaf
/// key and certificate. Errors: io for the library and for files, corrupt for files that hold no
/// certificate. Source: PostgreSQL manual, ssl-tcp ("Creating Certificates"); CA/Browser forum's
/// habit of short leaves: 90 days, renewed at 2/3.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/result.h"
#include "base/secret.h"

namespace pgkeep::roles {

inline constexpr std::chrono::days kAuthorityLifetime{3650};
inline constexpr std::chrono::days kServerLifetime{90};

struct KeyPair {
  std::string certificate_pem;
  base::Secret key_pem;
};

base::Result<KeyPair> make_authority(const std::string& common_name, base::Timestamp now);
/// names: DNS names and IP addresses for subjectAltName; the first is the common name.
base::Result<KeyPair> make_server_certificate(const KeyPair& authority,
                                              const std::vector<std::string>& names,
                                              base::Timestamp now);

struct CertificateDates {
  base::Timestamp not_before;
  base::Timestamp not_after;
};
base::Result<CertificateDates> certificate_dates(const std::string& pem);
/// Whether the key belongs to the certificate: a mismatch keeps a server from starting.
base::Result<bool> key_matches(const std::string& certificate_pem, const base::Secret& key_pem);

} // namespace pgkeep::roles
