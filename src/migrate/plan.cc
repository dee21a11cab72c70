#include "migrate/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"
#include "migrate/text_diff.h"

namespace pgkeep::migrate {
namespace {

bool is_done(State state) {
  return state == State::applied || state == State::baseline;
}

std::string label_of(const HistoryRow& row) {
  return row.kind == Kind::versioned ? fmt::format("V{} {}", row.version, row.name)
                                     : "R " + row.name;
}

const HistoryRow* row_of(std::span<const HistoryRow> history, const Migration& migration) {
  const auto found = std::ranges::find_if(history, [&](const HistoryRow& row) {
    return row.kind == migration.kind && row.key == migration.key() && row.state != State::undone;
  });
  return found == history.end() ? nullptr : &*found;
}

/// The newest version that is applied; none where there is none.
std::optional<Version> newest_of(std::span<const HistoryRow> history) {
  std::optional<Version> newest;
  for (const HistoryRow& row : history) {
    const auto version = Version::parse(row.version);
    if (row.kind == Kind::versioned && is_done(row.state) && version &&
        (!newest || *newest < *version))
      newest = version;
  }
  return newest;
}

Problem edited(const Migration& migration, const HistoryRow& row) {
  return {.kind = "edited",
          .migration = migration.label(),
          .file = migration.up.path,
          .text = fmt::format("the file was changed after it was applied on {}", row.started_at),
          .diff = text_diff(row.text, text_to_keep(migration.up)),
          .hint = "Undo the change and write a new migration; `pgkeep migrate repair --accept` "
                  "takes the new text as the one that was applied."};
}

/// Names of the relations and routines that a repeatable file makes and mentions.
struct Mentions {
  std::set<std::string> made;
  std::set<std::string> used;
};
Mentions mentions_of(const Migration& migration) {
  Mentions found;
  for (const lint::Section* section : migration.up.sections()) {
    for (const lint::Statement& statement : section->statements) {
      for (const lint::Change& change : statement.changes) {
        const bool makes = change.operation == lint::Operation::create_view ||
                           change.operation == lint::Operation::replace_view ||
                           change.operation == lint::Operation::create_matview;
        if (makes) found.made.insert(change.relation.name);
      }
      const std::vector<std::string> routine =
          postgres::strings_of(statement.root.nodes_if("CreateFunctionStmt", "funcname"));
      if (!routine.empty()) found.made.insert(routine.back());
      postgres::walk(statement.root, [&](const postgres::Node& node) {
        if (node.is("RangeVar")) found.used.insert(std::string(node.text("relname")));
        if (node.is("FuncCall")) {
          const auto parts = postgres::strings_of(node.nodes("funcname"));
          if (!parts.empty()) found.used.insert(parts.back());
        }
        return true;
      });
    }
  }
  return found;
}

/// Repeatable files: one that uses what another makes comes after it; else by name.
std::vector<const Migration*> in_order_of_use(std::vector<const Migration*> files) {
  std::vector<Mentions> mentions;
  mentions.reserve(files.size());
  for (const Migration* file : files)
    mentions.push_back(mentions_of(*file));
  std::vector<const Migration*> ordered;
  std::vector<char> is_placed(files.size(), 0);
  const auto waits_for_another = [&](std::size_t at) {
    for (std::size_t other = 0; other < files.size(); ++other) {
      if (other == at || is_placed[other] != 0) continue;
      const bool is_required = std::ranges::any_of(files[at]->needs, [&](const Need& need) {
        return !need.is_conflict && is_named_by(*files[other], need);
      });
      if (is_required) return true;
      const bool needs_it = std::ranges::any_of(mentions[other].made, [&](const std::string& name) {
        return mentions[at].used.contains(name) && !mentions[at].made.contains(name);
      });
      if (needs_it) return true;
    }
    return false;
  };
  while (ordered.size() < files.size()) {
    std::size_t next = files.size();
    for (std::size_t at = 0; at < files.size() && next == files.size(); ++at) {
      if (is_placed[at] == 0 && !waits_for_another(at)) next = at;
    }
    if (next == files.size()) // A circle: by name, and the server will say.
      next = static_cast<std::size_t>(std::ranges::find(is_placed, char{0}) - is_placed.begin());
    is_placed[next] = 1;
    ordered.push_back(files[next]);
  }
  return ordered;
}

/// What stands in the way of one need.
std::optional<std::string> unmet(const Need& need, const Folder& folder,
                                 std::span<const HistoryRow> history,
                                 std::span<const Planned> before) {
  const auto found = std::ranges::find_if(
      folder.migrations, [&](const Migration& each) { return is_named_by(each, need); });
  if (found == folder.migrations.end()) {
    if (need.is_conflict) return {};
    return fmt::format("it requires {}, and no file here is called so", base::printable(need.name));
  }
  const HistoryRow* const row = row_of(history, *found);
  const bool is_there =
      (row != nullptr && is_done(row->state)) ||
      std::ranges::any_of(before, [&](const Planned& each) { return each.migration == &*found; });
  if (is_there == !need.is_conflict) return {};
  return need.is_conflict
             ? fmt::format("it does not go together with {}", found->label())
             : fmt::format("it requires {}, which is not applied before it", found->label());
}

void add_unmet(const Folder& folder, std::span<const HistoryRow> history, Plan& plan) {
  for (std::size_t i = 0; i < plan.todo.size(); ++i) {
    const Migration& migration = *plan.todo[i].migration;
    for (const Need& need : migration.needs) {
      auto text = unmet(need, folder, history, std::span(plan.todo).first(i));
      if (!text) continue;
      plan.problems.push_back({.kind = need.is_conflict ? "conflict" : "requires",
                               .migration = migration.label(),
                               .file = need.where,
                               .text = *std::move(text),
                               .hint = need.is_conflict
                                           ? "Take that one down first, or leave this one out."
                                           : "Bring them into that order, or leave this one out "
                                             "with --to."});
    }
  }
}

/// What stays and needs what goes.
std::optional<base::Error> needed_still(const Folder& folder, std::span<const HistoryRow> history,
                                        const std::vector<PlannedDown>& going) {
  for (const Migration& migration : folder.migrations) {
    const HistoryRow* const row = row_of(history, migration);
    const bool stays = migration.kind == Kind::versioned && row != nullptr && is_done(row->state) &&
                       std::ranges::none_of(going, [&](const PlannedDown& each) {
                         return each.migration == &migration;
                       });
    if (!stays) continue;
    for (const Need& need : migration.needs) {
      for (const PlannedDown& each : going) {
        if (need.is_conflict || !is_named_by(*each.migration, need)) continue;
        return base::Error{.code = base::Code::config,
                           .what = fmt::format("{} goes down, and {}, which stays, requires it",
                                               each.migration->label(), migration.label()),
                           .where = need.where,
                           .hint = fmt::format("Take {} down as well: --to a version below it.",
                                               migration.label())};
      }
    }
  }
  return {};
}

} // namespace

std::vector<Problem> problems_of(const Folder& folder, std::span<const HistoryRow> history,
                                 bool allows_gaps) {
  std::vector<Problem> problems;
  const std::optional<Version> newest = newest_of(history);
  for (const HistoryRow& row : history) {
    if (row.state == State::undone) continue;
    const Migration* const migration = folder.find(row.kind, row.key);
    if (row.state == State::undoing) {
      problems.push_back({.kind = "unfinished-undo",
                          .migration = label_of(row),
                          .file = row.file,
                          .text = fmt::format("its way down stopped after {} of {} steps",
                                              row.steps_done, row.steps_total),
                          .hint = "`pgkeep migrate down` goes on with it."});
    } else if (migration == nullptr) {
      if (row.state == State::baseline) continue;
      problems.push_back({.kind = "missing-file",
                          .migration = label_of(row),
                          .file = row.file,
                          .text = "it was applied, and its file is gone",
                          .hint = "Bring the file back; `pgkeep migrate repair --forget` takes it "
                                  "out of the history."});
    } else if (row.kind == Kind::versioned && row.state == State::applied &&
               row.checksum != checksum_of(migration->up)) {
      problems.push_back(edited(*migration, row));
    }
  }
  if (allows_gaps || !newest) return problems;
  for (const Migration& migration : folder.migrations) {
    if (migration.kind != Kind::versioned || row_of(history, migration) != nullptr ||
        !(migration.version < *newest))
      continue;
    problems.push_back(
        {.kind = "out-of-order",
         .migration = migration.label(),
         .file = migration.up.path,
         .text = fmt::format("V{} is applied already, and this one is older", newest->text()),
         .hint = "Give it a newer version, or run it with --out-of-order if it does not matter."});
  }
  return problems;
}

base::Result<Plan> plan_up(const Folder& folder, std::span<const HistoryRow> history,
                           const PlanOptions& options) {
  Plan plan{.todo = {}, .problems = problems_of(folder, history, options.allows_gaps)};
  if (options.to && std::ranges::none_of(folder.migrations, [&](const Migration& each) {
        return each.kind == Kind::versioned && each.version == *options.to;
      }))
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("there is no version {}", options.to->text()),
                       .where = folder.path.string()};
  std::vector<const Migration*> pending;
  std::vector<const Migration*> repeatable;
  for (const Migration& migration : folder.migrations) {
    const HistoryRow* const row = row_of(history, migration);
    if (migration.kind == Kind::repeatable) {
      const bool is_current =
          row != nullptr && is_done(row->state) && row->checksum == checksum_of(migration.up);
      if (!is_current && !options.to) repeatable.push_back(&migration);
    } else if (row == nullptr || !is_done(row->state)) {
      if (!options.to || !(*options.to < migration.version)) pending.push_back(&migration);
    }
  }
  for (const Migration* each : in_order_of_use(std::move(repeatable)))
    pending.push_back(each);
  for (const Migration* migration : pending) {
    Planned planned{.migration = migration, .checksum = checksum_of(migration->up), .steps = {}};
    PGKEEP_TRY(planned.steps, steps_of(migration->up, options.database, options.server_major));
    const HistoryRow* const row = row_of(history, *migration);
    if (row != nullptr && (row->state == State::running || row->state == State::failed))
      planned.unfinished = *row;
    plan.todo.push_back(std::move(planned));
  }
  add_unmet(folder, history, plan);
  return plan;
}

