// lint: SQL text in, a Report out.
#include "lint/lint.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <span>

#include <fmt/format.h>

#include "audit/audit.h"
#include "base/files.h"
#include "base/large_pages.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/migrating.h"
#include "cli/target.h"
#include "migrate/compose.h"
#include "postgres/conn.h"
#include "postgres/query_check.h"
#include "postgres/server_grammar.h"

namespace pgkeep::cli {
namespace {

namespace fs = std::filesystem;

constexpr Flag kFlags[] = {
    {.name = "database",
     .value = "TARGET",
     .help = "Judge with the sizes, types and indexes of this database."},
    {.name = "pg-version",
     .value = "MAJOR",
     .fallback = "15",
     .help = "The server's major version, where no database is given."},
    kFormatFlag,
    kVerboseFlag,
    kBaselineFlag,
    kWriteBaselineFlag,
    kFailOnFlag,
    {.name = "only",
     .value = "RULES",
     .help = "Only these rules, separated by commas; the way to ask for those of taste.",
     .may_repeat = true},
    {.name = "skip", .value = "RULES", .help = "Leave these rules out.", .may_repeat = true},
    kSetFlag,
    kConfigFlag,
    {.name = "list", .help = "List every rule."},
    {.name = "explain", .value = "RULE", .help = "Show one rule: why, how to fix, source."},
};

constexpr base::Bytes kFileMax{64 * base::kMiB};

/// The files that are asked for.
struct Asked {
  std::vector<lint::ListedFile> files = {};
  std::map<std::size_t, std::string> texts = {}; ///< Of pipes, by file: they can be read once.
};

void add_text(std::string path, std::string text, Asked& asked) {
  const std::size_t number = asked.files.size();
  asked.files.push_back({.path = std::move(path), .bytes = text.size()});
  asked.texts.emplace(number, std::move(text));
}

/// The *.sql files of a folder, by name: the order in which tools run them.
base::Result<> add_folder(const fs::path& folder, std::vector<lint::ListedFile>& files) {
  const std::size_t first = files.size();
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == ".sql" && at->is_regular_file(error))
      files.push_back({.path = at->path().string(), .bytes = at->file_size(error)});
  }
  if (error)
    return base::Error{.code = base::Code::io,
                       .what = fmt::format("cannot be read: {}", error.message()),
                       .where = folder.string()};
  std::ranges::sort(std::span(files).subspan(first), {}, &lint::ListedFile::path);
  return {};
}

base::Result<Asked> list_files(const Arguments& arguments) {
  Asked asked;
  for (const std::string& word : arguments.words()) {
    std::error_code error;
    if (word == "-") {
      PGKEEP_TRY(std::string text, base::read_file("/dev/stdin", kFileMax));
      add_text("<stdin>", std::move(text), asked);
    } else if (fs::is_directory(word, error)) {
      PGKEEP_CHECK(add_folder(word, asked.files));
    } else if (fs::is_regular_file(word, error)) {
      asked.files.push_back({.path = word, .bytes = fs::file_size(word, error)});
    } else { // A pipe, or nothing: reading says so.
      PGKEEP_TRY(std::string text, base::read_file(word, kFileMax));
      add_text(word, std::move(text), asked);
    }
  }
  return asked;
}

/// As `pgkeep migrate` would run it. What it would refuse is not asked here: a script that psql
/// runs may say what it likes.
base::Result<lint::File> read_file(const Asked& asked, std::size_t number,
                                   const migrate::Values& values) {
  const std::string& path = asked.files[number].path;
  const auto known = asked.texts.find(number);
  auto text = known == asked.texts.end() ? base::read_file(path, kFileMax)
                                         : base::Result<std::string>(known->second);
  if (!text) return std::move(text.error());
  migrate::Composed composed =
      migrate::compose(path, *std::move(text), fs::path(path).parent_path(), values);
  return lint::File{
      .path = path, .text = std::move(composed.text), .origins = std::move(composed.origins)};
}

/// Asks about named queries on a connection of its own, with the role's own search_path; it is
/// opened for the first of them.
class QueryServer {
public:
  explicit QueryServer(std::string target) : target_(std::move(target)) {}

