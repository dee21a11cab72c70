#include "wire/session_state.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "wire/bytes.h"
#include "wire/quoting.h"
#include "wire/sql_blank.h"

namespace pgkeep::wire {
namespace {

struct Hint {
  std::string_view word;
  SessionHints hints;
};
constexpr std::string_view kSet = "set";
constexpr std::string_view kSetConfig = "set_config";
/// In lower case; of several that fit at a place the first counts. Commands that can be told by
/// their tag are not among them.
constexpr std::array<Hint, 5> kWords = {{
    {"advisory_xact_", 0}, // Gone with the transaction.
    {"advisory_unlock", kHintLetGo},
    {"advisory", kHintAdvisoryLock},
    {kSetConfig, kHintSettings | kHintUser},
    {"temp", kHintTemporaryTable}, // CREATE TABLE AS and SELECT INTO have the tag of any SELECT.
}};
constexpr std::array<Hint, 10> kTags = {{
    {"SET", kHintSettings | kHintUser},
    {"RESET", kHintSettings | kHintUser},
    {"DISCARD ALL", kHintSettings | kHintUser | kHintLetGo},
    {"DISCARD TEMP", kHintLetGo},
    {"PREPARE", kHintPreparedStatement},
    {"DEALLOCATE", kHintLetGo},
    {"DEALLOCATE ALL", kHintLetGo},
    {"DECLARE CURSOR", kHintCursor},
    {"CLOSE CURSOR", kHintLetGo},
    {"CLOSE CURSOR ALL", kHintLetGo},
}};
constexpr std::string_view kDropTable = "DROP TABLE";
constexpr std::string_view kRole = "role";
constexpr std::string_view kSessionUser = "session_authorization";
constexpr std::string_view kIsSuperuser = "is_superuser";
constexpr std::string_view kOfSetting = "setting";
constexpr std::string_view kOfHold = "hold";
constexpr std::uint16_t kColumns = 3;
constexpr std::size_t kNameBytesMax = 128;

constexpr std::string_view kSettingsQuestion =
    "SELECT 'setting', name, setting FROM pg_catalog.pg_settings WHERE source = 'session' "
    "AND context IN ('user', 'superuser') AND name NOT IN ('transaction_isolation', "
    "'transaction_read_only', 'transaction_deferrable')";
// Neither is in pg_settings. {0}: who logged in. ALTER ROLE or ALTER DATABASE may have given a role
// to begin with, so that "none" is what differs.
constexpr std::string_view kUserQuestion =
    R"(SELECT 'setting', 'session_authorization', session_user
WHERE session_user <> {0}
UNION ALL SELECT 'setting', 'role', pg_catalog.current_setting('role')
WHERE pg_catalog.current_setting('role') <> coalesce((
  SELECT pg_catalog.substr(entry, 6)
  FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) entry
  WHERE entry LIKE 'role=%'
    AND s.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = {0}))
    AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
                              WHERE datname = pg_catalog.current_database()))
  ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1), 'none'))";
// Where a connect query may have set them, only it knows what a session begins with.
constexpr std::string_view kAnyUserQuestion =
    "SELECT 'setting', 'session_authorization', session_user "
    "UNION ALL SELECT 'setting', 'role', pg_catalog.current_setting('role')";
// As escaped() has them.
constexpr std::string_view kEscapedQuestion =
    "SELECT kind, name, pg_catalog.encode(pg_catalog.convert_to(value, "
    "pg_catalog.getdatabaseencoding()), 'escape') FROM ({}) AS found(kind, name, value)";
constexpr std::string_view kUnescaped = "pg_catalog.convert_from(pg_catalog.decode({}, 'escape'), "
                                        "pg_catalog.getdatabaseencoding())";
constexpr std::string_view kHoldsQuestion =
    "SELECT 'hold', 'advisory lock', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_locks "
    "WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid())"
    " UNION ALL SELECT 'hold', 'temporary table', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_class "
    "WHERE relnamespace = pg_catalog.pg_my_temp_schema())"
    " UNION ALL SELECT 'hold', 'cursor', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_cursors "
    "WHERE is_holdable)"
    " UNION ALL SELECT 'hold', 'prepared statement', '' WHERE EXISTS "
    "(SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql)";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::ranges::equal(text.substr(0, word.size()), word, {}, lower);
}

bool is_name_byte(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         (c & '\x80') != 0;
}

/// The word at the front, and what is blank behind it.
bool take_word(std::string_view& text, std::string_view word) {
  if (!begins_with(text, word) || (text.size() > word.size() && is_name_byte(text[word.size()])))
    return false;
  text = behind_blank(text.substr(word.size()));
  return true;
}

/// A name of a setting as a text has it. `is_read`: that is all of it.
struct NameInText {
  std::string name;
  bool is_read = true;
};

