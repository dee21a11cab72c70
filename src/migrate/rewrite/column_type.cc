// ALTER COLUMN .. TYPE: a new column of the new type beside the old one, kept equal by a trigger
// both ways; rows filled in batches; what hangs on the old column built for the new one beside the
// writers; then both change names in one short transaction. The old column goes in a later file.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/rewrite/carry.h"
#include "migrate/rewrite/dependents.h"
#include "migrate/rewrite/sync.h"
#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

/// What stands in the way of a second column.
std::optional<Refusal> obstacle(const Work& work, const Target& table,
                                const catalog::Column* column) {
  if (work.database() == nullptr || table.relation == nullptr || column == nullptr)
    return Refusal{.why = "what hangs on the column is only known with --database"};
  const catalog::Snapshot& db = *work.database();
  const catalog::OidNumber oid = table.relation->oid;
  const bool is_inherited = table.relation->kind == "p" || table.relation->parent != 0 ||
                            std::ranges::any_of(db.relations, [&](const catalog::Relation& each) {
                              return each.parent == oid;
                            });
  if (is_inherited)
    return Refusal{.why = fmt::format("{} is partitioned or inherited: there is no online form yet",
                                      table.text),
                   .is_final = true};
  if (column->type_pinned)
    return Refusal{.why = fmt::format("the server refuses it: a view, policy, generated column, "
                                      "trigger or publication uses {}",
                                      quote_identifier(column->name)),
                   .is_final = true};
  if (!column->generated.empty()) return Refusal{.why = "the column is generated"};
  for (const catalog::Constraint& each : db.constraints_of(oid)) {
    if (each.type == "x" && has(each.columns, column->number))
      return Refusal{.why = "the column is part of an EXCLUDE constraint"};
  }
  for (const catalog::Constraint& each : db.constraints) {
    if (each.type != "f" || each.target != oid || !has(each.target_columns, column->number))
      continue;
    const catalog::Relation* const owner = db.relation(each.relation);
    if (owner != nullptr && owner->kind == "p")
      return Refusal{.why = fmt::format("a foreign key of {}, which is partitioned, points at it",
                                        catalog::qualified_name(*owner)),
                     .is_final = true};
  }
  return std::nullopt;
}

/// "c", "c::bigint": says no more than the change itself, so that its way back is a cast too.
bool is_plain_cast(const std::string& expression, const std::string& column) {
  const auto tree = postgres::Tree::parse(fmt::format("SELECT {}", expression));
  if (!tree) return false;
  const std::vector<postgres::Node> targets = tree->root().nodes_if("SelectStmt", "target_list");
  postgres::Node node = targets.empty() ? postgres::Node{} : targets.front().node("val");
  while (node.is("TypeCast"))
    node = node.node("arg");
  const auto names = postgres::strings_of(node.nodes_if("ColumnRef", "fields"));
  return !names.empty() && names.back() == column;
}

class TypeChange {
public:
  TypeChange(const Work& work, const Target& table, const catalog::Column& column,
             const TypeCommand& command, Replacement& out)
      : work_(work), table_(table), column_(column), command_(command), out_(out),
        alter_(alter_table(table)), name_(quote_identifier(column.name)),
        new_(quote_identifier(object_name(column.name, "", "pgkeep_new"))),
        old_(quote_identifier(object_name(column.name, "", "pgkeep_old"))),
        indexes_(copy_indexes(work, table, column, new_)),
        constraints_(copy_constraints(work, table, column, new_)),
        references_(copy_references(work, table, column, new_)),
        statistics_(copy_statistics(work, table, column, new_)), comments_(*work.database()) {
    const std::string& expression = command.using_expression;
    has_way_back_ = expression.empty() || is_plain_cast(expression, column.name);
    not_null_new_ = object_name(table.name.name, object_name(column.name, "", "pgkeep_new"),
                                "not_null"); // As 18 names it.
  }

  void make(const std::string& key) {
    expand(key);
    build();
    swap();
    clean_up();
    down();
    contract(key);
    say();
  }

private:
  [[nodiscard]] bool is_text_compared() const { return !has_equality(column_.base_type); }

