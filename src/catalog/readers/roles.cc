// Roles, memberships, settings of roles, default privileges, verdicts on passwords, and where
// secrets stand in the catalog.
//
// A SCRAM verifier is "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey"; whether the password is
// the role's name is decided here, by computing StoredKey from the name (RFC 5802). An md5 one is
// compared in the server. No verifier outlives the row that it came with.
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

constexpr std::string_view kRoles = R"(
SELECT r.oid, r.rolname AS name, r.rolsuper AS superuser, r.rolinherit AS inherits,
       r.rolcreaterole AS create_role, r.rolcreatedb AS create_database,
       r.rolcanlogin AS can_login, r.rolreplication AS replication,
       r.rolbypassrls AS bypass_rls, r.rolconnlimit AS connection_limit,
       CASE WHEN isfinite(r.rolvaliduntil) THEN extract(epoch FROM r.rolvaliduntil) END
         AS valid_until,
       coalesce(a.sessions, 0) AS sessions, o.relowner IS NOT NULL AS owns_relations
FROM pg_roles r
LEFT JOIN (SELECT a.usesysid, count(*) AS sessions FROM pg_stat_activity a
           WHERE a.backend_type = 'client backend'
              OR (a.backend_type IS NULL AND a.datid IS NOT NULL)
           GROUP BY a.usesysid) a ON a.usesysid = r.oid
LEFT JOIN (SELECT DISTINCT c.relowner FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}}) o
  ON o.relowner = r.oid
ORDER BY r.oid)";

// Since 16 one membership can have been granted by several roles.
constexpr std::string_view kMemberships = R"(
SELECT role.rolname AS role, member.rolname AS member, bool_or(m.admin_option) AS admin,
       {{member_inherit}} AS inherit, {{member_set}} AS set
FROM pg_auth_members m
JOIN pg_roles role ON role.oid = m.roleid
JOIN pg_roles member ON member.oid = m.member
GROUP BY role.rolname, member.rolname ORDER BY role.rolname, member.rolname)";

// Values of settings that are the server's own; an application's may be a secret.
constexpr std::string_view kRoleSettings = R"(
SELECT coalesce(r.rolname, '') AS role, coalesce(d.datname, '') AS database, e.name,
       CASE WHEN e.name IN ('primary_conninfo', 'ssl_passphrase_command') THEN ''
            WHEN e.name ~ '[.]'
             AND e.name !~ '^(auto_explain|pg_stat_statements|plpgsql|pgaudit|pg_hint_plan)[.]'
              THEN ''
            ELSE e.value END AS value
FROM pg_db_role_setting s
LEFT JOIN pg_roles r ON r.oid = s.setrole
LEFT JOIN pg_database d ON d.oid = s.setdatabase
CROSS JOIN LATERAL (SELECT split_part(c, '=', 1) AS name,
                           substr(c, strpos(c, '=') + 1) AS value
                    FROM unnest(s.setconfig) c) e
ORDER BY 1, 2, 3)";

constexpr std::string_view kPasswords = R"(
SELECT a.oid, a.rolname AS name,
       CASE WHEN a.rolpassword IS NULL THEN 'none'
            WHEN a.rolpassword ~ '^SCRAM-SHA-256[$]' THEN 'scram-sha-256'
            WHEN a.rolpassword ~ '^md5[0-9a-f]{32}$' THEN 'md5' ELSE 'other' END AS kind,
       coalesce(a.rolpassword = 'md5' || md5(a.rolname || a.rolname), false) AS equals_name,
       CASE WHEN a.rolpassword ~ '^SCRAM-SHA-256[$]' THEN a.rolpassword ELSE '' END AS verifier
FROM pg_authid a ORDER BY a.rolcanlogin DESC, a.rolsuper DESC, a.oid)";

/// 4,096 rounds of HMAC cost about a millisecond a role.
constexpr int kScramVerdictsMax = 300;
/// A verifier with more is not tested: it would take seconds.
constexpr std::int32_t kIterationsMax = 100'000;
constexpr std::size_t kSaltBytesMax = 256;

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

std::string decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 2 * kSaltBytesMax) return {};
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return {};
  // EVP_DecodeBlock() counts the padding as bytes.
  const auto padding = static_cast<std::size_t>(std::ranges::count(text, '='));
  bytes.resize(static_cast<std::size_t>(size) - std::min<std::size_t>(padding, 2));
  return bytes;
}

/// False as well where the verifier is not of the known form. Names beyond ASCII are taken as they
/// are: SASLprep is not applied.
bool password_is(std::string_view verifier, std::string_view password) {
  constexpr std::string_view kPrefix = "SCRAM-SHA-256$";
  if (!verifier.starts_with(kPrefix)) return false;
  verifier.remove_prefix(kPrefix.size());
  const std::size_t colon = verifier.find(':');
  const std::size_t dollar = verifier.find('$');
  if (colon == std::string_view::npos || dollar == std::string_view::npos || dollar < colon)
    return false;
  const std::string_view keys = verifier.substr(dollar + 1);
  const std::string salt = decode_base64(verifier.substr(colon + 1, dollar - colon - 1));
  const std::string stored = decode_base64(keys.substr(0, keys.find(':')));
  std::int32_t iterations = 0;
  if (!decode_value(verifier.substr(0, colon), iterations) || iterations < 1 ||
      iterations > kIterationsMax || salt.empty() || stored.size() != SHA256_DIGEST_LENGTH)
    return false;
  Digest salted{};
  Digest client_key{};
  Digest hashed{};
  constexpr std::string_view kClientKey = "Client Key";
  const bool is_computed =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                        reinterpret_cast<const unsigned char*>(salt.data()),
                        static_cast<int>(salt.size()), iterations, EVP_sha256(),
                        static_cast<int>(salted.size()), salted.data()) == 1 &&
      HMAC(EVP_sha256(), salted.data(), static_cast<int>(salted.size()),
           reinterpret_cast<const unsigned char*>(kClientKey.data()), kClientKey.size(),
           client_key.data(), nullptr) != nullptr &&
      EVP_Digest(client_key.data(), client_key.size(), hashed.data(), nullptr, EVP_sha256(),
                 nullptr) == 1;
  return is_computed && CRYPTO_memcmp(hashed.data(), stored.data(), hashed.size()) == 0;
}

