#include "wire/listen.h"

#include <algorithm>

#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/sql_blank.h"

namespace pgkeep::wire {
namespace {

constexpr std::size_t kChannelBytesMax =
    63; ///< Longer ones are cut or refused: a server says which.
constexpr std::string_view kListen = "LISTEN";
constexpr std::string_view kUnlisten = "UNLISTEN";

bool is_word_byte(char c, bool is_first) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return is_letter || (!is_first && ((c >= '0' && c <= '9') || c == '$'));
}

char to_lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The word at the front, which case does not matter for; what follows it is behind a blank or a
/// quote.
bool take_keyword(std::string_view& text, std::string_view word) {
  if (text.size() <= word.size() ||
      !std::ranges::equal(text.substr(0, word.size()), word, {}, to_lower_ascii, to_lower_ascii) ||
      is_word_byte(text[word.size()], false))
    return false;
  text = behind_blank(text.substr(word.size()));
  return true;
}

/// The identifier at the front.
std::optional<std::string> take_identifier(std::string_view& text) {
  std::string name;
  if (text.starts_with('"')) {
    for (text.remove_prefix(1);; text.remove_prefix(1)) {
      if (text.empty()) return std::nullopt;
      if (text.front() == '"') {
        if (!text.starts_with("\"\"")) break;
        text.remove_prefix(1);
      }
      name.push_back(text.front());
    }
    text.remove_prefix(1);
  } else {
    for (; !text.empty() && is_word_byte(text.front(), name.empty()); text.remove_prefix(1))
      name.push_back(to_lower_ascii(text.front()));
  }
  if (name.empty() || name.size() > kChannelBytesMax || name.find('\0') != std::string::npos)
    return std::nullopt;
  return name;
}

/// Nothing is left but the end of the command.
bool is_at_end(std::string_view text) {
  text = behind_blank(text);
  if (text.starts_with(';')) text = behind_blank(text.substr(1));
  return text.empty();
}

} // namespace

std::optional<ListenCommand> listen_command_of(std::string_view sql) {
  std::string_view text = behind_blank(sql);
  ListenCommand command;
  if (take_keyword(text, kUnlisten)) {
    command.is_listen = false;
    if (text.starts_with('*') && is_at_end(text.substr(1))) return command;
  } else if (!take_keyword(text, kListen)) {
    return std::nullopt;
  }
  auto name = take_identifier(text);
  if (!name || !is_at_end(text)) return std::nullopt;
  command.channel = *std::move(name);
  return command;
}

bool may_be_listen(std::string_view front) {
  const std::string_view text = behind_blank(front);
  return text.empty() || std::string_view("lLuU/-").find(text.front()) != std::string_view::npos;
}

bool says_unlisten_all(std::string_view text) {
  for (std::size_t at = text.find_first_of("uU"); at != std::string_view::npos;
       at = text.find_first_of("uU", at + 1)) {
    std::string_view rest = text.substr(at);
    if (take_keyword(rest, kUnlisten) && rest.starts_with('*')) return true;
  }
  return false;
}

void append_listen_answer(std::string& out, const ListenCommand& command,
                          const SingleRequest& request, TransactionStatus status) {
  if (request.is_extended) {
    if (request.is_parsed) append_empty(out, from_server::kParseComplete);
    append_empty(out, from_server::kBindComplete);
    if (request.is_described) append_empty(out, from_server::kNoData);
  }
  append_command_complete(out, command.is_listen ? kListen : kUnlisten);
  append_ready_for_query(out, status);
}

std::string listen_lost() {
  std::string notice;
  append_notice(notice, {.severity = "WARNING",
                         .sqlstate = "01000",
                         .message = "this LISTEN will not be heard: with share_listen it must be "
                                    "alone in its request, and its channel of ASCII where "
                                    "client_encoding is not the server's usual one"});
  return notice;
}

std::string listen_sql(bool is_listen, std::string_view channel) {
  std::string sql(is_listen ? kListen : kUnlisten);
  sql += " \"";
  for (const char c : channel) {
    if (c == '"') sql.push_back(c);
    sql.push_back(c);
  }
  return sql + "\"";
}

std::string_view channel_of(std::string_view notification) {
  Reader reader(notification);
  reader.uint32(); // The process that said it.
  return reader.text();
}

} // namespace pgkeep::wire
