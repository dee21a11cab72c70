#include "pool/ldap_auth.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/settings.h"

#ifdef PGKEEP_HAS_LDAP
#include <ldap.h>
#include <sys/time.h>
#endif

namespace pgkeep::pool {

base::Result<std::vector<std::string>> ldap_words_in(std::string_view text) {
  std::vector<std::string> words;
  bool is_inside = false;
  bool has_word = false;
  const auto append = [&](char c) {
    if (!std::exchange(has_word, true)) words.emplace_back();
    words.back().push_back(c);
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      const bool is_double = is_inside && i + 1 < text.size() && text[i + 1] == '"';
      if (is_double) append(text[i++]);
      if (!is_double) is_inside = !is_inside;
      continue;
    }
    if (!is_inside && (c == ' ' || c == '\t' || c == ',')) {
      has_word = false;
      continue;
    }
    append(c);
  }
  if (is_inside)
    return base::Error{.code = base::Code::config,
                       .what = "a quote without an end in LDAP options",
                       .expected = R"(words such as ldapserver=host or ldapbasedn="dc=a, dc=b")"};
  return words;
}

#ifndef PGKEEP_HAS_LDAP

namespace {
base::Error not_here() {
  return {.code = base::Code::unsupported,
          .what = "this program was built without LDAP",
          .hint = "Install libldap-dev and build it again."};
}
} // namespace

base::Result<LdapOptions> ldap_options_of(const std::vector<std::string>& /*words*/) {
  return not_here();
}
base::Result<> fits_ldap(const LdapOptions& /*options*/, const std::string& /*user*/,
                         const base::Secret& /*password*/) {
  return not_here();
}

#else

namespace {

constexpr int kAnswerSecondsMax = 3; // As PgBouncer waits for an answer.
constexpr std::string_view kUserMark = "$username";

base::Error mistake(std::string what, std::string expected = {}) {
  return {.code = base::Code::config, .what = std::move(what), .expected = std::move(expected)};
}

base::Error refused(std::string what) {
  return {.code = base::Code::refused, .what = std::move(what)};
}

struct FreeUrl {
  void operator()(LDAPURLDesc* url) const noexcept { ldap_free_urldesc(url); }
};

base::Result<> take_url(const std::string& text, LdapOptions& out) {
  LDAPURLDesc* found = nullptr;
  if (const int code = ldap_url_parse(text.c_str(), &found); code != LDAP_SUCCESS)
    return mistake(fmt::format("could not parse LDAP URL \"{}\"", text),
                   R"(ldap://host:389/dc=example,dc=net?uid?sub)");
  const std::unique_ptr<LDAPURLDesc, FreeUrl> url(found);
  out.scheme = url->lud_scheme != nullptr ? url->lud_scheme : "";
  if (out.scheme != "ldap" && out.scheme != "ldaps")
    return mistake(fmt::format("unsupported LDAP URL scheme: {}", out.scheme), "ldap or ldaps");
  if (url->lud_host != nullptr) out.server = url->lud_host;
  out.port = url->lud_port;
  if (url->lud_dn != nullptr) out.base = url->lud_dn;
  if (url->lud_attrs != nullptr && url->lud_attrs[0] != nullptr) out.attribute = url->lud_attrs[0];
  out.scope = url->lud_scope;
  if (url->lud_filter != nullptr) out.filter = url->lud_filter;
  return {};
}

base::Result<> take_scheme(const std::string& text, LdapOptions& out) {
  if (text != "ldap" && text != "ldaps")
    return mistake(fmt::format("invalid ldapscheme value: \"{}\"", text), "ldap or ldaps");
  out.scheme = text;
  return {};
}

base::Result<> take_port(const std::string& text, LdapOptions& out) {
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, out.port);
  if (failure != std::errc() || stop != end || out.port < 1 || out.port > kPortMax)
    return mistake(fmt::format("invalid LDAP port number: \"{}\"", text),
                   fmt::format("a number from 1 to {}", kPortMax));
  return {};
}

base::Result<> take_tls(const std::string& text, LdapOptions& out) {
  out.starts_tls = text == "1";
  return {};
}

base::Result<> take_password(const std::string& text, LdapOptions& out) {
  out.bind_password = base::Secret(text);
  return {};
}

