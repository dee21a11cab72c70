// snapshot save: the picture of a database as a file, to be judged elsewhere.
#include <fmt/format.h>

#include "base/files.h"
#include "catalog/snapshot_file.h"
#include "cli/command.h"
#include "cli/target.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "output",
     .value = "FILE",
     .help = "Write here instead of standard output; 0600.",
     .letter = 'o'},
    {.name = "code",
     .value = "DIR",
     .help = "Also read this folder of source code: migrations, secrets."},
};

base::Result<Exit> run_save(const Arguments& arguments, Io& io) {
  const std::string target = arguments.words().empty() ? "" : arguments.words().front();
  PGKEEP_TRY(const catalog::Snapshot snapshot, take_snapshot({.target = target,
                                                              .command = "snapshot",
                                                              .code = arguments.get("code"),
                                                              .is_for_comparison = true},
                                                             io));
  const std::string text = catalog::write_snapshot(snapshot);
  const auto file = arguments.get("output");
  if (!file) {
    io.out(text);
    return Exit::done;
  }
  PGKEEP_CHECK(base::write_file_durably(*file, text, {.mode = 0600}));
  io.err(fmt::format("{} relations, {} columns, {} indexes, {} sections absent: {}\n",
                     snapshot.relations.size(), snapshot.columns.size(), snapshot.indexes.size(),
                     snapshot.absent.size(), *file));
  return Exit::done;
}

} // namespace

const Command snapshot_save_command{
    .name = "snapshot save",
    .summary = "Save one consistent picture of a database as JSON",
    .details = "Catalog, sizes, statistics, settings, roles, activity and replication, read in one "
               "read-only transaction. It holds no "
               "secret and no row of a table. `pgkeep audit --snapshot FILE` judges it offline.",
    .words = "[TARGET]",
    .words_help = "TARGET is a libpq URI or connection string; left out, the PG* variables apply.",
    .words_max = 1,
    .example = "pgkeep snapshot save -o monday.json postgresql://readonly@db/shop",
    .flags = kFlags,
    .run = run_save};

} // namespace pgkeep::cli
