/// Messages of the frontend/backend protocol, version 3: their types, the five bytes that each
/// begins with, and those that a pooler says in its own name.
///
/// Pure functions; no sockets. Threads: any. Source: PostgreSQL manual, protocol-message-formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pgkeep::wire {

/// What a client sends. 'p' is a password or a step of SASL or GSSAPI, as the server asked.
namespace from_client {
inline constexpr char kBind = 'B';
inline constexpr char kClose = 'C';
inline constexpr char kCopyData = 'd';
inline constexpr char kCopyDone = 'c';
inline constexpr char kCopyFail = 'f';
inline constexpr char kDescribe = 'D';
inline constexpr char kExecute = 'E';
inline constexpr char kFlush = 'H';
inline constexpr char kFunctionCall = 'F';
inline constexpr char kParse = 'P';
inline constexpr char kPassword = 'p';
inline constexpr char kQuery = 'Q';
inline constexpr char kSync = 'S';
inline constexpr char kTerminate = 'X';
} // namespace from_client

/// What Describe and Close are of.
inline constexpr char kOfPortal = 'P';
inline constexpr char kOfStatement = 'S';

/// What a server sends.
namespace from_server {
inline constexpr char kAuthentication = 'R';
inline constexpr char kBackendKey = 'K';
inline constexpr char kBindComplete = '2';
inline constexpr char kCloseComplete = '3';
inline constexpr char kCommandComplete = 'C';
inline constexpr char kCopyBoth = 'W';
inline constexpr char kCopyData = 'd';
inline constexpr char kCopyDone = 'c';
inline constexpr char kCopyIn = 'G';
inline constexpr char kCopyOut = 'H';
inline constexpr char kDataRow = 'D';
inline constexpr char kEmptyQuery = 'I';
inline constexpr char kError = 'E';
inline constexpr char kFunctionResult = 'V';
inline constexpr char kNegotiateVersion = 'v';
inline constexpr char kNoData = 'n';
inline constexpr char kNotice = 'N';
inline constexpr char kNotification = 'A';
inline constexpr char kParameterDescription = 't';
inline constexpr char kParameterStatus = 'S';
inline constexpr char kParseComplete = '1';
inline constexpr char kPortalSuspended = 's';
inline constexpr char kReadyForQuery = 'Z';
inline constexpr char kRowDescription = 'T';
} // namespace from_server

/// Of ReadyForQuery.
enum class TransactionStatus : char { idle = 'I', in_transaction = 'T', failed = 'E' };

/// The first five bytes of each message but the first of a connection.
struct Header {
  static constexpr std::size_t kBytes = 5;
  char type = '\0';
  std::uint32_t length = 0; ///< As sent: counts itself, not the type.

  /// A length below four is nobody's: what follows cannot be told apart any more.
  [[nodiscard]] bool is_sound() const { return length >= sizeof(length); }
  /// Of the whole message. Only where it is sound.
  [[nodiscard]] std::size_t message_bytes() const { return std::size_t{length} + 1; }
};
/// None while fewer than Header::kBytes are there.
std::optional<Header> header_of(std::string_view bytes);

/// Each appends one message.
void append_authentication_ok(std::string& out);
void append_cleartext_request(std::string& out);
void append_md5_request(std::string& out, std::string_view salt); ///< Four bytes.
void append_sasl_request(std::string& out, std::span<const std::string_view> mechanisms);
void append_sasl_continue(std::string& out, std::string_view data);
void append_sasl_final(std::string& out, std::string_view data);
void append_parameter_status(std::string& out, std::string_view name, std::string_view value);
/// Version 3.2 allows keys of 4 to 256 bytes; 3.0 knows those of 4 alone.
void append_backend_key(std::string& out, std::uint32_t process, std::string_view key);
void append_ready_for_query(std::string& out, TransactionStatus status);
void append_command_complete(std::string& out, std::string_view tag);
/// The newest version that is spoken here, of which the minor number is given, and the options
/// ("_pq_....") that are not known.
void append_negotiate_version(std::string& out, std::uint16_t newest_minor,
                              std::span<const std::string_view> unknown);
void append_query(std::string& out, std::string_view sql);
void append_password(std::string& out, std::string_view password);
void append_sasl_initial(std::string& out, std::string_view mechanism, std::string_view data);
void append_sasl_response(std::string& out, std::string_view data);
void append_empty(std::string& out, char type); ///< Sync, Flush, Terminate, NoData, ...

/// What a server asks for by an Authentication message; its data is what follows the number.
enum class AuthenticationKind : std::uint8_t {
  ok = 0,
  kerberos_v5 = 2,
  cleartext = 3,
  md5 = 5,
  gss = 7,
  gss_continue = 8,
  sspi = 9,
  sasl = 10,
  sasl_continue = 11,
  sasl_final = 12,
};
struct AuthenticationRequest {
  std::uint32_t kind = 0; ///< An AuthenticationKind where it is one that this protocol has.
  std::string_view data = {};
  [[nodiscard]] bool is(AuthenticationKind which) const {
    return kind == static_cast<std::uint32_t>(which);
  }
};
/// Of the body of an Authentication message; none where it is too short.
std::optional<AuthenticationRequest> authentication_of(std::string_view body);

} // namespace pgkeep::wire
