// Rights come as the Snapshot tells them: "reader=SELECT UPDATE*, PUBLIC=SELECT" (a star: may be
// granted on; (owner): the table's). See catalog/readers/grants.cc and details.cc.
#include "migrate/rewrite/carry.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

struct Grant {
  std::string who; ///< As SQL; "(owner)".
  std::vector<std::string> rights = {};
  std::vector<std::string> rights_with_option = {};
};

/// Where the name ends that begins there: a quoted one may hold anything.
std::size_t end_of_name(std::string_view text, std::size_t at) {
  if (text[at] != '"') return text.find('=', at);
  for (++at; at < text.size(); ++at) {
    if (text[at] != '"') continue;
    if (at + 1 == text.size() || text[at + 1] != '"') return at + 1;
    ++at;
  }
  return std::string_view::npos;
}

std::vector<Grant> grants_of(std::string_view text) {
  std::vector<Grant> grants;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t equals = end_of_name(text, at);
    if (equals == std::string_view::npos) break;
    const std::size_t end = std::min(text.find(", ", equals), text.size());
    Grant grant{.who = std::string(text.substr(at, equals - at))};
    const std::string_view list = text.substr(equals + 1, end - equals - 1);
    for (std::string& right : base::split(list, ' ')) {
      const bool has_option = right.ends_with('*');
      if (has_option) right.pop_back();
      if (right == "(none)") continue;
      (has_option ? grant.rights_with_option : grant.rights).push_back(std::move(right));
    }
    grants.push_back(std::move(grant));
    at = end + 2;
  }
  return grants;
}

/// GRANT statements; `columns`: " (c)" behind each right, or empty.
void add_grants(const std::string& value, const std::string& object, const std::string& columns,
                const std::string& owner, std::vector<std::string>& out) {
  for (const Grant& grant : grants_of(value)) {
    const bool is_owner = grant.who == "(owner)";
    const std::string who = is_owner ? quote_identifier(owner) : grant.who;
    // What the owner is said to have is all that is left of it.
    if (is_owner && columns.empty())
      out.push_back(fmt::format("REVOKE ALL ON {} FROM {}", object, who));
    for (const bool has_option : {false, true}) {
      const auto& rights = has_option ? grant.rights_with_option : grant.rights;
      if (rights.empty()) continue;
      std::vector<std::string> words;
      words.reserve(rights.size());
      for (const std::string& right : rights)
        words.push_back(right + columns);
      out.push_back(fmt::format("GRANT {} ON {} TO {}{}", base::join(words, ", "), object, who,
                                has_option ? " WITH GRANT OPTION" : ""));
    }
  }
}

/// CREATE STATISTICS name .. ON a, (a + b) FROM t, with another column; empty where it is not in
/// it.
std::string statistics_with(const std::string& sql, const catalog::Column& column,
                            const std::string& other) {
  std::string text = with_column(sql, {.from = column.name, .to = other});
  const Words words(text);
  const std::size_t on = words.find("on", 0);
  const std::size_t from = words.find("from", on);
  if (from >= words.count()) return {};
  auto parts = words.split_at_commas(on + 1, from, 0);
  std::ranges::reverse(parts);
  for (const auto& [first, end] : parts) {
    if (end != first + 1 || words.at(first) != quote_identifier(column.name)) continue;
    text.replace(words.begin_of(first), words.end_of(first) - words.begin_of(first), other);
  }
  return text == sql ? "" : text;
}

/// Whether it sends rows of the table as they are, whatever columns come.
bool sends_all_columns(const Target& table, const catalog::Definition& each) {
  if (each.kind != "publication") return false;
  if (each.property == "definition") return each.value.starts_with("all tables");
  if (each.property == "schema " + quote_identifier(table.schema)) return true;
  if (each.property != "table " + catalog::qualified_name(*table.relation)) return false;
  return !each.value.starts_with("published (");
}

} // namespace

const std::string* definition_value(const catalog::Snapshot& db, std::string_view kind,
                                    std::string_view object, std::string_view property) {
  const auto found = std::ranges::find_if(db.definitions, [&](const catalog::Definition& each) {
    return each.object == object && each.kind == kind && each.property == property;
  });
  return found == db.definitions.end() ? nullptr : &found->value;
}

