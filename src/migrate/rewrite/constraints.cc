// ADD CONSTRAINT: what must be proved is proved by VALIDATE in a transaction of its own, and what
// needs an index gets one that was built beside the writers.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "lint/relations.h"
#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::Node;
using postgres::quote_identifier;

/// The parts of "UNIQUE (a, b) INCLUDE (c) WITH (x) USING INDEX TABLESPACE y DEFERRABLE".
struct IndexParts {
  std::string columns; ///< "(a, b)".
  std::string behind; ///< INCLUDE, NULLS NOT DISTINCT, WITH, TABLESPACE as CREATE INDEX wants them.
  std::string attributes; ///< " DEFERRABLE INITIALLY DEFERRED".
};

IndexParts index_parts(const NewConstraint& constraint) {
  const Words words(constraint.body);
  IndexParts parts;
  std::size_t at = words.find("(", 0);
  std::size_t rest = words.at(0) == "primary" ? 2 : 1;
  if (words.at(rest) == "nulls") rest += constraint.node.flag("nulls_not_distinct") ? 3 : 2;
  if (at == rest && at < words.count() && constraint.columns.empty()) {
    rest = words.closing(at) + 1;
    parts.columns = words.slice(at, rest);
  } else { // Behind a column: it names none.
    std::vector<std::string> quoted;
    quoted.reserve(constraint.columns.size());
    for (const std::string& column : constraint.columns)
      quoted.push_back(quote_identifier(column));
    parts.columns = fmt::format("({})", base::join(quoted, ", "));
  }
  if (words.at(rest) == "include") {
    const std::size_t end = words.closing(rest + 1) + 1;
    parts.behind += " " + words.slice(rest, end);
    rest = end;
  }
  if (constraint.node.flag("nulls_not_distinct")) parts.behind += " NULLS NOT DISTINCT";
  if (words.at(rest) == "with") {
    const std::size_t end = words.closing(rest + 1) + 1;
    parts.behind += " " + words.slice(rest, end);
    rest = end;
  }
  if (words.at(rest) == "using") { // USING INDEX TABLESPACE x.
    parts.behind += " " + words.slice(rest + 2, rest + 4);
    rest += 4;
  }
  if (rest < words.count()) parts.attributes = " " + words.slice(rest, words.count());
  return parts;
}

std::vector<std::string> key_columns(const NewConstraint& constraint) {
  if (!constraint.columns.empty()) return constraint.columns;
  return postgres::strings_of(constraint.node.nodes(
      constraint.node.name("contype") == "CONSTR_FOREIGN" ? "fk_attrs" : "keys"));
}

/// What the server would name a constraint of this kind for these columns.
std::string index_name(const Work& work, const Target& table, const NewConstraint& constraint) {
  if (constraint.node.name("contype") == "CONSTR_PRIMARY")
    return work.names.choose(table.schema, table.name.name, "", "pkey");
  std::vector<std::string> columns = key_columns(constraint);
  std::ranges::move(postgres::strings_of(constraint.node.nodes("including")),
                    std::back_inserter(columns));
  return work.names.choose(table.schema, table.name.name, Names::addition(columns), "key");
}

/// The name that the server would give.
std::string name_of(const Work& work, const Target& table, const NewConstraint& constraint) {
  if (!constraint.name.empty()) return constraint.name;
  const std::string_view type = constraint.node.name("contype");
  if (type == "CONSTR_PRIMARY" || type == "CONSTR_UNIQUE")
    return index_name(work, table, constraint);
  if (type == "CONSTR_FOREIGN")
    return work.names.choose(table.schema, table.name.name,
                             Names::addition(key_columns(constraint)), "fkey");
  std::vector<std::string> used;
  postgres::walk(constraint.node.node("raw_expr"), [&](const Node& node) {
    if (!node.is("ColumnRef")) return true;
    const std::vector<std::string> names = postgres::strings_of(node.nodes("fields"));
    if (!names.empty() && std::ranges::find(used, names.back()) == used.end())
      used.push_back(names.back());
    return true;
  });
  return work.names.choose(table.schema, table.name.name, used.size() == 1 ? used.front() : "",
                           "check");
}

void add_not_valid(const Target& table, const std::string& name, const std::string& body,
                   Pieces& out) {
  const std::string alter = alter_table(table);
  out.push_back({.text = fmt::format("{} ADD CONSTRAINT {} {} NOT VALID", alter,
                                     quote_identifier(name), body)});
  out.push_back({.text = fmt::format("{} VALIDATE CONSTRAINT {}", alter, quote_identifier(name)),
                 .place = Place::own});
}

