#include "pool/console_command.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace pgkeep::pool {
namespace {

// PgBouncer's buffers, without the NUL byte.
constexpr std::size_t kNameMax = 15;
constexpr std::size_t kArgumentMax = 63;
constexpr std::size_t kValueMax = 255;
constexpr std::string_view kSpace = " \t\n\r";

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Text {
public:
  explicit Text(std::string_view text) : rest_(text) {}

  /// Whether there was any.
  bool space() {
    const std::size_t end = std::min(rest_.find_first_not_of(kSpace), rest_.size());
    rest_.remove_prefix(end);
    return end > 0;
  }
  std::optional<std::string> quoted(char quote) {
    if (rest_.empty() || rest_.front() != quote) return std::nullopt;
    std::string taken;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        if (i + 1 == rest_.size() || rest_[i + 1] != quote) {
          rest_.remove_prefix(i + 1);
          return taken;
        }
        ++i;
      }
      taken.push_back(rest_[i]);
    }
    return std::nullopt;
  }
  std::optional<std::string> word() {
    if (!rest_.empty() && rest_.front() == '"') return quoted('"');
    const auto end = std::ranges::find_if_not(rest_, is_word_byte);
    std::string taken(rest_.begin(), end);
    rest_.remove_prefix(taken.size());
    return taken.empty() ? std::nullopt : std::optional(std::move(taken));
  }
  bool take(std::string_view what) {
    if (!base::to_lower(rest_.substr(0, what.size())).starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  /// Nothing but a semicolon.
  bool is_over() {
    space();
    if (take(";")) space();
    return rest_.empty();
  }

private:
  std::string_view rest_;
};

std::optional<ConsoleCommand> plain(Text text) {
  text.space();
  auto name = text.word();
  if (!name) return std::nullopt;
  std::string argument;
  if (text.space()) {
    if (auto word = text.word()) argument = *std::move(word);
  }
  if (!text.is_over()) return std::nullopt;
  if (name->size() > kNameMax || argument.size() > kArgumentMax)
    return ConsoleCommand{.kind = ConsoleCommand::Kind::bad_arguments};
  return ConsoleCommand{.kind = ConsoleCommand::Kind::command,
                        .name = base::to_lower(*name),
                        .argument = std::move(argument)};
}

std::optional<ConsoleCommand> setting(Text text) {
  text.space();
  if (!text.take("set") || !text.space()) return std::nullopt;
  auto key = text.word();
  if (!key) return std::nullopt;
  text.space();
  if (!text.take("=") && !text.take("to")) return std::nullopt;
  text.space();
  auto value = text.quoted('\'');
  if (!value) value = text.word();
  if (!value || !text.is_over()) return std::nullopt;
  if (key->empty() || key->size() > kArgumentMax || value->size() > kValueMax)
    return ConsoleCommand{.kind = ConsoleCommand::Kind::bad_arguments};
  return ConsoleCommand{
      .kind = ConsoleCommand::Kind::set, .name = *std::move(key), .argument = *std::move(value)};
}

} // namespace

ConsoleCommand console_command_of(std::string_view text) {
  if (auto command = plain(Text(text))) return *std::move(command);
  return setting(Text(text)).value_or(ConsoleCommand{});
}

bool is_listed(std::string_view list, std::string_view name) {
  return std::ranges::any_of(base::split(list, ','),
                             [&](const std::string& each) { return base::trim(each) == name; });
}

} // namespace pgkeep::pool
