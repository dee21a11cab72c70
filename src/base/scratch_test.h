/// A folder of its own for one test, removed at its end. For tests.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace pgkeep::base {

class Scratch {
public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "pgkeep-test-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

} // namespace pgkeep::base
