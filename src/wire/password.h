/// Passwords as PostgreSQL stores and checks them: what a line of auth_file or pg_authid holds, and
/// whether what a client answered fits it.
///
/// Comparisons take the same time for any two texts of one length. Pure functions, but for
/// OpenSSL's. Threads: any. Source: PostgreSQL manual, protocol-flow (AuthenticationMD5Password)
/// and catalog-pg-authid (rolpassword).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pgkeep::wire {

enum class StoredAs : std::uint8_t { plain, md5, scram };
/// "md5" and 32 hexadecimal digits; "SCRAM-SHA-256$..." that can be read; all else is a password.
StoredAs stored_as(std::string_view stored);

/// "md5" and the digest of password and user, as pg_authid holds it.
std::string md5_stored(std::string_view password, std::string_view user);
/// What a client answers to AuthenticationMD5Password: of md5_stored() and the four bytes it got.
std::string md5_answer(std::string_view stored, std::string_view salt);

/// Of a client that sent its password as it is. A stored text of any kind.
bool fits_cleartext(std::string_view stored, std::string_view user, std::string_view password);
/// Of a client that got a salt. Never where the stored text is SCRAM's, of which no MD5 is known.
bool fits_md5(std::string_view stored, std::string_view user, std::string_view salt,
              std::string_view answer);

} // namespace pgkeep::wire
