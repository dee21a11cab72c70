// migrate new: two files, the way up and the way down.
#include <filesystem>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/migrating.h"

namespace pgkeep::cli {
namespace {

namespace fs = std::filesystem;

constexpr Flag kFlags[] = {
    kDirFlag,
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

base::Result<Exit> run_new(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const fs::path path, migrations_path(arguments));
  const std::string name = file_words(base::join(arguments.words(), " "));
  if (name.empty())
    return base::Error{.code = base::Code::usage,
                       .what = "the name has neither letters nor digits",
                       .expected = "words, such as create_users"};
  PGKEEP_CHECK(base::make_directory(path));
  PGKEEP_TRY(const migrate::Folder folder, migrate::read_folder(path));
  if (arguments.has("repeatable")) {
    PGKEEP_CHECK(write_new(path / fmt::format("R__{}.sql", name),
                           "-- Why this is here, for whoever reads it in two years.\n\n", io));
    return Exit::done;
  }
  const std::string stem =
      fmt::format("V{}__{}", next_version(folder, arguments.has("timestamp")), name);
  PGKEEP_CHECK(write_new(path / (stem + ".sql"),
                         "-- Why this is needed, for whoever reads it in two years.\n\n", io));
  PGKEEP_CHECK(write_new(path / (stem + ".down.sql"),
                         fmt::format("-- The way back from {}.sql; say what it loses.\n\n", stem),
                         io));
  return Exit::done;
}

} // namespace

const Command migrate_new_command{.name = "migrate new",
                                  .summary =
                                      "Begin a migration: the files of its way up and its way down",
                                  .words = "NAME ...",
                                  .words_help = "What it does, in a few words.",
                                  .words_max = 20,
                                  .words_min = 1,
                                  .example = "pgkeep migrate new create users",
                                  .flags = kFlags,
                                  .run = run_new};

} // namespace pgkeep::cli
