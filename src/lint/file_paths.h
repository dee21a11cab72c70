/// The paths of all files that are judged together. Private to src/lint. Thread-safety: immutable.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace pgkeep::lint {

class FilePaths {
public:
  explicit FilePaths(std::vector<std::string> paths);
  FilePaths(const FilePaths&) = delete;
  FilePaths& operator=(const FilePaths&) = delete;
  ~FilePaths() = default;

  /// In the order in which the files run.
  [[nodiscard]] std::span<const std::string> all() const { return paths_; }
  [[nodiscard]] bool contains(std::string_view path) const { return by_text_.contains(path); }
  /// Whether one of them undoes another, by its name.
  [[nodiscard]] bool has_way_down() const { return has_way_down_; }

private:
  std::vector<std::string> paths_;
  std::unordered_set<std::string_view> by_text_; ///< Of `paths_`.
  bool has_way_down_ = false;
};

} // namespace pgkeep::lint
