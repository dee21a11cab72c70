// ADD COLUMN: the column comes without what would write or read every row; its default, its rows
// and its constraints follow one by one.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lint/default_value.h"
#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::Node;
using postgres::quote_identifier;

struct SerialType {
  std::string_view name;
  std::string_view plain;
};
constexpr auto kSerials = std::to_array<SerialType>({{"smallserial", "smallint"},
                                                     {"serial2", "smallint"},
                                                     {"serial", "integer"},
                                                     {"serial4", "integer"},
                                                     {"bigserial", "bigint"},
                                                     {"serial8", "bigint"}});

const SerialType* serial_of(const Node& definition) {
  const std::string name = lint::type_of(definition.node("type_name")).name;
  const auto found = std::ranges::find(kSerials, name, &SerialType::name);
  return found == kSerials.end() ? nullptr : &*found;
}

bool is_attribute(std::string_view type) {
  return type.starts_with("CONSTR_ATTR_");
}

/// One constraint behind a column with the attributes that follow it, as written.
struct Part {
  Node node;
  std::string text; ///< Without its name.
  std::string name;
};

/// "ADD COLUMN c type COLLATE x" and what follows, by the places that the parser knows.
struct Split {
  std::string head;
  std::vector<Part> parts;
};

/// `begin`: where the command stands in the script, whose offsets the nodes have.
Split split(const Node& definition, std::string_view command, std::size_t begin) {
  const std::vector<Node> all = definition.nodes("constraints");
  const Words words(command);
  Split out;
  std::vector<std::size_t> starts;
  starts.reserve(all.size());
  for (const Node& each : all)
    starts.push_back(words.at_offset(each.offset().value_or(begin) - begin));
  out.head = words.slice(0, starts.empty() ? words.count() : starts.front());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t end = i + 1 < all.size() ? starts[i + 1] : words.count();
    if (is_attribute(all[i].name("contype")) && !out.parts.empty()) {
      out.parts.back().text += " " + words.slice(starts[i], end);
      continue;
    }
    std::size_t from = starts[i];
    std::string name(all[i].text("conname"));
    if (words.at(from) == "constraint") from += 2;
    out.parts.push_back({.node = all[i], .text = words.slice(from, end), .name = std::move(name)});
  }
  return out;
}

const Part* part_of(const Split& split, std::string_view type) {
  const auto found = std::ranges::find_if(
      split.parts, [&](const Part& each) { return each.node.name("contype") == type; });
  return found == split.parts.end() ? nullptr : &*found;
}

bool has_volatile_default(const Work& work, const Node& definition) {
  const Node value = lint::default_of(definition);
  return value && !lint::volatile_function_of(value, work.context).empty();
}

struct Column {
  const Target& table;
  std::string name; ///< As the catalog has it.
  std::string quoted;
};

/// A sequence of its own gives each row its value. Returns its name as SQL.
std::string add_sequence(const Work& work, const Column& column, std::string_view type,
                         std::string_view label, Replacement& out) {
  const std::string sequence = column.table.beside(
      work.names.choose(column.table.schema, column.table.name.name, column.name, label));
  out.up.push_back({.text = fmt::format("CREATE SEQUENCE {} AS {}", sequence, type)});
  return sequence;
}

std::string next_value(const std::string& sequence) {
  return fmt::format("nextval({})", postgres::quote_literal(sequence));
}

/// Existing rows take the default, which new ones have already.
bool add_backfill(const Work& work, const Column& column, Replacement& out) {
  const auto key = batch_key(work, column.table);
  if (!key) {
    work.left_alone(fmt::format("{} has no key by which its rows could be filled in batches",
                                column.table.text));
    return false;
  }
  out.up.push_back(
      {.text = in_batches(*key, fmt::format("UPDATE {} SET {} = DEFAULT WHERE {} IS NULL",
                                            column.table.text, column.quoted, column.quoted)),
       .place = Place::alone});
  return true;
}

/// The identity begins where the sequence that filled the rows has come to.
void add_identity(const Work& work, const Column& column, const Part& part,
                  const std::string& sequence, Replacement& out) {
  const std::string alter =
      fmt::format("{} ALTER COLUMN {}", alter_table(column.table), column.quoted);
  const std::string own = column.table.beside(
      work.names.choose(column.table.schema, column.table.name.name, column.name, "seq"));
  out.up.push_back(
      {.text = fmt::format("{0} DROP DEFAULT;\n{0} ADD {1};\nSELECT setval({2}, last_value, "
                           "is_called) FROM {3};\nDROP SEQUENCE {3}",
                           alter, part.text, postgres::quote_literal(own), sequence),
       .place = Place::own});
}

bool is_kept_in_head(const Part& part) {
  const std::string_view type = part.node.name("contype");
  return type == "CONSTR_DEFAULT" || type == "CONSTR_NULL" || type == "CONSTR_NOTNULL";
}

/// UNIQUE, PRIMARY KEY, CHECK and REFERENCES, one after the other.
bool add_parts(const Work& work, const Column& column, const Split& parts, bool is_not_null,
               Replacement& out) {
  for (const Part& part : parts.parts) {
    const std::string_view type = part.node.name("contype");
    const bool is_key = type == "CONSTR_FOREIGN";
    const bool is_ours =
        is_key || type == "CONSTR_CHECK" || type == "CONSTR_UNIQUE" || type == "CONSTR_PRIMARY";
    if (!is_ours) continue;
    NewConstraint constraint{.node = part.node,
                             .name = part.name,
                             .body = part.text,
                             .columns = {column.name},
                             .are_columns_not_null = is_not_null};
    if (is_key) constraint.body = fmt::format("FOREIGN KEY ({}) {}", column.quoted, part.text);
    Replacement one;
    if (!add_constraint(work, column.table, constraint, one)) return false;
    std::ranges::move(one.up, std::back_inserter(out.up));
  }
  return true;
}

