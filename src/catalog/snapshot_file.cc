// One line: {"pgkeep":"snapshot/1","sha256":"<hex>","snapshot":{...}}. The checksum is over the
// bytes of the value of "snapshot", so a reader finds those bytes before it believes them. Writing
// and reading walk the one list of fields (fields.h).
//
// Numbers that JSON has no word for are text: "Infinity", "-Infinity", "NaN". Sections (present,
// absent) go by name, not by bit.
#include "catalog/snapshot_file.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "catalog/fields.h"

namespace pgkeep::catalog {
namespace {

using base::Code;
using base::Error;
using base::Json;

constexpr std::string_view kFormat = "snapshot/";
constexpr int kVersion = 1;

// ---- Writing ----

void put(std::string& out, bool value) {
  out += value ? "true" : "false";
}
void put(std::string& out, std::int32_t value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}
void put(std::string& out, std::uint32_t value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}
void put(std::string& out, std::int64_t value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}
void put(std::string& out, double value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{}",
                   value); // The shortest text that reads back as the same number.
  } else {
    out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
}
void put(std::string& out, const std::string& value) {
  out += base::json_quote(value);
}
void put(std::string& out, Facts value) {
  out += '[';
  bool first = true;
  for (const FactName& row : fact_names()) {
    if (!has(value, row.fact)) continue;
    if (!first) out += ',';
    first = false;
    out += base::json_quote(row.name);
  }
  out += ']';
}
void put_name(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += name;
  out += "\":";
}
template <typename T>
void put(std::string& out, const std::optional<T>& value);
template <typename T>
void put(std::string& out, const std::vector<T>& values);

template <Listed T>
void put(std::string& out, const T& object) {
  out += '{';
  for_each_field(object, [&](std::string_view name, const auto& member) {
    put_name(out, name);
    put(out, member);
  });
  out += '}';
}
template <typename T>
void put(std::string& out, const std::optional<T>& value) {
  if (value) {
    put(out, *value);
  } else {
    out += "null";
  }
}
template <typename T>
void put(std::string& out, const std::vector<T>& values) {
  out += '[';
  for (const T& value : values) {
    if (&value != values.data()) out += ',';
    put(out, value);
  }
  out += ']';
}

// ---- Reading ----

/// Where in the value we are, for messages: "relations[3].rows". Linked on the stack: text is built
/// only when something is wrong.
struct Place {
  std::optional<Error>* failed; ///< The first error; what fails returns false.
  const Place* above = nullptr;
  std::string_view name = {};
  std::size_t index = 0;
  [[nodiscard]] std::string text() const {
    if (above == nullptr) return {};
    const std::string outer = above->text();
    if (name.empty()) return fmt::format("{}[{}]", outer, index);
    return outer.empty() ? std::string(name) : fmt::format("{}.{}", outer, name);
  }
};

std::string_view kind_of(const Json& value) {
  if (value.is_null()) return "null";
  if (value.as_bool() != nullptr) return "true or false";
  if (value.as_int() != nullptr || value.as_double() != nullptr) return "a number";
  if (value.as_string() != nullptr) return "text";
  return value.as_array() != nullptr ? "a list" : "an object";
}

bool fail(const Place& place, std::string_view is, std::string expected) {
  const std::string text = place.text();
  *place.failed = Error{.code = Code::corrupt,
                        .what = fmt::format("{} is {}", text.empty() ? "snapshot" : text, is),
                        .expected = std::move(expected)};
  return false;
}
bool wrong(const Place& place, const Json& value, const char* wanted) {
  return fail(place, kind_of(value), wanted);
}

template <typename Integer>
bool take_integer(const Json& value, const Place& place, Integer& target) {
  const std::int64_t* number = value.as_int();
  if (number == nullptr) return wrong(place, value, "a whole number");
  if (!std::in_range<Integer>(*number)) {
    using Limits = std::numeric_limits<Integer>;
    return fail(place, std::to_string(*number),
                fmt::format("a whole number between {} and {}", Limits::min(), Limits::max()));
  }
  target = static_cast<Integer>(*number);
  return true;
}
bool take(const Json& value, const Place& place, std::int32_t& target) {
  return take_integer(value, place, target);
}
bool take(const Json& value, const Place& place, std::uint32_t& target) {
  return take_integer(value, place, target);
}
bool take(const Json& value, const Place& place, std::int64_t& target) {
  return take_integer(value, place, target);
}
bool take(const Json& value, const Place& place, bool& target) {
  if (value.as_bool() == nullptr) return wrong(place, value, "true or false");
  target = *value.as_bool();
  return true;
}
bool take(const Json& value, const Place& place, double& target) {
  using Limits = std::numeric_limits<double>;
  const std::string* text = value.as_string();
  if (const double* real = value.as_double()) {
    target = *real;
  } else if (const std::int64_t* integer = value.as_int()) {
    target = static_cast<double>(*integer);
  } else if (text != nullptr && *text == "Infinity") {
    target = Limits::infinity();
  } else if (text != nullptr && *text == "-Infinity") {
    target = -Limits::infinity();
  } else if (text != nullptr && *text == "NaN") {
    target = Limits::quiet_NaN();
  } else {
    return wrong(place, value, "a number");
  }
  return true;
}
bool take(const Json& value, const Place& place, std::string& target) {
  if (value.as_string() == nullptr) return wrong(place, value, "text");
  target = *value.as_string();
  return true;
}
bool take(const Json& value, const Place& place, Facts& target) {
  if (value.as_array() == nullptr) return wrong(place, value, "a list of sections");
  target = Facts::none;
  for (const Json& item : *value.as_array()) {
    if (item.as_string() == nullptr) return wrong(place, item, "the name of a section");
    for (const FactName& row : fact_names()) { // A name that we do not know is a newer version's.
      if (row.name == *item.as_string()) target = target | row.fact;
    }
  }
  return true;
}
template <typename T>
bool take(const Json& value, const Place& place, std::optional<T>& target);
template <typename T>
bool take(const Json& value, const Place& place, std::vector<T>& target);

/// Our own files have the members in the order of the fields: the next one is nearly always right.
const Json* next_member(const Json& object, std::size_t& next, std::string_view name) {
  const Json::Object& members = *object.as_object();
  if (next < members.size() && members[next].first == name) return &members[next++].second;
  return object.find(name);
}

template <Listed T>
bool take(const Json& value, const Place& place, T& target) {
  if (value.as_object() == nullptr) return wrong(place, value, "an object");
  bool is_good = true;
  std::size_t next = 0;
  for_each_field(target, [&](std::string_view name, auto& member) {
    if (!is_good) return;
    const Json* found = next_member(value, next, name);
    if (found == nullptr) return; // Older or edited files: the default stays.
    const Place below{.failed = place.failed, .above = &place, .name = name};
    is_good = take(*found, below, member);
  });
  return is_good;
}
template <typename T>
bool take(const Json& value, const Place& place, std::optional<T>& target) {
  if (!value.is_null()) return take(value, place, target.emplace());
  target.reset();
  return true;
}
template <typename T>
bool take(const Json& value, const Place& place, std::vector<T>& target) {
  const Json::Array* items = value.as_array();
  if (items == nullptr) return wrong(place, value, "a list");
  target.clear();
  target.resize(items->size());
  for (std::size_t index = 0; index < target.size(); ++index) {
    const Place below{.failed = place.failed, .above = &place, .index = index};
    if (!take((*items)[index], below, target[index])) return false;
  }
  return true;
}

/// The bytes of the value of the top-level member "snapshot" of text that is known to be a JSON
/// object.
std::string_view text_of_snapshot(std::string_view text) {
  constexpr std::string_view kMember = "\"snapshot\"";
  int depth = 0;
  std::size_t begin = std::string_view::npos;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      const std::size_t open = at;
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
      }
      if (begin != std::string_view::npos || depth != 1 || !text.substr(open).starts_with(kMember))
        continue;
      const std::size_t colon = text.find_first_not_of(" \t\r\n", at + 1);
      if (colon == std::string_view::npos || text[colon] != ':') continue;
      begin = text.find_first_not_of(" \t\r\n", colon + 1);
      at = colon;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
      if (depth == 1 && begin != std::string_view::npos) return text.substr(begin, at + 1 - begin);
    }
  }
  return {};
}

