// ALTER TABLE: cut into its commands, of which the safe ones stay together and the others are
// replaced one by one, in their order.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "lint/default_value.h"
#include "lint/type_change.h"
#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::Node;
using postgres::quote_identifier;

constexpr auto kRewrites = std::to_array<std::string_view>(
    {"AT_SetLogged", "AT_SetUnLogged", "AT_SetTableSpace", "AT_SetAccessMethod"});

struct Command {
  Node node;
  std::string_view text; ///< Of the script.
};

class AlterTable {
public:
  AlterTable(const Work& work, Replacement& out)
      : work_(work), out_(out), root_(work.statement.root), words_(work.sql()),
        table_(work.target(lint::relation_of(root_.node("relation")))) {
    table_.is_only = !root_.node("relation").flag("inh");
  }

  bool rewrite() {
    if (!cut()) return false;
    const bool has_unsafe =
        std::ranges::any_of(commands_, [&](const Command& each) { return is_unsafe(each); });
    if (!has_unsafe || !work_.is_in_use(table_.name)) return false;
    if (root_.flag("missing_ok")) {
      work_.left_alone("ALTER TABLE IF EXISTS: the steps of the safe form need the table");
      return false;
    }
    count_types();
    const std::vector<lint::Change>& changes = work_.statement.changes;
    for (const Command& each : commands_) {
      if (is_shadow(each)) {
        shadow_.push_back(each);
      } else if (!is_unsafe(each) || !replace(each)) {
        kept_.push_back(each);
        for (const lint::Change& change : changes) {
          if (change.node == each.node || change.node == each.node.node("def"))
            std::ranges::move(undo_of(work_, table_, change), std::back_inserter(downs_));
        }
      }
    }
    flush();
    flush_shadow();
    if (!is_changed_) return false;
    // The last is undone first.
    std::ranges::reverse(downs_);
    out_.down = std::move(downs_);
    return true;
  }

private:
  /// ALTER TABLE [IF EXISTS] [ONLY] name [*] command, ...
  bool cut() {
    std::size_t at = 2;
    if (words_.at(at) == "if") at += 2;
    if (words_.at(at) == "only") ++at;
    at = words_.after_name(at);
    if (words_.at(at) == "*") ++at;
    const std::vector<Node> nodes = root_.nodes("cmds");
    const auto parts = words_.split_at_commas(at, words_.count(), 0);
    if (parts.size() != nodes.size()) return false;
    const std::string_view text = work_.sql();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto [first, end] = parts[i];
      if (first >= end) return false;
      const std::size_t begin = words_.begin_of(first);
      commands_.push_back(
          {.node = nodes[i], .text = text.substr(begin, words_.end_of(end - 1) - begin)});
    }
    return true;
  }

  [[nodiscard]] static bool rewrites(const Node& command) {
    return std::ranges::find(kRewrites, command.name("subtype")) != kRewrites.end();
  }

  [[nodiscard]] const lint::Change* type_change(const Command& command) const {
    if (command.node.name("subtype") != "AT_AlterColumnType") return nullptr;
    for (const lint::Change& each : work_.statement.changes) {
      if (each.node == command.node) return &each;
    }
    return nullptr;
  }

  [[nodiscard]] bool is_unsafe_type(const Command& command) const {
    const lint::Change* const change = type_change(command);
    return change != nullptr &&
           lint::type_change_of(*change, work_.context).work != lint::TypeWork::nothing;
  }

  [[nodiscard]] bool is_unsafe(const Command& command) const {
    const std::string_view subtype = command.node.name("subtype");
    const Node definition = command.node.node("def");
    if (rewrites(command.node)) return true;
    if (subtype == "AT_AlterColumnType") return is_unsafe_type(command);
    if (subtype == "AT_AddColumn") return is_unsafe_column(work_, definition);
    if (subtype == "AT_AddConstraint") return is_unsafe_constraint(work_, table_, definition);
    if (subtype == "AT_SetNotNull")
      return !is_proved_not_null(work_, table_, std::string(command.node.text("name")));
    return false;
  }

  /// Several types at once are one rewrite of the table, which is cheaper than several columns.
  void count_types() {
    const auto types =
        std::ranges::count_if(commands_, [&](const Command& each) { return is_unsafe_type(each); });
    are_types_shadowed_ = types > 1;
  }

  [[nodiscard]] bool is_shadow(const Command& command) const {
    if (rewrites(command.node)) return true;
    if (command.node.name("subtype") == "AT_AddColumn") {
      const Node generated = lint::constraint_of(command.node.node("def"), "CONSTR_GENERATED");
      return static_cast<bool>(generated);
    }
    return are_types_shadowed_ && is_unsafe_type(command);
  }

  /// The commands kept so far, as one ALTER TABLE.
  void flush() {
    if (kept_.empty()) return;
    out_.up.push_back({.text = joined(kept_)});
    kept_.clear();
  }

  [[nodiscard]] std::string joined(const std::vector<Command>& commands) const {
    std::vector<std::string> texts;
    texts.reserve(commands.size());
    for (const Command& each : commands)
      texts.emplace_back(each.text);
    return fmt::format("{} {}", alter_table(table_), base::join(texts, ", "));
  }

  void flush_shadow() {
    if (shadow_.empty()) return;
    out_.up.push_back({.text = in_shadow(joined(shadow_)), .place = Place::alone});
    downs_.push_back({.text = fmt::format("-- Not undone here: {}", joined(shadow_))});
    work_.changed(
        shadow_.size() > 1 && are_types_shadowed_
            ? "several changes that each rewrite the table are done at once, in a shadow table"
            : "it rewrites the table: done in a shadow table, online");
    is_changed_ = true;
  }

  void take(Replacement&& one) {
    flush();
    std::ranges::move(one.up, std::back_inserter(out_.up));
    std::ranges::reverse(one.down);
    std::ranges::move(one.down, std::back_inserter(downs_));
    std::ranges::move(one.later, std::back_inserter(out_.later));
    std::ranges::move(one.later_down, std::back_inserter(out_.later_down));
    is_changed_ = true;
  }

  /// False: it stays, and a note has said why.
  bool replace(const Command& command) {
    const std::string_view subtype = command.node.name("subtype");
    const Node definition = command.node.node("def");
    Replacement one;
    if (subtype == "AT_AddColumn") {
      if (!add_column(work_, table_, definition, command.text, command.node.flag("missing_ok"),
                      one))
        return false;
    } else if (subtype == "AT_AddConstraint") {
      const Words words(command.text);
      const std::size_t body = words.at(1) == "constraint" ? 3 : 1;
      const NewConstraint constraint{.node = definition,
                                     .name = std::string(definition.text("conname")),
                                     .body = words.slice(body, words.count())};
      if (!add_constraint(work_, table_, constraint, one)) return false;
    } else if (subtype == "AT_SetNotNull") {
      const std::string column(command.node.text("name"));
      add_not_null(work_, table_, column, one.up);
      one.down.push_back({.text = fmt::format("{} ALTER COLUMN {} DROP NOT NULL",
                                              alter_table(table_), quote_identifier(column))});
      work_.changed(fmt::format("NOT NULL of {} is proved by a validated constraint first",
                                quote_identifier(column)));
    } else {
      return replace_type(command);
    }
    take(std::move(one));
    return true;
  }

  bool replace_type(const Command& command) {
    const Words words(command.text);
    // ALTER [COLUMN] c [SET DATA] TYPE t [COLLATE x] [USING y]
    const std::size_t type = words.find("type", 2);
    const std::size_t with = words.find("using", type);
    const std::size_t collate = std::min(words.find("collate", type), with);
    TypeCommand change{.column = std::string(command.node.text("name")),
                       .type = words.slice(type + 1, collate)};
    if (collate < with) change.collation = words.slice(collate, with);
    if (with < words.count()) change.using_expression = words.slice(with + 1, words.count());
    Replacement one;
    const std::optional<Refusal> refusal = change_type(work_, table_, change, one);
    if (!refusal) {
      take(std::move(one));
      return true;
    }
    if (refusal->is_final) {
      work_.left_alone(refusal->why);
      return false;
    }
    flush();
    out_.up.push_back({.text = in_shadow(fmt::format("{} {}", alter_table(table_), command.text)),
                       .place = Place::alone});
    if (refusal->way_back.empty())
      downs_.push_back({.text = fmt::format("-- Not undone here: {}", command.text)});
    else
      downs_.push_back(
          {.text = in_shadow(fmt::format("{} ALTER COLUMN {} TYPE {}", alter_table(table_),
                                         quote_identifier(change.column), refusal->way_back)),
           .place = Place::alone});
    work_.changed(fmt::format("done in a shadow table: {}", refusal->why));
    is_changed_ = true;
    return true;
  }

  const Work& work_;
  Replacement& out_;
  Node root_;
  Words words_;
  Target table_;
  std::vector<Command> commands_;
  std::vector<Command> kept_;
  std::vector<Command> shadow_;
  Pieces downs_; ///< In the order of the commands.
  bool are_types_shadowed_ = false;
  bool is_changed_ = false;
};

} // namespace

bool rewrite_alter_table(const Work& work, Replacement& out) {
  if (work.statement.root.name("objtype") != "OBJECT_TABLE" || work.statement.is_shadowed())
    return false;
  return AlterTable(work, out).rewrite();
}

} // namespace pgkeep::migrate::rewriting
