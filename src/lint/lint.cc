// Files are read some at a time; while they are judged, the next are parsed. Several judges work on
// the same files, each with some of the rules; what they say is put into order at the end.
#include "lint/lint.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "lint/ignore_marks.h"
#include "lint/linter.h"
#include "lint/said_order.h"

namespace pgkeep::lint {
namespace {

using findings::Report;

/// The first of the files: up to so many bytes, or one. A thread for each file would cost more
/// than a small file does.
std::future<std::vector<Script>> begin_reading(std::span<const File> files) {
  constexpr std::size_t kBytesMax = std::size_t{512} * 1024;
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < files.size() && (count == 0 || bytes < kBytesMax); ++count)
    bytes += files[count].text.size();
  return std::async(std::launch::async, [files = files.first(count)] {
    std::vector<Script> scripts;
    scripts.reserve(files.size());
    for (const File& file : files)
      scripts.push_back(Script::read(file.path, file.text, file.origins));
    return scripts;
  });
}

/// How many judges share the rules. Each keeps for itself what carries over from file to file: more
/// than a few would do little else.
std::size_t judges_for(std::span<const File> files, const Options& options) {
  constexpr std::size_t kJudgesMax = 3;
  constexpr std::size_t kBytesMin =
      std::size_t{64} * 1024; ///< Less is done before a thread starts.
  // Whoever answers these has one connection.
  if (options.server_parses || options.prepare) return 1;
  if (options.judges > 0) return std::min(options.judges, kJudgesMax);
  std::size_t bytes = 0;
  for (const File& file : files)
    bytes += file.text.size();
  if (bytes < kBytesMin) return 1;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kJudgesMax);
}

using Verdicts = std::vector<std::vector<Said>>; ///< Of one judge, by file.

Verdicts judge_all(Linter& linter, std::span<const Script> scripts) {
  Verdicts verdicts;
  verdicts.reserve(scripts.size());
  for (const Script& script : scripts)
    verdicts.push_back(linter.judge(script));
  return verdicts;
}

/// All judges on the same files, at the same time.
std::vector<Verdicts> judge_together(std::vector<Linter>& judges, std::span<const Script> scripts) {
  std::vector<std::future<Verdicts>> others;
  for (std::size_t i = 1; i < judges.size(); ++i)
    others.push_back(std::async(std::launch::async, judge_all, std::ref(judges[i]), scripts));
  std::vector<Verdicts> all;
  all.push_back(judge_all(judges.front(), scripts));
  for (std::future<Verdicts>& other : others)
    all.push_back(other.get());
  return all;
}

int named_queries_in(const Script& script) {
  return static_cast<int>(std::ranges::count_if(
      script.sections(), [](const Section& section) { return !section.query.empty(); }));
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
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const File& file : files)
    paths.push_back(file.path);
  std::vector<Linter> judges;
  const std::size_t count = judges_for(files, options);
  judges.reserve(count);
  for (std::size_t number = 0; number < count; ++number)
    judges.emplace_back(options, paths, chosen, Linter::Part{.number = number, .count = count});
  IgnoreMarks marks;
  SaidOrder order(chosen);
  int named_queries = 0;
  // Some files are parsed while those before are judged; no more than twice as many are held.
  std::future<std::vector<Script>> reading = begin_reading(files);
  while (!files.empty()) {
    const std::vector<Script> scripts = reading.get();
    files = files.subspan(scripts.size());
    reading = begin_reading(files);
    std::vector<Verdicts> verdicts = judge_together(judges, scripts);
    for (std::size_t i = 0; i < scripts.size(); ++i) {
      marks.add(scripts[i]);
      named_queries += named_queries_in(scripts[i]);
      for (Verdicts& each : verdicts)
        order.add(scripts[i].path(), std::move(each[i]));
    }
  }
  Report report;
  report.target = base::Json{{"files", static_cast<std::int64_t>(paths.size())}};
  report.title = fmt::format("{} {}", paths.size(), paths.size() == 1 ? "file" : "files");
  add_notes(report, options, named_queries);
  for (const Linter& judge : judges) {
    for (std::size_t rule = 0; rule < chosen.size(); ++rule)
      order.add_skipped(rule, judge.skipped(rule));
  }
  order.fill(report, marks);
  return report;
}

} // namespace pgkeep::lint