base::Result<> check_header(const Json& file) {
  const Json* kind = file.find("pgkeep");
  const std::string* format = kind == nullptr ? nullptr : kind->as_string();
  if (format == nullptr || !format->starts_with(kFormat)) {
    return Error{.code = Code::corrupt,
                 .what = format == nullptr ? "not a file of pgkeep"
                                           : fmt::format("a file of pgkeep, but of the kind {}",
                                                         base::printable(*format)),
                 .expected = fmt::format("\"pgkeep\":\"{}{}\"", kFormat, kVersion),
                 .hint = "Make one with: pgkeep snapshot save."};
  }
  int version = 0;
  const std::string_view number = std::string_view(*format).substr(kFormat.size());
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), version);
  const bool has_minor = stop != number.data() + number.size();
  if (error != std::errc{} || version < 1 || (has_minor && *stop != '.')) {
    return Error{.code = Code::corrupt,
                 .what = fmt::format("version {} cannot be read", base::printable(number))};
  }
  if (version > kVersion) {
    return Error{.code = Code::corrupt,
                 .what =
                     fmt::format("written by a newer pgkeep (format {})", base::printable(*format)),
                 .expected = fmt::format("{}{} or older", kFormat, kVersion),
                 .hint = "Upgrade pgkeep, or save the snapshot again with this one."};
  }
  return {};
}

