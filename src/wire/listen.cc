#include "wire/listen.h"

#include <algorithm>

#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/sql_words.h"

namespace pgkeep::wire {
namespace {

constexpr std::string_view kListen = "LISTEN";
constexpr std::string_view kUnlisten = "UNLISTEN";

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
  append_answer(out, request, command.is_listen ? kListen : kUnlisten, status);
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
