#include "migrate/declare/plan.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "migrate/declare/statements.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::declaring {
namespace {

constexpr std::string_view kNotValidEnd = " NOT VALID";

bool is_table(const Object& object) {
  return object.type == "TABLE";
}

/// Whether a new view may take the old one's place: it may only have more columns, at the end.
bool has_more_columns(const Relation& from, const Relation& to) {
  if (from.columns.size() > to.columns.size()) return false;
  return std::ranges::equal(
      from.columns, std::span(to.columns).first(from.columns.size()),
      [](const Column& a, const Column& b) { return a.name == b.name && a.type == b.type; });
}

/// Of "ALTER TABLE ONLY parent ATTACH PARTITION child ...".
std::string parent_of(const Object& attach) {
  constexpr std::string_view kFront = "ALTER TABLE ONLY ";
  const std::string& sql = attach.sql.front();
  const std::size_t end = sql.find(" ATTACH PARTITION ");
  if (!sql.starts_with(kFront) || end == std::string::npos) return {};
  return sql.substr(kFront.size(), end - kFront.size());
}

/// Readers miss a view, and rows are not checked, from the transaction in which it is dropped to
/// that in which it is made again. So what is of the one transaction stands together: labels of
/// enums before it, indexes and constraints with steps of their own behind it.
void keep_together(Actions& actions) {
  const auto is_shared = [](const Action& each) {
    return std::ranges::all_of(each.pieces,
                               [](const Piece& piece) { return piece.place == Place::shared; });
  };
  const auto is_label = [](const Action& each) {
    return each.pieces.front().text.find(" ADD VALUE ") != std::string::npos &&
           each.pieces.front().place == Place::own;
  };
  std::stable_sort(actions.begin(), actions.end(), [&](const Action& a, const Action& b) {
    const auto rank = [&](const Action& each) {
      if (is_label(each)) return 0;
      return is_shared(each) ? (each.loses.empty() ? 1 : 3) : 2;
    };
    return rank(a) < rank(b);
  });
}

class Planner {
public:
  Planner(const Model& from, const Model& to, const PlanOptions& options)
      : from_(from), to_(to), options_(options), rebuilds_(from),
        work_{.from = from, .to = to, .rebuilds = rebuilds_, .refused = plan_.refused} {
    for (const Object& each : from.objects)
      old_.emplace(each.key(), &each);
    for (const Object& each : to.objects)
      new_.emplace(each.key(), &each);
  }

  Plan run() {
    decide();
    drop_first();
    make_and_change();
    change_rights(work_, plan_.actions);
    change_comments(work_, plan_.actions);
    drop_last();
    keep_together(plan_.actions);
    return std::move(plan_);
  }

private:
  [[nodiscard]] const Object* old_of(const Object& object) const {
    const auto found = old_.find(object.key());
    return found == old_.end() ? nullptr : found->second;
  }
  [[nodiscard]] const Object* new_of(const Object& object) const {
    const auto found = new_.find(object.key());
    return found == new_.end() ? nullptr : found->second;
  }
  /// Where a repeatable file makes it, that file says what it is.
  [[nodiscard]] bool is_repeatable(const Object& object) const {
    return options_.repeatable.contains(object.key());
  }
  /// A column of a table looks after its default; one of a view has nobody.
  [[nodiscard]] bool is_of_view(const Object& value) const {
    const auto relation = to_.relations.find(value.table);
    return relation != to_.relations.end() && relation->second.kind == "v";
  }
  /// It goes with its table, or with a column.
  [[nodiscard]] bool goes_with_table(const Object& object) const;
  /// The index of a partition, whose parent's index goes.
  [[nodiscard]] bool is_part_of_dropped(const Object& object) const;
  [[nodiscard]] bool is_same(const Object& from, const Object& to) const;
  [[nodiscard]] bool can_change(const Object& from, const Object& to) const;
  [[nodiscard]] bool has_columns(const Object& type) const;

  void decide();
  void drop_first();
  void make_and_change();
  void make(const Object& object);
  void add_checks_of_parent(const Object& attach, Pieces& pieces) const;
  void change(const Object& from, const Object& to);
  void drop_last();
  void drop(const Object& object);
  [[nodiscard]] bool is_inline(const Object& object) const;
  [[nodiscard]] bool is_exchanged(const Object& object) const;
  [[nodiscard]] bool is_late_partition(const Object& object) const;