base::Result<> check_checksum(const Json& file, std::string_view body) {
  const Json* stored = file.find("sha256");
  if (stored == nullptr || stored->as_string() == nullptr) {
    return Error{
        .code = Code::corrupt, .what = "has no checksum", .expected = "\"sha256\":\"...\""};
  }
  if (*stored->as_string() != base::sha256_hex(body)) {
    return Error{
        .code = Code::corrupt,
        .what = "the checksum does not match: the file was changed or damaged after it was written",
        .hint = "Save the snapshot again."};
  }
  return {};
}

base::Result<Snapshot> parse(std::string_view text) {
  if (base::trim(text).empty()) return Error{.code = Code::corrupt, .what = "the file is empty"};
  auto parsed = base::parse_json(text);
  if (!parsed) {
    Error error = std::move(parsed).error();
    const std::string_view shown = base::trim(text);
    // Only text that began as one of our files can have been cut off; all else is something
    // different.
    if (shown.starts_with("{\"pgkeep\"") && !shown.ends_with('}')) {
      return Error{.code = Code::corrupt,
                   .what = fmt::format("the file is truncated after {} bytes", text.size()),
                   .hint = "Save the snapshot again, or copy it again in full."};
    }
    error.code = Code::corrupt;
    error.what = fmt::format("not a snapshot: {}", error.what);
    return error;
  }
  const Json& file = *parsed;
  PGKEEP_CHECK(check_header(file));
  const Json* value = file.find("snapshot");
  if (value == nullptr) return Error{.code = Code::corrupt, .what = "has no member \"snapshot\""};
  if (value->as_object() == nullptr) {
    return Error{.code = Code::corrupt,
                 .what = fmt::format("\"snapshot\" is {}", kind_of(*value)),
                 .expected = "an object"};
  }
  PGKEEP_CHECK(check_checksum(file, text_of_snapshot(text)));
  Snapshot snapshot;
  std::optional<Error> failed;
  if (!take(*value, Place{.failed = &failed}, snapshot)) return std::move(*failed);
  snapshot.link();
  return snapshot;
}

} // namespace

std::string write_snapshot(const Snapshot& snapshot) {
  std::string body;
  put(body, snapshot);
  return seal_snapshot(body);
}

std::string seal_snapshot(std::string_view json) {
  return fmt::format("{{\"pgkeep\":\"{}{}\",\"sha256\":\"{}\",\"snapshot\":{}}}\n", kFormat,
                     kVersion, base::sha256_hex(json), json);
}

base::Result<Snapshot> parse_snapshot(std::string_view text, const std::string& path) {
  auto parsed = parse(text);
  if (parsed) return parsed;
  Error error = std::move(parsed).error();
  // base::parse_json names line and column.
  error.where = error.where.empty() ? path : fmt::format("{}:{}", path, error.where);
  return error;
}

} // namespace pgkeep::catalog
