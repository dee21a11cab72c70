/// Finds where messages begin and end in a stream that is passed on as it comes.
///
/// Only the five bytes of each header are looked at; a body is handed out as it arrives, in as many
/// parts as it comes in, and is never gathered. Both directions have the same form once the startup
/// packet is over. Pure: no sockets, no allocation. Threads: one object, one thread.
/// Source: PostgreSQL manual, protocol-overview (Messaging Overview).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "wire/message.h"

namespace pgkeep::wire {

class MessageScanner {
public:
  struct Part {
    char type = '\0';
    std::uint32_t length = 0;   ///< Of the message, as its header says.
    std::string_view body = {}; ///< What of it is here; a view of the bytes that were given.
    bool begins = false;        ///< The header ended in these bytes.
    bool ends = false;
  };

  /// Takes the front of `bytes`. None once they are used up, or the stream is broken: then the rest
  /// stays in `bytes`.
  std::optional<Part> next(std::string_view& bytes) {
    if (open_bytes_ > 0) return go_on(bytes);
    if (bytes.empty() || is_broken_) return std::nullopt;
    std::optional<Header> header;
    if (held_ == 0) header = header_of(bytes);
    const std::size_t taken = header ? Header::kBytes : hold(bytes);
    if (!header && held_ == Header::kBytes) {
      header = header_of({held_header_.data(), Header::kBytes});
      held_ = 0;
    }
    bytes.remove_prefix(taken);
    if (!header) return std::nullopt;
    return begin(*header, bytes);
  }

  /// No message is open and no byte of a header is held.
  [[nodiscard]] bool is_between() const { return open_bytes_ == 0 && held_ == 0; }
  /// A part of a body is still to come.
  [[nodiscard]] bool is_inside() const { return open_bytes_ > 0; }
  /// Of a header that is not whole yet: fewer than Header::kBytes. The view is of the scanner.
  [[nodiscard]] std::string_view held() const { return {held_header_.data(), held_}; }
  /// A length that no message has: nothing that follows can be told apart.
  [[nodiscard]] bool is_broken() const { return is_broken_; }
  /// Of the message that is open, of the last one, or of the one that cannot be.
  [[nodiscard]] Header header() const { return {.type = type_, .length = length_}; }

private:
  std::size_t hold(std::string_view bytes) {
    const std::size_t count = std::min(bytes.size(), Header::kBytes - held_);
    std::memcpy(held_header_.data() + held_, bytes.data(), count);
    held_ = static_cast<std::uint8_t>(held_ + count);
    return count;
  }
  std::optional<Part> begin(Header header, std::string_view& bytes) {
    type_ = header.type;
    length_ = header.length;
    if (!header.is_sound()) {
      is_broken_ = true;
      return std::nullopt;
    }
    open_bytes_ = header.length - static_cast<std::uint32_t>(sizeof(header.length));
    Part part = take(bytes);
    part.begins = true;
    return part;
  }
  std::optional<Part> go_on(std::string_view& bytes) {
    if (bytes.empty()) return std::nullopt;
    return take(bytes);
  }
  Part take(std::string_view& bytes) {
    const std::size_t count = std::min<std::size_t>(open_bytes_, bytes.size());
    const Part part{.type = type_,
                    .length = length_,
                    .body = bytes.substr(0, count),
                    .ends = count == open_bytes_};
    open_bytes_ -= static_cast<std::uint32_t>(count);
    bytes.remove_prefix(count);
    return part;
  }

  std::uint32_t open_bytes_ = 0; ///< Of the message that is open.
  std::uint32_t length_ = 0;
  char type_ = '\0';
  std::uint8_t held_ = 0;
  bool is_broken_ = false;
  std::array<char, Header::kBytes> held_header_{};
};

} // namespace pgkeep::wire
