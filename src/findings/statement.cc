#include "findings/statement.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace pgkeep::findings {
namespace {

bool is_word_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}
bool is_word(char c) {
  return is_word_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '$';
}

/// Behind the closing quote; a doubled quote is text. Where none closes: the end.
std::size_t skip_quoted(std::string_view sql, std::size_t at, bool backslash_escapes) {
  const char quote = sql[at++];
  while (at < sql.size()) {
    const bool escapes = backslash_escapes && sql[at] == '\\';
    const bool is_quote = sql[at] == quote;
    const bool is_doubled = is_quote && at + 1 < sql.size() && sql[at + 1] == quote;
    if (is_quote && !is_doubled) return at + 1;
    at += escapes || is_doubled ? 2 : 1;
  }
  return sql.size();
}

/// Behind $tag$ ... $tag$, or behind the one $ where this is no dollar quote.
std::size_t skip_dollar(std::string_view sql, std::size_t at) {
  std::size_t end = at + 1;
  while (end < sql.size() && is_word(sql[end]) && sql[end] != '$')
    ++end;
  if (end >= sql.size() || sql[end] != '$') return at + 1;
  const std::string_view tag = sql.substr(at, end + 1 - at);
  const std::size_t close = sql.find(tag, end + 1);
  return close == std::string_view::npos ? sql.size() : close + tag.size();
}

/// Comments nest.
std::size_t skip_block_comment(std::string_view sql, std::size_t at) {
  int depth = 0;
  while (at < sql.size()) {
    const std::string_view two = sql.substr(at, 2);
    if (two == "/*") {
      ++depth;
      at += 2;
    } else if (two == "*/") {
      at += 2;
      if (--depth == 0) return at;
    } else {
      ++at;
    }
  }
  return sql.size();
}

/// Behind what is no bare word and starts here.
std::size_t skip_other(std::string_view sql, std::size_t at) {
  if (sql[at] == '\'' || sql[at] == '"') {
    const bool has_prefix = at > 0 && (sql[at - 1] == 'E' || sql[at - 1] == 'e') && sql[at] == '\'';
    return skip_quoted(sql, at, has_prefix);
  }
  if (sql[at] == '$') return skip_dollar(sql, at);
  if (sql.substr(at, 2) == "/*") return skip_block_comment(sql, at);
  if (sql.substr(at, 2) == "--") {
    const std::size_t end = sql.find('\n', at);
    return end == std::string_view::npos ? sql.size() : end + 1;
  }
  return at + 1;
}

bool has_word(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool starts_with(const std::vector<std::string>& words,
                 std::initializer_list<std::string_view> start) {
  return words.size() >= start.size() && std::equal(start.begin(), start.end(), words.begin());
}

bool runs_alone(const std::vector<std::string>& words) {
  if (words.empty()) return false;
  constexpr std::array<std::string_view, 2> objects = {"DATABASE", "TABLESPACE"};
  if (words[0] == "VACUUM") return true;
  if (words[0] == "CREATE" || words[0] == "DROP") {
    if (words.size() > 1 && std::ranges::find(objects, words[1]) != objects.end()) return true;
    return has_word(words, "SUBSCRIPTION") ||
           (has_word(words, "INDEX") && has_word(words, "CONCURRENTLY"));
  }
  if (words[0] == "REINDEX")
    return has_word(words, "CONCURRENTLY") || has_word(words, "SCHEMA") ||
           has_word(words, "DATABASE") || has_word(words, "SYSTEM");
  if (starts_with(words, {"ALTER", "TABLE"}))
    return has_word(words, "DETACH") && has_word(words, "CONCURRENTLY");
  if (starts_with(words, {"ALTER", "TYPE"}))
    return has_word(words, "ADD") && has_word(words, "VALUE");
  if (starts_with(words, {"ALTER", "DATABASE"})) return has_word(words, "TABLESPACE");
  return starts_with(words, {"ALTER", "SUBSCRIPTION"}) ||
         words == std::vector<std::string>{"CLUSTER"};
}

} // namespace

std::vector<std::string> bare_words(std::string_view sql, std::size_t limit) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (at < sql.size() && words.size() < limit) {
    if (!is_word_start(sql[at])) {
      at = skip_other(sql, at);
      continue;
    }
    const std::size_t start = at;
    while (at < sql.size() && is_word(sql[at]))
      ++at;
    std::string word(sql.substr(start, at - start));
    std::ranges::transform(word, word.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    words.push_back(std::move(word));
  }
  return words;
}

StatementKind kind_of(std::string_view sql) {
  const std::vector<std::string> words = bare_words(sql);
  if (starts_with(words, {"ALTER", "SYSTEM"})) return StatementKind::system_setting;
  if (words == std::vector<std::string>{"SELECT", "PG_RELOAD_CONF"}) return StatementKind::reload;
  if (runs_alone(words)) return StatementKind::alone;
  if (starts_with(words, {"ALTER", "TABLE"}) && has_word(words, "VALIDATE"))
    return StatementKind::validate;
  return StatementKind::transactional;
}

bool takes_locks(std::string_view sql) {
  constexpr std::array<std::string_view, 8> verbs = {"ALTER",   "CREATE",  "DROP", "TRUNCATE",
                                                     "REINDEX", "CLUSTER", "LOCK", "REFRESH"};
  const std::vector<std::string> words = bare_words(sql);
  if (words.empty() || starts_with(words, {"ALTER", "SYSTEM"})) return false;
  if (words.size() > 1 && words[0] == "ALTER") {
    return words[1] != "ROLE" && words[1] != "USER" && words[1] != "DATABASE" &&
           words[1] != "DEFAULT";
  }
  return std::ranges::find(verbs, words[0]) != verbs.end();
}

std::string setting_target(std::string_view sql) {
  const std::vector<std::string> words = bare_words(sql, 3);
  if (words.empty() || words[0] != "ALTER" || words.size() < 2) return {};
  if (words[1] != "SYSTEM" && words[1] != "ROLE" && words[1] != "DATABASE" && words[1] != "USER")
    return {};
  // Quoted names may hold anything, but rules write these statements in one form: everything before
  // " = " names the setting.
  const std::size_t equals = sql.find(" = ");
  if (equals == std::string_view::npos ||
      sql.substr(0, equals).find(" SET ") == std::string_view::npos)
    return {};
  return std::string(sql.substr(0, equals));
}

} // namespace pgkeep::findings
