/// What the console answers: rows of typed columns, notices, errors, and the end of a command.
///
/// Threads: one object, one thread. Source: PostgreSQL manual, protocol-message-formats; column
/// types as PgBouncer's console has them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pgkeep::pool {

struct ConsoleColumn {
  std::string_view name;
  char type = 's'; ///< 's' and 'T' (a time) text, 'i' int4, 'q' int8, 'N' numeric, 'b' bytea.
};

/// Nothing in it is NULL.
using ConsoleValue = std::optional<std::variant<std::string, std::int64_t>>;

class ConsoleAnswer {
public:
  void columns(std::span<const ConsoleColumn> columns);
  void row(std::span<const ConsoleValue> values);
  void row(std::initializer_list<ConsoleValue> values) {
    row(std::span(values.begin(), values.size()));
  }
  void notice(std::string_view message, std::string_view detail = {});
  /// The end of a command that was done.
  [[nodiscard]] std::string done(std::string_view tag) &&;
  /// And of one that was not.
  static std::string error(std::string_view message, std::string_view sqlstate = "08P01");

private:
  std::string bytes_;
};

} // namespace pgkeep::pool
