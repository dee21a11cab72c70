/// What every command that judges has in common: its flags, the list of rules, ignores, baselines,
/// the report and the exit code.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/config.h"
#include "base/result.h"
#include "cli/command.h"
#include "findings/report.h"

namespace pgkeep::cli {

inline constexpr Flag kFormatFlag{.name = "format",
                                  .value = "FORMAT",
                                  .fallback = "text",
                                  .help = "How to report.",
                                  .choices = "text json sarif junit markdown html github"};
inline constexpr Flag kVerboseFlag{
    .name = "verbose",
    .help = "All evidence, every fix, and what passed or could not look.",
    .letter = 'v'};
inline constexpr Flag kBaselineFlag{
    .name = "baseline",
    .value = "FILE",
    .help = "Set aside the findings that this file knows: only new ones fail."};
inline constexpr Flag kWriteBaselineFlag{
    .name = "write-baseline", .value = "FILE", .help = "Write the findings of now as such a file."};
inline constexpr Flag kFailOnFlag{.name = "fail-on",
                                  .value = "SEVERITY",
                                  .fallback = "error",
                                  .help = "Exit 1 from this severity on.",
                                  .choices = "info warning error never"};
inline constexpr Flag kConfigFlag{.name = "config",
                                  .value = "FILE",
                                  .help = "Configuration; else ./pgkeep.toml where there is one."};

/// --pg-version. Errors: Code::usage for a version that pgkeep does not know.
base::Result<int> major_of(const std::string& text);

using Rules = std::span<const findings::Rule* const>;

/// --list, as text, JSON or the page of the documentation. `command`: "pgkeep audit".
Exit list_rules(Rules rules, std::string_view command, const Arguments& arguments, Io& io);
/// --explain. Errors: Code::usage for an unknown rule.
base::Result<Exit> explain_one(Rules rules, const std::string& id, std::string_view command,
                               const Arguments& arguments, Io& io);

/// Whether nobody asks for findings but the report in JSON: no ignores, no baseline.
bool is_json_all(const base::Config& config, const Arguments& arguments);
/// What pgkeep.toml and --baseline know goes out of the findings.
base::Result<> set_aside(findings::Report& report, const base::Config& config,
                         const Arguments& arguments);
/// Writes --write-baseline and the report; the exit code by --fail-on.
base::Result<Exit> finish(const findings::Report& report, const Arguments& arguments, Io& io);

} // namespace pgkeep::cli
