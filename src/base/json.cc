// Reading: nlohmann's SAX parser, which does not recurse, drives a builder with a stack of open
// arrays and objects. Writing: by hand, for order, for bytes that are no UTF-8, and so that what is
// written is safe to show on a terminal.
#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "base/utf8.h"

namespace pgkeep::base {

namespace {

constexpr std::size_t kDepthMax = 100;

/// "line:column" of a byte, counted from one.
std::string place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_start =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return fmt::format("{}:{}", line, before.size() - line_start + 1);
}

/// Builds our value from the parser's events; stops at the first failure, which it keeps.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
public:
  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override { return add(Json(std::int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
      return add(Json(static_cast<double>(value)));
    return add(Json(static_cast<std::int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return add(Json(value));
  }
  bool string(string_t& value) override { return add(Json(std::move(value))); }
  bool binary(binary_t& /*value*/) override { return false; } // JSON text has none.
  bool start_object(std::size_t /*count*/) override { return open(Json(Json::Object{})); }
  bool key(string_t& name) override {
    open_.back().name = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*count*/) override { return open(Json(Json::Array{})); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& failure) override {
    const std::string_view message = failure.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ...":
    // the place is told apart.
    const std::size_t start = message.find("syntax error");
    const std::size_t bracket = message.find("] ");
    what_ = printable(message.substr(start != std::string_view::npos     ? start
                                     : bracket == std::string_view::npos ? 0
                                                                         : bracket + 2));
    offset_ = position > 0 ? position - 1 : 0;
    return false;
  }

  [[nodiscard]] Json take() { return std::move(root_); }
  [[nodiscard]] const std::string& what() const { return what_; }
  /// Where it failed; unknown for the limit of depth, which the parser does not place.
  [[nodiscard]] std::optional<std::size_t> offset() const { return offset_; }

private:
  struct Open {
    Json value;
    std::string name; // Of the member that comes next.
  };

  bool open(Json value) {
    if (open_.size() >= kDepthMax) {
      what_ = fmt::format("nested deeper than {} levels", kDepthMax);
      return false;
    }
    open_.push_back({.value = std::move(value), .name = {}});
    return true;
  }
  bool close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(value));
  }
  bool add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Open& top = open_.back(); top.value.as_object() != nullptr) {
      top.value.as_object()->emplace_back(std::move(top.name), std::move(value));
    } else {
      top.value.as_array()->push_back(std::move(value));
    }
    return true;
  }

  Json root_;
  std::vector<Open> open_;
  std::string what_ = "not JSON";
  std::optional<std::size_t> offset_;
};

/// The byte at which nesting passes the limit, for the message; brackets inside of strings do not
/// count.
std::size_t offset_of_depth(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      if (++depth > kDepthMax) return i;
    } else if (!in_string && (c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return text.size();
}

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::uint64_t kEach = 0x0101010101010101; // A byte of 1 in each place.

/// Whether each of eight bytes stands for itself.
bool is_plain(std::uint64_t word) {
  constexpr std::uint64_t kHigh = kEach * 0x80; // The high bit of a byte: it may not be plain.
  const auto zeros = [](std::uint64_t bytes) { return (bytes - kEach) & ~bytes; };
  const std::uint64_t is_below_blank = (word - kEach * ' ') & ~word;
  const std::uint64_t special = word | is_below_blank | (word + kEach) | // 0x7f + 1 = 0x80
                                zeros(word ^ (kEach * '"')) | zeros(word ^ (kEach * '\\'));
  return (special & kHigh) == 0;
}

/// Eight bytes of a text, or all of a shorter one with blanks behind it.
std::uint64_t word_at(std::string_view text, std::size_t at) {
  std::uint64_t word = kEach * ' ';
  if (text.size() < kWord) {
    text.copy(reinterpret_cast<char*>(&word), text.size());
  } else {
    std::memcpy(&word, text.data() + at, kWord);
  }
  return word;
}

/// The same of sixteen, by the compiler's vectors: one comparison for all of them.
bool is_plain_block(const char* text) {
  using Block = unsigned char __attribute__((vector_size(16)));
  using Halves = std::uint64_t __attribute__((vector_size(16)));
  Block block;
  std::memcpy(&block, text, sizeof block);
  const auto special = (block - ' ' > '~' - ' ') | (block == '"') | (block == '\\');
  const auto halves = reinterpret_cast<const Halves&>(special);
  return (halves[0] | halves[1]) == 0;
}

/// The beginning of `text` that stands for itself.
std::size_t plain_bytes(std::string_view text) {
  constexpr std::size_t kBlock = 16;
  std::size_t at = 0;
  while (at + kBlock <= text.size() && is_plain_block(text.data() + at))
    at += kBlock;
  while (at + kWord <= text.size() && is_plain(word_at(text, at)))
    at += kWord;
  // What is left, with some of what was seen before.
  const std::size_t last = std::max(text.size(), kWord) - kWord;
  if (at >= last && is_plain(word_at(text, last))) return text.size();
  const auto is_plain_byte = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  const auto rest = text.substr(at);
  return at +
         static_cast<std::size_t>(std::ranges::find_if_not(rest, is_plain_byte) - rest.begin());
}

void append_quoted(std::string& out, std::string_view text) {
  std::size_t plain = plain_bytes(text);
  if (plain == text.size()) { // Most are: one growth in place of three.
    const std::size_t begin = out.size();
    const std::size_t end = begin + plain + 2;
    // The size that g++ 12 gives may be the capacity: ours counts.
    out.resize_and_overwrite(end, [&](char* bytes, std::size_t /*size*/) {
      bytes[begin] = '"';
      std::copy(text.begin(), text.end(), bytes + begin + 1);
      bytes[end - 1] = '"';
      return end;
    });
    return;
  }
  out += '"';
  for (;; plain = plain_bytes(text)) {
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const CodePoint point = decode_utf8(text);
    switch (point.value) {
    case U'"':
      out += "\\\"";
      break;
    case U'\\':
      out += "\\\\";
      break;
    case U'\b':
      out += "\\b";
      break;
    case U'\f':
      out += "\\f";
      break;
    case U'\n':
      out += "\\n";
      break;
    case U'\r':
      out += "\\r";
      break;
    case U'\t':
      out += "\\t";
      break;
    default:
      // Escaped beyond what JSON demands: reports in JSON end up on terminals and in logs too.
      if (is_control(point.value)) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(point.value));
      } else if (point.is_valid) {
        out += text.substr(0, point.bytes);
      } else {
        append_utf8(out, kReplacementCharacter);
      }
    }
    text.remove_prefix(point.bytes);
  }
  out += '"';
}

