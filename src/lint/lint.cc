// Several judges work on the same files, each with some of the rules, and read the files between
// them (ScriptQueue); what they say is put into order at the end.
#include "lint/lint.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "lint/ignore_marks.h"
#include "lint/linter.h"
#include "lint/said_order.h"
#include "lint/script_queue.h"

namespace pgkeep::lint {
namespace {

using findings::Report;

/// What little text there is, one thread reads and judges before another has begun.
bool is_little(std::span<const File> files) {
  constexpr std::size_t kBytesMin = std::size_t{64} * 1024;
  std::size_t bytes = 0;
  for (const File& file : files)
    bytes += file.text.size();
  return bytes < kBytesMin;
}

/// How many judges share the rules. Each keeps for itself what carries over from file to file: more
/// than a few would do little else.
std::size_t judges_for(std::span<const File> files, const Options& options) {
  constexpr std::size_t kJudgesMax = 3;
  // Whoever answers these has one connection.
  if (options.server_parses || options.prepare) return 1;
  if (options.judges > 0) return std::min(options.judges, kJudgesMax);
  if (is_little(files)) return 1;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kJudgesMax);
}

/// Threads that do nothing but read, on cores that no judge has: reading is a third of the work.
std::size_t readers_beside(std::size_t judges, std::span<const File> files) {
  constexpr std::size_t kReadersMax = 3;
  const std::size_t cores = std::thread::hardware_concurrency();
  return cores <= judges || is_little(files) ? 0 : std::min(cores - judges, kReadersMax);
}

FilePaths paths_of(std::span<const File> files) {
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const File& file : files)
    paths.push_back(file.path);
  return FilePaths(std::move(paths));
}

int named_queries_in(const Script& script) {
  return static_cast<int>(std::ranges::count_if(
      script.sections(), [](const Section& section) { return !section.query.empty(); }));
}

/// What came out of all files.
struct Round {
  std::vector<std::vector<SaidOfFile>> verdicts; ///< Of each judge, by file.
  IgnoreMarks marks = {};
  int named_queries = 0;
};

/// All judges at the same time, the first of them in this thread.
Round judge_together(std::span<Linter> judges, std::span<const File> files) {
  Round round{.verdicts = std::vector<std::vector<SaidOfFile>>(judges.size())};
  ScriptQueue scripts(files, judges.size());
  const auto work = [&](std::size_t judge) {
    std::vector<SaidOfFile>& verdicts = round.verdicts[judge];
    verdicts.reserve(files.size());
    for (std::size_t file = 0; file < files.size(); ++file) {
      const Script& script = scripts.wait_for(file);
      verdicts.push_back(judges[judge].judge(script));
      if (judge == 0) {
        round.marks.add(script);
        round.named_queries += named_queries_in(script);
      }
      scripts.done_with(file);
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t judge = 1; judge < judges.size(); ++judge)
    others.emplace_back(work, judge);
  const std::size_t readers = readers_beside(judges.size(), files);
  for (std::size_t reader = 0; reader < readers; ++reader)
    others.emplace_back([&] { scripts.read_all(); });
  work(0);
  others.clear(); // All have ended.
  return round;
}

void add_notes(Report& report, const Options& options, int named_queries) {
  if (options.database == nullptr)
    report.notes.push_back(
        fmt::format("no database was given: PostgreSQL {} is assumed, and every table "
                    "that these files do not create counts as large and in use",
                    options.server_major));
  if (named_queries > 0 && !options.prepare)
    report.notes.push_back(fmt::format("{} named {} not prepared: give a server with --database",
                                       named_queries,
                                       named_queries == 1 ? "query was" : "queries were"));
}

} // namespace

base::Result<Report> lint(std::span<const File> files, const Options& options) {
  PGKEEP_TRY(const std::vector<Chosen> chosen, chosen_rules(options));
  const FilePaths paths = paths_of(files);
  std::vector<Linter> judges;
  const std::size_t count = judges_for(files, options);
  judges.reserve(count);
  for (std::size_t number = 0; number < count; ++number)
    judges.emplace_back(options, paths, chosen, Linter::Part{.number = number, .count = count});
  Round round = judge_together(judges, files);
  SaidOrder order(chosen);
  for (std::size_t file = 0; file < files.size(); ++file) {
    for (std::vector<SaidOfFile>& verdicts : round.verdicts)
      order.add(files[file].path, std::move(verdicts[file]));
  }
  Report report;
  report.target = base::Json{{"files", static_cast<std::int64_t>(files.size())}};
  report.title = fmt::format("{} {}", files.size(), files.size() == 1 ? "file" : "files");
  add_notes(report, options, round.named_queries);
  for (Linter& judge : judges) {
    for (std::size_t rule = 0; rule < chosen.size(); ++rule)
      order.add_skipped(rule, judge.skipped(rule));
  }
  order.fill(report, round.marks, options.writes_json ? &*judges.front().writer() : nullptr);
  for (Linter& judge : judges) {
    if (options.writes_json) report.written.writers.push_back(*std::move(judge.writer()));
  }
  return report;
}

} // namespace pgkeep::lint
