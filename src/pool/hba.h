/// Who may come in from where, and how he proves who he is: auth_hba_file and auth_ident_file.
///
/// The first rule that fits decides; where none does, nobody comes in. Threads: pure functions, but
/// for reading "@file"; plain values. Source: PostgreSQL manual, auth-pg-hba-conf and
/// auth-username-maps; what of it PgBouncer has: its manual, config (HBA file format, Ident map
/// file format).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pool/file_problems.h"
#include "pool/ini.h"

namespace pgkeep::pool {

enum class HbaMethod : std::uint8_t {
  trust,
  reject,
  md5,
  plain, ///< "password" and "plain".
  scram,
  peer,
  cert,
  ldap,
  pam,
};

/// An IPv4 address is kept as IPv6 has it (::ffff:10.0.0.1), so that one comparison does: whose
/// socket takes both is a client of IPv4 as well.
struct IpAddress {
  /// Before its four bytes.
  static constexpr std::array<unsigned char, 12> kIpv4Prefix = {0, 0, 0, 0, 0,    0,
                                                                0, 0, 0, 0, 0xff, 0xff};
  std::array<unsigned char, 16> bytes{};
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  [[nodiscard]] bool is_ipv4() const;
};
/// Numeric. None where it is something else.
std::optional<IpAddress> ip_address_of(std::string_view text);

/// Of databases or users.
struct HbaNames {
  bool is_all = false;
  bool is_same_user = false;   ///< The database is called as the user is.
  bool is_replication = false; ///< Physical replication, which no other word covers.
  std::vector<std::string> names = {};
};

struct HbaRule {
  enum class Type : std::uint8_t { local, host, host_tls, host_plain };
  Type type = Type::local;
  HbaNames databases = {};
  HbaNames users = {};
  std::optional<IpAddress> address = {}; ///< None: every one.
  IpAddress mask = {};
  bool is_ipv4 = false; ///< The address is written as one of IPv4, and for no other.
  HbaMethod method = HbaMethod::reject;
  std::string map = {};                  ///< Of cert and peer.
  std::vector<std::string> options = {}; ///< Of ldap: the words behind the method.
  int line = 0;
};

struct HbaRules {
  std::vector<HbaRule> rules;
  /// Lines that were left out, why in PgBouncer's words. Going on without them may let in whom such
  /// a line would have kept out: whoever reads them must tell.
  std::vector<LineProblem> problems;
};
/// `path`: the text's, from whose folder the names of "@file" count.
HbaRules hba_rules_of(std::string_view text, const std::string& path, const ReadText& read);

/// A client that wants in.
struct HbaClient {
  std::string_view database;
  std::string_view user;
  bool is_replication = false;
  bool has_tls = false;
  std::optional<IpAddress> address = {}; ///< None: through a Unix socket.
};
/// Null where no rule fits.
const HbaRule* rule_for(const HbaRules& rules, const HbaClient& client);

struct IdentRule {
  std::string map;
  std::string system_user;
  std::string database_user; ///< Empty: "all".
};
struct IdentMap {
  std::vector<IdentRule> rules;
  std::vector<LineProblem> problems; ///< As those of HbaRules.
};
IdentMap ident_map_of(std::string_view text);
/// Without a map's name the two must be equal.
bool may_be(const IdentMap& map, std::string_view name, std::string_view system_user,
            std::string_view database_user);

} // namespace pgkeep::pool