/// Most texts are a few bytes: a call costs more than they do.
void copy_to(char* to, std::string_view text) {
  const std::size_t size = text.size();
  const auto in_two = [&]<typename Word>(Word word) { // They overlap.
    std::memcpy(&word, text.data(), sizeof word);
    std::memcpy(to, &word, sizeof word);
    std::memcpy(&word, text.data() + size - sizeof word, sizeof word);
    std::memcpy(to + size - sizeof word, &word, sizeof word);
  };
  if (size > 2 * sizeof(std::uint64_t)) {
    std::memcpy(to, text.data(), size);
  } else if (size >= sizeof(std::uint64_t)) {
    in_two(std::uint64_t{});
  } else if (size >= sizeof(std::uint32_t)) {
    in_two(std::uint32_t{});
  } else {
    std::ranges::copy(text, to);
  }
}

/// A line break and the blanks of the next line. JsonWriter::more() has room for all of it.
constexpr std::string_view kLine = "\n                               ";

/// The first `bytes` of a line; where it goes on.
char* begin_line(char* at, std::size_t bytes) {
  std::memcpy(at, kLine.data(), kLine.size()); // Of a size that is known: two moves.
  if (bytes > kLine.size()) std::fill_n(at + kLine.size(), bytes - kLine.size(), ' ');
  return at + bytes;
}

