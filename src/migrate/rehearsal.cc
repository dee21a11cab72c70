#include "migrate/rehearsal.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "catalog/snapshot.h"
#include "migrate/check.h"
#include "migrate/live_plans.h"
#include "migrate/rehearsal_rows.h"
#include "migrate/runner.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

/// More would be an endless run of CREATE ROLE.
constexpr std::size_t kDetailsMax = 20;

/// A database at one moment.
struct Picture {
  catalog::Snapshot schema;
  RowSums rows;
};

/// Of the schemas, a line each.
std::vector<std::string> differences(const Picture& before, const Picture& after) {
  std::vector<std::string> lines;
  for (const catalog::Difference& each :
       catalog::compare(before.schema, after.schema, {}).differences)
    lines.push_back(base::printable(to_line(each)));
  return lines;
}

/// What a migration can be blamed for; a shadow table refuses what it cannot do.
bool is_of_migration(const base::Error& error) {
  constexpr base::Code codes[] = {base::Code::sql,     base::Code::config,
                                  base::Code::timeout, base::Code::unsupported,
                                  base::Code::refused, base::Code::corrupt};
  return std::ranges::find(codes, error.code) != std::end(codes);
}

class Rehearser {
public:
  Rehearser(sandbox::Sandbox& server, std::string database, const RehearsalOptions& options)
      : server_(server), database_(std::move(database)), options_(options) {
    for (const Migration* const each : options.todo)
      (each->kind == Kind::versioned ? versioned_ : repeatable_).push_back(each);
    if (options.plans != nullptr) plans_.emplace(server, *options.plans);
    total_ = static_cast<int>(3 * versioned_.size() + 2 * repeatable_.size());
  }

  base::Result<Rehearsal> run() {
    PGKEEP_CHECK(all_up());
    if (result_.problems.empty()) PGKEEP_CHECK(all_repeatable());
    PGKEEP_TRY(const bool is_whole, all_down());
    if (is_whole) PGKEEP_CHECK(all_up_again());
    return std::move(result_);
  }

private:
  base::Result<> all_up();
  base::Result<> all_repeatable();
  base::Result<> repeatable_in(const std::string& copy);
  base::Result<bool> after_all(const std::string& copy);
  base::Result<bool> all_down();
  base::Result<> all_up_again();

  base::Result<Picture> look(const std::string& database) const;
  base::Result<std::vector<TracedStep>>
  run_source(const std::string& database, const Source& source, const Picture& before) const;
  /// False: one of them failed, and the problem says so.
  base::Result<bool> run_hooks(const std::string& database, Moment moment);
  base::Result<bool> ask_check(const std::string& database, const Migration& migration);
  /// The way up with what runs around it. Nothing: it failed, and the problem says so.
  base::Result<std::optional<std::vector<TracedStep>>>
  run_up(const std::string& database, const Migration& migration, const Picture& before,
         std::string_view kind, std::string_view words);
  base::Result<> add_plans(const Source& source, std::vector<TracedStep>& steps);
  base::Result<> tell(std::string_view direction, const Migration& migration);
  RehearsedMigration& report_of(const Migration& migration);
  /// False: an error that is none of the migration's.
  bool note_failure(std::string_view kind, std::string_view text, const Migration& migration,
                    const base::Error& error);
  void hold_against(const Picture& before, const Picture& after, const Migration& migration,
                    bool is_down);
  std::vector<std::string> fresh(std::vector<std::string> lines);
  /// Adds the problem with those of the lines that are new; nothing where none is.
  void blame(std::vector<std::string> lines, RehearsalProblem problem);

  sandbox::Sandbox& server_;
  std::string database_;
  const RehearsalOptions& options_;
  std::optional<LivePlans> plans_;
  std::vector<const Migration*> versioned_;
  std::vector<const Migration*> repeatable_;
  std::vector<Picture> pictures_; ///< Before the first, behind the first, ...
  std::size_t lowest_ = 0;        ///< How far down it went: as many stayed.
  std::vector<Loss> losses_;      ///< Of all that went down.
  std::set<std::string> told_;    ///< Differences that an earlier migration was blamed for.
  Rehearsal result_;
  int done_ = 0;
  int total_ = 0;
};

base::Result<> Rehearser::tell(std::string_view direction, const Migration& migration) {
  if (base::is_interrupted())
    return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
  if (options_.tell)
    options_.tell(done_, total_, fmt::format("{}: {}", direction, migration.label()));
  ++done_;
  return {};
}