/// Partitions that hold rows, at any level.
void leaves_of(const Work& work, const lint::RelationName& parent, std::vector<Target>& out) {
  std::vector<lint::RelationName> partitions = lint::partitions_of(work.context, parent);
  if (const lint::RelationName rest = lint::default_partition_of(work.context, parent))
    partitions.push_back(rest);
  for (const lint::RelationName& each : partitions) {
    Target partition = work.target(each);
    if (partition.relation != nullptr && partition.relation->kind == "p") {
      leaves_of(work, each, out);
    } else {
      out.push_back(std::move(partition));
    }
  }
}

bool is_partitioned(const Target& table) {
  return (table.relation != nullptr && table.relation->kind == "p") ||
         (table.state != nullptr && table.state->is_partitioned);
}

/// Before 18 a foreign key of a partitioned table cannot be NOT VALID; but the table takes over
/// those that its partitions have, without looking at their rows again.
bool add_partitioned_key(const Work& work, const Target& table, const std::string& name,
                         const NewConstraint& constraint, Replacement& out) {
  if (table.relation == nullptr) {
    work.left_alone(
        fmt::format("{} is partitioned: the foreign key must be added to each partition "
                    "first, and --database is needed to know them",
                    table.text));
    return false;
  }
  std::vector<Target> leaves;
  leaves_of(work, table.name, leaves);
  for (const Target& each : leaves)
    add_not_valid(each, name, constraint.body, out.up);
  out.up.push_back(
      {.text = fmt::format("-- pgkeep:ignore add-foreign-key-validated: each partition "
                           "has it, validated\n{} ADD CONSTRAINT {} {}",
                           alter_table(table), quote_identifier(name), constraint.body),
       .place = Place::own});
  work.changed("the partitions get the foreign key first, NOT VALID and validated one by one; the "
               "table takes theirs over");
  return true;
}

void create_unique_index(const Target& table, const std::string& name, const IndexParts& parts,
                         Pieces& out) {
  out.push_back(
      {.text = fmt::format("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} {}{}", quote_identifier(name),
                           table.text, parts.columns, parts.behind),
       .place = Place::alone});
}

void add_using_index(const Target& table, const std::string& name, std::string_view kind,
                     const IndexParts& parts, Pieces& out) {
  out.push_back(
      {.text = fmt::format("{} ADD CONSTRAINT {} {} USING INDEX {}{}", alter_table(table),
                           quote_identifier(name), kind, quote_identifier(name), parts.attributes),
       .place = Place::own});
}

/// The parent's index is made on nothing and becomes valid with the last partition's.
bool add_partitioned_index(const Work& work, const Target& table, const std::string& name,
                           const NewConstraint& constraint, const IndexParts& parts,
                           Replacement& out) {
  if (table.relation == nullptr) {
    work.left_alone(
        fmt::format("{} is partitioned: --database is needed to know its partitions", table.text));
    return false;
  }
  std::vector<Target> leaves;
  leaves_of(work, table.name, leaves);
  const bool is_flat = std::ranges::all_of(leaves, [&](const Target& leaf) {
    return leaf.relation != nullptr && leaf.relation->parent == table.relation->oid;
  });
  if (!is_flat) {
    work.left_alone(fmt::format("{} is partitioned on several levels: add the index to each "
                                "partition by hand, then attach it",
                                table.text));
    return false;
  }
  const bool is_key = constraint.node.name("contype") == "CONSTR_PRIMARY";
  const std::string_view kind = is_key ? "PRIMARY KEY" : "UNIQUE";
  out.up.push_back(
      {.text =
           fmt::format("-- pgkeep:ignore {}: of the table alone, which has no rows\n"
                       "ALTER TABLE ONLY {} ADD CONSTRAINT {} {} {}{}{}",
                       is_key ? "add-primary-key" : "add-unique-constraint", table.text,
                       quote_identifier(name), kind, parts.columns, parts.behind, parts.attributes),
       .place = Place::own});
  for (const Target& leaf : leaves) {
    const std::string own = index_name(work, leaf, constraint);
    create_unique_index(leaf, own, parts, out.up);
    add_using_index(leaf, own, kind, parts, out.up);
    if (is_key)
      out.up.back().text.insert(0, "-- pgkeep:ignore add-primary-key-nullable: the table's columns "
                                   "are NOT NULL by now\n");
    out.up.push_back({.text = fmt::format("ALTER INDEX {} ATTACH PARTITION {}", table.beside(name),
                                          leaf.beside(own))});
  }
  work.changed("each partition gets its index without blocking writes, then the table takes them "
               "over");
  return true;
}

