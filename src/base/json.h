/// JSON as a value: built by hand for output, parsed from text for input. Objects keep the order of
/// insertion.
///
/// For evidence, reports and snapshots. Not for streams. Limits: parse() refuses nesting over 100
/// and text over the caller's limit. Thread-safety: a plain value.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace pgkeep::base {

class Json {
public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;
  Json(std::nullptr_t) {}             // NOLINT(google-explicit-constructor): literals read as JSON.
  Json(bool value) : value_(value) {} // NOLINT(google-explicit-constructor): as above.
  Json(double value) : value_(value) {}            // NOLINT(google-explicit-constructor): as above.
  Json(std::int64_t value) : value_(value) {}      // NOLINT(google-explicit-constructor): as above.
  Json(int value) : value_(std::int64_t{value}) {} // NOLINT(google-explicit-constructor): as above.
  Json(std::string value)
      : value_(std::move(value)) {} // NOLINT(google-explicit-constructor): as above.
  Json(std::string_view value)
      : value_(std::string(value)) {} // NOLINT(google-explicit-constructor): as above.
  Json(const char* value)
      : value_(std::string(value)) {}              // NOLINT(google-explicit-constructor): as above.
  Json(Array value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): as above.
  Json(Object value) : value_(std::move(value)) {} // NOLINT(google-explicit-constructor): as above.
  struct Given;
  /// An object: Json{{"rows", 3}, {"name", "x"}}.
  Json(std::initializer_list<Given> members);

  /// Arrays of text are common in evidence.
  static Json list(const std::vector<std::string>& items);

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  [[nodiscard]] const bool* as_bool() const { return std::get_if<bool>(&value_); }
  [[nodiscard]] const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&value_); }
  [[nodiscard]] const double* as_double() const { return std::get_if<double>(&value_); }
  [[nodiscard]] const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  [[nodiscard]] const Array* as_array() const { return std::get_if<Array>(&value_); }
  [[nodiscard]] const Object* as_object() const { return std::get_if<Object>(&value_); }
  [[nodiscard]] Array* as_array() { return std::get_if<Array>(&value_); }
  [[nodiscard]] Object* as_object() { return std::get_if<Object>(&value_); }
  /// The member of that name, or null where there is none or this is no object.
  [[nodiscard]] const Json* find(std::string_view name) const;

  /// Appends a member (this must be an object or null, which becomes one).
  void set(std::string name, Json value);
  /// Appends an item (this must be an array or null, which becomes one).
  void push(Json value);

  /// Text without line breaks, or indented by two spaces. Bytes that are no UTF-8 become U+FFFD.
  [[nodiscard]] std::string dump(bool indented = false) const;
  /// One scalar as a person reads it: text without quotes, lists joined by ", ".
  [[nodiscard]] std::string to_text() const;

  friend bool operator==(const Json&, const Json&) = default;

private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

/// A member in a list of them. The list's items are constants: `mutable` lets values be moved out.
struct Json::Given {
  std::string_view name;
  mutable Json value;
};

inline Json::Json(std::initializer_list<Given> members) {
  Object& object = value_.emplace<Object>();
  object.reserve(members.size());
  for (const Given& each : members)
    object.emplace_back(each.name, std::move(each.value));
}

/// Writes a document piece by piece, where all of it at once as Json would be large. The caller
/// keeps order: a key before each member of an object, as many ends as begins.
class JsonWriter {
public:
  explicit JsonWriter(bool indented) : is_indented_(indented) {}
  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void key(std::string_view name);
  void value(const Json& value);
  void text(std::string_view text);
  /// A key and its value.
  void member(std::string_view name, const Json& of) {
    key(name);
    value(of);
  }
  /// An item of the open array that other writers made, in its parts, with the line break before.
  void made(std::span<const std::string_view> parts);
  /// Forgets what was written, and goes on behind what another one has written.
  void go_on_from(const JsonWriter& other);
  [[nodiscard]] std::string_view written() const {
    return std::string_view(out_).substr(0, bytes_);
  }
  /// What was written; the document goes on.
  [[nodiscard]] std::string take();
  /// The same for what was read as written(): its room is used again.
  void forget() { bytes_ = 0; }

private:
  void write_scalar(const Json& value);
  void place();
  /// A comma where one is due and a line; where so many bytes go that belong to it.
  char* next_item(std::size_t bytes);
  void begin(char bracket);
  void end(char bracket);
  void quote(std::string_view text);
  void append(std::string_view text);
  /// Where so many more bytes are to be written.
  char* more(std::size_t bytes);
  /// Of a line break and what stands before the first sign of the next line.
  [[nodiscard]] std::size_t line_bytes() const { return is_indented_ ? 1 + depth_ * 2 : 0; }

  std::string out_;       ///< With room behind what was written.
  std::size_t bytes_ = 0; ///< As many were.
  std::size_t depth_ = 0;
  bool is_indented_;
  bool is_first_ = true; ///< Of the array or object that is open.
  bool has_key_ = false; ///< A key was written, its value not yet.
};

/// Errors: Code::corrupt with the line and column in `where`.
Result<Json> parse_json(std::string_view text);

/// The text as a JSON string literal, quotes included.
std::string json_quote(std::string_view text);

} // namespace pgkeep::base