/// a.b, "A" . b: without the quotes, in which a name of a setting seldom stands. Empty: there is
/// none.
NameInText name_behind_set(std::string_view text) {
  NameInText found{.name = {}, .is_read = !begins_comment(text)};
  while (!text.empty()) {
    if (text.front() == '"') {
      const std::size_t end = text.find('"', 1);
      if (end == std::string_view::npos || text.substr(end).starts_with("\"\"")) {
        found.is_read = false;
        return found;
      }
      found.name += text.substr(1, end - 1);
      text.remove_prefix(end + 1);
    } else {
      const std::size_t end =
          static_cast<std::size_t>(std::ranges::find_if_not(text, is_name_byte) - text.begin());
      if (end == 0) break;
      found.name += text.substr(0, end);
      text.remove_prefix(end);
      if (text.starts_with("&")) found.is_read = false; // U&"...": its letters are numbers.
    }
    text = behind_blank(text);
    if (begins_comment(text)) found.is_read = false;
    if (!text.starts_with('.')) return found;
    found.name.push_back('.');
    text = behind_blank(text.substr(1));
  }
  if (found.name.ends_with('.')) found.is_read = false;
  return found;
}

/// The first argument, which must be a plain literal and no more.
NameInText name_in_set_config(std::string_view text) {
  NameInText found{.name = {}, .is_read = false};
  const bool has_escapes = begins_with(text, "e'");
  if (has_escapes) text.remove_prefix(1);
  if (!text.starts_with('\'')) return found;
  const std::size_t end = text.find('\'', 1);
  if (end == std::string_view::npos) return found;
  const std::string_view name = text.substr(1, end - 1);
  if (has_escapes && name.find('\\') != std::string_view::npos) return found;
  if (!behind_blank(text.substr(end + 1)).starts_with(',')) return found;
  return {.name = std::string(name)};
}

/// What the text says of settings: shown each name, none for what is no command.
template <typename Take>
void read_settings(std::string_view sql, const Take& take) {
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = lower(sql[i]);
    if ((c != 's' && c != 'r') || (i > 0 && is_name_byte(sql[i - 1]))) continue;
    std::string_view rest = sql.substr(i);
    if (take_word(rest, kSetConfig)) {
      if (rest.starts_with('"')) rest = behind_blank(rest.substr(1));
      if (rest.starts_with('(')) take(name_in_set_config(behind_blank(rest.substr(1))));
      if (begins_comment(rest)) take({.name = {}, .is_read = false});
    } else if (take_word(rest, "set") || take_word(rest, "reset")) {
      if (!take_word(rest, "session")) static_cast<void>(take_word(rest, "local"));
      take(name_behind_set(rest));
    }
  }
}

/// A setting with a prefix is two identifiers.
std::string setting_name(std::string_view name) {
  const std::size_t point = name.find('.');
  if (point == std::string_view::npos) return identifier(name);
  return identifier(name.substr(0, point)) + "." + setting_name(name.substr(point + 1));
}

std::optional<std::string_view> value_of(const SessionSettings& settings, std::string_view name) {
  const auto found = settings.find(name);
  if (found == settings.end()) return std::nullopt;
  return found->second;
}

std::string set_of(std::string_view name, std::string_view value) {
  const std::string said = literal(value);
  return fmt::format("SELECT pg_catalog.set_config({},{},false);", literal(name),
                     value.find('\\') == std::string_view::npos ? said
                                                                : fmt::format(kUnescaped, said));
}

} // namespace

std::string text_of_holds(Holds holds) {
  std::string text;
  for (std::size_t i = 0; i < kHoldNames.size(); ++i) {
    if ((holds & (1U << i)) == 0) continue;
    if (!text.empty()) text += ", ";
    text += kHoldNames[i];
  }
  return text;
}

SessionHints hints_in(std::string_view sql) {
  SessionHints hints = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = lower(sql[i]);
    if (c != 'a' && c != 's' && c != 't') continue;
    const auto found = std::ranges::find_if(kWords, [&](const Hint& each) {
      return c == each.word.front() && begins_with(sql.substr(i), each.word);
    });
    if (found != kWords.end()) hints |= found->hints;
  }
  read_settings(sql, [&](const NameInText& found) {
    if (!found.is_read || found.name.size() > kNameBytesMax) hints |= kHintUnknown;
  });
  return hints;
}

SessionHints hints_of_tag(std::string_view tag) {
  const std::string_view words = tag.substr(0, tag.find('\0'));
  if (words.starts_with(kDropTable)) return kHintLetGo;
  const auto found = std::ranges::find(kTags, words, &Hint::word);
  return found == kTags.end() ? SessionHints{0} : found->hints;
}

SessionHints hints_of_parameter(std::string_view name) {
  return name == kSessionUser || name == kIsSuperuser ? kHintSettings | kHintUser : SessionHints{0};
}

