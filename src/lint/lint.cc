// Threads take turns: to read a file and ask of it at once the rules that judge a statement by
// itself, or to be the judge who goes through all files in their order, for the rules that must
// know what was before. What all say is put into order at the end.
#include "lint/lint.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/cores.h"
#include "base/large_pages.h"
#include "lint/ignore_marks.h"
#include "lint/linter.h"
#include "lint/said_order.h"
#include "lint/turns.h"

namespace pgkeep::lint {
namespace {

using findings::Report;

/// What little text there is, one thread reads and judges before another has begun.
bool is_little(std::span<const ListedFile> files) {
  constexpr std::uint64_t kBytesMin = std::uint64_t{64} * 1024;
  std::uint64_t bytes = 0;
  for (const ListedFile& file : files)
    bytes += file.bytes;
  return bytes < kBytesMin;
}

/// Much of all text stands in one file: threads cannot share it but by its rules.
bool has_large_file(std::span<const ListedFile> files, std::size_t threads) {
  std::uint64_t bytes = 0;
  std::uint64_t largest = 0;
  for (const ListedFile& file : files) {
    bytes += file.bytes;
    largest = std::max(largest, file.bytes);
  }
  return largest > bytes / (2 * threads);
}

/// How many threads read and judge.
std::size_t threads_for(std::span<const ListedFile> files, const Options& options) {
  constexpr std::size_t kThreadsMax = 6;
  // Whoever answers these has one connection.
  if (options.server_parses || options.prepare) return 1;
  if (options.judges > 0) return options.judges;
  if (is_little(files)) return 1;
  return std::min(static_cast<std::size_t>(base::allowed_cores()), kThreadsMax);
}

/// How many judges share the rules that must know what was before. Each keeps that for itself: more
/// than a few would do little else. Two threads need no second one where there are many files: it
/// is not even half of the work.
std::size_t judges_for(std::span<const ListedFile> files, const Options& options,
                       std::size_t threads) {
  constexpr std::size_t kJudgesMax = 3;
  if (options.judges > 0 || has_large_file(files, threads)) return std::min(threads, kJudgesMax);
  return std::clamp<std::size_t>(threads - 1, 1, kJudgesMax);
}

FilePaths paths_of(std::span<const ListedFile> files) {
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const ListedFile& file : files)
    paths.push_back(file.path);
  return FilePaths(std::move(paths));
}

int named_queries_in(const Script& script) {
  return static_cast<int>(std::ranges::count_if(
      script.sections(), [](const Section& section) { return !section.query.empty(); }));
}

/// What threads make of the files between them.
class Round {
public:
  Round(std::span<const ListedFile> files, const ReadFile& read, const LoneLinter& lone,
        std::span<Linter> judges)
      : files_(files), read_(read), lone_(lone), judges_(judges), failures_(files.size()),
        scripts_(files.size()),
        verdicts_(files.size(), std::vector<SaidOfFile>(judges.size() + 1)) {}

  /// One thread for each record; of a single one this. Errors: that of the first file that cannot
  /// be read.
  base::Result<> work(std::span<TextRecord> records) {
    Turns turns(files_, judges_.size(), records.size());
    if (records.size() == 1) {
      take(turns, records.front());
    } else {
      std::vector<std::jthread> threads;
      for (TextRecord& record : records)
        threads.emplace_back([this, &turns, &record] {
          base::allocate_in_large_pages();
          take(turns, record);
        });
    } // All have ended.
    for (std::optional<base::Error>& failure : failures_) {
      if (failure) return *std::move(failure);
    }
    return {};
  }

