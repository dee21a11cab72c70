// A file is read as lint reads it. Each statement is asked for what may stand in its place; the
// text between statements is copied as it is, with steps where a transaction must end.
#include "migrate/rewrite.h"

#include <algorithm>

#include <fmt/format.h>

#include "findings/limits.h"
#include "lint/context.h"
#include "lint/schema.h"
#include "migrate/rewrite/work.h"

namespace pgkeep::migrate {
namespace {

using rewriting::Piece;
using rewriting::Pieces;
using rewriting::Place;
using rewriting::Replacement;
using rewriting::Work;
using rewriting::Writer;

const std::function<bool(std::string_view)> kNobodyToAsk;
const std::function<postgres::QueryCheck(const std::string& sql)> kNobodyPrepares;
const std::vector<std::string> kNoColumns;

/// Where the runner puts a statement that stays.
Place place_of(const lint::Statement& statement) {
  const postgres::Node& root = statement.root;
  if (statement.is_batched() || statement.is_shadowed()) return Place::alone;
  if (root.is("IndexStmt") || root.is("DropStmt"))
    return root.flag("concurrent") ? Place::alone : Place::shared;
  if (root.is("VacuumStmt")) return root.flag("is_vacuumcmd") ? Place::alone : Place::shared;
  const bool is_alone =
      root.is("AlterSystemStmt") || root.is("CreatedbStmt") || root.is("DropdbStmt");
  return is_alone ? Place::alone : Place::shared;
}

/// Marks of lint that say: this one is as I want it.
bool is_set_aside(const lint::Statement& statement) {
  return !statement.ignores.empty() &&
         std::ranges::any_of(statement.ignores, [](const lint::IgnoreMark& mark) {
           return !mark.reason.empty() && mark.rule != "lock-timeout-missing";
         });
}

bool replace(const Work& work, Replacement& out) {
  const postgres::Node& root = work.statement.root;
  if (root.is("AlterTableStmt")) return rewriting::rewrite_alter_table(work, out);
  if (root.is("IndexStmt")) return rewriting::rewrite_create_index(work, out);
  if (root.is("DropStmt")) return rewriting::rewrite_drop_index(work, out);
  if (root.is("ReindexStmt")) return rewriting::rewrite_reindex(work, out);
  if (root.is("RenameStmt")) return rewriting::rewrite_rename(work, out);
  if (root.is("UpdateStmt") || root.is("DeleteStmt")) return rewriting::rewrite_rows(work, out);
  if (root.is("VacuumStmt") || root.is("ClusterStmt")) return rewriting::rewrite_vacuum(work, out);
  return false;
}

class Rewriter {
public:
  explicit Rewriter(const RewriteInput& input)
      : input_(input), script_(lint::Script::read(input.path, input.text)),
        limits_(findings::limits_from(base::Config{})), schema_(input.database),
        names_(input.database) {
    if (input.database != nullptr) major_ = input.database->server.version / 10'000;
    if (major_ == 0) major_ = input.server_major;
  }

  base::Result<Rewrite> run() {
    std::size_t at = 0;
    for (const lint::Section& section : script_.sections()) {
      lint::Context context{{.script = script_,
                             .section = section,
                             .limits = limits_,
                             .server_major = major_,
                             .database = input_.database,
                             .server_parses = kNobodyToAsk,
                             .prepare = kNobodyPrepares,
                             .mandatory_columns = kNoColumns,
                             .paths = no_paths_},
                            schema_};
      for (const lint::Statement& statement : section.statements) {
        if (statement.origin != lint::Origin::text) continue;
        PGKEEP_CHECK(check(statement));
        add(context, section, statement, at);
        at = statement.end;
        keep(context, statement);
      }
    }
    writer_.gap(std::string_view(input_.text).substr(at));
    return finish();
  }

private:
  /// Syntax that is newer than our grammar stays as it is; where nothing is understood there is
  /// nothing to rewrite.
  base::Result<> check(const lint::Statement& statement) {
    if (statement.root) return {};
    const lint::Script::Place place = script_.place_of(statement.problem_offset);
    const bool is_newer_server = major_ > 15;
    if (!is_newer_server)
      return base::Error{.code = base::Code::unsupported,
                         .what = statement.problem,
                         .where = fmt::format("{}:{}:{}", input_.path, place.line, place.column),
                         .expected = "SQL that PostgreSQL 15 understands",
                         .hint = "For syntax of a newer server, give --database or --pg-version."};
    notes_.push_back(
        {.line = place.line,
         .message = fmt::format("not understood here, left as it is: {}", statement.problem),
         .is_left_alone = true});
    return {};
  }

