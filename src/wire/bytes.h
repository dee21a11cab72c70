/// The protocol's numbers and texts, read and written.
///
/// A Reader is a view of bytes that came from outside; it never reads behind their end: from the
/// first value that is not there on all are 0 or empty, and `failed()` says so. A MessageWriter
/// appends one message to a buffer and fills in its length when it ends. Threads: plain values.
/// Source: PostgreSQL manual, protocol-message-types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgkeep::wire {

class Reader {
public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t uint16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t uint32() { return number(4); }
  /// So many bytes. The view is of the Reader's bytes.
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) {
      fail();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  /// A text that a NUL byte ends.
  std::string_view text() {
    const std::size_t end = bytes_.find('\0');
    if (end == std::string_view::npos) {
      fail();
      return {};
    }
    const std::string_view found = bytes_.substr(0, end);
    bytes_.remove_prefix(end + 1);
    return found;
  }
  /// What has not been read.
  [[nodiscard]] std::string_view rest() const { return bytes_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  [[nodiscard]] bool failed() const { return has_failed_; }

private:
  std::uint32_t number(std::size_t count) {
    std::uint32_t value = 0;
    for (const char c : take(count))
      value = value << 8U | static_cast<unsigned char>(c);
    return value;
  }
  void fail() {
    has_failed_ = true;
    bytes_ = {};
  }

  std::string_view bytes_;
  bool has_failed_ = false;
};

inline void append_uint16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8U));
  out.push_back(static_cast<char>(value & 0xffU));
}
inline void append_uint32(std::string& out, std::uint32_t value) {
  append_uint16(out, static_cast<std::uint16_t>(value >> 16U));
  append_uint16(out, static_cast<std::uint16_t>(value & 0xffffU));
}

/// The length is right from the end of its scope on: let that come before the buffer is used.
class MessageWriter {
public:
  /// With a type byte. The buffer must outlive it.
  MessageWriter(std::string& out, char type) : out_(out) {
    out_.push_back(type);
    begin();
  }
  /// Without, as the first message of a connection is.
  explicit MessageWriter(std::string& out) : out_(out) { begin(); }
  MessageWriter(const MessageWriter&) = delete;
  MessageWriter(MessageWriter&&) = delete;
  MessageWriter& operator=(const MessageWriter&) = delete;
  MessageWriter& operator=(MessageWriter&&) = delete;
  ~MessageWriter() {
    const auto size = static_cast<std::uint32_t>(out_.size() - length_at_);
    for (std::size_t i = 0; i < kLengthBytes; ++i)
      out_[length_at_ + i] = static_cast<char>(size >> (24U - 8U * i));
  }

  MessageWriter& byte(char value) {
    out_.push_back(value);
    return *this;
  }
  MessageWriter& uint16(std::uint16_t value) {
    append_uint16(out_, value);
    return *this;
  }
  MessageWriter& uint32(std::uint32_t value) {
    append_uint32(out_, value);
    return *this;
  }
  /// A NUL byte is put behind it; one inside would end it early, which is the caller's to know.
  MessageWriter& text(std::string_view value) {
    out_.append(value).push_back('\0');
    return *this;
  }
  MessageWriter& bytes(std::string_view value) {
    out_.append(value);
    return *this;
  }

private:
  static constexpr std::size_t kLengthBytes = 4;
  void begin() {
    length_at_ = out_.size();
    out_.append(kLengthBytes, '\0');
  }

  std::string& out_;
  std::size_t length_at_ = 0;
};

} // namespace pgkeep::wire