/// The values of a column whose default differs from row to row.
struct Filling {
  bool is_volatile = false;
  const SerialType* serial = nullptr;
  const Part* identity = nullptr;
  [[nodiscard]] explicit operator bool() const {
    return is_volatile || serial != nullptr || identity != nullptr;
  }
};

/// "ADD COLUMN c bigserial" becomes "ADD COLUMN c bigint".
std::string plain_head(const std::string& head, const SerialType& serial) {
  const Words words(head);
  for (std::size_t i = words.count(); i > 0; --i) {
    if (words.at(i - 1) != serial.name) continue;
    std::string out = head;
    return out.replace(words.begin_of(i - 1), serial.name.size(), serial.plain);
  }
  return head;
}

bool fill(const Work& work, const Column& column, const Filling& filling, const Split& parts,
          const Node& definition, Replacement& out) {
  const std::string alter =
      fmt::format("{} ALTER COLUMN {}", alter_table(column.table), column.quoted);
  std::string sequence;
  if (filling.serial != nullptr) {
    sequence = add_sequence(work, column, filling.serial->plain, "seq", out);
    out.up.push_back({.text = fmt::format("{} SET DEFAULT {}", alter, next_value(sequence))});
    out.up.push_back({.text = fmt::format("ALTER SEQUENCE {} OWNED BY {}.{}", sequence,
                                          column.table.text, column.quoted)});
  } else if (filling.identity != nullptr) {
    const lint::TypeText type = lint::type_of(definition.node("type_name"));
    sequence = add_sequence(work, column, type.name, "pgkeep_seq", out);
    out.up.push_back({.text = fmt::format("{} SET DEFAULT {}", alter, next_value(sequence))});
  } else {
    // part.text is "DEFAULT x".
    out.up.push_back(
        {.text = fmt::format("{} SET {}", alter, part_of(parts, "CONSTR_DEFAULT")->text)});
  }
  return add_backfill(work, column, out);
}

} // namespace

bool is_unsafe_column(const Work& work, const Node& definition) {
  bool has_default = serial_of(definition) != nullptr;
  bool is_required = false;
  for (const Node& each : definition.nodes("constraints")) {
    const std::string_view type = each.name("contype");
    if (type == "CONSTR_CHECK" || type == "CONSTR_FOREIGN" || type == "CONSTR_UNIQUE" ||
        type == "CONSTR_PRIMARY" || type == "CONSTR_IDENTITY" || type == "CONSTR_GENERATED")
      return true;
    has_default = has_default || type == "CONSTR_DEFAULT";
    is_required = is_required || type == "CONSTR_NOTNULL";
  }
  return serial_of(definition) != nullptr || has_volatile_default(work, definition) ||
         (is_required && !has_default);
}

bool add_column(const Work& work, const Target& table, const Node& definition,
                std::string_view command, bool is_if_not_exists, Replacement& out) {
  if (is_if_not_exists) {
    work.left_alone("ADD COLUMN IF NOT EXISTS: the steps behind it cannot know whether it added "
                    "the column");
    return false;
  }
  const std::size_t begin = static_cast<std::size_t>(command.data() - work.script.text().data());
  const Split parts = split(definition, command, begin);
  const Column column{.table = table,
                      .name = std::string(definition.text("colname")),
                      .quoted = quote_identifier(definition.text("colname"))};
  const Filling filling{.is_volatile = has_volatile_default(work, definition),
                        .serial = serial_of(definition),
                        .identity = part_of(parts, "CONSTR_IDENTITY")};
  const bool is_required = part_of(parts, "CONSTR_NOTNULL") != nullptr ||
                           part_of(parts, "CONSTR_PRIMARY") != nullptr ||
                           filling.serial != nullptr || filling.identity != nullptr;
  if (is_required && !filling && part_of(parts, "CONSTR_DEFAULT") == nullptr) {
    work.left_alone(fmt::format("{}.{} is NOT NULL and has no default: it fails where there are "
                                "rows; give it a default, or add it nullable and fill it first",
                                table.text, column.quoted));
    return false;
  }
  std::string head =
      filling.serial == nullptr ? parts.head : plain_head(parts.head, *filling.serial);
  for (const Part& part : parts.parts) {
    if (is_kept_in_head(part) && !filling) head += " " + part.text;
  }
  out.up.push_back({.text = fmt::format("{} {}", alter_table(table), head)});
  if (filling) {
    if (!fill(work, column, filling, parts, definition, out)) return false;
    work.changed(fmt::format("{}.{} comes empty; its default holds for new rows at once, and old "
                             "ones take it in batches",
                             table.text, column.quoted));
  }
  if (is_required && filling) add_not_null(work, table, column.name, out.up);
  if (filling.identity != nullptr) {
    // The sequence that filled the rows is the last but some: its name stands in CREATE SEQUENCE.
    const Words made(out.up[1].text);
    add_identity(work, column, *filling.identity, made.slice(2, made.after_name(2)), out);
  }
  if (!add_parts(work, column, parts, is_required && filling, out)) return false;
  out.down.push_back(
      {.text = fmt::format("-- pgkeep:loses {}.{}: the column and what was written "
                           "to it\n{} DROP COLUMN {}",
                           table.text, column.quoted, alter_table(table), column.quoted)});
  return true;
}

} // namespace pgkeep::migrate::rewriting