std::vector<std::string> copy_settings(const Work& work, const Target& table,
                                       const catalog::Column& column, const std::string& other) {
  std::vector<std::string> out;
  const catalog::Snapshot& db = *work.database();
  const std::string object = catalog::column_object(*table.relation, column);
  const std::string alter = fmt::format("{} ALTER COLUMN {}", alter_table(table), other);
  if (const auto* target = definition_value(db, "column", object, "statistics target"))
    out.push_back(fmt::format("{} SET STATISTICS {}", alter, *target));
  if (const auto* options = definition_value(db, "column", object, "options"))
    out.push_back(fmt::format("{} SET ({})", alter, *options));
  if (const auto* rights = definition_value(db, "column", object, "grants"))
    add_grants(*rights, table.text, fmt::format(" ({})", other), table.relation->owner, out);
  return out;
}

std::vector<std::string> copy_sequence_settings(const catalog::Snapshot& db,
                                                const catalog::Sequence& own,
                                                const std::string& other) {
  std::vector<std::string> out;
  const std::string object = catalog::qualified_name(own);
  if (const auto* cache = definition_value(db, "sequence", object, "cache"))
    out.push_back(fmt::format("ALTER SEQUENCE {} CACHE {}", other, *cache));
  if (const auto* rights = definition_value(db, "sequence", object, "grants"))
    add_grants(*rights, "SEQUENCE " + other, "", own.owner, out);
  return out;
}

std::vector<StatisticsCopy> copy_statistics(const Work& work, const Target& table,
                                            const catalog::Column& column,
                                            const std::string& other) {
  std::vector<StatisticsCopy> copies;
  const catalog::Snapshot& db = *work.database();
  for (const catalog::Definition& each : db.definitions) {
    if (each.kind != "statistics object" || each.property != "definition") continue;
    const Words words(each.value); // CREATE STATISTICS schema.name [(kinds)] ON .. FROM table
    const std::size_t from = words.find("from", 0);
    if (from == words.count()) continue;
    const std::string of = words.slice(from + 1, words.count());
    const bool is_it = of == catalog::qualified_name(*table.relation) ||
                       of == quote_identifier(table.relation->name);
    std::string sql = is_it ? statistics_with(each.value, column, other) : "";
    if (sql.empty()) continue;
    const std::size_t end = words.after_name(2);
    const std::string old_name = words.slice(2, end);
    const std::string plain = words.slice(end - 1, end);
    const std::string name = quote_identifier(object_name(plain, "", "pgkeep_new"));
    StatisticsCopy copy{
        .old_name = old_name,
        .name = words.slice(2, end - 1) + name,
        .plain_name = plain,
        .create = {},
    };
    sql.replace(words.begin_of(2), words.end_of(end - 1) - words.begin_of(2), copy.name);
    copy.create = std::move(sql);
    const auto* owner = definition_value(db, "statistics object", each.object, "owner");
    if (owner != nullptr && *owner == table.relation->owner)
      copy.create +=
          fmt::format(";\nALTER STATISTICS {} OWNER TO {}", copy.name, quote_identifier(*owner));
    if (const auto* target =
            definition_value(db, "statistics object", each.object, "statistics target"))
      copy.create += fmt::format(";\nALTER STATISTICS {} SET STATISTICS {}", copy.name, *target);
    copies.push_back(std::move(copy));
  }
  return copies;
}

std::vector<std::string> marks_of_index(const catalog::Snapshot& db, const Target& table,
                                        const catalog::Index& index) {
  std::vector<std::string> out;
  const std::string name = quote_identifier(index.name);
  if (index.is_replica_identity)
    out.push_back(fmt::format("{} REPLICA IDENTITY USING INDEX {}", alter_table(table), name));
  if (definition_value(db, "index", catalog::qualified_name(index), "clustered") != nullptr)
    out.push_back(fmt::format("{} CLUSTER ON {}", alter_table(table), name));
  return out;
}

void Comments::add(std::string_view kind, std::string_view object, const std::string& target,
                   std::string_view description) {
  if (definition_value(db_, kind, object, "comment") == nullptr) return;
  rows_.push_back(fmt::format("    ({}, {})", quote_literal(target), description));
}

void Comments::add_column(const Target& table, const catalog::Column& column) {
  const std::string object = catalog::column_object(*table.relation, column);
  add("column", object, "COLUMN " + object,
      fmt::format("(SELECT pg_catalog.col_description(a.attrelid, a.attnum) FROM "
                  "pg_catalog.pg_attribute a WHERE a.attrelid = {}::pg_catalog.regclass AND "
                  "a.attname = {})",
                  quote_literal(catalog::qualified_name(*table.relation)),
                  quote_literal(column.name)));
}

