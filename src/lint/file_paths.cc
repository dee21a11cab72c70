#include "lint/file_paths.h"

#include <algorithm>
#include <utility>

#include "lint/script.h"

namespace pgkeep::lint {
namespace {

bool is_way_down(std::string_view path) {
  return path.ends_with(".down.sql") || file_name(path).starts_with('U') ||
         path.find("revert/") != std::string_view::npos;
}

} // namespace

FilePaths::FilePaths(std::vector<std::string> paths)
    : paths_(std::move(paths)), by_text_(paths_.begin(), paths_.end()),
      has_way_down_(std::ranges::any_of(paths_, is_way_down)) {}

} // namespace pgkeep::lint