// The shortest figure that reads back as the same double, and as a double: 1.0 keeps its point.
// JSON has no NaN nor infinity.
std::string number_text(double value) {
  if (!std::isfinite(value)) return "null";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// For a person: no digits that say nothing.
std::string readable(double value) {
  if (!std::isfinite(value)) return "unknown";
  const double size = std::fabs(value);
  if (size >= 1e15 || (size > 0 && size < 0.001)) return fmt::format("{:.3g}", value);
  std::string text = fmt::format("{:.3f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

} // namespace

Json Json::list(const std::vector<std::string>& items) {
  Array array;
  array.reserve(items.size());
  for (const std::string& item : items)
    array.emplace_back(item);
  return Json(std::move(array));
}

const Json* Json::find(std::string_view name) const {
  const Object* object = as_object();
  if (object == nullptr) return nullptr;
  const auto found = std::find_if(object->begin(), object->end(),
                                  [name](const Member& member) { return member.first == name; });
  return found == object->end() ? nullptr : &found->second;
}

void Json::set(std::string name, Json value) {
  if (is_null()) value_ = Object{};
  PGKEEP_ASSERT(as_object() != nullptr);
  as_object()->emplace_back(std::move(name), std::move(value));
}

void Json::push(Json value) {
  if (is_null()) value_ = Array{};
  PGKEEP_ASSERT(as_array() != nullptr);
  as_array()->push_back(std::move(value));
}

std::string Json::dump(bool indented) const {
  JsonWriter writer(indented);
  writer.value(*this);
  return writer.take();
}

// Recursive: parsed values are at most 100 deep, ours are shallow.
void JsonWriter::value(const Json& value) {
  if (const Json::Object* object = value.as_object()) {
    begin_object();
    for (const auto& [name, member] : *object) {
      key(name);
      this->value(member);
    }
    end_object();
  } else if (const Json::Array* array = value.as_array()) {
    begin_array();
    for (const Json& item : *array)
      this->value(item);
    end_array();
  } else {
    place();
    write_scalar(value);
  }
}

void JsonWriter::write_scalar(const Json& value) {
  if (const std::string* text = value.as_string()) {
    quote(*text);
  } else if (const std::int64_t* integer = value.as_int()) {
    std::array<char, std::numeric_limits<std::int64_t>::digits10 + 2> digits{};
    const char* const end = std::to_chars(digits.begin(), digits.end(), *integer).ptr;
    append(std::string_view(digits.begin(), end));
  } else if (const double* number = value.as_double()) {
    append(number_text(*number));
  } else if (const bool* truth = value.as_bool()) {
    append(*truth ? "true" : "false");
  } else {
    append("null");
  }
}

void JsonWriter::made(std::span<const std::string_view> parts) {
  if (!std::exchange(is_first_, false)) append(",");
  for (const std::string_view part : parts)
    append(part);
}

void JsonWriter::go_on_from(const JsonWriter& other) {
  bytes_ = 0;
  depth_ = other.depth_;
  is_indented_ = other.is_indented_;
  is_first_ = other.is_first_;
  has_key_ = other.has_key_;
}

std::string JsonWriter::take() {
  out_.resize(std::exchange(bytes_, 0));
  return std::exchange(out_, {});
}

// A string that grows by a few bytes at a time costs more than what is written.
char* JsonWriter::more(std::size_t bytes) {
  constexpr std::size_t kRoom = 256;
  if (out_.size() - bytes_ < bytes + kLine.size())
    out_.resize(out_.size() * 2 + bytes + kLine.size() + kRoom);
  return out_.data() + std::exchange(bytes_, bytes_ + bytes);
}

void JsonWriter::append(std::string_view text) {
  copy_to(more(text.size()), text);
}

void JsonWriter::quote(std::string_view text) {
  if (plain_bytes(text) != text.size()) return append(json_quote(text));
  char* const begin = more(text.size() + 2);
  *begin = '"';
  copy_to(begin + 1, text);
  begin[text.size() + 1] = '"';
}

void JsonWriter::text(std::string_view text) {
  place();
  quote(text);
}

void JsonWriter::key(std::string_view name) {
  const std::string_view colon = is_indented_ ? ": " : ":";
  has_key_ = true;
  if (plain_bytes(name) != name.size()) {
    next_item(0);
    quote(name);
    return append(colon);
  }
  char* at = next_item(name.size() + 2 + colon.size()); // As one piece: most of a report are keys.
  *at++ = '"';
  copy_to(at, name);
  at += name.size();
  *at++ = '"';
  std::ranges::copy(colon, at);
}

// Before a key, an item or the whole document; nothing before the value of a key.
void JsonWriter::place() {
  if (std::exchange(has_key_, false) || depth_ == 0) return;
  next_item(0);
}

char* JsonWriter::next_item(std::size_t bytes) {
  const std::size_t line = line_bytes();
  const bool has_comma = !std::exchange(is_first_, false);
  char* at = more(line + (has_comma ? 1 : 0) + bytes);
  if (has_comma) *at++ = ',';
  return begin_line(at, line);
}

void JsonWriter::begin(char bracket) {
  place();
  *more(1) = bracket;
  ++depth_;
  is_first_ = true;
}

void JsonWriter::end(char bracket) {
  --depth_;
  const std::size_t line = std::exchange(is_first_, false) ? 0 : line_bytes();
  *begin_line(more(line + 1), line) = bracket;
}

std::string Json::to_text() const {
  if (is_null()) return "none";
  if (const std::string* text = as_string()) return *text;
  if (const double* number = as_double()) return readable(*number);
  const Array* array = as_array();
  if (array == nullptr) return dump();
  std::vector<std::string> items;
  items.reserve(array->size());
  for (const Json& item : *array)
    items.push_back(item.as_array() != nullptr ? item.dump() : item.to_text());
  return join(items, ", ");
}

Result<Json> parse_json(std::string_view text) {
  Builder builder;
  try {
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
  } catch (const nlohmann::json::exception& failure) {
    return Error{.code = Code::corrupt, .what = printable(failure.what())};
  }
  const std::optional<std::size_t> known = builder.offset();
  const std::size_t offset = known ? *known : offset_of_depth(text);
  return Error{.code = Code::corrupt, .what = builder.what(), .where = place_of(text, offset)};
}

std::string json_quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_quoted(out, text);
  return out;
}

} // namespace pgkeep::base