void take_passwords(const postgres::Rows& rows, ReadState& state) {
  std::unordered_map<OidNumber, Role*> roles;
  for (Role& role : state.db.roles)
    roles.emplace(role.oid, &role);
  const int verifier_column = rows.column_index("verifier");
  int verdicts = 0;
  int left_out = 0;
  for (int row = 0; row < rows.count(); ++row) {
    const std::string_view verifier = rows.text(row, verifier_column);
    const auto role = roles.find(value_of<OidNumber>(rows, row, "oid"));
    if (role != roles.end()) {
      role->second->password_kind = value_of<std::string>(rows, row, "kind");
      bool is_name = value_of<bool>(rows, row, "equals_name");
      if (!verifier.empty() && verdicts == kScramVerdictsMax) ++left_out;
      if (!verifier.empty() && verdicts < kScramVerdictsMax) {
        ++verdicts;
        is_name = password_is(verifier, role->second->name);
      }
      role->second->password_equals_name = is_name;
    }
    // The bytes are the result's own and not const; libpq does not wipe what it frees.
    OPENSSL_cleanse(const_cast<char*>(verifier.data()), verifier.size());
  }
  if (left_out > 0) {
    state.db.notes.push_back(fmt::format("{} of {} SCRAM passwords compared with the role's name",
                                         verdicts, verdicts + left_out));
  }
}
std::string refuse_passwords(const Probe& probe) {
  return probe.may_read_passwords ? "" : "permission denied for table pg_authid";
}

// The owner's own entry in a default that holds everywhere is no grant.
constexpr std::string_view kDefaultPrivileges = R"(
SELECT pg_get_userbyid(d.defaclrole) AS owner, coalesce(n.nspname, '') AS schema,
       d.defaclobjtype::text AS object_type,
       CASE WHEN x.grantee = 0 THEN 'public' ELSE pg_get_userbyid(x.grantee) END AS grantee,
       x.privilege_type AS privilege
FROM pg_default_acl d
LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
CROSS JOIN LATERAL aclexplode(d.defaclacl) x
WHERE x.grantee <> d.defaclrole
ORDER BY 1, 2, 3, 4, 5)";

constexpr std::string_view kSecrets = R"(
SELECT 'foreign server' AS kind, s.srvname::text AS name FROM pg_foreign_server s
WHERE EXISTS (SELECT FROM unnest(s.srvoptions) o
              WHERE o ~* '^[a-z_]*(passw|secret|token|api_?key)[a-z_]*=.')
UNION ALL
SELECT 'user mapping', m.srvname || ' for ' || coalesce(m.usename, 'public')
FROM pg_user_mappings m
WHERE EXISTS (SELECT FROM unnest(m.umoptions) o
              WHERE o ~* '^[a-z_]*(passw|secret|token|api_?key)[a-z_]*=.')
UNION ALL
SELECT 'hidden user mapping', '' FROM pg_user_mappings m
WHERE m.umoptions IS NULL AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
{{cron_jobs}})";

void take_secrets(const postgres::Rows& rows, ReadState& state) {
  state.db.secret_places = decode_rows<SecretPlace>(rows);
  // The view hides options without a word; those that have none look alike.
  if (std::erase_if(state.db.secret_places,
                    [](const SecretPlace& each) { return each.kind == "hidden user mapping"; }) > 0)
    state.hidden = "options of other roles' user mappings are shown to superusers only";
}

constexpr Reader kRoleReaders[] = {
    {.name = "roles",
     .facts = Facts::roles,
     .title = "Roles and their attributes",
     .sql = kRoles,
     .take = take_list<&Snapshot::roles>},
    {.name = "memberships",
     .facts = Facts::roles,
     .title = "Which role is in which",
     .sql = kMemberships,
     .take = take_list<&Snapshot::memberships>},
    {.name = "role settings",
     .facts = Facts::roles,
     .title = "ALTER ROLE and ALTER DATABASE ... SET",
     .sql = kRoleSettings,
     .take = take_list<&Snapshot::role_settings>},
    {.name = "passwords",
     .facts = Facts::passwords,
     .title = "Kinds of password, and whether one is the role's name",
     .sql = kPasswords,
     .take = take_passwords,
     .refuse = refuse_passwords},
    {.name = "default privileges",
     .facts = Facts::default_privileges,
     .title = "What is granted on objects made later",
     .sql = kDefaultPrivileges,
     .take = take_list<&Snapshot::default_privileges>},
    {.name = "secrets",
     .facts = Facts::secrets,
     .title = "Where the catalog holds secrets",
     .sql = kSecrets,
     .take = take_secrets},
};

} // namespace

const std::span<const Reader> role_readers{kRoleReaders};

} // namespace pgkeep::catalog
