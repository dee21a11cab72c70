// migrate new: two files, the way up and the way down. With --schema they are written from what
// differs; else they are empty.
#include <filesystem>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/migrating.h"
#include "migrate/declare.h"

namespace pgkeep::cli {
namespace {

namespace fs = std::filesystem;

constexpr Flag kFlags[] = {
    kDirFlag,
    kSetFlag,
    {.name = "schema",
     .value = "FILE|URL",
     .help = "Write what leads from the folder's files to this schema: a .sql file, a folder of "
             "them, or a database."},
    {.name = "rename",
     .value = "OLD=NEW",
     .help = "With --schema: this table, column or other object got a new name.",
     .may_repeat = true},
    {.name = "no-renames",
     .help = "With --schema: guess no new names; what is gone is dropped, what is new is made."},
    {.name = "pg-bin",
     .value = "DIR",
     .help = "With --schema: folder of initdb and postgres; else pg_config's and "
             "/usr/lib/postgresql."},
    {.name = "timestamp", .help = "Number it by the time, not by counting."},
    {.name = "repeatable",
     .help = "R__NAME.sql: for views and functions, run whenever it changes."},
    kConfigFlag};

/// "Add e-mail" -> add_e_mail.
std::string file_words(std::string_view text) {
  std::string out;
  for (const char c : base::to_lower(text)) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (is_word) out += c;
    if (!is_word && !out.empty() && !out.ends_with('_')) out += '_';
  }
  while (out.ends_with('_'))
    out.pop_back();
  return out;
}

std::string digits_of_now() {
  std::string digits;
  for (const char c : base::to_iso(base::SystemClock().now())) {
    if (c >= '0' && c <= '9') digits += c;
  }
  return digits.substr(0, 14);
}

/// As the folder counts: the next number, or a time where the newest one is a time.
std::string next_version(const migrate::Folder& folder, bool wants_timestamp) {
  const migrate::Version* newest = nullptr;
  for (const migrate::Migration& each : folder.migrations) {
    if (each.kind == migrate::Kind::versioned) newest = &each.version;
  }
  if (wants_timestamp || (newest != nullptr && newest->is_timestamp())) {
    const std::string now = digits_of_now();
    return newest != nullptr && !(*newest < *migrate::Version::parse(now)) ? newest->next() : now;
  }
  return newest == nullptr ? "001" : newest->next();
}

base::Result<> write_new(const fs::path& path, const std::string& text, Io& io) {
  std::error_code error;
  if (fs::exists(path, error))
    return base::Error{
        .code = base::Code::usage, .what = "the file exists already", .where = path.string()};
  PGKEEP_CHECK(base::write_file_durably(path, text));
  io.out(path.string() + "\n");
  return {};
}

struct NewFiles {
  fs::path up;
  fs::path down;
};

void print_declared(const migrate::Declared& declared, Io& io) {
  const auto say = [&](std::string_view what, const std::vector<std::string>& lines) {
    for (const std::string& each : lines)
      io.err(fmt::format("{}: {}\n", what, base::printable(each)));
  };
  say("renamed", declared.renames);
  say("not guessed", declared.questions);
  say("loses", declared.losses);
  say("note", declared.notes);
  say("still different after the way up", declared.remaining);
  say("still different after the way down", declared.not_undone);
  if (declared.is_proved())
    io.err("proved: up makes the wanted schema, and down what was there before\n");
}

base::Result<Exit> write_declared(const Arguments& arguments, const migrate::Folder& folder,
                                  const NewFiles& files, Io& io) {
  migrate::DeclareInput input{.folder = folder,
                              .wanted = *arguments.get("schema"),
                              .up_path = files.up.string(),
                              .down_path = files.down.string(),
                              .guesses_renames = !arguments.has("no-renames"),
                              .renames = arguments.list("rename")};
  if (const auto bin = arguments.get("pg-bin")) input.pg_bin = *bin;
  input.tell = [&io](int done, int total, const std::string& what) {
    io.progress(done, total, what);
  };
  base::catch_interrupts();
  auto declared = migrate::declare(input);
  io.end_progress();
  if (!declared) return std::move(declared).error();
  if (!declared->has_changes) {
    io.err("nothing to do: the files make that schema already\n");
    return Exit::done;
  }
  PGKEEP_CHECK(write_new(files.up, declared->up, io));
  if (auto written = write_new(files.down, declared->down, io); !written)
    return base::with_left(std::move(written).error(), "written: " + files.up.string());
  print_declared(*declared, io);
  return declared->is_proved() ? Exit::done : Exit::findings;
}

base::Result<> check_flags(const Arguments& arguments) {
  const bool has_schema = arguments.has("schema");
  for (const char* const flag : {"rename", "no-renames", "pg-bin"}) {
    if (arguments.has(flag) && !has_schema)
      return base::Error{.code = base::Code::usage,
                         .what = fmt::format("--{} is for --schema alone", flag),
                         .expected = "--schema FILE|URL beside it"};
  }
  if (has_schema && arguments.has("repeatable"))
    return base::Error{.code = base::Code::usage,
                       .what = "--schema and --repeatable exclude each other",
                       .expected = "one of them"};
  return {};
}

base::Result<Exit> run_new(const Arguments& arguments, Io& io) {
  PGKEEP_CHECK(check_flags(arguments));
  PGKEEP_TRY(const fs::path path, migrations_path(arguments));
  const std::string name = file_words(base::join(arguments.words(), " "));
  if (name.empty())
    return base::Error{.code = base::Code::usage,
                       .what = "the name has neither letters nor digits",
                       .expected = "words, such as create_users"};
  PGKEEP_CHECK(base::make_directory(path));
  PGKEEP_TRY(const migrate::Values values, values_of(arguments));
  PGKEEP_TRY(const migrate::Folder folder, migrate::read_folder(path, values));
  if (arguments.has("repeatable")) {
    PGKEEP_CHECK(write_new(path / fmt::format("R__{}.sql", name),
                           "-- Why this is here, for whoever reads it in two years.\n\n", io));
    return Exit::done;
  }
  const std::string stem =
      fmt::format("V{}__{}", next_version(folder, arguments.has("timestamp")), name);
  const NewFiles files{.up = path / (stem + ".sql"), .down = path / (stem + ".down.sql")};
  if (arguments.has("schema")) return write_declared(arguments, folder, files, io);
  PGKEEP_CHECK(
      write_new(files.up, "-- Why this is needed, for whoever reads it in two years.\n\n", io));
  PGKEEP_CHECK(write_new(
      files.down, fmt::format("-- The way back from {}.sql; say what it loses.\n\n", stem), io));
  return Exit::done;
}

} // namespace

const Command migrate_new_command{
    .name = "migrate new",
    .summary = "Begin a migration: the files of its way up and its way down",
    .details = "With --schema the files are written from what differs "
               "between the schema that the folder's files make and the "
               "wanted one; both are made on a throwaway server, and what "
               "was written is proved there, up and down. A column or "
               "table that only got another name is renamed. A database is "
               "only read. Exit 1 where something remains different.",
    .words = "NAME ...",
    .words_help = "What it does, in a few words.",
    .words_max = 20,
    .words_min = 1,
    .example = "pgkeep migrate new create users\n"
               "pgkeep migrate new --schema schema.sql orders\n"
               "pgkeep migrate new --schema "
               "postgresql://readonly@db/shop --rename "
               "orders.note=remark by hand",
    .flags = kFlags,
    .run = run_new};

} // namespace pgkeep::cli