  postgres::QueryCheck check(const std::string& sql) {
    auto checked = failure_ ? base::Result<postgres::QueryCheck>(*failure_) : ask(sql);
    if (checked) return *std::move(checked);
    failure_ = checked.error();
    return {.unasked = failure_->what};
  }
  /// Why nothing more could be asked: no report is complete then.
  [[nodiscard]] const std::optional<base::Error>& failure() const { return failure_; }

private:
  base::Result<postgres::QueryCheck> ask(const std::string& sql) {
    if (!server_) {
      PGKEEP_TRY(server_, postgres::Connection::open(target_, {.application_name = "pgkeep/lint",
                                                               .own_search_path = false}));
    }
    return postgres::check_query(*server_, sql);
  }

  std::string target_;
  std::optional<postgres::Connection> server_;
  std::optional<base::Error> failure_;
};

base::Result<Exit> run_lint(const Arguments& arguments, Io& io) {
  const std::vector<const findings::Rule*> rules = lint::all_rules(audit::all_rules());
  if (arguments.has("list")) return list_rules(rules, "pgkeep lint", arguments, io);
  if (const auto id = arguments.get("explain"))
    return explain_one(rules, *id, "pgkeep lint", arguments, io);
  if (arguments.words().empty())
    return base::Error{.code = base::Code::usage,
                       .what = "no file was given",
                       .expected = "FILE, DIR or - for standard input"};
  PGKEEP_TRY(const base::Config config, load_config(arguments));
  lint::Options options{.limits = findings::limits_from(config),
                        .only = arguments.list("only"),
                        .skip = arguments.list("skip"),
                        .mandatory_columns = lint::mandatory_columns_in(config),
                        .writes_json = is_json_all(config, arguments),
                        .shared = audit::all_rules()};
  PGKEEP_TRY(options.server_major, major_of(*arguments.get("pg-version")));
  PGKEEP_TRY(const Asked asked, list_files(arguments));
  PGKEEP_TRY(const migrate::Values values, values_of(arguments));
  catalog::Snapshot database;
  std::optional<postgres::Connection> server;
  std::optional<QueryServer> queries;
  if (const auto target = arguments.get("database")) {
    PGKEEP_TRY(
        database,
        take_snapshot({.target = *target, .command = "lint", .is_of_schema_alone = true}, io));
    options.database = &database;
    PGKEEP_TRY(server, postgres::Connection::open(*target, {.application_name = "pgkeep/lint"}));
    options.server_parses = [&](std::string_view sql) {
      return postgres::server_parses(*server, sql);
    };
    queries.emplace(*target);
    options.prepare = [&](const std::string& sql) { return queries->check(sql); };
  }
  base::keep_freed_memory(); // What the trees of a file took, those of the next will take.
  PGKEEP_TRY(findings::Report judged,
             lint::lint(
                 asked.files, [&](std::size_t number) { return read_file(asked, number, values); },
                 options));
  // A hundred thousand findings take longer to free than the process, which ends next, should wait.
  static auto* const kept = new findings::Report();
  findings::Report& report = *kept;
  report = std::move(judged);
  if (queries && queries->failure()) return *queries->failure();
  PGKEEP_CHECK(set_aside(report, config, arguments));
  return finish(report, arguments, io);
}

} // namespace

const Command lint_command{
    .name = "lint",
    .summary = "Judge SQL files: migrations that lock, schemas and queries that go wrong",
    .details = "Reads migrations of pgkeep, Flyway, dbmate, goose, golang-migrate, sqitch, Prisma, "
               "node-pg-migrate and plain SQL, and files of named queries (`-- name: "
               "fetch_orders`), which --database prepares. Nothing is run. Set a rule aside "
               "for one statement with `-- pgkeep:ignore RULE: reason`.",
    .words = "FILE|DIR|- ...",
    .words_help = "Files are judged in the given order, those of a folder by name: what one "
                  "creates, the next knows.",
    .words_max = 10'000,
    .example =
        "pgkeep lint migrations\n"
        "pgkeep lint --database postgresql://readonly@db.example.org/shop migrations/V042__x.sql\n"
        "git diff --name-only main -- '*.sql' | xargs pgkeep lint --format github",
    .flags = kFlags,
    .run = run_lint};

} // namespace pgkeep::cli