/// The columns of a key, where nothing proves them NOT NULL yet.
void add_key_columns(const Work& work, const Target& table, const std::vector<std::string>& columns,
                     Replacement& out, Pieces& undo) {
  for (const std::string& column : columns) {
    if (is_proved_not_null(work, table, column)) continue;
    add_not_null(work, table, column, out.up);
    undo.push_back({.text = fmt::format("{} ALTER COLUMN {} DROP NOT NULL", alter_table(table),
                                        quote_identifier(column))});
  }
}

bool add_index_constraint(const Work& work, const Target& table, const NewConstraint& constraint,
                          Replacement& out) {
  const bool is_key = constraint.node.name("contype") == "CONSTR_PRIMARY";
  const std::string_view kind = is_key ? "PRIMARY KEY" : "UNIQUE";
  const std::string name = name_of(work, table, constraint);
  const IndexParts parts = index_parts(constraint);
  Pieces undo;
  if (is_key && !constraint.are_columns_not_null)
    add_key_columns(work, table, key_columns(constraint), out, undo);
  if (is_partitioned(table)) {
    if (!add_partitioned_index(work, table, name, constraint, parts, out)) return false;
  } else {
    create_unique_index(table, name, parts, out.up);
    add_using_index(table, name, kind, parts, out.up);
    work.changed(fmt::format("{} {} gets its index without blocking writes, then takes it over",
                             kind, quote_identifier(name)));
  }
  out.down.push_back(
      {.text = fmt::format("{} DROP CONSTRAINT {}", alter_table(table), quote_identifier(name))});
  std::ranges::move(undo, std::back_inserter(out.down));
  return true;
}

} // namespace

bool is_unsafe_constraint(const Work& work, const Target& table, const Node& node) {
  const std::string_view type = node.name("contype");
  if (type == "CONSTR_EXCLUSION") return true;
  if (type == "CONSTR_CHECK" || type == "CONSTR_FOREIGN") return !node.flag("skip_validation");
  if (type != "CONSTR_UNIQUE" && type != "CONSTR_PRIMARY") return false;
  if (node.text("indexname").empty()) return true;
  if (type == "CONSTR_UNIQUE" || table.state == nullptr) return false;
  // PRIMARY KEY USING INDEX makes its columns NOT NULL, which is a scan where nothing proves it.
  for (const lint::IndexState& index : table.state->indexes) {
    if (index.name != node.text("indexname")) continue;
    return std::ranges::any_of(index.columns, [&](const std::string& column) {
      return !is_proved_not_null(work, table, column);
    });
  }
  return false;
}

bool add_constraint(const Work& work, const Target& table, const NewConstraint& constraint,
                    Replacement& out) {
  const std::string_view type = constraint.node.name("contype");
  if (type == "CONSTR_EXCLUSION") {
    work.left_alone("an EXCLUDE constraint has no online form: add it in a quiet hour, or to a new "
                    "table");
    return false;
  }
  if (!constraint.node.text("indexname").empty()) { // PRIMARY KEY USING INDEX, nullable columns.
    Pieces undo;
    for (const lint::IndexState& index : table.state->indexes) {
      if (index.name != constraint.node.text("indexname")) continue;
      add_key_columns(work, table, index.columns, out, undo);
    }
    const std::string name =
        constraint.name.empty() ? std::string(constraint.node.text("indexname")) : constraint.name;
    out.up.push_back({.text = fmt::format("{} ADD CONSTRAINT {} {}", alter_table(table),
                                          quote_identifier(name), constraint.body),
                      .place = Place::own});
    out.down.push_back(
        {.text = fmt::format("{} DROP CONSTRAINT {}", alter_table(table), quote_identifier(name))});
    std::ranges::move(undo, std::back_inserter(out.down));
    work.changed("the key's columns become NOT NULL without a scan under a strong lock first");
    return true;
  }
  if (type == "CONSTR_UNIQUE" || type == "CONSTR_PRIMARY")
    return add_index_constraint(work, table, constraint, out);
  const std::string name = name_of(work, table, constraint);
  const bool is_key = type == "CONSTR_FOREIGN";
  if (is_key && is_partitioned(table) && work.context.server_major < 18) {
    if (!add_partitioned_key(work, table, name, constraint, out)) return false;
  } else {
    add_not_valid(table, name, constraint.body, out.up);
    work.changed(fmt::format("{} {} is added NOT VALID and validated in a step of its own",
                             is_key ? "foreign key" : "CHECK", quote_identifier(name)));
  }
  out.down.push_back(
      {.text = fmt::format("{} DROP CONSTRAINT {}", alter_table(table), quote_identifier(name))});
  return true;
}

} // namespace pgkeep::migrate::rewriting