template <std::string LdapOptions::* member>
base::Result<> text_into(const std::string& text, LdapOptions& out) {
  out.*member = text;
  return {};
}

struct Option {
  std::string_view name;
  base::Result<> (*take)(const std::string& text, LdapOptions& out);
};
constexpr Option kOptions[] = {
    {"ldapurl", take_url},
    {"ldapscheme", take_scheme},
    {"ldapserver", text_into<&LdapOptions::server>},
    {"ldapport", take_port},
    {"ldaptls", take_tls},
    {"ldapprefix", text_into<&LdapOptions::prefix>},
    {"ldapsuffix", text_into<&LdapOptions::suffix>},
    {"ldapbasedn", text_into<&LdapOptions::base>},
    {"ldapbinddn", text_into<&LdapOptions::bind_name>},
    {"ldapbindpasswd", take_password},
    {"ldapsearchattribute", text_into<&LdapOptions::attribute>},
    {"ldapsearchfilter", text_into<&LdapOptions::filter>},
};

base::Result<> check(const LdapOptions& options) {
  if (!options.prefix.empty() || !options.suffix.empty()) {
    if (!options.base.empty() || !options.bind_name.empty() || !options.bind_password.empty() ||
        !options.attribute.empty() || !options.filter.empty())
      return mistake("cannot use ldapbasedn, ldapbinddn, ldapbindpasswd, ldapsearchattribute, "
                     "ldapsearchfilter, or ldapurl together with ldapprefix");
    if (options.server.empty()) return mistake("LDAP server not specified, and no ldapbasedn");
  } else if (options.base.empty()) {
    return mistake("authentication method \"ldap\" requires argument \"ldapbasedn\", "
                   "\"ldapprefix\", or \"ldapsuffix\" to be set");
  }
  if (!options.attribute.empty() && !options.filter.empty())
    return mistake("cannot use ldapsearchattribute together with ldapsearchfilter");
  return {};
}

struct Unbind {
  void operator()(LDAP* ldap) const noexcept { ldap_unbind_ext_s(ldap, nullptr, nullptr); }
};
using Connection = std::unique_ptr<LDAP, Unbind>;
struct FreeMessage {
  void operator()(LDAPMessage* message) const noexcept { ldap_msgfree(message); }
};
struct FreeText {
  void operator()(char* text) const noexcept { ldap_memfree(text); }
};
using Text = std::unique_ptr<char, FreeText>;

/// Servers that the domain of the base names in DNS.
base::Result<std::string> servers_of_domain(const std::string& base) {
  char* domain = nullptr;
  if (ldap_dn2domain(base.c_str(), &domain) != 0 || domain == nullptr)
    return refused("could not extract domain name from ldapbasedn");
  const Text owner(domain);
  char* hosts = nullptr;
  if (ldap_domain2hostlist(domain, &hosts) != 0 || hosts == nullptr)
    return refused(
        fmt::format("LDAP authentication could not find DNS SRV records for \"{}\"", domain));
  return std::string(Text(hosts).get());
}

base::Result<std::string> addresses_of(const LdapOptions& options) {
  std::string hosts = options.server;
  std::string port;
  if (hosts.empty()) {
    PGKEEP_TRY(hosts, servers_of_domain(options.base)); // With their ports.
  } else {
    const int fallback = options.scheme == "ldaps" ? LDAPS_PORT : LDAP_PORT;
    port = fmt::format(":{}", options.port == 0 ? fallback : options.port);
  }
  std::string addresses;
  for (const std::string& host : base::split(hosts, ' ')) {
    if (host.empty()) continue;
    addresses +=
        fmt::format("{}{}://{}{}", addresses.empty() ? "" : " ", options.scheme, host, port);
  }
  return addresses;
}