  const Model& from_;
  const Model& to_;
  const PlanOptions& options_;
  Plan plan_;
  Rebuilds rebuilds_;
  PlanWork work_;
  std::map<std::string, const Object*> old_ = {};
  std::map<std::string, const Object*> new_ = {};
  std::set<std::string> swapped_ = {}; ///< Types that columns move over to.
};

bool Planner::goes_with_table(const Object& object) const {
  if (object.table.empty() || is_table(object)) return false;
  if (!from_.relations.contains(object.table)) return false;
  if (!to_.relations.contains(object.table))
    return object.type != "FK CONSTRAINT" || !is_in_circle(from_, object);
  if (object.type != "INDEX" && object.type != "CONSTRAINT" && object.type != "CHECK") return false;
  // With a column that goes.
  return std::ranges::any_of(from_.dependencies, [&](const Dependency& edge) {
    if (edge.who.class_id != object.address.class_id || edge.who.oid != object.address.oid ||
        edge.on.part == 0 || edge.kind != 'a' || edge.on.class_id != kClassRelation)
      return false;
    const Relation* const relation = from_.relation_at(edge.on.oid);
    if (relation == nullptr) return false;
    const auto column = std::ranges::find(relation->columns, edge.on.part, &Column::number);
    const auto wanted = to_.relations.find(relation->identity);
    return column != relation->columns.end() && wanted != to_.relations.end() &&
           wanted->second.column(column->name) == nullptr;
  });
}

bool Planner::is_part_of_dropped(const Object& object) const {
  if (object.address.class_id == 0) return false;
  return std::ranges::any_of(from_.dependencies, [&](const Dependency& edge) {
    if (edge.kind != 'P' || edge.who.class_id != object.address.class_id ||
        edge.who.oid != object.address.oid)
      return false;
    const Object* const parent = from_.at(edge.on);
    return parent != nullptr && rebuilds_.is_dropped(*parent);
  });
}

bool Planner::is_same(const Object& from, const Object& to) const {
  if (is_table(to)) return false; // Its columns are looked at one by one.
  if (from.type == "SEQUENCE" &&
      from.sql.front().starts_with("ALTER TABLE") == to.sql.front().starts_with("ALTER TABLE"))
    return from_.sequences.at(from.identity).options == to_.sequences.at(to.identity).options;
  if (from.sql != to.sql) return false;
  if (from.type != "TYPE" && from.type != "DOMAIN") return true;
  // What is not valid stands apart.
  const auto old_one = from_.types.find(from.identity);
  const auto new_one = to_.types.find(to.identity);
  return old_one == from_.types.end() || new_one == to_.types.end() ||
         old_one->second == new_one->second;
}

bool Planner::has_columns(const Object& type) const {
  return std::ranges::any_of(from_.dependencies, [&](const Dependency& edge) {
    return edge.on.class_id == type.address.class_id && edge.on.oid == type.address.oid &&
           edge.who.class_id == kClassRelation && edge.who.part != 0;
  });
}

/// In its place, without being dropped.
bool Planner::can_change(const Object& from, const Object& to) const {
  const std::string& type = to.type;
  if (type == "TABLE" || type == "SCHEMA" || type == "EXTENSION" || type == "SEQUENCE OWNED BY")
    return true;
  if (type == "VIEW")
    return has_more_columns(from_.relations.at(from.identity), to_.relations.at(to.identity));
  if (type == "FUNCTION" || type == "PROCEDURE") {
    const Routine& old_one = from_.routines.at(from.address.oid);
    const Routine& new_one = to_.routines.at(to.address.oid);
    return old_one.shape == new_one.shape && old_one.defaults <= new_one.defaults;
  }
  if (type == "SEQUENCE")
    return from.sql.front().starts_with("ALTER TABLE") == to.sql.front().starts_with("ALTER TABLE");
  if (type == "TYPE" || type == "DOMAIN") {
    const auto old_one = from_.types.find(from.identity);
    const auto new_one = to_.types.find(to.identity);
    return old_one != from_.types.end() && new_one != to_.types.end() &&
           can_change_type(old_one->second, new_one->second, options_.guesses);
  }
  if (type == "INDEX") return from.sql.front() == to.sql.front();
  if (type == "PUBLICATION") {
    // What it sends of changes can be set; for which tables it is cannot.
    const auto head = [](const Object& each) {
      return each.sql.front().substr(0, each.sql.front().rfind(" WITH ("));
    };
    return head(from) == head(to);
  }
  return from.sql.front() == to.sql.front() + std::string(kNotValidEnd);
}

/// What is dropped, with all that must go with it.
void Planner::decide() {
  for (const Object& from : from_.objects) {
    const Object* const to = new_of(from);
    if (is_repeatable(from)) {
      if (to == nullptr || !is_same(from, *to)) plan_.repeatable.push_back(from.identity);
      continue;
    }
    if (to == nullptr) {
      if (is_light(from)) rebuilds_.drop(from, true);
    } else if (is_table(from)) {
      note_columns(from_.relations.at(from.identity), to_.relations.at(to->identity), rebuilds_);
    } else if (!is_same(from, *to) && !can_change(from, *to)) {
      // The column's business, and the domain's.
      if (from.type == "DEFAULT" || from.word == "domain constraint") continue;
      const bool is_type = from.type == "TYPE" || from.type == "DOMAIN";
      if (is_type && has_columns(from)) {
        swapped_.insert(from.key());
        rebuilds_.replace_type(from.address);
      } else {
        rebuilds_.drop(from, false);
      }
    }
  }
}

void Planner::drop(const Object& object) {
  const std::optional<std::string> sql = drop_statement(from_, object, is_repeatable(object));
  if (!sql) return;
  Action action = action_of(*sql);
  action.table = object.table;
  if (new_of(object) != nullptr || is_repeatable(object)) action.leaves = object.key();
  // Beside those who use the table.
  const bool is_in_the_way = object.type == "INDEX" && !is_repeatable(object);
  const auto table = from_.relations.find(object.table);
  const bool can_be_beside = table != from_.relations.end() && table->second.kind == "r";
  if (is_in_the_way && can_be_beside && new_of(object) == nullptr) {
    action.pieces.front() = {.text = fmt::format("DROP INDEX CONCURRENTLY {}", object.identity),
                             .place = Place::alone};
  }
  if (object.type == "TABLE") {
    action.comment = "The table and all of its rows are gone for good.";
    action.loses = object.identity;
  } else if (object.type == "MATERIALIZED VIEW" && new_of(object) != nullptr) {
    action.comment = "Made again and filled below.";
  }
  plan_.actions.push_back(std::move(action));
}

void Planner::drop_first() {
  for (const Address& each : rebuilds_.loose_defaults()) {
    const Relation* const relation = from_.relation_at(each.oid);
    const auto column = std::ranges::find(relation->columns, each.part, &Column::number);
    plan_.actions.push_back(action_of(fmt::format(
        "ALTER TABLE ONLY {} ALTER COLUMN {} DROP DEFAULT", relation->identity, column->name)));
    plan_.actions.back().table = relation->identity;
    plan_.actions.back().leaves = fmt::format("{}.{}", relation->identity, column->name);
  }
  for (auto object = from_.objects.rbegin(); object != from_.objects.rend(); ++object) {
    if (!rebuilds_.is_dropped(*object)) continue;
    if (new_of(*object) == nullptr && !is_repeatable(*object) && goes_with_table(*object)) continue;
    const bool is_about_a_table = object->type == "ROW SECURITY" || object->type == "TABLE ATTACH";
    if (is_about_a_table && !to_.relations.contains(object->identity)) continue;
    if (object->type == "SEQUENCE OWNED BY" || is_part_of_dropped(*object)) continue;
    if (is_exchanged(*object)) continue;
    drop(*object);
  }
  for (const Address& each : rebuilds_.replaced()) {
    const Relation* const relation = from_.relation_at(each.oid);
    const auto column = std::ranges::find(relation->columns, each.part, &Column::number);
    plan_.actions.push_back(
        action_of(fmt::format("ALTER TABLE {} DROP COLUMN {}", relation->identity, column->name),
                  "Generated anew below."));
    plan_.actions.back().table = relation->identity;
    plan_.actions.back().leaves = fmt::format("{}.{}", relation->identity, column->name);
  }
}

/// CREATE TABLE and ADD COLUMN say it.
bool Planner::is_inline(const Object& object) const {
  const auto is_new_table = [&](const std::string& identity) {
    return to_.relations.contains(identity) && !from_.relations.contains(identity);
  };
  if (object.type == "CHECK" && is_new_table(object.table))
    return !object.sql.front().ends_with(kNotValidEnd);
  if (object.type == "DEFAULT") return !is_new_table(object.table) && !is_of_view(object);
  // Of a domain, which looks after its own.
  if (object.type == "CHECK CONSTRAINT")
    return std::ranges::any_of(from_.types, [&](const auto& each) {
      return object.identity.ends_with(" on " + each.first) && to_.types.contains(each.first);
    });
  if (object.type == "SEQUENCE") {
    const Sequence& sequence = to_.sequences.at(object.identity);
    const auto table = from_.relations.find(sequence.table);
    return sequence.is_identity && table != from_.relations.end() &&
           table->second.column(sequence.column) == nullptr;
  }
  return false;
}

/// A table that becomes a partition must have its parent's constraints before.
void Planner::add_checks_of_parent(const Object& attach, Pieces& pieces) const {
  if (!from_.relations.contains(attach.identity)) return;
  const std::string parent = parent_of(attach);
  const std::string front = fmt::format("ALTER TABLE {} ADD CONSTRAINT ", parent);
  for (const Object& each : to_.objects) {
    if (each.type != "CHECK" || each.table != parent || !each.sql.front().starts_with(front))
      continue;
    const bool has_it = std::ranges::any_of(from_.objects, [&](const Object& other) {
      return other.type == "CHECK" && other.table == attach.identity &&
             name_on(other) == name_on(each);
    });
    if (has_it) continue;
    pieces.insert(pieces.begin(),
                  Piece{.text = fmt::format("ALTER TABLE {} ADD CONSTRAINT {}", attach.identity,
                                            each.sql.front().substr(front.size()))});
  }
}

void Planner::make(const Object& object) {
  if (is_inline(object)) return;
  const auto table = from_.relations.find(object.table);
  const bool is_table_new =
      table == from_.relations.end() || (table->second.kind != "r" && table->second.kind != "p");
  Action action{.pieces = create_pieces(to_, object, is_table_new)};
  if (!is_table_new) action.table = object.table;
  if (const Object* const gone = old_of(object); gone != nullptr && rebuilds_.is_dropped(*gone))
    action.comes = object.key();
  if (object.type == "TABLE ATTACH") add_checks_of_parent(object, action.pieces);
  if (const Object* const before = old_of(object);
      before != nullptr && is_exchanged(*before) && rebuilds_.is_dropped(*before)) {
    if (const auto sql = drop_statement(from_, *before, false))
      action.pieces.insert(action.pieces.begin(), Piece{.text = *sql});
  }
  const auto sequence = to_.sequences.find(object.identity);
  if (object.type == "SEQUENCE" && sequence != to_.sequences.end() &&
      from_.relations.contains(sequence->second.table) &&
      (sequence->second.is_identity || old_of(object) != nullptr)) {
    // The column was there before: it goes on behind what is in it.
    action.pieces.push_back(
        {.text = fmt::format("SELECT pg_catalog.setval({}, (SELECT coalesce(max({}), 0) + 1 FROM "
                             "{}), false)",
                             postgres::quote_literal(object.identity), sequence->second.column,
                             sequence->second.table)});
  }
  plan_.actions.push_back(std::move(action));
}

void Planner::change(const Object& from, const Object& to) {
  Actions& out = plan_.actions;
  if (is_table(to)) {
    const Relation& old_one = from_.relations.at(from.identity);
    const Relation& new_one = to_.relations.at(to.identity);
    const std::size_t first = out.size();
    change_table(work_, old_one, new_one, out);
    change_columns(work_, old_one, new_one, out);
    for (std::size_t i = first; i < out.size(); ++i)
      out[i].table = to.identity;
    return;
  }
  const bool is_others = from.type == "DEFAULT" && !is_of_view(from);
  if (is_others || from.word == "domain constraint" || is_same(from, to)) return;
  if (to.type == "TYPE" || to.type == "DOMAIN") {
    change_type(to, from_.types.at(from.identity), to_.types.at(to.identity), out);
  } else if (to.type == "SEQUENCE") {
    out.push_back(action_of(
        fmt::format("ALTER SEQUENCE {} {}", to.identity, to_.sequences.at(to.identity).options)));
  } else if (to.type == "EXTENSION") {
    const std::size_t at = to.sql.front().rfind(" WITH SCHEMA ");
    if (at != std::string::npos)
      out.push_back(action_of(fmt::format("ALTER EXTENSION {} SET SCHEMA {}", to.identity,
                                          to.sql.front().substr(at + 13))));
  } else if (to.type == "PUBLICATION") {
    out.push_back(
        action_of(fmt::format("ALTER PUBLICATION {} SET {}", to.identity,
                              to.sql.front().substr(to.sql.front().rfind(" WITH (") + 6))));
  } else if (from.sql.front() == to.sql.front() + std::string(kNotValidEnd)) {
    out.push_back({.pieces = {{.text = fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}",
                                                   to.table, name_on(to)),
                               .place = Place::own}}});
  } else {
    for (std::size_t i = 0; i < to.sql.size(); ++i) {
      const bool is_first = i == 0 && to.type != "SEQUENCE OWNED BY";
      if (std::ranges::find(from.sql, to.sql[i]) != from.sql.end()) continue;
      out.push_back(action_of(is_first ? or_replace(to.sql[i]) : to.sql[i]));
    }
    if (to.type == "INDEX" && from.sql.size() > to.sql.size() && !from.sql.empty() &&
        from.sql.back().find(" CLUSTER ON ") != std::string::npos)
      out.push_back(action_of(fmt::format("ALTER TABLE {} SET WITHOUT CLUSTER", to.table)));
  }
}

