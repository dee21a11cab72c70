/// The log: constant messages with fields. Text on a terminal, JSON lines otherwise; always to
/// stderr or a file, never stdout. Thread-safe. Messages are constants; all that varies is a field.
/// Secrets are never fields.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/result.h"

namespace pgkeep::base::log {

using Field = std::pair<std::string_view, Json>;
enum class Level : std::uint8_t { debug, info, warn, error };

/// Sends the log to a file (appended, 0600) instead of stderr.
Result<> open_file(const std::filesystem::path& path);
void set_level(Level level);
void debug(std::string_view message, std::initializer_list<Field> fields = {});
void info(std::string_view message, std::initializer_list<Field> fields = {});
void warn(std::string_view message, std::initializer_list<Field> fields = {});
void error(std::string_view message, std::initializer_list<Field> fields = {});

} // namespace pgkeep::base::log
