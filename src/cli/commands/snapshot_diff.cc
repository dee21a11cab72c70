// snapshot diff: what differs between the schemas of two databases, or of one at two times.
#include <fmt/format.h>

#include <filesystem>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "catalog/diff.h"
#include "catalog/snapshot_file.h"
#include "cli/command.h"
#include "cli/target.h"
#include "postgres/conn.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "format",
     .value = "FORMAT",
     .fallback = "text",
     .help = "How to report.",
     .choices = "text json"},
    {.name = "ignore",
     .value = "LIST",
     .help = "What is no difference, separated by commas: owners, grants, comments, settings.",
     .may_repeat = true},
};

base::Result<catalog::DiffOptions> options_of(const Arguments& arguments) {
  catalog::DiffOptions options;
  for (const std::string& word : arguments.list("ignore")) {
    if (word == "owners") {
      options.ignore_owners = true;
    } else if (word == "grants") {
      options.ignore_grants = true;
    } else if (word == "comments") {
      options.ignore_comments = true;
    } else if (word == "settings") {
      options.ignore_settings = true;
    } else {
      return base::Error{.code = base::Code::usage,
                         .what = fmt::format("--ignore cannot be \"{}\"", base::printable(word)),
                         .where = "pgkeep snapshot diff",
                         .expected = "owners, grants, comments, settings",
                         .hint = "See `pgkeep snapshot diff --help`."};
    }
  }
  return options;
}

/// A file where there is one of that name, else a database.
base::Result<catalog::Snapshot> read_side(const std::string& word, Io& io) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(word, ignored)) {
    PGKEEP_TRY(const std::string text, base::read_file(word));
    return catalog::parse_snapshot(text, word);
  }
  // A connection string has one of these in it; a file's name that was mistyped has not.
  if (word.find("://") == std::string::npos && word.find('=') == std::string::npos) {
    return base::Error{.code = base::Code::usage,
                       .what = "no such file, and not a connection string",
                       .where = base::printable(word),
                       .expected = "a file of `pgkeep snapshot save`, a libpq URI or name=value"};
  }
  PGKEEP_TRY(postgres::Connection connection,
             postgres::Connection::open(word, {.application_name = "pgkeep/snapshot"}));
  base::Result<catalog::Snapshot> snapshot = catalog::read_snapshot(
      connection, {.left_out = catalog::kBesideSchema,
                   .on_progress = [&](int done, int total, std::string_view name) {
                     io.progress(done, total, name);
                   }});
  io.end_progress();
  return snapshot;
}

base::Json to_json(const catalog::Diff& diff) {
  base::Json list{base::Json::Array{}};
  for (const catalog::Difference& each : diff.differences) {
    base::Json item{
        {"change", catalog::name_of(each.change)}, {"kind", each.kind}, {"object", each.object}};
    if (each.change == catalog::Change::changed) {
      item.set("property", each.property);
      item.set("before", each.before);
      item.set("after", each.after);
    }
    list.push(std::move(item));
  }
  return base::Json{{"pgkeep", "diff/1"},
                    {"differences", std::move(list)},
                    {"unknown", base::Json::list(diff.unknown)}};
}

base::Result<Exit> run_diff(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const catalog::DiffOptions options, options_of(arguments));
  PGKEEP_TRY(const catalog::Snapshot before, read_side(arguments.words()[0], io));
  PGKEEP_TRY(const catalog::Snapshot after, read_side(arguments.words()[1], io));
  const catalog::Diff diff = catalog::compare(before, after, options);
  if (arguments.get("format") == "json") {
    io.out(to_json(diff).dump(true) + "\n");
  } else {
    for (const catalog::Difference& each : diff.differences)
      io.out(base::printable(to_line(each)) + "\n");
    for (const std::string& each : diff.unknown)
      io.err(fmt::format("not compared: {}\n", base::printable(each)));
    io.err(diff.is_equal() ? "no differences\n"
                           : fmt::format("{} differences\n", diff.differences.size()));
  }
  return diff.is_equal() ? Exit::done : Exit::findings;
}

} // namespace

const Command snapshot_diff_command{
    .name = "snapshot diff",
    .summary = "Show what differs between the schemas of two databases or snapshots",
    .details =
        "Tables, columns, constraints, indexes, views, functions, triggers, policies, types, "
        "sequences, grants, owners, comments and the settings of the database. Neither the "
        "order of columns nor data, sizes and statistics are differences. Exit status 1 "
        "when there are differences, 0 when there are none.",
    .words = "BEFORE AFTER",
    .words_help = "Each is a file of `pgkeep snapshot save`, or a libpq URI or connection string.",
    .words_max = 2,
    .words_min = 2,
    .example = "pgkeep snapshot diff monday.json postgresql://readonly@db/shop\n"
               "pgkeep snapshot diff --ignore owners,grants postgresql:///test postgresql:///live",
    .flags = kFlags,
    .run = run_diff};

} // namespace pgkeep::cli
