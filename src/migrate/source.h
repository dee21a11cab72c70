/// The text of one file as a runner needs it: what the server gets, what may be shown of it, and
/// which of its sections go in a direction.
///
/// Threads: immutable once read.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "lint/script.h"
#include "migrate/compose.h"

namespace pgkeep::migrate {

/// One direction of a migration: the text of a file, and which of its sections belong to it.
struct Source {
  std::string path; ///< As given: the folder's path and the file's below it.
  std::string text; ///< All of the file, as it is.
  std::shared_ptr<const lint::Script> script; ///< Owned by both directions of one file.
  bool is_down = false;                       ///< The direction.
  /// The same with the names of values in their places: what a checksum is made of. Null where the
  /// file has no values.
  std::shared_ptr<const lint::Script> unvalued = nullptr;
  std::vector<base::Error> refused = {}; ///< What no runner can run.
  [[nodiscard]] std::vector<const lint::Section*> sections() const;
  /// The same sections of `unvalued`.
  [[nodiscard]] std::vector<const lint::Section*> unvalued_sections() const;
};

/// A file as a Source. `folder`: what it includes is there.
Source read_source(const std::string& path, const std::string& text, bool is_down,
                   const std::filesystem::path& folder = {}, const Values& values = {});

/// Equal for texts that differ in comments and layout only: 64 hexadecimal digits over the parse
/// trees of the sections that go in the direction, literals and pgkeep's directives among them. A
/// statement that does not parse counts byte by byte.
std::string checksum_of(const Source& source);
/// Which rules checksum_of() follows; stored beside it.
inline constexpr int kChecksumAlgorithm = 1;

} // namespace pgkeep::migrate
