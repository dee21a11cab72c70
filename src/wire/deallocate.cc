#include "wire/deallocate.h"

#include "wire/sql_words.h"

namespace pgkeep::wire {
namespace {

constexpr std::string_view kDeallocate = "DEALLOCATE";
constexpr std::string_view kSavepoint = "SAVEPOINT";
constexpr std::string_view kRelease = "RELEASE";

/// The command at the front; what is left of the text begins behind its name.
std::optional<std::string> take_deallocate(std::string_view& text) {
  if (!take_keyword(text, kDeallocate)) return std::nullopt;
  static_cast<void>(take_keyword(text, "PREPARE"));
  const bool is_quoted = text.starts_with('"');
  auto name = take_identifier(text);
  return name && (is_quoted || *name != "all") ? name : std::nullopt;
}

bool take_semicolon(std::string_view& text) {
  text = behind_blank(text);
  if (!text.starts_with(';')) return false;
  text = behind_blank(text.substr(1));
  return true;
}

} // namespace

std::optional<Deallocate> deallocate_of(std::string_view sql) {
  std::string_view text = behind_blank(sql);
  std::optional<std::string> savepoint;
  if (take_keyword(text, kSavepoint)) {
    savepoint = take_identifier(text);
    if (!savepoint || !take_semicolon(text)) return std::nullopt;
  }
  auto name = take_deallocate(text);
  if (!name) return std::nullopt;
  if (savepoint) {
    if (!take_semicolon(text) || !take_keyword(text, kRelease)) return std::nullopt;
    static_cast<void>(take_keyword(text, kSavepoint));
    if (take_identifier(text) != savepoint) return std::nullopt;
  }
  if (!is_at_end(text)) return std::nullopt;
  return Deallocate{.name = *std::move(name), .has_savepoint = savepoint.has_value()};
}

bool may_be_deallocate(std::string_view front) {
  const std::string_view text = behind_blank(front);
  if (text.empty() || std::string_view("dD/-").find(text.front()) != std::string_view::npos)
    return true;
  return to_lower_ascii(text[0]) == 's' && (text.size() == 1 || to_lower_ascii(text[1]) == 'a');
}

bool append_deallocate_answer(std::string& out, const Deallocate& command,
                              const SingleRequest& request, TransactionStatus status) {
  if (!command.has_savepoint) {
    append_answer(out, request, kDeallocate, status);
    return true;
  }
  if (request.is_extended || status != TransactionStatus::in_transaction) return false;
  for (const std::string_view tag : {kSavepoint, kDeallocate, kRelease})
    append_command_complete(out, tag);
  append_ready_for_query(out, status);
  return true;
}

} // namespace pgkeep::wire
