#include "postgres/session_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "postgres/quote.h"

namespace pgkeep::postgres {
namespace {

constexpr std::string_view kReadOnly = "default_transaction_read_only";

std::string milliseconds(const std::optional<std::chrono::milliseconds>& limit) {
  return fmt::format("{}ms", limit ? limit->count() : 0);
}

} // namespace

std::vector<Setting> settings_for(const ConnectOptions& options) {
  std::vector<Setting> settings = {
      {"statement_timeout", milliseconds(options.statement_limit)},
      {"lock_timeout", milliseconds(options.lock_limit)},
      {"idle_in_transaction_session_timeout", milliseconds(options.idle_limit)},
      {"DateStyle", "ISO"},
      {"IntervalStyle", "postgres"},
      {"TimeZone", "UTC"},
      {"extra_float_digits", "1"},
      {"bytea_output", "hex"},
  };
  if (options.own_search_path) settings.insert(settings.begin(), {"search_path", "pg_catalog"});
  // Without read_only the setting stays as it is: the owner of the database may have turned it on
  // with intent.
  if (options.read_only) settings.push_back({std::string(kReadOnly), "on"});
  return settings;
}

std::string session_statement(const std::vector<Setting>& settings, int backend_pid) {
  // Local to the transaction of this one statement means: without effect. All is qualified, for
  // search_path is not ours yet.
  const std::string is_other =
      fmt::format("pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.<>) {}", backend_pid);
  std::string sql = "SELECT " + is_other;
  for (const Setting& setting : settings) {
    sql += fmt::format(", pg_catalog.set_config({}, {}, {})", quote_literal(setting.name),
                       quote_literal(setting.value), is_other);
  }
  return sql;
}

std::string local_statements(const std::vector<Setting>& settings) {
  std::string sql;
  for (const Setting& setting : settings) {
    sql += setting.name == kReadOnly
               ? "SET TRANSACTION READ ONLY;"
               : fmt::format("SET LOCAL {} = {};", setting.name, quote_literal(setting.value));
  }
  return sql;
}

bool begins_transaction(std::string_view sql) {
  const std::string_view text = base::trim(sql);
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto end = std::ranges::find_if_not(text, is_letter);
  const std::string word =
      base::to_lower(text.substr(0, static_cast<std::size_t>(end - text.begin())));
  return word == "begin" || word == "start";
}

} // namespace pgkeep::postgres