base::Result<Picture> Rehearser::look(const std::string& database) const {
  PGKEEP_TRY(postgres::Connection connection,
             postgres::Connection::open(
                 server_.conninfo(database),
                 {.application_name = "pgkeep/look", .statement_limit = {}, .idle_limit = {}}));
  Picture picture;
  PGKEEP_TRY(picture.schema,
             catalog::read_snapshot(connection, {.left_out = catalog::kBesideSchema}));
  PGKEEP_TRY(picture.rows, sum_rows(connection));
  return picture;
}

base::Result<std::vector<TracedStep>> Rehearser::run_source(const std::string& database,
                                                            const Source& source,
                                                            const Picture& before) const {
  // Connections of its own: nothing of a session is left for the next one.
  PGKEEP_TRY(Servers servers, open_servers(server_.conninfo(database)));
  Tracer tracer(servers, options_.live);
  std::map<std::string, std::int64_t> counts;
  for (const auto& [table, sum] : before.rows) {
    const std::size_t dot = table.find('.');
    counts[postgres::quote_qualified(table.substr(0, dot), table.substr(dot + 1))] = sum.count;
  }
  PGKEEP_CHECK(tracer.begin(std::move(counts)));
  return run_steps_traced(tracer, servers, server_, source, &before.schema);
}

base::Result<> Rehearser::add_plans(const Source& source, std::vector<TracedStep>& steps) {
  if (!plans_) return {};
  // The model has the live sizes, and rules that ask for a Snapshot have been heard already.
  PGKEEP_TRY(const std::vector<Step> untraced,
             steps_of(source, nullptr, server_.binaries().version.major()));
  return plans_->follow(untraced, steps);
}

base::Result<bool> Rehearser::run_hooks(const std::string& database, Moment moment) {
  auto done = run_hooks_there(server_, database, options_.hooks, moment);
  if (done) return true;
  base::Error error = std::move(done).error();
  if (!is_of_migration(error)) return error;
  result_.problems.push_back({.kind = "hook-failed",
                              .migration = std::string(name_of(moment)),
                              .file = error.where,
                              .text = fmt::format("the hook fails: {}", error.what),
                              .hint = error.hint});
  return false;
}

base::Result<bool> Rehearser::ask_check(const std::string& database, const Migration& migration) {
  if (!migration.check) return true;
  PGKEEP_TRY(Servers servers, open_servers(server_.conninfo(database)));
  auto asked = run_check(servers.work, *migration.check);
  return asked || note_failure("check-failed", "its check says no", migration, asked.error())
             ? base::Result<bool>(asked.has_value())
             : base::Result<bool>(std::move(asked).error());
}

base::Result<std::optional<std::vector<TracedStep>>>
Rehearser::run_up(const std::string& database, const Migration& migration, const Picture& before,
                  std::string_view kind, std::string_view words) {
  using Steps = std::optional<std::vector<TracedStep>>;
  PGKEEP_TRY(const bool is_begun, run_hooks(database, Moment::before_each_migrate));
  if (!is_begun) return Steps();
  auto steps = run_source(database, migration.up, before);
  if (!steps)
    return note_failure(kind, words, migration, steps.error())
               ? base::Result<Steps>(Steps())
               : base::Result<Steps>(std::move(steps).error());
  PGKEEP_TRY(const bool is_ended, run_hooks(database, Moment::after_each_migrate));
  if (!is_ended) return Steps();
  PGKEEP_TRY(const bool is_yes, ask_check(database, migration));
  return is_yes ? Steps(*std::move(steps)) : Steps();
}

RehearsedMigration& Rehearser::report_of(const Migration& migration) {
  for (RehearsedMigration& each : result_.migrations) {
    if (each.label == migration.label()) return each;
  }
  result_.migrations.push_back({.label = migration.label(), .file = migration.up.path});
  return result_.migrations.back();
}

bool Rehearser::note_failure(std::string_view kind, std::string_view text,
                             const Migration& migration, const base::Error& error) {
  if (!is_of_migration(error)) return false;
  std::string said = error.what;
  if (!error.expected.empty()) said += fmt::format(" (expected {})", error.expected);
  result_.problems.push_back({.kind = kind,
                              .migration = migration.label(),
                              .file = error.where.empty() ? migration.up.path : error.where,
                              .text = fmt::format("{}: {}", text, said)});
  return true;
}