  /// The new value is part of it only where a cast gives what assigning gives (varchar(n) would be
  /// cut short without an error).
  [[nodiscard]] std::string update_when(const std::string& original,
                                        const std::string& copy) const {
    constexpr auto exact =
        std::to_array<std::string_view>({"bigint", "int8", "integer", "int", "int4", "numeric",
                                         "decimal", "text", "double precision", "float8"});
    const bool is_exact = has_way_back_ && std::ranges::find(exact, command_.type) != exact.end();
    return differing(
        {.original = original,
         .copy = copy,
         .original_as = is_exact ? fmt::format("(NEW.{})::{}", original, command_.type) : ""},
        is_text_compared());
  }

  /// Before the swap the application writes the old column, after it the new one.
  [[nodiscard]] Sync sync(bool is_swapped) const {
    const std::string& expression = command_.using_expression;
    const std::string forward = expression.empty() ? "" : as_new_row(expression);
    if (!is_swapped)
      return {.table = table_,
              .column = column_.name,
              .first = name_,
              .second = new_,
              .second_value = forward.empty() ? "NEW." + name_ : forward,
              .first_value = has_way_back_ ? "NEW." + new_ : "",
              .is_first_fallible = true,
              .is_text_compared = is_text_compared(),
              .update_when = update_when(name_, new_)};
    // NEW.c of the expression is the old column now.
    std::string renamed = expression;
    if (!expression.empty()) {
      const std::string sql =
          with_column("SELECT " + expression, {.from = column_.name, .to = old_});
      renamed = as_new_row(sql.substr(7));
    }
    return {.table = table_,
            .column = column_.name,
            .first = name_,
            .second = old_,
            .second_value = has_way_back_ ? "NEW." + name_ : "NULL",
            .first_value = renamed.empty() ? "NEW." + old_ : renamed,
            .is_second_fallible = true,
            .is_text_compared = is_text_compared(),
            .update_when = update_when(old_, name_)};
  }

  void expand(const std::string& key) {
    const Sync before = sync(false);
    const std::string collation = command_.collation.empty() ? "" : " " + command_.collation;
    out_.up.push_back(
        {.text = fmt::format("{} ADD COLUMN {} {}{}", alter_, new_, command_.type, collation),
         .place = Place::own});
    out_.up.back().text += ";\n" + before.create_function(false) + ";\n" + before.create_triggers();
    const std::string& expression = command_.using_expression;
    const std::string filter = expression.empty() ? fmt::format(" AND {} IS NOT NULL", name_) : "";
    out_.up.push_back(
        {.text = in_batches(
             key, fmt::format("UPDATE {} SET {} = {} WHERE {} IS NULL{}", table_.text, new_,
                              expression.empty() ? name_ : expression, new_, filter)),
         .place = Place::alone});
  }

  static void add_not_valid(const ConstraintCopy& copy, Pieces& out) {
    const std::string alter = fmt::format("ALTER TABLE {}", copy.owner.text);
    const std::string name = quote_identifier(copy.name);
    out.push_back(
        {.text = fmt::format("{} ADD CONSTRAINT {} {} NOT VALID", alter, name, copy.definition),
         .place = Place::own});
    if (!copy.constraint->is_validated) return;
    out.push_back(
        {.text = fmt::format("{} VALIDATE CONSTRAINT {}", alter, name), .place = Place::own});
  }

  void build() {
    if (column_.not_null)
      add_not_null(work_, table_, object_name(column_.name, "", "pgkeep_new"), out_.up);
    for (const ConstraintCopy& copy : constraints_)
      add_not_valid(copy, out_.up);
    for (const IndexCopy& copy : indexes_)
      out_.up.push_back({.text = copy.create, .place = Place::alone});
    for (const ConstraintCopy& copy : references_)
      add_not_valid(copy, out_.up);
    std::vector<std::string> settings = copy_settings(work_, table_, column_, new_);
    for (const StatisticsCopy& copy : statistics_)
      settings.push_back(copy.create);
    if (!settings.empty())
      out_.up.push_back({.text = base::join(settings, ";\n"), .place = Place::own});
    out_.up.push_back(
        {.text = fmt::format("ANALYZE {} ({})", table_.text, new_), .place = Place::own});
  }

  void add(std::string statement) { statements_.push_back(std::move(statement)); }