base::Result<Connection> connect(const LdapOptions& options) {
  PGKEEP_TRY(const std::string addresses, addresses_of(options));
  LDAP* made = nullptr;
  if (const int code = ldap_initialize(&made, addresses.c_str()); code != LDAP_SUCCESS)
    return refused(fmt::format("could not initialize LDAP: {}", ldap_err2string(code)));
  Connection connection(made);
  const int version = LDAP_VERSION3;
  const timeval longest{.tv_sec = kAnswerSecondsMax, .tv_usec = 0};
  ldap_set_option(made, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(made, LDAP_OPT_NETWORK_TIMEOUT, &longest);
  ldap_set_option(made, LDAP_OPT_TIMEOUT, &longest);
  if (!options.starts_tls) return connection;
  if (const int code = ldap_start_tls_s(made, nullptr, nullptr); code != LDAP_SUCCESS)
    return refused(fmt::format("could not start LDAP TLS session: {}, server: {}, port: {}",
                               ldap_err2string(code), options.server, options.port));
  return connection;
}

int log_in(LDAP& ldap, const std::string& name, const base::Secret& password) {
  const std::string& text = password.reveal();
  berval credentials{.bv_len = text.size(), .bv_val = const_cast<char*>(text.data())};
  return ldap_sasl_bind_s(&ldap, name.c_str(), LDAP_SASL_SIMPLE, &credentials, nullptr, nullptr,
                          nullptr);
}

/// The name of the one entry that is the user's.
base::Result<std::string> entry_of(const LdapOptions& options, const std::string& user) {
  // What would have to be escaped in a filter is no part of a name.
  if (user.find_first_of("*()\\/") != std::string::npos)
    return refused("invalid character in user name for LDAP authentication");
  PGKEEP_TRY(const Connection connection, connect(options));
  if (const int code = log_in(*connection, options.bind_name, options.bind_password);
      code != LDAP_SUCCESS)
    return refused(fmt::format(
        "could not perform initial LDAP bind for ldapbinddn \"{}\" on server \"{}\": {}",
        options.bind_name, options.server, ldap_err2string(code)));
  std::string attribute = options.attribute.empty() ? "uid" : options.attribute;
  const std::string filter = options.filter.empty()
                                 ? fmt::format("({}={})", attribute, user)
                                 : base::replace_all(options.filter, std::string(kUserMark), user);
  if (!options.filter.empty()) attribute = LDAP_NO_ATTRS;
  std::array<char*, 2> attributes = {attribute.data(), nullptr};
  LDAPMessage* answer = nullptr;
  timeval longest{.tv_sec = kAnswerSecondsMax, .tv_usec = 0};
  const int code =
      ldap_search_ext_s(connection.get(), options.base.c_str(), options.scope, filter.c_str(),
                        attributes.data(), 0, nullptr, nullptr, &longest, 2, &answer);
  const std::unique_ptr<LDAPMessage, FreeMessage> owner(answer);
  if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED)
    return refused(fmt::format("could not search LDAP for filter \"{}\" on server \"{}\": {}",
                               filter, options.server, ldap_err2string(code)));
  const int count = ldap_count_entries(connection.get(), answer);
  if (count != 1)
    return refused(
        fmt::format("LDAP user \"{}\" {}", user, count == 0 ? "does not exist" : "is not unique"));
  const Text name(ldap_get_dn(connection.get(), ldap_first_entry(connection.get(), answer)));
  if (!name)
    return refused(fmt::format("could not get dn for the first entry matching \"{}\"", filter));
  return std::string(name.get());
}

} // namespace

base::Result<LdapOptions> ldap_options_of(const std::vector<std::string>& words) {
  LdapOptions options{.scope = LDAP_SCOPE_SUBTREE};
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const auto option = std::ranges::find(kOptions, key, &Option::name);
    if (equals == std::string::npos || option == std::end(kOptions))
      return mistake(fmt::format("invalid LDAP key parameter: \"{}\"", key),
                     "words such as ldapserver=host");
    PGKEEP_CHECK(option->take(word.substr(equals + 1), options));
  }
  PGKEEP_CHECK(check(options));
  return options;
}

base::Result<> fits_ldap(const LdapOptions& options, const std::string& user,
                         const base::Secret& password) {
  // A server takes a name without a password for nobody, and lets him in.
  if (password.empty()) return refused("empty password");
  std::string name = options.prefix + user + options.suffix;
  if (!options.base.empty()) {
    PGKEEP_TRY(name, entry_of(options, user));
  }
  PGKEEP_TRY(const Connection connection, connect(options));
  if (const int code = log_in(*connection, name, password); code != LDAP_SUCCESS)
    return refused(fmt::format("LDAP login failed for user {} on server {}: {}", name,
                               options.server, ldap_err2string(code)));
  return {};
}

#endif

} // namespace pgkeep::pool