std::vector<std::string> Rehearser::fresh(std::vector<std::string> lines) {
  std::erase_if(lines, [&](const std::string& line) { return !told_.insert(line).second; });
  if (lines.size() > kDetailsMax) {
    const std::size_t more = lines.size() - kDetailsMax;
    lines.resize(kDetailsMax);
    lines.push_back(fmt::format("and {} more", more));
  }
  return lines;
}

void Rehearser::blame(std::vector<std::string> lines, RehearsalProblem problem) {
  problem.details = fresh(std::move(lines));
  if (!problem.details.empty()) result_.problems.push_back(std::move(problem));
}

/// `before` is how it should be.
void Rehearser::hold_against(const Picture& before, const Picture& after,
                             const Migration& migration, bool is_down) {
  const std::string& file = is_down ? migration.down->path : migration.up.path;
  blame(differences(before, after),
        {.kind = is_down ? "schema-differs" : "up-again-differs",
         .migration = migration.label(),
         .file = file,
         .text = is_down ? "the schema after going down is not what it was before going up"
                         : "the schema is not what it was after the first time up",
         .hint = is_down ? "Let the way down undo all that the way up does."
                         : "What the way down leaves changes what the way up does."});
  blame(is_down ? compare_rows(before.rows, after.rows, losses_)
                : compare_counts(before.rows, after.rows, losses_),
        {.kind = is_down ? "rows-differ" : "up-again-differs",
         .migration = migration.label(),
         .file = file,
         .text = is_down ? "the rows after going down are not those from before going up"
                         : "the tables hold other numbers of rows than after the first time up",
         .hint = is_down ? "Bring them back, or declare it in the file that goes down: "
                           "`-- pgkeep:loses schema.table.column: reason`."
                         : "Let the way down remove the rows that the way up adds."});
}

base::Result<> Rehearser::all_up() {
  PGKEEP_TRY(const bool is_begun, run_hooks(database_, Moment::before_migrate));
  PGKEEP_TRY(Picture first, look(database_));
  pictures_.push_back(std::move(first));
  if (!is_begun) return {};
  for (const Migration* const migration : versioned_) {
    PGKEEP_CHECK(tell("up", *migration));
    PGKEEP_TRY(auto steps,
               run_up(database_, *migration, pictures_.back(), "up-failed", "it does not go up"));
    if (!steps) {
      result_.notes.push_back(
          fmt::format("{} and what comes after it were not rehearsed further", migration->label()));
      return {};
    }
    PGKEEP_CHECK(add_plans(migration->up, *steps));
    report_of(*migration).up = *std::move(steps);
    PGKEEP_TRY(Picture next, look(database_));
    pictures_.push_back(std::move(next));
  }
  return {};
}

/// In a copy: what they make would be in the way of those that go down.
base::Result<> Rehearser::all_repeatable() {
  const bool has_hooks = !hooks_at(options_.hooks, Moment::after_migrate).empty() ||
                         !hooks_at(options_.hooks, Moment::after_migrate_applied).empty();
  if (repeatable_.empty() && !has_hooks) return {};
  const std::string copy = database_ + "_repeatable";
  PGKEEP_CHECK(server_.clone_database(copy, database_));
  PGKEEP_CHECK(repeatable_in(copy));
  return server_.drop_database(copy);
}

base::Result<bool> Rehearser::after_all(const std::string& copy) {
  PGKEEP_TRY(const bool is_done, run_hooks(copy, Moment::after_migrate));
  if (!is_done) return false;
  return run_hooks(copy, Moment::after_migrate_applied);
}

