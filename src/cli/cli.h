/// The command line: words in, exit code out. One table of commands (table.cc) is the source of
/// parsing, help, man pages and completion.
///
/// Exit codes: design.md, "Command line contract": 0 done, 1 findings at or above --fail-on, 2
/// usage or configuration, 3 unreachable or refused (also `status` of a stopped stack), 4 failed
/// and changed nothing, 5 failed part-way, 130 interrupted.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pgkeep::cli {

int run(const std::vector<std::string>& words);

/// Under the name of a program whose place we take: `arguments` as main() got them. Nothing where
/// the name says nothing.
std::optional<int> run_by_name(int count, char** arguments);

} // namespace pgkeep::cli