Holds holds_hinted_at(SessionHints hints) {
  return (hints & kHintTakes) / kHintAdvisoryLock;
}

std::string clean_ground_of(SessionHints hints) {
  std::string sql;
  if ((hints & kHintAdvisoryLock) != 0) sql += "SELECT pg_catalog.pg_advisory_unlock_all();";
  if ((hints & kHintTemporaryTable) != 0) sql += "DISCARD TEMP;";
  return sql;
}

std::vector<std::string> custom_settings_in(std::string_view sql) {
  std::vector<std::string> names;
  read_settings(sql, [&](NameInText found) {
    if (found.is_read && found.name.find('.') != std::string::npos &&
        found.name.size() <= kNameBytesMax)
      names.push_back(std::move(found.name));
  });
  return names;
}

bool may_set(std::string_view part) {
  for (std::size_t i = 0; i < part.size(); ++i) {
    const std::string_view rest = part.substr(i, kSet.size());
    if (begins_with(rest, kSet.substr(0, rest.size()))) return true;
  }
  return false;
}

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\') {
      text += "\\\\";
    } else if ((c & '\x80') != 0) {
      text += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    } else {
      text.push_back(c);
    }
  }
  return text;
}

bool is_of_user(std::string_view name) {
  return name == kRole || name == kSessionUser;
}

std::string question_of(SessionHints hints, const std::vector<std::string>& tracked,
                        const std::set<std::string>& custom, const SessionOrigin& origin) {
  std::vector<std::string> parts;
  if ((hints & kHintSettings) != 0) {
    std::string& listed = parts.emplace_back(kSettingsQuestion);
    for (const std::string& name : tracked)
      listed += fmt::format(" AND pg_catalog.lower(name) <> pg_catalog.lower({})", literal(name));
    for (const std::string& name : custom) {
      const std::string value = fmt::format("pg_catalog.current_setting({},true)", literal(name));
      parts.push_back(fmt::format("SELECT 'setting',{0},{1} WHERE {1}<>''", literal(name), value));
    }
  }
  if ((hints & kHintUser) != 0)
    parts.push_back(origin.connect_query.empty() ? fmt::format(kUserQuestion, literal(origin.user))
                                                 : std::string(kAnyUserQuestion));
  if ((hints & kHintHolds) != 0) parts.emplace_back(kHoldsQuestion);
  if (parts.empty()) return {};
  return fmt::format(kEscapedQuestion, fmt::join(parts, " UNION ALL "));
}

std::string change_of(const SessionSettings& wanted, const SessionSettings& has,
                      const SessionOrigin& origin) {
  std::string resets;
  std::string sets;
  for (const auto& [name, value] : has) {
    if (!is_of_user(name) && !wanted.contains(name)) resets += "RESET " + setting_name(name) + ";";
  }
  for (const auto& [name, value] : wanted) {
    if (!is_of_user(name) && value_of(has, name) != value) sets += set_of(name, value);
  }
  const bool is_other_user = value_of(wanted, kRole) != value_of(has, kRole) ||
                             value_of(wanted, kSessionUser) != value_of(has, kSessionUser);
  if (resets.empty() && sets.empty() && !is_other_user) return {};
  // The others are set by who logged in: another may have fewer rights. With the session's user
  // its role goes, in older servers to none rather than to the one that it began with.
  const bool has_session_user = has.contains(kSessionUser);
  const bool has_user = has_session_user || has.contains(kRole);
  std::string sql;
  if (has_session_user) sql += "RESET SESSION AUTHORIZATION;";
  if (has_user) sql += "RESET ROLE;";
  sql += resets;
  if (!sql.empty() && !origin.connect_query.empty()) sql.append(origin.connect_query).append("\n;");
  sql += sets;
  for (const std::string_view name : {kSessionUser, kRole}) {
    if (const auto want = wanted.find(name); want != wanted.end())
      sql += set_of(want->first, want->second);
  }
  return sql;
}

bool SessionAnswer::take_row(std::string_view part, bool ends) {
  bytes_ += part.size();
  if (bytes_ > kBytesMax) return false;
  row_.append(part);
  if (!ends) return true;
  Reader reader(row_);
  if (reader.uint16() != kColumns) return false;
  std::array<std::string_view, kColumns> columns;
  for (std::string_view& column : columns)
    column = reader.take(reader.uint32());
  if (reader.failed() || !reader.at_end()) return false;
  if (columns[0] == kOfSetting) {
    settings_.insert_or_assign(std::string(columns[1]), std::string(columns[2]));
  } else if (columns[0] == kOfHold) {
    const auto name = std::ranges::find(kHoldNames, columns[1]);
    if (name == kHoldNames.end()) return false;
    holds_ |= 1U << static_cast<unsigned>(name - kHoldNames.begin());
  } else {
    return false;
  }
  row_.clear();
  return true;
}

} // namespace pgkeep::wire
