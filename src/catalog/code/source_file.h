/// One text file of a folder of source code, as the scanners see it.
/// Private to src/catalog. Thread-safety: a view; the walker owns the bytes for the time of the
/// scan.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgkeep::catalog::code {

struct SourceFile {
  std::string path;      ///< Relative to the folder, with '/'.
  std::string_view text; ///< The walker's.

  [[nodiscard]] std::string_view name() const {
    return std::string_view(path).substr(path.find_last_of('/') + 1);
  }
  /// "migrations/" of "migrations/1.sql"; empty at the top.
  [[nodiscard]] std::string_view folder() const {
    return std::string_view(path).substr(0, path.find_last_of('/') + 1);
  }
  /// "py" of "a.test.py"; empty where there is none.
  [[nodiscard]] std::string_view extension() const {
    const std::size_t dot = name().find_last_of('.');
    return dot == std::string_view::npos ? std::string_view{} : name().substr(dot + 1);
  }
};

/// Line numbers of rising offsets, each line counted once.
class LineCounter {
public:
  explicit LineCounter(std::string_view text) : text_(text) {}
  /// The line (from 1) of an offset that is not below the last one asked for.
  std::int32_t line_of(std::size_t offset) {
    offset = std::min(offset, text_.size());
    line_ += static_cast<std::int32_t>(std::ranges::count(text_.substr(at_, offset - at_), '\n'));
    at_ = offset;
    return line_;
  }

private:
  std::string_view text_; // The file's, which outlives the counter.
  std::size_t at_ = 0;
  std::int32_t line_ = 1;
};

} // namespace pgkeep::catalog::code
