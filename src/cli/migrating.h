/// What the commands of `pgkeep migrate` have in common: their flags, the folder, the words for
/// what a run tells.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "cli/command.h"
#include "migrate/events.h"
#include "migrate/folder.h"
#include "migrate/plan.h"

namespace pgkeep::cli {

inline constexpr Flag kDirFlag{
    .name = "dir",
    .value = "DIR",
    .help = "The folder of migrations; else migrate.dir of pgkeep.toml, else ./migrations."};
inline constexpr Flag kMigrateFormatFlag{.name = "format",
                                         .value = "FORMAT",
                                         .fallback = "text",
                                         .help = "json: one event a line.",
                                         .choices = "text json"};

inline constexpr Flag kSetFlag{
    .name = "set",
    .value = "NAME=VALUE",
    .help =
        "What stands for ${NAME}, and for psql's :NAME; NAME=env:VARIABLE keeps it unseen. Adds "
        "to migrate.set of pgkeep.toml.",
    .may_repeat = true};

/// The keys of pgkeep.toml under [migrate].
std::span<const base::Key> migrate_keys();

/// --dir, pgkeep.toml, ./migrations.
base::Result<std::filesystem::path> migrations_path(const Arguments& arguments);
/// --set, else those of pgkeep.toml.
base::Result<migrate::Values> values_of(const Arguments& arguments);
base::Result<migrate::Folder> open_folder(const Arguments& arguments);
/// TARGET, or nothing for the environment.
std::string target_of(const Arguments& arguments);
bool wants_json(const Arguments& arguments);

/// Prints events as they come: lines to stderr (a bar on a terminal), or JSON lines to stdout.
migrate::Observer event_printer(const Arguments& arguments, Io& io);

/// Why nothing was run, on stdout.
void print_problems(const std::vector<migrate::Problem>& problems, const Arguments& arguments,
                    Io& io);

/// "pgkeep 0.1.0".
std::string tool_name();

} // namespace pgkeep::cli
