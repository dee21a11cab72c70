// libpq's messages about connection strings repeat parts of them, and a part may be a piece of a
// password that was not escaped. So none of their text is shown: the known beginnings are rows
// here, each with our own words.

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>

#include "base/fd.h"
#include "base/text.h"
#include "postgres/connect.h"

namespace pgkeep::postgres {
namespace {

using OptionsPtr = std::unique_ptr<PQconninfoOption, base::Release<PQconninfoFree>>;
void free_text(char* text) {
  PQfreemem(text);
}
using TextPtr = std::unique_ptr<char, base::Release<free_text>>;

constexpr std::string_view kExpected = "a URI such as postgresql://user@host:5432/app or words "
                                       "such as \"host=10.0.0.5 dbname=app user=me\"";

struct Complaint {
  std::string_view start; ///< How libpq's message begins.
  std::string_view what;
  bool is_about_text = true; ///< The text itself is odd, as it is where a password was not escaped.
};
constexpr Complaint kComplaints[] = {
    {"missing \"=\" after", "a word of the connection string has no ="},
    {"unterminated quoted string", "a quote in the connection string is not closed"},
    {"invalid percent-encoded token", "a % in the URI is not followed by two hexadecimal digits"},
    {"forbidden value %00", "the URI holds %00"},
    {"invalid connection option", "the connection string names an option that libpq does not know"},
    {"invalid URI query parameter", "the URI names an option that libpq does not know"},
    {"missing key/value separator", "an option of the URI has no ="},
    {"extra key/value separator", "an option of the URI has more than one ="},
    {"end of string reached when looking for matching \"]\"",
     "an IPv6 address of the URI is not closed by ]"},
    {"IPv6 host address may not be empty", "the URI has an empty IPv6 address"},
    {"unexpected character", "the URI has a character where : or / must follow"},
    {"definition of service", "the service is not defined in pg_service.conf", false},
    {"service file", "the service file cannot be read", false},
    {"could not match",
     "the connection string has different numbers of hosts, addresses and ports"},
    {"invalid port number", "the port is not a number from 1 to 65535"},
    {"invalid integer value", "an option of the connection string is not a number"},
    {"invalid sslmode value", "sslmode is not one that libpq knows", false},
    {"sslmode value", "libpq was built without TLS, which sslmode asks for", false},
    {"invalid ssl_min_protocol_version", "ssl_min_protocol_version is not one that libpq knows",
     false},
    {"invalid ssl_max_protocol_version", "ssl_max_protocol_version is not one that libpq knows",
     false},
    {"invalid SSL protocol version range",
     "ssl_min_protocol_version is above ssl_max_protocol_version", false},
    {"invalid gssencmode value", "gssencmode is not one that libpq knows", false},
    {"gssencmode value", "libpq was built without GSSAPI, which gssencmode asks for", false},
    {"invalid channel_binding value", "channel_binding is not one that libpq knows", false},
    {"invalid target_session_attrs value", "target_session_attrs is not one that libpq knows",
     false},
};

} // namespace

std::string Conninfo::get(std::string_view keyword) const {
  const auto found =
      std::ranges::find(values, keyword, &std::pair<std::string, std::string>::first);
  return found == values.end() ? std::string() : found->second;
}

void Conninfo::set(std::string_view keyword, std::string value) {
  const auto found =
      std::ranges::find(values, keyword, &std::pair<std::string, std::string>::first);
  if (found == values.end()) {
    values.emplace_back(keyword, std::move(value));
  } else {
    found->second = std::move(value);
  }
}

void Conninfo::set_default(std::string_view keyword, std::string value) {
  if (get(keyword).empty()) set(keyword, std::move(value));
}

base::Error conninfo_failure(std::string_view message) {
  const auto complaint = std::ranges::find_if(
      kComplaints, [&](const Complaint& row) { return message.starts_with(row.start); });
  const bool is_known = complaint != std::end(kComplaints);
  base::Error error{.code = base::Code::usage,
                    .what = std::string(is_known ? complaint->what
                                                 : "the connection string cannot be understood")};
  if (is_known && !complaint->is_about_text) return error;
  error.expected = kExpected;
  error.hint =
      "In a URI, write special characters of a password in percent form, such as %40 for @.";
  return error;
}

base::Result<Conninfo> parse_conninfo(const std::string& target) {
  if (target.find('\0') != std::string::npos) return conninfo_failure({});
  char* message = nullptr;
  const OptionsPtr options(PQconninfoParse(target.c_str(), &message));
  const TextPtr owned_message(message);
  if (options == nullptr) return conninfo_failure(message == nullptr ? "" : message);

  Conninfo conninfo;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) conninfo.set(option->keyword, option->val);
  }
  // An @ that is not escaped in a password ends up in the host (or, after a slash, in the
  // database's name), and from there in messages of libpq and of the system. No host has one but an
  // abstract socket, which starts with it.
  const bool is_uri = target.starts_with("postgresql://") || target.starts_with("postgres://");
  const std::string hosts = conninfo.get("host");
  const bool is_host_odd = std::ranges::any_of(
      base::split(hosts, ','), [](const std::string& host) { return host.rfind('@') + 1 > 1; });
  if (is_host_odd || (is_uri && conninfo.get("dbname").find('@') != std::string::npos &&
                      conninfo.get("user").empty())) {
    base::Error error = conninfo_failure({});
    error.what = "the connection string has an @ where a host or database is expected";
    return error;
  }
  return conninfo;
}

} // namespace pgkeep::postgres
