/// The .gitignore files of a folder: what they name is not in the repository, so it is not read.
///
/// Understood: names, globs (* ? [a-z] **), folders (x/), anchored paths (/x, a/b) and exceptions
/// (!x); the last rule that matches wins. Not read: .git/info/exclude and the user's own file; a
/// file that is tracked in spite of a rule is taken for ignored. Private to src/catalog. Source:
/// git manual, gitignore.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::catalog::code {

class IgnoreRules {
public:
  /// The rules of a .gitignore file in `folder` ("" or "a/b/", relative to the root).
  void add(std::string_view folder, std::string_view text);
  [[nodiscard]] bool is_ignored(const std::string& path, bool is_folder) const;

private:
  struct Rule {
    std::string folder;
    std::string pattern;
    bool is_exception = false;
    bool only_folders = false;
    bool is_anchored = false; ///< Matches the path below `folder`, not the name at any depth.
  };
  std::vector<Rule> rules_;
};

} // namespace pgkeep::catalog::code