/// A constraint that is only said anew: the old one goes in the transaction in which the new one
/// comes, so that no row slips in between.
bool Planner::is_exchanged(const Object& object) const {
  const bool is_checked = object.type == "CHECK" || object.type == "FK CONSTRAINT";
  return is_checked && new_of(object) != nullptr && !is_repeatable(object) &&
         !rebuilds_.stands_on_dropped(object);
}

/// A new partition of a table that is there: the indexes that its parent wants are built before.
bool Planner::is_late_partition(const Object& object) const {
  if (object.type != "TABLE ATTACH") return false;
  return from_.relations.contains(parent_of(object));
}

void Planner::make_and_change() {
  std::vector<const Object*> late;
  const auto attach = [&] {
    for (const Object* const each : late)
      make(*each);
    late.clear();
  };
  for (const Object& to : to_.objects) {
    const Object* const from = old_of(to);
    if (to.type == "INDEX ATTACH" || to.type == "FK CONSTRAINT" || to.type == "TRIGGER") attach();
    if (from == nullptr && is_late_partition(to)) {
      late.push_back(&to);
    } else if (from == nullptr) {
      make(to);
    } else if (swapped_.contains(to.key())) {
      swap_type(work_, *from, to, plan_.actions);
    } else if (rebuilds_.is_dropped(*from)) {
      // What a repeatable file says stays what it says.
      make(is_repeatable(*from) ? *from : to);
    } else if (!is_repeatable(*from)) {
      change(*from, to);
    }
  }
  attach();
  // Of a repeatable file, in the way of something, and not in the wanted schema.
  for (const Object& from : from_.objects) {
    if (is_repeatable(from) && rebuilds_.is_dropped(from) && new_of(from) == nullptr) make(from);
  }
}

