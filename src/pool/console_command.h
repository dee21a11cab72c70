/// What somebody types into the console: a command with an argument, or SET.
///
/// Pure functions. Threads: any. Source: what PgBouncer's admin.c takes: "WORD [WORD] [;]",
/// "SET WORD =|TO WORD|'text' [;]"; a word has letters, digits and '_', or double quotes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pgkeep::pool {

/// The database that clients of the console come to.
inline constexpr std::string_view kConsoleName = "pgbouncer";

struct ConsoleCommand {
  enum class Kind : std::uint8_t {
    command,
    set,           ///< The name is a setting, the argument its value.
    bad_arguments, ///< A word that is too long.
    invalid,
  };
  Kind kind = Kind::invalid;
  std::string name = {};     ///< In lower case.
  std::string argument = {}; ///< Empty: none.
};
ConsoleCommand console_command_of(std::string_view text);

/// Whether a list with commas, as of admin_users, has it.
bool is_listed(std::string_view list, std::string_view name);

} // namespace pgkeep::pool
