#include "wire/session_state.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "wire/bytes.h"
#include "wire/quoting.h"

namespace pgkeep::wire {
namespace {

struct Hint {
  std::string_view word;
  SessionHints hints;
};
constexpr std::string_view kSetConfig = "set_config";
/// In lower case. Commands that can be told by their tag are not among them.
constexpr std::array<Hint, 3> kWords = {{
    {"advisory", kHintHolds},
    {kSetConfig, kHintSettings},
    {"temp", kHintHolds}, // CREATE TABLE AS and SELECT INTO have the tag of any SELECT.
}};
constexpr std::array<Hint, 10> kTags = {{
    {"SET", kHintSettings},
    {"RESET", kHintSettings},
    {"DISCARD ALL", kHintSettings | kHintHolds},
    {"DISCARD TEMP", kHintHolds},
    {"PREPARE", kHintHolds},
    {"DEALLOCATE", kHintHolds},
    {"DEALLOCATE ALL", kHintHolds},
    {"DECLARE CURSOR", kHintHolds},
    {"CLOSE CURSOR", kHintHolds},
    {"CLOSE CURSOR ALL", kHintHolds},
}};
constexpr std::string_view kDropTable = "DROP TABLE";
constexpr std::string_view kRole = "role";
constexpr std::string_view kOfSetting = "setting";
constexpr std::string_view kOfHold = "hold";
constexpr std::uint16_t kColumns = 3;
constexpr std::size_t kNameBytesMax = 128;

constexpr std::string_view kSettingsQuestion =
    "SELECT 'setting', name, setting FROM pg_catalog.pg_settings WHERE source = 'session' "
    "AND context IN ('user', 'superuser') AND name NOT IN ('transaction_isolation', "
    "'transaction_read_only', 'transaction_deferrable')";
constexpr std::string_view kRoleQuestion =
    " UNION ALL SELECT 'setting', 'role', pg_catalog.current_setting('role') "
    "WHERE pg_catalog.current_setting('role') <> 'none'";
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

/// The word at the front, and the blanks behind it.
bool take_word(std::string_view& text, std::string_view word) {
  if (!begins_with(text, word) || (text.size() > word.size() && is_name_byte(text[word.size()])))
    return false;
  text.remove_prefix(word.size());
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t\r\n")));
  return true;
}

/// a.b, "A".b: without the quotes, in which a name of a setting seldom stands.
std::string take_setting_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (is_name_byte(c) || c == '.') {
      name.push_back(c);
    } else if (c != '"') {
      break;
    }
  }
  return name;
}

/// A setting with a prefix is two identifiers.
std::string setting_name(std::string_view name) {
  const std::size_t point = name.find('.');
  if (point == std::string_view::npos) return identifier(name);
  return identifier(name.substr(0, point)) + "." + setting_name(name.substr(point + 1));
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
    for (const Hint& each : kWords) {
      if (c == each.word.front() && begins_with(sql.substr(i), each.word)) hints |= each.hints;
    }
  }
  return hints;
}

SessionHints hints_of_tag(std::string_view tag) {
  const std::string_view words = tag.substr(0, tag.find('\0'));
  if (words.starts_with(kDropTable)) return kHintHolds;
  const auto found = std::ranges::find(kTags, words, &Hint::word);
  return found == kTags.end() ? SessionHints{0} : found->hints;
}

std::vector<std::string> custom_settings_in(std::string_view sql) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = lower(sql[i]);
    if ((c != 's' && c != 'r') || (i > 0 && is_name_byte(sql[i - 1]))) continue;
    std::string_view rest = sql.substr(i);
    std::string name;
    if (take_word(rest, kSetConfig)) {
      if (rest.starts_with("('")) name = rest.substr(2, rest.find('\'', 2) - 2);
    } else if (take_word(rest, "set") || take_word(rest, "reset")) {
      if (!take_word(rest, "session")) static_cast<void>(take_word(rest, "local"));
      name = take_setting_name(rest);
    }
    if (name.find('.') != std::string::npos && name.size() <= kNameBytesMax)
      names.push_back(std::move(name));
  }
  return names;
}

std::string question_of(SessionHints hints, const std::vector<std::string>& tracked,
                        const std::set<std::string>& custom) {
  std::string sql;
  if ((hints & kHintSettings) != 0) {
    sql = kSettingsQuestion;
    for (const std::string& name : tracked)
      sql += fmt::format(" AND pg_catalog.lower(name) <> pg_catalog.lower({})", literal(name));
    sql += kRoleQuestion;
    for (const std::string& name : custom) {
      const std::string value = fmt::format("pg_catalog.current_setting({},true)", literal(name));
      sql += fmt::format(" UNION ALL SELECT 'setting',{0},{1} WHERE {1}<>''", literal(name), value);
    }
  }
  if ((hints & kHintHolds) != 0) {
    if (!sql.empty()) sql += " UNION ALL ";
    sql += kHoldsQuestion;
  }
  return sql;
}

std::string change_of(const SessionSettings& wanted, const SessionSettings& has) {
  std::string first;
  std::string then;
  std::string last;
  for (const auto& [name, value] : has) {
    const auto want = wanted.find(name);
    if (want != wanted.end() && want->second == value) continue;
    // With the role the rights change by which the others may be set.
    if (name == kRole) {
      first = "RESET ROLE;";
    } else if (want == wanted.end()) {
      then += "RESET " + setting_name(name) + ";";
    }
  }
  for (const auto& [name, value] : wanted) {
    const auto is = has.find(name);
    if (is != has.end() && is->second == value) continue;
    const std::string set =
        "SELECT pg_catalog.set_config(" + literal(name) + "," + literal(value) + ",false);";
    (name == kRole ? last : then) += set;
  }
  return first + then + last;
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