base::Result<> Rehearser::repeatable_in(const std::string& copy) {
  for (const Migration* const migration : repeatable_) {
    PGKEEP_CHECK(tell("up", *migration));
    PGKEEP_TRY(auto steps,
               run_up(copy, *migration, pictures_.back(), "up-failed", "it does not run"));
    if (!steps) return {};
    PGKEEP_CHECK(add_plans(migration->up, *steps));
    report_of(*migration).up = *std::move(steps);
  }
  PGKEEP_TRY(const bool is_done, after_all(copy));
  if (!is_done) return {};
  PGKEEP_TRY(const Picture once, look(copy));
  for (const Migration* const migration : repeatable_) {
    PGKEEP_CHECK(tell("again", *migration));
    PGKEEP_CHECK(run_up(copy, *migration, pictures_.back(), "not-repeatable",
                        "it does not run a second time"));
  }
  PGKEEP_TRY(const bool is_done_again, after_all(copy));
  if (!is_done_again) return {};
  PGKEEP_TRY(const Picture twice, look(copy));
  const Migration* const first = repeatable_.empty() ? nullptr : repeatable_.front();
  blame(
      differences(once, twice),
      {.kind = "not-repeatable",
       .migration = first == nullptr ? std::string(name_of(Moment::after_migrate)) : first->label(),
       .file = first == nullptr ? options_.hooks.front().source.path : first->up.path,
       .text = "running what is repeatable twice changes the schema"});
  return {};
}

/// False: it did not come to an end, and going up again would say nothing.
base::Result<bool> Rehearser::all_down() {
  lowest_ = pictures_.size() - 1;
  while (lowest_ > 0) {
    const Migration& migration = *versioned_[lowest_ - 1];
    if (!migration.down) {
      result_.notes.push_back(fmt::format(
          "{} has no way down: neither it nor what is below it was taken down", migration.label()));
      break;
    }
    PGKEEP_CHECK(tell("down", migration));
    PGKEEP_TRY(const bool is_begun, run_hooks(database_, Moment::before_each_undo));
    if (!is_begun) return false;
    auto steps = run_source(database_, *migration.down, pictures_[lowest_]);
    if (!steps) {
      if (!note_failure("down-failed", "it does not go down", migration, steps.error()))
        return std::move(steps).error();
      return false;
    }
    report_of(migration).down = *std::move(steps);
    PGKEEP_TRY(const bool is_ended, run_hooks(database_, Moment::after_each_undo));
    if (!is_ended) return false;
    PGKEEP_TRY(const Picture now, look(database_));
    // What a newer one loses is missing further down too.
    for (Loss& loss : losses_of(*migration.down))
      losses_.push_back(std::move(loss));
    hold_against(pictures_[lowest_ - 1], now, migration, true);
    --lowest_;
    ++result_.went_down;
  }
  return true;
}

base::Result<> Rehearser::all_up_again() {
  for (std::size_t i = lowest_; i + 1 < pictures_.size(); ++i) {
    const Migration& migration = *versioned_[i];
    PGKEEP_CHECK(tell("up again", migration));
    PGKEEP_TRY(const auto steps, run_up(database_, migration, pictures_[i], "up-again-failed",
                                        "it does not go up a second time"));
    if (!steps) return {};
    PGKEEP_TRY(const Picture now, look(database_));
    hold_against(pictures_[i + 1], now, migration, false);
  }
  return {};
}

} // namespace

base::Result<> run_hooks_there(const sandbox::Sandbox& server, const std::string& database,
                               std::span<const Hook> hooks, Moment moment) {
  for (const Hook* const hook : hooks_at(hooks, moment)) {
    PGKEEP_CHECK(steps_of_hook(*hook, server.binaries().version.major()));
    PGKEEP_TRY(Servers servers, open_servers(server.conninfo(database)));
    Tracer tracer(servers, nullptr);
    PGKEEP_CHECK(tracer.begin({}));
    PGKEEP_CHECK(run_steps_traced(tracer, servers, server, hook->source, nullptr));
  }
  return {};
}

base::Result<std::vector<TracedStep>> run_steps_traced(Tracer& tracer, Servers& servers,
                                                       const sandbox::Sandbox& server,
                                                       const Source& source,
                                                       const catalog::Snapshot* known) {
  PGKEEP_TRY(const std::vector<Step> steps,
             steps_of(source, known, servers.work.version().major()));
  std::vector<TracedStep> traced;
  sandbox::MissingRoles roles(server);
  for (const Step& step : steps) {
    PGKEEP_TRY(TracedStep done, roles.run([&] { return tracer.run(step); }));
    traced.push_back(std::move(done));
  }
  if (!roles.made().empty() && !traced.empty())
    traced.front().notes.push_back(fmt::format(
        "roles that are not here were made, without login: {}", base::join(roles.made(), ", ")));
  return traced;
}

base::Result<Rehearsal> rehearse(sandbox::Sandbox& server, const std::string& database,
                                 const RehearsalOptions& options) {
  return Rehearser(server, database, options).run();
}

} // namespace pgkeep::migrate
