// migrate rewrite: an unsafe migration in, its safe form out, for review. Nothing is run.
#include "migrate/rewrite.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/target.h"

namespace pgkeep::cli {
namespace {

namespace fs = std::filesystem;

constexpr Flag kFlags[] = {
    {.name = "database",
     .value = "TARGET",
     .help =
         "Know the tables of this database: their keys, indexes, constraints, types and sizes."},
    {.name = "pg-version",
     .value = "MAJOR",
     .fallback = "15",
     .help = "The server's major version, where no database is given."},
    {.name = "out", .value = "DIR", .help = "Write the files there; nothing is overwritten."},
    {.name = "in-place", .help = "Write over FILE, and put the new files beside it."},
};

constexpr base::Bytes kFileMax{64 * base::kMiB};

/// Files that are there already are somebody's: none is overwritten, but FILE itself where asked.
base::Result<> write_files(const std::vector<migrate::RewrittenFile>& files,
                           const std::string& overwritten) {
  for (const migrate::RewrittenFile& file : files) {
    std::error_code error;
    if (file.path == overwritten || !fs::exists(file.path, error)) continue;
    return base::Error{.code = base::Code::io,
                       .what = "is there already",
                       .where = file.path,
                       .hint = "Move it away, or write to another folder with --out."};
  }
  std::string left;
  for (const migrate::RewrittenFile& file : files) {
    if (auto written = base::write_file_durably(file.path, file.text); !written)
      return base::with_left(written.error(), left);
    left += (left.empty() ? "written: " : ", ") + file.path;
  }
  return {};
}

void print_files(const migrate::Rewrite& result, Io& io) {
  const bool is_alone = result.files.size() == 1;
  for (const migrate::RewrittenFile& file : result.files) {
    if (!is_alone) io.out(fmt::format("-- File: {}\n", base::printable(file.path)));
    io.out(file.text);
    if (!file.text.ends_with('\n')) io.out("\n");
    if (!is_alone && &file != &result.files.back()) io.out("\n");
  }
}

void print_notes(const migrate::Rewrite& result, const std::string& path, Io& io) {
  for (const migrate::RewriteNote& note : result.notes)
    io.err(fmt::format("{}:{}: {}: {}\n", base::printable(path), note.line,
                       note.is_left_alone ? "left alone" : "rewritten",
                       base::printable(note.message)));
  if (!result.changed) io.err("nothing was rewritten\n");
}

base::Result<Exit> run_rewrite(const Arguments& arguments, Io& io) {
  const std::string& path = arguments.words().front();
  const auto out = arguments.get("out");
  const bool is_in_place = arguments.has("in-place");
  if (out && is_in_place)
    return base::Error{.code = base::Code::usage,
                       .what = "--out and --in-place exclude each other",
                       .expected = "one of them"};
  if (is_in_place && path == "-")
    return base::Error{.code = base::Code::usage,
                       .what = "--in-place needs a file",
                       .expected = "FILE, not standard input"};
  migrate::RewriteInput input{.path = path == "-" ? "stdin.sql" : path, .text = ""};
  PGKEEP_TRY(input.server_major, major_of(*arguments.get("pg-version")));
  PGKEEP_TRY(input.text, base::read_file(path == "-" ? "/dev/stdin" : path, kFileMax));
  catalog::Snapshot database;
  if (const auto target = arguments.get("database")) {
    // Rights, comments and targets of statistics go with a column, too.
    PGKEEP_TRY(database, take_snapshot({.target = *target,
                                        .command = "migrate",
                                        .is_for_comparison = true,
                                        .is_of_schema_alone = true},
                                       io));
    input.database = &database;
  }
  PGKEEP_TRY(migrate::Rewrite result, migrate::rewrite(input));
  print_notes(result, input.path, io);
  if (out) {
    PGKEEP_CHECK(base::make_directory(*out));
    for (migrate::RewrittenFile& file : result.files)
      file.path = (fs::path(*out) / fs::path(file.path).filename()).string();
    PGKEEP_CHECK(write_files(result.files, ""));
  } else if (!is_in_place) {
    print_files(result, io);
  } else if (result.changed) {
    PGKEEP_CHECK(write_files(result.files, path));
  }
  return Exit::done;
}

} // namespace

const Command migrate_rewrite_command{
    .name = "migrate rewrite",
    .summary = "Write the safe form of a migration that would lock, for review",
    .details =
        "Indexes are built concurrently, constraints added NOT VALID and validated, NOT NULL is "
        "proved first, rows are filled in batches, changed types and renamed columns become a "
        "second column that a trigger keeps equal; what takes away the old one comes in a later "
        "file. What is safe stays byte for byte. Nothing is run. Notes go to standard error.",
    .words = "FILE",
    .words_help = "A migration, or - for standard input.",
    .words_max = 1,
    .words_min = 1,
    .example = "pgkeep migrate rewrite migrations/V042__x.sql\n"
               "pgkeep migrate rewrite --database postgresql://readonly@db.example.org/shop "
               "--in-place migrations/V042__x.sql",
    .flags = kFlags,
    .run = run_rewrite};

} // namespace pgkeep::cli
