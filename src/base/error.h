/// What went wrong, in the parts that a person needs: what, where, what was expected, what to do,
/// and what state was left.
///
/// An Error is a value: it is returned inside a Result, never thrown, and printed once, by the
/// command line. Thread-safety: a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pgkeep::base {

/// The kinds of failure. They decide the exit code (see exit_code()).
enum class Code : std::uint8_t {
  usage,       ///< The command line is wrong.
  config,      ///< A configuration file is wrong.
  unreachable, ///< The database, server or repository cannot be reached.
  refused,     ///< It was reached and refuses us.
  sql,         ///< The server reported an error for a statement.
  io,          ///< A file or a disk failed.
  corrupt,     ///< Bytes are not what they should be.
  timeout,     ///< A limit of time was reached.
  cancelled,   ///< Somebody interrupted us.
  unsupported, ///< Not possible with this version or on this machine.
};

/// Lower-case name of a code, such as "unreachable".
std::string_view name_of(Code code) noexcept;

struct Error {
  Code code = Code::io;
  std::string what = {}; ///< What was wrong: lower case, no full stop: "value out of range".
  std::string where =
      {}; ///< "pgkeep.toml:14:9", "10.0.0.5:5432/app"; empty where there is no place.
  std::string expected = {}; ///< "a duration between 100ms and 1h, such as 2s".
  std::string hint = {};     ///< One sentence that says what to do now.
  std::string left = {};     ///< What state was left and how to go on; empty = nothing was changed.
  std::string sqlstate = {}; ///< Five characters when the server spoke.
};

/// One line: "error: pgkeep.toml:14:9: value out of range (expected a duration ...). Do this. Left:
/// ...". Line breaks inside the parts become spaces, so that an error is always one line.
std::string to_line(const Error& error);

/// The process exit code of design.md: 2 usage or configuration, 3 unreachable or refused, 4
/// nothing changed, 5 part-way (left is not empty), 130 interrupted.
int exit_code(const Error& error) noexcept;

} // namespace pgkeep::base