void Planner::drop_last() {
  for (const Object& to : to_.objects) {
    const Object* const from = old_of(to);
    if (from == nullptr || !is_table(to)) continue;
    const std::size_t first = plan_.actions.size();
    drop_columns(from_.relations.at(from->identity), to_.relations.at(to.identity), plan_.actions);
    for (std::size_t i = first; i < plan_.actions.size(); ++i)
      plan_.actions[i].table = to.identity;
  }
  for (auto object = from_.objects.rbegin(); object != from_.objects.rend(); ++object) {
    if (new_of(*object) != nullptr || rebuilds_.is_dropped(*object) || is_repeatable(*object))
      continue;
    if (goes_with_table(*object)) continue;
    if (object->type == "SEQUENCE OWNED BY") {
      const bool stays = std::ranges::any_of(to_.objects, [&](const Object& each) {
        return each.type == "SEQUENCE" && each.identity == object->identity;
      });
      if (!stays) continue;
    }
    if (object->type == "SEQUENCE") {
      // Gone with its column.
      const Sequence& sequence = from_.sequences.at(object->identity);
      const auto table = to_.relations.find(sequence.table);
      const bool is_owned = !sequence.table.empty();
      if (is_owned &&
          (table == to_.relations.end() || table->second.column(sequence.column) == nullptr))
        continue;
    }
    drop(*object);
  }
}

} // namespace

bool is_made(const PlanWork& work, const Address& address) {
  const Object* const object = work.to.at(address);
  if (object == nullptr) return false;
  const Object* const before = work.from.find(object->key());
  return before == nullptr || work.rebuilds.is_dropped(*before);
}

Plan plan_changes(const Model& from, const Model& to, const PlanOptions& options) {
  return Planner(from, to, options).run();
}

} // namespace pgkeep::migrate::declaring