  void swap() {
    find_comments();
    if (!comments_.is_empty()) add(comments_.read());
    for (const auto* copies : {&references_, &constraints_}) {
      for (const ConstraintCopy& copy : *copies)
        add(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", copy.owner.text,
                        quote_identifier(copy.constraint->name)));
    }
    for (const IndexCopy& copy : indexes_) {
      if (copy.constraint != nullptr)
        add(fmt::format("{} DROP CONSTRAINT {}", alter_, quote_identifier(copy.constraint->name)));
    }
    for (const auto& [from, to] : {std::pair(name_, old_), std::pair(new_, name_)})
      add(fmt::format("-- pgkeep:ignore rename-column: both names stay, and are kept equal\n"
                      "{} RENAME COLUMN {} TO {}",
                      alter_, from, to));
    add(sync(true).create_function(true));
    swap_indexes();
    for (const auto* copies : {&constraints_, &references_}) {
      for (const ConstraintCopy& copy : *copies)
        add(fmt::format("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", copy.owner.text,
                        quote_identifier(copy.name), quote_identifier(copy.constraint->name)));
    }
    for (const StatisticsCopy& copy : statistics_) {
      add(fmt::format("DROP STATISTICS {}", copy.old_name));
      add(fmt::format("ALTER STATISTICS {} RENAME TO {}", copy.name, copy.plain_name));
    }
    swap_default();
    if (column_.not_null) swap_not_null(); // An identity column must be NOT NULL.
    if (!comments_.is_empty()) add(Comments::write());
    if (!column_.comment.empty())
      add(fmt::format("COMMENT ON COLUMN {}.{} IS NULL", table_.text, old_));
    out_.up.push_back({.text = base::join(statements_, ";\n"), .place = Place::own});
  }

  /// From 18 on it is a constraint; where its name is not the server's own, the Snapshot says so.
  [[nodiscard]] catalog::Constraint not_null() const {
    catalog::Constraint found;
    found.relation = table_.relation->oid;
    found.name = object_name(table_.name.name, column_.name, "not_null");
    const std::string* const own =
        definition_value(*work_.database(), "column",
                         catalog::column_object(*table_.relation, column_), "not-null constraint");
    if (own != nullptr) found.name = own->substr(0, own->find(" no inherit"));
    return found;
  }

  void swap_not_null() {
    add(fmt::format("{} ALTER COLUMN {} DROP NOT NULL", alter_, old_));
    if (work_.context.server_major < 18) return;
    add(fmt::format("{} RENAME CONSTRAINT {} TO {}", alter_, quote_identifier(not_null_new_),
                    quote_identifier(not_null().name)));
  }

  /// Of all that is dropped or retired below.
  void find_comments() {
    comments_.add_column(table_, column_);
    for (const auto* copies : {&constraints_, &references_}) {
      for (const ConstraintCopy& copy : *copies)
        comments_.add_constraint(*copy.constraint);
    }
    for (const IndexCopy& copy : indexes_) {
      comments_.add_index(*copy.index);
      if (copy.constraint != nullptr) comments_.add_constraint(*copy.constraint);
    }
    for (const StatisticsCopy& copy : statistics_)
      comments_.add_statistics(copy.old_name);
    if (column_.not_null && work_.context.server_major >= 18) comments_.add_constraint(not_null());
    const catalog::Sequence* const own = sequence();
    if (!column_.identity.empty() && own != nullptr) comments_.add_sequence(*own);
  }

  void swap_indexes() {
    for (const IndexCopy& copy : indexes_) {
      swap_index(copy);
      std::ranges::copy(marks_of_index(*work_.database(), table_, *copy.index),
                        std::back_inserter(statements_));
    }
  }

  void swap_index(const IndexCopy& copy) {
    const std::string name = quote_identifier(copy.index->name);
    if (copy.constraint == nullptr) {
      const std::string retired = object_name(copy.index->name, "", "pgkeep_old");
      add(fmt::format("ALTER INDEX {} RENAME TO {}", table_.beside(copy.index->name),
                      quote_identifier(retired)));
      add(fmt::format("ALTER INDEX {} RENAME TO {}", table_.beside(copy.name), name));
      retired_.push_back(table_.beside(retired));
      return;
    }
    const std::string& definition = copy.constraint->definition;
    const std::size_t attributes = definition.find(" DEFERRABLE");
    add(fmt::format(
        "{} ADD CONSTRAINT {} {} USING INDEX {}{}", alter_, quote_identifier(copy.constraint->name),
        copy.constraint->type == "p" ? "PRIMARY KEY" : "UNIQUE", quote_identifier(copy.name),
        attributes == std::string::npos ? "" : definition.substr(attributes)));
  }

  [[nodiscard]] const catalog::Sequence* sequence() const {
    const auto& all = work_.database()->sequences;
    const auto found = std::ranges::find_if(all, [&](const catalog::Sequence& each) {
      return each.relation == table_.relation->oid && each.column == column_.number;
    });
    return found == all.end() ? nullptr : &*found;
  }

  void swap_default() {
    const catalog::Sequence* const own = sequence();
    const std::string set = fmt::format("{} ALTER COLUMN {}", alter_, name_);
    const std::string drop = fmt::format("{} ALTER COLUMN {}", alter_, old_);
    if (!column_.identity.empty()) {
      if (own != nullptr) swap_identity(*own);
      return;
    }
    if (column_.default_expression.empty()) return;
    if (own != nullptr && column_.default_expression.starts_with("nextval(")) {
      add(fmt::format("{} SET DEFAULT nextval({})", set,
                      quote_literal(catalog::qualified_name(*own))));
      if (own->is_owned)
        add(fmt::format("ALTER SEQUENCE {} OWNED BY {}.{}", catalog::qualified_name(*own),
                        table_.text, name_));
      if (own->type != "bigint")
        work_.changed(fmt::format("the sequence {} stays {}: it ends where that type ends; "
                                  "ALTER SEQUENCE .. AS bigint is instant",
                                  catalog::qualified_name(*own), own->type));
    } else if (column_.default_digest.empty()) {
      add(fmt::format("{} SET DEFAULT {}", set, column_.default_expression));
    } else { // Its text is not in the Snapshot: only the server knows it.
      add(fmt::format(
          "DO $pgkeep$\nBEGIN\n  EXECUTE (SELECT pg_catalog.format('{} SET DEFAULT %s', "
          "pg_catalog.pg_get_expr(d.adbin, d.adrelid))\n"
          "    FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a\n"
          "      ON a.attrelid = d.adrelid AND a.attnum = d.adnum\n"
          "    WHERE d.adrelid = {}::pg_catalog.regclass AND a.attname = {});\nEND\n$pgkeep$",
          doubled(set), quote_literal(table_.text), quote_literal(unquoted_old())));
    }
    add(fmt::format("{} DROP DEFAULT", drop));
  }

  [[nodiscard]] std::string unquoted_old() const {
    return object_name(column_.name, "", "pgkeep_old");
  }

  /// For a literal that format() reads.
  static std::string doubled(const std::string& text) {
    return base::replace_all(base::replace_all(text, "'", "''"), "%", "%%");
  }

  /// The new identity goes on where the old one is; the lock on the table keeps it there meanwhile.
  void swap_identity(const catalog::Sequence& own) {
    const std::string temporary = object_name(own.name, "", "pgkeep_new");
    const std::string made = postgres::quote_qualified(own.schema, temporary);
    std::string options = fmt::format("SEQUENCE NAME {} START WITH {} INCREMENT BY {}", made,
                                      own.start, own.increment);
    // Limits that are not the old type's own are the user's.
    const bool has_maximum = own.increment > 0 && own.maximum != 32'767 &&
                             own.maximum != 2'147'483'647 && own.maximum != INT64_MAX;
    if (has_maximum) options += fmt::format(" MAXVALUE {}", own.maximum);
    if (own.increment > 0 && own.minimum != 1) options += fmt::format(" MINVALUE {}", own.minimum);
    if (own.cycles) options += " CYCLE";
    add(fmt::format("{} ALTER COLUMN {} ADD GENERATED {} AS IDENTITY ({})", alter_, name_,
                    column_.identity == "a" ? "ALWAYS" : "BY DEFAULT", options));
    add(fmt::format("SELECT setval({}, last_value, is_called) FROM {}", quote_literal(made),
                    catalog::qualified_name(own)));
    add(fmt::format("{} ALTER COLUMN {} DROP IDENTITY", alter_, old_));
    add(fmt::format("ALTER SEQUENCE {} RENAME TO {}", made, quote_identifier(own.name)));
    std::ranges::copy(copy_sequence_settings(*work_.database(), own, catalog::qualified_name(own)),
                      std::back_inserter(statements_));
  }

  void clean_up() {
    for (const std::string& index : retired_)
      out_.up.push_back(
          {.text = fmt::format("DROP INDEX CONCURRENTLY {}", index), .place = Place::alone});
  }

  void down() {
    out_.down.push_back({.text = fmt::format("{};\n{} DROP COLUMN IF EXISTS {}",
                                             sync(true).drop(true), alter_, old_),
                         .place = Place::own});
    out_.down.push_back(
        {.text = in_shadow(fmt::format("{0} ALTER COLUMN {1} TYPE {2} USING {1}::{2}", alter_,
                                       name_, column_.type)),
         .place = Place::alone});
  }

  void contract(const std::string& key) {
    const Sync after = sync(true);
    out_.later.push_back(
        {.text = fmt::format("{};\n-- pgkeep:ignore drop-column: a copy, which the trigger kept "
                             "equal\n{} DROP COLUMN {}",
                             after.drop(false), alter_, old_),
         .place = Place::own});
    out_.later_down.push_back(
        {.text = fmt::format("{} ADD COLUMN {} {};\n{};\n{}", alter_, old_, column_.type,
                             after.create_function(false), after.create_triggers()),
         .place = Place::own});
    for (const std::string& setting : copy_settings(work_, table_, column_, old_))
      out_.later_down.back().text += ";\n" + setting;
    if (!has_way_back_) return;
    out_.later_down.push_back(
        {.text =
             in_batches(key, fmt::format("UPDATE {0} SET {1} = {2} WHERE {1} IS NULL AND {2} IS "
                                         "NOT NULL",
                                         table_.text, old_, name_)),
         .place = Place::alone});
  }

  void say() const {
    say_not_carried(work_, table_, column_, std::array{new_, old_});
    work_.changed(fmt::format("{}.{} gets a new column of the type {} beside it, which takes its "
                              "name; the old one goes in the later file",
                              table_.text, name_, command_.type));
    if (!has_way_back_)
      work_.changed("USING has no way back that a trigger could know: what is written after the "
                    "swap does not come into the old column");
    say_references(work_, table_, column_, command_);
    const auto& triggers = work_.database()->triggers;
    for (const catalog::Trigger& each : triggers) {
      if (each.relation == table_.relation->oid && !each.is_internal && each.enabled != "D")
        work_.changed(fmt::format("the trigger {} runs for each row that is filled",
                                  quote_identifier(each.name)));
    }
  }

  const Work& work_;
  const Target& table_;
  const catalog::Column& column_;
  const TypeCommand& command_;
  Replacement& out_;
  std::string alter_;
  std::string name_; ///< The three names as SQL.
  std::string new_;
  std::string old_;
  std::vector<IndexCopy> indexes_;
  std::vector<ConstraintCopy> constraints_;
  std::vector<ConstraintCopy> references_;
  std::vector<StatisticsCopy> statistics_;
  Comments comments_;
  std::string not_null_new_;
  std::vector<std::string> statements_; ///< Of the swap.
  std::vector<std::string> retired_;    ///< Old indexes, as SQL.
  bool has_way_back_ = true;
};

} // namespace

std::optional<Refusal> change_type(const Work& work, const Target& table,
                                   const TypeCommand& command, Replacement& out) {
  const catalog::Column* const column =
      work.database() == nullptr ? nullptr : table.column(*work.database(), command.column);
  if (auto refusal = obstacle(work, table, column)) return refusal;
  if (is_widened_key(work, table, *column, command)) {
    say_references(work, table, *column, command);
    return Refusal{.why = "old and new code read the key as it is, so it needs no second column",
                   .way_back = column->type};
  }
  const auto key = batch_key(work, table);
  if (!key)
    return Refusal{
        .why = fmt::format("{} has no key by which its rows could be taken in batches", table.text),
        .is_final = true};
  TypeChange(work, table, *column, command, out).make(*key);
  return std::nullopt;
}

} // namespace pgkeep::migrate::rewriting