base::Result<std::vector<PlannedDown>>
plan_down(const Folder& folder, std::span<const HistoryRow> history, const DownOptions& options) {
  std::vector<const HistoryRow*> rows;
  for (const HistoryRow& row : history) {
    const bool is_there = row.state != State::undone && row.state != State::baseline;
    if (row.kind == Kind::versioned && is_there) rows.push_back(&row);
  }
  std::ranges::sort(rows, [](const HistoryRow* a, const HistoryRow* b) {
    return Version::parse(b->version) < Version::parse(a->version);
  });
  const bool is_all = options.to && options.to->key() == "0";
  if (options.to && !is_all && std::ranges::none_of(rows, [&](const HistoryRow* row) {
        return row->key == options.to->key();
      }))
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("version {} is not applied", options.to->text()),
                       .expected = "a version that `pgkeep migrate status` shows, or 0 for none"};
  std::vector<PlannedDown> planned;
  for (const HistoryRow* row : rows) {
    const auto version = Version::parse(row->version);
    if (options.to && !is_all && version && !(*options.to < *version)) break;
    const Migration* const migration = folder.find(row->kind, row->key);
    if (migration == nullptr || !migration->down)
      return base::Error{.code = base::Code::config,
                         .what = fmt::format("{} has no way down", label_of(*row)),
                         .where = migration == nullptr ? row->file : migration->up.path,
                         .expected = fmt::format("V{}__{}.down.sql", row->version, row->name),
                         .hint = "Write it, or go on with a new migration that undoes it."};
    PlannedDown each{.migration = migration, .row = *row, .steps = {}};
    PGKEEP_TRY(each.steps, steps_of(*migration->down, options.database, options.server_major));
    if (each.steps.empty())
      return base::Error{.code = base::Code::config,
                         .what = fmt::format("the way down of {} has no statement", label_of(*row)),
                         .where = migration->down->path,
                         .hint = "Write it; where there is nothing to undo, SELECT 1 says so."};
    planned.push_back(std::move(each));
    if (!options.to) break;
  }
  if (auto error = needed_still(folder, history, planned)) return *std::move(error);
  return planned;
}

} // namespace pgkeep::migrate
