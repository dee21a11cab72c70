// On one throwaway server stand
//
//   before   what the folder's files make
//   fresh    the same without repeatable files, where there are any
//   wanted   the wanted schema
//   work     a copy of `before`: renames, then changes, then the way back are tried and put into an
//            order here, each looked at before the next is thought of
//   proof    another copy: the finished files run here as `migrate up` would run them
//
// What a plan forgets (a default that a parent's change brought, a grant that a default privilege
// gave) shows when the outcome is compared with what is wanted, and is planned for once more.
#include "migrate/declare.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "catalog/diff.h"
#include "catalog/snapshot.h"
#include "migrate/declare/apply.h"
#include "migrate/declare/files.h"
#include "migrate/declare/model.h"
#include "migrate/declare/plan.h"
#include "migrate/declare/renames.h"
#include "migrate/declare/trial.h"
#include "migrate/declare/wanted.h"
#include "migrate/rehearsal.h"
#include "migrate/verify.h"
#include "sandbox/sandbox.h"

namespace pgkeep::migrate {
namespace declaring {
namespace {

constexpr const char* kBefore = "pgkeep_before";
constexpr const char* kFresh = "pgkeep_fresh";
constexpr const char* kWanted = "pgkeep_wanted";
constexpr const char* kWork = "pgkeep_work";
constexpr const char* kProof = "pgkeep_proof";
/// Plans one after the other; a third has never been needed.
constexpr int kRoundsMax = 3;

/// One transaction, and pg_dump, may lock every table of a large schema.
const sandbox::Settings kSettings = {{"max_locks_per_transaction", "4096"}};

class Declarer {
public:
  explicit Declarer(const DeclareInput& input) : input_(input) {}
  base::Result<Declared> run();

private:
  void tell(const std::string& what) {
    constexpr int steps_besides = 5;
    const int total = static_cast<int>(input_.folder.migrations.size()) + steps_besides;
    if (input_.tell) input_.tell(std::min(done_++, total), total, what);
  }
  base::Result<> run_hooks(const std::string& database, Moment moment);
  base::Result<> run_last_hooks(const std::string& database);
  base::Result<> begin_repeatable();
  base::Result<> make_before();
  base::Result<> run_source(const std::string& database, const Migration& migration,
                            const Source& source);
  base::Result<> remove_rows(const std::string& database);
  base::Result<> give_all_to_one();
  base::Result<> drop_history();
  base::Result<catalog::Snapshot> look(const std::string& database);
  base::Result<std::vector<std::string>> differences(const std::string& database,
                                                     const catalog::Snapshot& wanted);
  base::Result<> find_renames();
  base::Result<> make_renames(Renames renames);
  base::Result<Written> change(const Model& to, const catalog::Snapshot& picture);
  base::Result<> prove(Declared& out);
  base::Result<> prove_on_empty(const Source& up, Declared& out);
  void report(const Written& up, const Written& down, Declared& out);

