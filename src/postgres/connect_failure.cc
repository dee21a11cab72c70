// libpq 15 tells why a connection failed in a text only. We never call setlocale(), so that text is
// English; what the server says may be in any language, therefore the server's part is judged by
// its SQLSTATE, which verbose messages hold:
//   connection to server at "10.0.0.5", port 5432 failed: FATAL:  28P01: password authentication
//   failed for user "x" LOCATION:  auth_failed, auth.c:335
// With several hosts there is one such part for each.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/text.h"
#include "postgres/connect.h"

namespace pgkeep::postgres {
namespace {

struct Known {
  std::string_view part; ///< Anywhere in libpq's text.
  base::Code code;
  std::string_view what; ///< Empty: libpq's own words.
  std::string_view hint;
};
constexpr std::string_view kNoPostgres = "something answers there, but it is not a PostgreSQL";
constexpr std::string_view kCheckPort = "Check host and port: this one belongs to another service.";
constexpr std::string_view kPasswordSources =
    "Give the password by the URI, PGPASSWORD or ~/.pgpass (mode 0600), or check the one that is "
    "there.";
constexpr std::string_view kCertificates = "Check sslmode, sslrootcert, sslcert and sslkey.";
constexpr std::string_view kSessionAttributes =
    "No host of the list is what target_session_attrs asks for.";
using enum base::Code;
/// The first row that fits wins.
constexpr Known kKnown[] = {
    {"expected authentication request from server", unreachable, kNoPostgres, kCheckPort},
    {"received invalid response to SSL negotiation", unreachable, kNoPostgres, kCheckPort},
    {"received invalid response to GSSAPI negotiation", unreachable, kNoPostgres, kCheckPort},
    {"received unencrypted data after", unreachable, kNoPostgres, kCheckPort},
    {"wrong version number", unreachable, kNoPostgres, kCheckPort},
    {"packet length too long", unreachable, kNoPostgres, kCheckPort},
    {"received invalid protocol negotiation message", unreachable, kNoPostgres, kCheckPort},
    {"received invalid authentication request", unreachable, kNoPostgres, kCheckPort},
    {"received invalid error message", unreachable, kNoPostgres, kCheckPort},
    {"invalid length", unreachable, kNoPostgres, kCheckPort},
    {"no password supplied", refused, "the server asks for a password and none was given",
     kPasswordSources},
    {"empty password returned by client", refused,
     "the server asks for a password and none was given", kPasswordSources},
    {"server does not support SSL", refused,
     "the server does not offer TLS, which sslmode asks for",
     "Turn on TLS in the server, or choose another sslmode."},
    {"certificate verify failed", refused, {}, kCertificates},
    {"server certificate for", refused, {}, kCertificates},
    {"host name must be specified for a verified SSL", refused, {}, kCertificates},
    {"root certificate file", refused, {}, kCertificates},
    {"certificate file", refused, {}, kCertificates},
    {"private key file", refused, {}, kCertificates},
    {"SSL error", refused, {}, kCertificates},
    {"channel binding", refused, {}, "Check channel_binding and sslmode."},
    {"authentication method",
     refused,
     {},
     "This libpq cannot do the authentication that the server asks for."},
    {"incorrect server signature",
     refused,
     {},
     "The server does not know the password: it may not be the one you mean."},
    {"session is read-only", refused, "the server is read-only", kSessionAttributes},
    {"session is not read-only", refused, "the server is not read-only", kSessionAttributes},
    {"server is in hot standby mode", refused, "the server is a standby", kSessionAttributes},
    {"server is not in hot standby mode", refused, "the server is no standby", kSessionAttributes},
    {"could not translate host name", unreachable, "the name of the host is not known",
     "Check the name and the DNS."},
    {"could not parse network address", unreachable, "hostaddr is no network address",
     "Give a numeric address, or use host."},
    {"Connection refused", unreachable, "connection refused: nothing listens there",
     "Check that the server is running, and its listen_addresses and port."},
    {"failed: No such file or directory", unreachable,
     "there is no such socket: no server runs with it",
     "Check that the server is running, and its unix_socket_directories and port."},
    {"Permission denied", unreachable, "no permission to use the socket",
     "Run this as an account that may use it."},
    {"is too long (maximum", unreachable, "the path of the socket is too long for the system",
     "Use a shorter folder."},
    {"No route to host", unreachable, "no route to the host",
     "Check the address, the network and firewalls."},
    {"Network is unreachable", unreachable, "the network is unreachable",
     "Check the address, the network and firewalls."},
    {"timed out", unreachable, "the connection timed out",
     "Check the address, the network and firewalls."},
    {"server closed the connection unexpectedly", unreachable,
     "the server closed the connection before it was open",
     "See the server's log, and check that a PostgreSQL is at this port."},
};

struct StateHint {
  std::string_view state; ///< SQLSTATE, or its class of two characters.
  std::string_view hint;
};
/// Source: PostgreSQL manual, errcodes-appendix.
constexpr StateHint kStateHints[] = {
    {"28P01",
     "The password comes from the URI, PGPASSWORD or ~/.pgpass: check the one that is used."},
    {"28", "Check the user's name, the password and the server's pg_hba.conf."},
    {"3D000", "Check the name of the database, or create it."},
    {"53300", "Close other connections, or raise max_connections."},
    {"57P03", "Wait until the server has finished starting or stopping, and try again."},
    {"55000", "This database does not accept connections: choose another."},
    {"42501", "Ask for the CONNECT privilege on this database."},
};

bool is_state(std::string_view text) {
  return text.size() == 5 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

std::string state_hint(std::string_view sqlstate) {
  const auto row = std::ranges::find_if(
      kStateHints, [&](const StateHint& r) { return sqlstate.starts_with(r.state); });
  return row == std::end(kStateHints) ? "See the server's log." : std::string(row->hint);
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// A very short secret is masked as a whole word only: masking each letter "a" would leave no
/// message.
std::string mask(std::string text, const std::string& secret) {
  constexpr std::size_t short_bytes = 4;
  if (secret.empty()) return text;
  if (secret.size() >= short_bytes) return base::replace_all(std::move(text), secret, "***");
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = text.find(secret); at != std::string::npos;
       at = text.find(secret, at + 1)) {
    const std::size_t end = at + secret.size();
    const bool is_whole = at >= done && (at == 0 || !is_word(text[at - 1])) &&
                          (end == text.size() || !is_word(text[end]));
    if (!is_whole) continue;
    out.append(text, done, at - done).append("***");
    done = end;
  }
  return out.append(text, done);
}

/// Without the lines that only a developer of the server needs, and without the prefix that repeats
/// where it was.
std::string own_words(std::string_view message) {
  constexpr std::string_view failed_mark = " failed: ";
  std::vector<std::string> parts;
  for (const std::string& line : base::split(message, '\n')) {
    const std::string_view text = base::trim(line);
    if (text.empty() || text.starts_with("LOCATION:") || text.starts_with("Is the server running"))
      continue;
    parts.emplace_back(text);
  }
  const auto is_prefixed = [](const std::string& part) {
    return part.starts_with("connection to server");
  };
  if (std::ranges::count_if(parts, is_prefixed) == 1) {
    for (std::string& part : parts) {
      const std::size_t failed = part.find(failed_mark);
      if (is_prefixed(part) && failed != std::string::npos)
        part.erase(0, failed + failed_mark.size());
    }
  }
  return base::join(parts, "; ");
}

} // namespace

std::optional<ServerWords> server_words(std::string_view line) {
  constexpr std::size_t state_length = 5;
  for (std::size_t at = line.find(":  "); at != std::string_view::npos;
       at = line.find(":  ", at + 1)) {
    const std::string_view rest = line.substr(at + 3);
    if (rest.size() > state_length + 2 && is_state(rest.substr(0, state_length)) &&
        rest.substr(state_length, 2) == ": ") {
      return ServerWords{.sqlstate = std::string(rest.substr(0, state_length)),
                         .text = std::string(base::trim(rest.substr(state_length + 2)))};
    }
  }
  return std::nullopt;
}

std::string clean_message(std::string_view message, const std::vector<std::string>& secrets) {
  std::string text;
  for (const std::string& line : base::split(message, '\n')) {
    const std::string_view part = base::trim(line);
    if (part.empty()) continue;
    if (!text.empty()) text += ' ';
    text += part;
  }
  for (const std::string& secret : secrets)
    text = mask(std::move(text), secret);
  while (text.ends_with('.'))
    text.pop_back();
  return text;
}

base::Error connect_failure(std::string_view message, std::string where,
                            const std::vector<std::string>& secrets) {
  base::Error error{.code = unreachable, .where = std::move(where)};
  // A server that spoke tells more than the hosts of a list that did not answer.
  for (const std::string& line : base::split(message, '\n')) {
    const auto words = server_words(line);
    if (!words) continue;
    error.code = refused;
    error.what = clean_message(words->text, secrets);
    error.sqlstate = words->sqlstate;
    error.hint = state_hint(words->sqlstate);
    return error;
  }
  // The last host of a list was tried last; where one host has several addresses they mostly fail
  // alike.
  const auto row = std::ranges::find_if(kKnown, [&](const Known& known) {
    return message.find(known.part) != std::string_view::npos;
  });
  const bool is_known = row != std::end(kKnown);
  error.code = is_known ? row->code : unreachable;
  error.what = is_known && !row->what.empty() ? std::string(row->what)
                                              : clean_message(own_words(message), secrets);
  if (error.what.empty()) error.what = "the server cannot be reached";
  error.hint =
      is_known ? std::string(row->hint) : "Check host and port, and that the server is running.";
  return error;
}

} // namespace pgkeep::postgres