void Comments::add_index(const catalog::Index& index) {
  const std::string object = catalog::qualified_name(index);
  add("index", object, "INDEX " + object,
      fmt::format("pg_catalog.obj_description({}::pg_catalog.regclass, 'pg_class')",
                  quote_literal(object)));
}

void Comments::add_constraint(const catalog::Constraint& constraint) {
  const catalog::Relation* const owner = db_.relation(constraint.relation);
  if (owner == nullptr) return;
  const std::string table = catalog::qualified_name(*owner);
  const std::string object = fmt::format("{} on {}", quote_identifier(constraint.name), table);
  add("constraint", object, fmt::format("CONSTRAINT {}", object),
      fmt::format("(SELECT pg_catalog.obj_description(c.oid, 'pg_constraint') FROM "
                  "pg_catalog.pg_constraint c WHERE c.conrelid = {}::pg_catalog.regclass AND "
                  "c.conname = {})",
                  quote_literal(table), quote_literal(constraint.name)));
}

void Comments::add_statistics(const std::string& qualified) {
  // Names do not hold what ends them: quote_ident() wrote them.
  add("statistics object", qualified, "STATISTICS " + qualified,
      fmt::format("(SELECT pg_catalog.obj_description(s.oid, 'pg_statistic_ext') FROM "
                  "pg_catalog.pg_statistic_ext s WHERE pg_catalog.format('%I.%I', "
                  "s.stxnamespace::pg_catalog.regnamespace::pg_catalog.name, s.stxname) = {})",
                  quote_literal(qualified)));
}

void Comments::add_sequence(const catalog::Sequence& sequence) {
  const std::string object = catalog::qualified_name(sequence);
  add("sequence", object, "SEQUENCE " + object,
      fmt::format("pg_catalog.obj_description({}::pg_catalog.regclass, 'pg_class')",
                  quote_literal(object)));
}

std::string Comments::read() const {
  return fmt::format(
      "SELECT pg_catalog.set_config('pgkeep.comments', (\n"
      "  SELECT coalesce(pg_catalog.jsonb_agg(\n"
      "    pg_catalog.format('COMMENT ON %s IS %L', x.object, x.text)), '[]')\n"
      "  FROM (VALUES\n{}) x (object, text)\n  WHERE x.text IS NOT NULL)::text, true)",
      base::join(rows_, ",\n"));
}

std::string Comments::write() {
  return "DO $pgkeep$\nDECLARE\n  command text;\nBEGIN\n  FOR command IN\n"
         "    SELECT pg_catalog.jsonb_array_elements_text(\n"
         "      pg_catalog.current_setting('pgkeep.comments')::pg_catalog.jsonb)\n"
         "  LOOP\n    EXECUTE command;\n  END LOOP;\nEND\n$pgkeep$";
}

void say_not_carried(const Work& work, const Target& table, const catalog::Column& column,
                     std::span<const std::string> new_columns) {
  const catalog::Snapshot& db = *work.database();
  const std::string object = catalog::column_object(*table.relation, column);
  for (const char* const property : {"storage", "compression"}) {
    if (definition_value(db, "column", object, property) == nullptr) continue;
    work.changed(fmt::format("{}.{} has a {} of its own: the new column has that of its type, as "
                             "after ALTER COLUMN .. TYPE",
                             table.text, quote_identifier(column.name), property));
  }
  for (const catalog::Definition& each : db.definitions) {
    if (sends_all_columns(table, each))
      work.changed(fmt::format("the publication {} sends whole rows: subscribers need the "
                               "column{} {} before this runs",
                               each.object, new_columns.size() > 1 ? "s" : "",
                               base::join(new_columns, " and ")));
  }
}

void say_update_triggers(const Work& work, const Target& table, const catalog::Column& column,
                         const std::string& other) {
  const catalog::Snapshot& db = *work.database();
  const std::string on = " on " + catalog::qualified_name(*table.relation);
  for (const catalog::Definition& each : db.definitions) {
    if (each.kind != "trigger" || each.property != "definition" || !each.object.ends_with(on))
      continue;
    for (const std::string& part : base::split(each.value, ',')) {
      const std::string_view words = base::trim(part);
      if (!words.starts_with("of ")) continue;
      const auto columns = base::split(words.substr(3), ' ');
      if (std::ranges::find(columns, quote_identifier(column.name)) != columns.end())
        work.changed(fmt::format("the trigger {} fires on UPDATE OF {}: until the later file has "
                                 "run, a write to {} does not fire it",
                                 each.object, quote_identifier(column.name), other));
    }
  }
}

} // namespace pgkeep::migrate::rewriting
