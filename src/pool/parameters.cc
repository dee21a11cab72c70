#include "pool/parameters.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "wire/quoting.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kApplicationName = "application_name";
constexpr std::array<std::string_view, 5> kAlways = {
    "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", kApplicationName};
constexpr std::array<std::string_view, 7> kNotOfParse = {
    kApplicationName,      "role",         "session_authorization",
    "statement_timeout",   "lock_timeout", "idle_in_transaction_session_timeout",
    "idle_session_timeout"};
/// Lists of names, which the server tells with quotes around each that needs them (GUC_LIST_QUOTE).
constexpr std::array<std::string_view, 6> kListsOfNames = {
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "shared_preload_libraries",
    "unix_socket_directories",
};
constexpr char kKnown = '=';
constexpr char kUnknown = '?';

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_same(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, {}, lower, lower);
}

bool is_of_parse(std::string_view name) {
  return name.find('.') == std::string_view::npos &&
         std::ranges::none_of(kNotOfParse,
                              [&](std::string_view each) { return is_same(each, name); });
}

bool is_list_of_names(std::string_view name) {
  return std::ranges::any_of(kListsOfNames,
                             [&](std::string_view each) { return is_same(each, name); });
}

} // namespace

TrackedNames::TrackedNames(std::string_view extra) : names_(kAlways.begin(), kAlways.end()) {
  for (const std::string& each : base::split(extra, ',')) {
    const std::string_view name = base::trim(each);
    if (name.empty() || index_of(name)) continue;
    is_too_long_ = is_too_long_ || names_.size() == kMax;
    if (!is_too_long_) names_.emplace_back(name);
  }
}

std::optional<std::size_t> TrackedNames::index_of(std::string_view name) const {
  const auto found =
      std::ranges::find_if(names_, [&](const std::string& each) { return is_same(each, name); });
  if (found == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

std::optional<std::string_view> ParameterValues::get(std::size_t index) const {
  std::string_view rest = packed_;
  for (; index > 0 && !rest.empty(); --index)
    rest.remove_prefix(rest.find('\0') + 1);
  if (rest.empty() || rest.front() == kUnknown) return std::nullopt;
  return rest.substr(1, rest.find('\0') - 1);
}

void ParameterValues::set(std::size_t index, std::string_view value) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < index; ++i) {
    if (at == packed_.size()) packed_.append({kUnknown, '\0'});
    at = packed_.find('\0', at) + 1;
  }
  if (at == packed_.size()) packed_.append({kUnknown, '\0'});
  std::string entry{kKnown};
  entry.append(value).push_back('\0');
  packed_.replace(at, packed_.find('\0', at) + 1 - at, entry);
}

void ParameterValues::take_from(const ParameterValues& other, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto value = other.get(i)) set(i, *value);
  }
}

void ParameterValues::fill_from(const ParameterValues& other, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto value = other.get(i); value && !get(i)) set(i, *value);
  }
}

bool is_said_at_start(std::string_view name, std::string_view value) {
  return !value.empty() || is_same(name, kApplicationName) || is_list_of_names(name);
}

ParameterChange change_of(const TrackedNames& names, const ParameterValues& wanted,
                          const ParameterValues& has) {
  ParameterChange change;
  if (wanted == has) return change;
  for (std::size_t i = 0; i < names.count(); ++i) {
    const auto want = wanted.get(i);
    const auto is = has.get(i);
    if (!want || !is || *want == *is) continue;
    change.indexes |= 1U << i;
    std::string& sql = i == TrackedNames::kClientEncoding ? change.encoding : change.sql;
    sql += is_list_of_names(names.name(i))
               ? wire::set_config(names.name(i), *want)
               : "SET " + names.name(i) + "=" + wire::literal(*want) + ";";
  }
  return change;
}

std::string settings_of_parse(const TrackedNames& names, const ParameterValues& values,
                              const wire::SessionSettings* session) {
  std::string text;
  for (std::size_t i = 0; i < names.count(); ++i) {
    const auto value = values.get(i);
    if (!value || !is_of_parse(names.name(i))) continue;
    text.append(names.name(i)).append("=").append(*value).push_back('\0');
  }
  if (session == nullptr) return text;
  for (const auto& [name, value] : *session) {
    if (is_of_parse(name)) text.append(name).append("=").append(value).push_back('\0');
  }
  return text;
}

} // namespace pgkeep::pool