  const DeclareInput& input_;
  std::unique_ptr<sandbox::Sandbox> server_;
  int done_ = 0;
  std::vector<WantedRename> renames_wanted_;
  bool has_repeatable_ = false;
  PlanOptions options_;
  catalog::Snapshot before_;
  catalog::Snapshot wanted_;
  Model model_wanted_;
  Model model_work_;
  std::vector<Rename> renames_;
  std::vector<std::string> questions_;
  std::vector<std::string> notes_;
  std::set<std::string> repeatable_differs_;
};

base::Result<> Declarer::run_source(const std::string& database, const Migration& migration,
                                    const Source& source) {
  auto done = apply_source(*server_, database, source);
  if (done) return {};
  base::Error error = std::move(done).error();
  error.what = fmt::format("{} does not run: {}", migration.label(), error.what);
  return error;
}

base::Result<> Declarer::run_hooks(const std::string& database, Moment moment) {
  return run_hooks_there(*server_, database, input_.folder.hooks, moment);
}

/// What runs each time counts as what is repeatable does: it is its file's to change.
base::Result<> Declarer::begin_repeatable() {
  if (std::exchange(has_repeatable_, true)) return {};
  return server_->clone_database(kFresh, kBefore);
}

base::Result<> Declarer::run_last_hooks(const std::string& database) {
  PGKEEP_CHECK(run_hooks(database, Moment::after_migrate));
  return run_hooks(database, Moment::after_migrate_applied);
}

base::Result<> Declarer::make_before() {
  PGKEEP_CHECK(server_->create_database(kBefore));
  PGKEEP_CHECK(run_hooks(kBefore, Moment::before_migrate));
  for (const Migration& each : input_.folder.migrations) {
    if (each.kind == Kind::repeatable) PGKEEP_CHECK(begin_repeatable());
    tell(each.label());
    PGKEEP_CHECK(run_hooks(kBefore, Moment::before_each_migrate));
    PGKEEP_CHECK(run_source(kBefore, each, each.up));
    PGKEEP_CHECK(run_hooks(kBefore, Moment::after_each_migrate));
  }
  const std::vector<Hook>& hooks = input_.folder.hooks;
  if (!hooks_at(hooks, Moment::after_migrate).empty() ||
      !hooks_at(hooks, Moment::after_migrate_applied).empty())
    PGKEEP_CHECK(begin_repeatable());
  PGKEEP_CHECK(run_last_hooks(kBefore));
  if (has_repeatable_) PGKEEP_CHECK(remove_rows(kFresh));
  return remove_rows(kBefore);
}

/// The proof is about schemas: rows that the files insert would stand in the way of a NOT NULL that
/// the file leaves to be filled, and be copied for nothing.
base::Result<> Declarer::remove_rows(const std::string& database) {
  PGKEEP_TRY(postgres::Connection connection, server_->connect(database));
  PGKEEP_TRY(const postgres::Rows rows,
             connection.query("SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ') FROM "
                              "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "
                              "c.relnamespace WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND "
                              "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"));
  if (rows.is_null(0, 0)) return {};
  PGKEEP_CHECK(connection.execute("SET session_replication_role = replica"));
  return connection.execute(fmt::format("TRUNCATE {} CASCADE", rows.text(0, 0)));
}

/// Owners count for nothing, and so the rights of an owner must be those of the same role.
base::Result<> Declarer::give_all_to_one() {
  for (const char* const database : {kBefore, kWanted}) {
    PGKEEP_TRY(postgres::Connection connection, server_->connect(database));
    PGKEEP_TRY(const postgres::Rows roles,
               connection.query("SELECT quote_ident(rolname) FROM pg_catalog.pg_roles WHERE oid >= "
                                "16384"));
    for (int row = 0; row < roles.count(); ++row)
      PGKEEP_CHECK(connection.execute(
          fmt::format("REASSIGN OWNED BY {} TO CURRENT_USER", roles.text(row, 0))));
  }
  return {};
}

base::Result<catalog::Snapshot> Declarer::look(const std::string& database) {
  PGKEEP_TRY(postgres::Connection connection,
             postgres::Connection::open(
                 server_->conninfo(database),
                 {.application_name = "pgkeep/look", .statement_limit = {}, .idle_limit = {}}));
  return catalog::read_snapshot(connection, {.left_out = catalog::kBesideSchema});
}

catalog::Diff compare_schemas(const catalog::Snapshot& a, const catalog::Snapshot& b) {
  return catalog::compare(a, b, {.ignore_owners = true, .ignore_settings = true});
}

base::Result<std::vector<std::string>> Declarer::differences(const std::string& database,
                                                             const catalog::Snapshot& wanted) {
  PGKEEP_TRY(const catalog::Snapshot now, look(database));
  std::vector<std::string> lines;
  for (const catalog::Difference& each : compare_schemas(wanted, now).differences)
    lines.push_back(base::printable(to_line(each)));
  return lines;
}

/// The history of migrations in a live database, or in what pg_dump wrote of one, is no wish.
base::Result<> Declarer::drop_history() {
  PGKEEP_TRY(const catalog::Snapshot wanted, look(kWanted));
  PGKEEP_TRY(postgres::Connection connection, server_->connect(kWanted));
  PGKEEP_CHECK(connection.execute("DROP SCHEMA IF EXISTS pgkeep CASCADE"));
  for (const catalog::Difference& each : compare_schemas(before_, wanted).differences) {
    if ((each.kind != "table" && each.kind != "schema") || !is_foreign_history(each)) continue;
    notes_.push_back(fmt::format("left out: {}, the history of another tool", each.object));
    PGKEEP_CHECK(
        connection.execute(fmt::format("DROP {} IF EXISTS {} CASCADE", each.kind, each.object)));
  }
  return {};
}

base::Result<> Declarer::make_renames(Renames renames) {
  std::ranges::move(renames.questions, std::back_inserter(questions_));
  if (renames.made.empty()) return {};
  {
    PGKEEP_TRY(postgres::Connection connection, server_->connect(kWork));
    for (Rename& each : renames.made) {
      for (const std::string& sql : each.up)
        PGKEEP_CHECK(connection.execute(sql));
      renames_.push_back(std::move(each));
    }
  }
  PGKEEP_TRY(model_work_, read_model(*server_, kWork));
  return {};
}

base::Result<> Declarer::find_renames() {
  const RenameOptions options{.guesses = input_.guesses_renames, .wanted = &renames_wanted_};
  PGKEEP_CHECK(make_renames(rename_tables(model_work_, model_wanted_, options)));
  PGKEEP_CHECK(make_renames(rename_columns(model_work_, model_wanted_, options)));
  PGKEEP_CHECK(make_renames(rename_others(model_work_, model_wanted_, options)));
  for (const WantedRename& each : renames_wanted_) {
    if (!each.is_used)
      return base::Error{
          .code = base::Code::usage,
          .what = fmt::format("--rename {}={} renames nothing", base::printable(each.from),
                              base::printable(each.to)),
          .expected = "something that the files make and the wanted schema does not have, and "
                      "something of its kind that only the wanted schema has"};
  }
  return {};
}

/// From what stands in `work` to that; `work` is changed.
base::Result<Written> Declarer::change(const Model& to, const catalog::Snapshot& picture) {
  Written written;
  for (int round = 0; round < kRoundsMax; ++round) {
    PGKEEP_TRY(const Model now, read_model(*server_, kWork));
    Plan plan = plan_changes(now, to, options_);
    repeatable_differs_.insert(plan.repeatable.begin(), plan.repeatable.end());
    if (round == 0) written.refused = std::move(plan.refused);
    if (plan.actions.empty()) break;
    {
      PGKEEP_TRY(postgres::Connection connection, server_->connect(kWork));
      PGKEEP_TRY(Trial trial, run_trial(connection, std::move(plan.actions)));
      std::ranges::move(trial.done, std::back_inserter(written.actions));
      written.failures = std::move(trial.failures);
      if (trial.done.empty()) break;
    }
    PGKEEP_TRY(const std::vector<std::string> left, differences(kWork, picture));
    if (left.empty()) break;
  }
  return written;
}

/// As the files of this folder would be run on a new database: the repeatable ones come last.
base::Result<> Declarer::prove_on_empty(const Source& up, Declared& out) {
  PGKEEP_CHECK(server_->replace_database(kProof, kFresh));
  Migration migration{.version = {}, .name = "of this folder", .up = up};
  auto done = run_source(kProof, migration, up);
  for (const Migration& each : input_.folder.migrations) {
    if (done && each.kind == Kind::repeatable) done = run_source(kProof, each, each.up);
  }
  if (done) done = run_last_hooks(kProof);
  if (!done) {
    out.remaining.push_back(
        fmt::format("on a new database, where repeatable files run last: {}: {}",
                    done.error().where, done.error().what));
    return {};
  }
  PGKEEP_TRY(const std::vector<std::string> left, differences(kProof, wanted_));
  for (const std::string& each : left) {
    if (std::ranges::find(out.remaining, each) == out.remaining.end())
      out.remaining.push_back("on a new database, where repeatable files run last: " + each);
  }
  return {};
}

base::Result<> Declarer::prove(Declared& out) {
  tell("proof");
  PGKEEP_CHECK(server_->replace_database(kProof, kBefore));
  const Source up = read_source(input_.up_path, out.up, false);
  const Source down = read_source(input_.down_path, out.down, true);
  Migration migration{.version = {}, .name = "up", .up = up};
  if (auto done = run_source(kProof, migration, up); !done) {
    out.remaining.push_back(fmt::format("{}: {}", done.error().where, done.error().what));
    return {};
  }
  PGKEEP_TRY(out.remaining, differences(kProof, wanted_));
  migration.name = "down";
  if (auto done = run_source(kProof, migration, down); !done) {
    out.not_undone.push_back(fmt::format("{}: {}", done.error().where, done.error().what));
  } else {
    PGKEEP_TRY(out.not_undone, differences(kProof, before_));
  }
  if (!has_repeatable_) return {};
  return prove_on_empty(up, out);
}

void Declarer::report(const Written& up, const Written& down, Declared& out) {
  for (const Rename& each : renames_)
    out.renames.push_back(
        fmt::format("{} -> {}{}", each.from, each.to, each.is_guessed ? " (guessed)" : ""));
  out.questions = questions_;
  std::ranges::copy(notes_, std::back_inserter(out.notes));
  for (const Action& each : up.actions) {
    if (!each.loses.empty()) out.losses.push_back(each.loses);
    if (!each.asks.empty()) out.notes.push_back(each.asks);
  }
  for (const std::string& each : repeatable_differs_)
    out.notes.push_back(fmt::format("{} is made by a repeatable file: change it there", each));
  for (const Trial::Failure& each : up.failures)
    out.notes.push_back(fmt::format("could not be run: {}: {}",
                                    base::ellipsize(each.action.pieces.front().text, 80),
                                    each.why));
  for (const std::string& each : up.refused)
    out.notes.push_back(each);
  for (const Trial::Failure& each : down.failures)
    out.notes.push_back(fmt::format("could not be run on the way down: {}: {}",
                                    base::ellipsize(each.action.pieces.front().text, 80),
                                    each.why));
}

base::Result<Declared> Declarer::run() {
  Declared out;
  PGKEEP_TRY(renames_wanted_, parse_renames(input_.renames));
  PGKEEP_TRY(Wanted wanted, open_wanted(input_.wanted));
  const std::optional<int> major =
      wanted.live ? std::optional<int>(wanted.live->version().major()) : std::nullopt;
  PGKEEP_TRY(const auto binaries, sandbox::find_server(input_.pg_bin, major));
  PGKEEP_TRY(server_, sandbox::Sandbox::start(binaries, kSettings));
  PGKEEP_CHECK(make_before());
  tell(wanted.label);
  PGKEEP_CHECK(server_->create_database(kWanted));
  PGKEEP_TRY(const std::vector<std::string> left_out, make_wanted(wanted, *server_, kWanted));
  for (const std::string& each : left_out)
    out.notes.push_back("left out of the wanted schema: " + each);
  PGKEEP_CHECK(give_all_to_one());
  PGKEEP_TRY(before_, look(kBefore));
  PGKEEP_CHECK(drop_history());
  PGKEEP_TRY(wanted_, look(kWanted));
  if (compare_schemas(before_, wanted_).is_equal()) return out;
  out.has_changes = true;

  tell("differences");
  PGKEEP_CHECK(server_->clone_database(kWork, kBefore));
  PGKEEP_TRY(model_wanted_, read_model(*server_, kWanted));
  PGKEEP_TRY(model_work_, read_model(*server_, kWork));
  if (has_repeatable_) {
    PGKEEP_TRY(const Model fresh, read_model(*server_, kFresh));
    for (const Object& each : model_work_.objects) {
      if (fresh.find(each.key()) == nullptr) options_.repeatable.insert(each.key());
    }
  }
  options_.guesses = input_.guesses_renames;
  PGKEEP_CHECK(find_renames());
  const Model renamed = model_work_;
  PGKEEP_TRY(const catalog::Snapshot renamed_picture, look(kWork));
  tell("the way up");
  PGKEEP_TRY(Written up, change(model_wanted_, wanted_));
  up.renames = renames_;
  tell("the way down");
  PGKEEP_TRY(const Written down, change(renamed, renamed_picture));
  out.up = up_file(up, wanted.label, questions_);
  const std::string up_name = std::filesystem::path(input_.up_path).filename().string();
  out.down = down_file(down, up_name, up);
  report(up, down, out);
  PGKEEP_CHECK(prove(out));
  return out;
}

} // namespace
} // namespace declaring

base::Result<Declared> declare(const DeclareInput& input) {
  return declaring::Declarer(input).run();
}

} // namespace pgkeep::migrate
