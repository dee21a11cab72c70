/// What a file tells pgkeep's runner in comments: "-- pgkeep:batch key=id size=5000" on a line of
/// its own above a statement; other comments and blank lines may stand between.
///
/// Reads any text and judges nothing: lint says which are unknown or stand in the wrong place.
/// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::lint {

struct DirectiveArgument {
  std::string key;
  std::string value = {}; ///< What follows "="; empty for a word alone.
};

struct Directive {
  std::string name;                              ///< "batch", in lower case.
  std::vector<DirectiveArgument> arguments = {}; ///< In the order of the text.
  std::string text = {};   ///< All that follows the name: "users.fax: nobody reads it".
  std::size_t offset = 0;  ///< Of "--": bytes into the text.
  bool is_in_place = true; ///< The only thing on its line.

  /// The value of the argument; null where it is not given.
  [[nodiscard]] const std::string* find(std::string_view key) const;
};

/// What it can be about.
enum class DirectiveTarget : std::uint8_t {
  anything,  ///< Any statement, or the file.
  rows,      ///< UPDATE and DELETE.
  any_table, ///< ALTER TABLE, or CREATE TABLE ... PARTITION BY.
};

struct KnownDirective {
  std::string_view name;
  DirectiveTarget target;
};
/// All that pgkeep knows.
std::span<const KnownDirective> known_directives() noexcept;

/// Those that stand above the statement which begins there, from the top.
std::vector<Directive> directives_above(std::string_view text, std::size_t statement_begin);

/// Those of a piece of text between statements: blanks, semicolons and comments; also those that
/// are out of place, behind a statement. From the top.
std::vector<Directive> directives_between(std::string_view text, std::size_t begin,
                                          std::size_t end);

/// The one of that name; null where there is none.
const Directive* find_directive(std::span<const Directive> directives, std::string_view name);

} // namespace pgkeep::lint