  // Once all is done.
  /// Of each judge.
  std::vector<SaidOfFile>& verdicts(std::size_t file) { return verdicts_[file]; }
  IgnoreMarks& marks() { return marks_; }
  [[nodiscard]] int named_queries() const { return named_queries_; }

private:
  void take(Turns& turns, TextRecord& record) {
    // What it has read goes in the thread that read it, where freeing it waits for no other
    // thread's malloc.
    std::deque<std::pair<std::size_t, std::unique_ptr<const Script>>> own;
    std::optional<Turns::Turn> turn;
    while ((turn = turns.next(turn))) {
      if (turn->judge) {
        judge(turn->file, *turn->judge, record);
        continue;
      }
      while (!own.empty() && own.front().first < turn->judged)
        own.pop_front();
      own.emplace_back(turn->file, script_of(turn->file));
      scripts_[turn->file] = own.back().second.get();
      verdicts_[turn->file].back() = lone_.judge(*own.back().second, record);
    }
  }
  /// Empty where a file cannot be read: nothing is said then.
  std::unique_ptr<const Script> script_of(std::size_t number) {
    auto file = has_failed_ ? base::Result<File>(File{}) : read_(number);
    if (!file) {
      failures_[number] = std::move(file.error());
      has_failed_ = true;
      file = File{};
    }
    return std::make_unique<const Script>(
        Script::read(std::move(file->path), std::move(file->text), std::move(file->origins)));
  }
  void judge(std::size_t file, std::size_t judge, TextRecord& record) {
    const Script& script = *scripts_[file];
    verdicts_[file][judge] = judges_[judge].judge(script, record);
    if (judge > 0) return;
    marks_.add(script);
    named_queries_ += named_queries_in(script);
  }

  std::span<const ListedFile> files_;
  const ReadFile& read_;
  const LoneLinter& lone_;
  std::span<Linter> judges_;
  std::atomic<bool> has_failed_ = false;
  std::vector<std::optional<base::Error>> failures_; ///< By file.
  std::vector<const Script*> scripts_;               ///< By file: while it is judged.
  std::vector<std::vector<SaidOfFile>>
      verdicts_;      ///< Of each file by each judge, the lone one last.
  IgnoreMarks marks_; ///< The first judge's.
  int named_queries_ = 0;
};

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

std::vector<Linter> judges_of(const Options& options, const FilePaths& paths,
                              std::span<const Chosen> chosen, std::size_t count) {
  std::vector<Linter> judges;
  judges.reserve(count);
  for (std::size_t number = 0; number < count; ++number)
    judges.emplace_back(options, paths, chosen, Linter::Part{.number = number, .count = count});
  return judges;
}

std::vector<TextRecord> records_for(const Options& options, std::span<const Chosen> chosen,
                                    std::size_t threads) {
  std::vector<const findings::Rule*> cards;
  for (const Chosen& each : chosen)
    cards.push_back(each.card);
  std::vector<TextRecord> records;
  records.reserve(threads);
  for (std::size_t thread = 0; thread < threads; ++thread)
    records.emplace_back(cards, options.writes_json);
  return records;
}

} // namespace

base::Result<Report> lint(std::span<const File> files, const Options& options) {
  std::vector<ListedFile> list;
  list.reserve(files.size());
  for (const File& file : files)
    list.push_back({.path = file.path, .bytes = file.text.size()});
  return lint(list, [&](std::size_t number) { return base::Result<File>(files[number]); }, options);
}

base::Result<Report> lint(std::span<const ListedFile> files, const ReadFile& read,
                          const Options& options) {
  PGKEEP_TRY(const std::vector<Chosen> chosen, chosen_rules(options));
  PGKEEP_ASSERT(chosen.size() <= RuleSet::kRulesMax);
  const FilePaths paths = paths_of(files);
  const std::size_t threads = threads_for(files, options);
  const LoneLinter lone(options, paths, chosen);
  std::vector<Linter> judges =
      judges_of(options, paths, chosen, judges_for(files, options, threads));
  std::vector<TextRecord> records = records_for(options, chosen, threads);
  Round round(files, read, lone, judges);
  PGKEEP_CHECK(round.work(records));

  SaidOrder order(chosen);
  for (std::size_t file = 0; file < files.size(); ++file) {
    for (SaidOfFile& said : round.verdicts(file))
      order.add(files[file].path, std::move(said));
  }
  for (const TextRecord& record : records) {
    for (std::size_t rule = 0; rule < chosen.size(); ++rule)
      order.add_skipped(rule, record.skipped(rule));
  }
  Report report;
  report.target = base::Json{{"files", static_cast<std::int64_t>(files.size())}};
  report.title = fmt::format("{} {}", files.size(), files.size() == 1 ? "file" : "files");
  add_notes(report, options, round.named_queries());
  order.fill(report, round.marks(), options.writes_json ? &*records.front().writer() : nullptr);
  for (TextRecord& record : records) {
    if (options.writes_json) report.written.writers.push_back(*std::move(record.writer()));
  }
  return report;
}

} // namespace pgkeep::lint