  void add(const lint::Context& context, const lint::Section& section,
           const lint::Statement& statement, std::size_t from) {
    const std::string_view text = input_.text;
    std::string_view gap = text.substr(from, statement.begin - from);
    const std::string_view sql = text.substr(statement.begin, statement.end - statement.begin);
    const Work work{.script = script_,
                    .context = context,
                    .statement = statement,
                    .names = names_,
                    .notes = notes_,
                    .not_null = not_null_};
    Replacement out;
    const bool may_change =
        !section.is_down && statement.root && !is_set_aside(statement) && !context.has_begin;
    if (may_change) rewriting::say_drops(work);
    const bool is_changed = may_change && replace(work, out) && !out.up.empty();
    if (context.has_begin && !section.is_down) say_transaction(work);
    if (!is_changed) {
      out = {};
      if (!section.is_down) out.down = rewriting::undo_of(work);
    }
    const Place place = is_changed ? out.up.front().place : place_of(statement);
    write_gap(gap, place);
    if (is_changed) {
      writer_.pieces(out.up, true);
      is_changed_ = true;
    } else {
      writer_.statement(sql, place);
    }
    downs_.push_back(std::move(out.down));
    std::ranges::move(out.later, std::back_inserter(later_));
    later_downs_.push_back(std::move(out.later_down));
  }

  /// A statement that would be rewritten stands in the file's own BEGIN .. COMMIT.
  void say_transaction(const Work& work) {
    Replacement unused;
    std::vector<RewriteNote> silent;
    rewriting::Names names = names_;
    const Work probe{.script = work.script,
                     .context = work.context,
                     .statement = work.statement,
                     .names = names,
                     .notes = silent,
                     .not_null = not_null_};
    if (!work.statement.root || is_set_aside(work.statement) || !replace(probe, unused)) return;
    work.left_alone("it stands between BEGIN and COMMIT, and its safe form needs several "
                    "transactions: take them out, the runner opens its own");
  }

  /// The step stands behind the semicolon, before what leads to the next statement.
  void write_gap(std::string_view gap, Place place) {
    const std::size_t semicolon = gap.find(';');
    const bool is_first = semicolon == std::string_view::npos;
    if (is_first || gap.find("pgkeep:step") != std::string_view::npos) {
      writer_.gap(gap);
      return;
    }
    writer_.gap(gap.substr(0, semicolon + 1));
    writer_.before(place);
    gap.remove_prefix(semicolon + 1);
    // The step has brought its own end of line.
    if (writer_.text().ends_with('\n') && gap.starts_with('\n')) gap.remove_prefix(1);
    writer_.gap(gap);
  }

  void keep(lint::Context& context, const lint::Statement& statement) {
    for (const lint::Change& change : statement.changes) {
      if (change.operation == lint::Operation::transaction) {
        const std::string_view kind = change.node.name("kind");
        if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START") context.has_begin = true;
        if (kind == "TRANS_STMT_COMMIT" || kind == "TRANS_STMT_ROLLBACK") context.has_begin = false;
      }
      // The Schema knows columns where it knows the table; this is for the others.
      const std::string column = fmt::format("{}.{}", change.relation.text(), change.name);
      if (change.operation == lint::Operation::set_not_null) not_null_.insert(column);
      if (change.operation == lint::Operation::drop_not_null) not_null_.erase(column);
      schema_.apply(change);
    }
  }

  static Pieces backwards(std::vector<Pieces>& all) {
    Pieces out;
    std::ranges::reverse(all);
    for (Pieces& each : all)
      std::ranges::move(each, std::back_inserter(out));
    return out;
  }

  Rewrite finish() {
    Rewrite result{.files = {}, .notes = std::move(notes_), .changed = is_changed_};
    std::ranges::stable_sort(result.notes, {}, &RewriteNote::line);
    if (!is_changed_) {
      result.files.push_back({.path = input_.path, .text = input_.text});
      return result;
    }
    const std::string name = input_.path.substr(input_.path.find_last_of('/') + 1);
    result.files.push_back({.path = input_.path, .text = writer_.text()});
    result.files.push_back({.path = rewriting::down_path(input_.path),
                            .text = rewriting::file_of(
                                fmt::format("-- The way back of {}.\n", name), backwards(downs_))});
    if (later_.empty()) return result;
    const std::string later = rewriting::later_path(input_.path);
    const std::string later_name = later.substr(later.find_last_of('/') + 1);
    result.files.push_back(
        {.path = later,
         .text = rewriting::file_of(
             fmt::format(
                 "-- Takes away what {} kept for old code. Run it when none runs any more.\n",
                 name),
             later_)});
    result.files.push_back(
        {.path = rewriting::down_path(later),
         .text = rewriting::file_of(fmt::format("-- The way back of {}.\n", later_name),
                                    backwards(later_downs_))});
    return result;
  }

  const RewriteInput& input_;
  lint::Script script_;
  findings::Limits limits_;
  const lint::FilePaths no_paths_{{}};
  lint::Schema schema_;
  rewriting::Names names_;
  std::vector<RewriteNote> notes_;
  std::set<std::string> not_null_;
  Writer writer_;
  std::vector<Pieces> downs_; ///< Of each statement, in the order of the file.
  Pieces later_;
  std::vector<Pieces> later_downs_;
  int major_ = 0;
  bool is_changed_ = false;
};

} // namespace

base::Result<Rewrite> rewrite(const RewriteInput& input) {
  return Rewriter(input).run();
}

} // namespace pgkeep::migrate
