// Names that nothing has: types, tables and columns. Only where everything in sight is known, as a
// false alarm here costs more than a statement that fails at once.
#include <algorithm>
#include <array>
#include <set>
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.h"
#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/prepared.h"
#include "lint/rules/query_tree.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using findings::Area;
using findings::Severity;
using postgres::Node;
using Names = std::vector<std::string>;

/// Of PostgreSQL 15's pg_type: what can be a column's or a value's type.
constexpr auto kServerTypes = std::to_array<std::string_view>({
    "bool",
    "bytea",
    "char",
    "name",
    "int8",
    "int2",
    "int2vector",
    "int4",
    "regproc",
    "text",
    "oid",
    "tid",
    "xid",
    "cid",
    "oidvector",
    "json",
    "xml",
    "xid8",
    "point",
    "lseg",
    "path",
    "box",
    "polygon",
    "line",
    "float4",
    "float8",
    "unknown",
    "circle",
    "money",
    "macaddr",
    "inet",
    "cidr",
    "macaddr8",
    "aclitem",
    "bpchar",
    "varchar",
    "date",
    "time",
    "timestamptz", // Before timestamp: of two equally near names the first is meant.
    "timestamp",
    "interval",
    "timetz",
    "bit",
    "varbit",
    "numeric",
    "refcursor",
    "regprocedure",
    "regoper",
    "regoperator",
    "regclass",
    "regcollation",
    "regtype",
    "regrole",
    "regnamespace",
    "uuid",
    "pg_lsn",
    "tsvector",
    "gtsvector",
    "tsquery",
    "regconfig",
    "regdictionary",
    "jsonb",
    "jsonpath",
    "txid_snapshot",
    "pg_snapshot",
    "int4range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "int8range",
    "int4multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
    "int8multirange",
    "record",
    "cstring",
    "any",
    "anyarray",
    "void",
    "trigger",
    "event_trigger",
    "language_handler",
    "internal",
    "anyelement",
    "anynonarray",
    "anyenum",
    "fdw_handler",
    "anyrange",
    "anycompatible",
    "anycompatiblearray",
    "serial",
    "bigserial",
    "smallserial",
    "serial2",
    "serial4",
    "serial8",
});
/// Of widespread extensions: near to the server's names and right.
constexpr auto kExtensionTypes = std::to_array<std::string_view>({
    "citext",      "hstore", "ltree",   "lquery",    "ltxtquery",    "cube",      "seg",
    "lo",          "vector", "halfvec", "sparsevec", "geometry",     "geography", "raster",
    "box2d",       "box3d",  "int1",    "uint1",     "uint2",        "uint4",     "uint8",
    "int16",       "uint16", "ulid",    "semver",    "isbn",         "issn",      "ean13",
    "upc",         "earth",  "uri",     "email",     "topogeometry", "h3index",   "roaringbitmap",
    "timescaledb", "mpz",    "mpq",
});

bool is_well_known(std::string_view type) {
  static const std::unordered_set<std::string_view> names = [] {
    std::unordered_set<std::string_view> all(kServerTypes.begin(), kServerTypes.end());
    all.insert(kExtensionTypes.begin(), kExtensionTypes.end());
    return all;
  }();
  return names.contains(type);
}

/// Rows of each table are a type.
bool is_table(const Context& context, const std::string& name) {
  return !context.schema.named(name).empty();
}

/// Types that the statements of this section make, and those of the database.
std::set<std::string, std::less<>> known_types(const Context& context) {
  std::set<std::string, std::less<>> names;
  for (const Statement& statement : context.section.statements) {
    const Node& root = statement.root;
    Names name;
    if (root.is("CreateEnumStmt") || root.is("CreateRangeStmt"))
      name = postgres::strings_of(root.nodes("type_name"));
    if (root.is("CreateDomainStmt")) name = postgres::strings_of(root.nodes("domainname"));
    if (root.is("CompositeTypeStmt")) name = {std::string(root.node("typevar").text("relname"))};
    if (root.is("DefineStmt")) name = postgres::strings_of(root.nodes("defnames"));
    if (root.is("RenameStmt")) name = {std::string(root.text("newname"))};
    if (root.is("ViewStmt")) name = {std::string(root.node("view").text("relname"))};
    if (!name.empty()) names.insert(name.back());
  }
  if (context.database == nullptr) return names;
  for (const catalog::UserType& type : context.database->types)
    names.insert(type.name);
  for (const catalog::Relation& relation : context.database->relations)
    names.insert(relation.name);
  for (const catalog::Column& column : context.database->columns)
    names.insert(column.base_type);
  return names;
}

void unknown_type(const Subject& subject, TextSink& out) {
  std::optional<std::set<std::string, std::less<>>> known;
  postgres::walk(subject.statement.root, postgres::kinds<"TypeName">(), [&](const Node& node) {
    if (!node.is("TypeName") || node.flag("pct_type")) return true;
    const TypeText type = type_of(node);
    if (type.name.empty() || !type.schema.empty() || is_well_known(type.name)) return true;
    const auto near = base::nearest(type.name, kServerTypes);
    if (!near) return true; // It is an extension's, or one of a file that was not given.
    if (!known) known = known_types(subject.context);
    if (known->contains(type.name) || is_table(subject.context, type.name)) return true;
    out.add(node.offset().value_or(subject.statement.begin),
            {.object = fmt::format("type {}", type.name),
             .message = fmt::format("no type is called {}: did you mean {}", type.name, *near),
             .evidence = Json{{"type", type.name}, {"nearest", std::string(*near)}},
             .fix = write_instead(fmt::format("Write {}", *near))});
    return true;
  });
}

bool is_system_column(std::string_view name) {
  return is_one_of(name, {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"});
}

void add_unknown(std::size_t offset, const TableState& table, const std::string& column,
                 TextSink& out) {
  std::vector<std::string_view> candidates;
  candidates.reserve(table.columns.size());
  for (const ColumnState& each : table.columns)
    candidates.push_back(each.name);
  const auto near = base::nearest(column, candidates);
  out.add(offset, {.object = object_of(table.name, column),
                   .message = fmt::format("{} has no column {}{}", table.name.text(), column,
                                          near ? fmt::format(": did you mean {}", *near) : ""),
                   .evidence = Json{{"column", column},
                                    {"columns", static_cast<std::int64_t>(table.columns.size())}},
                   .fix = write_instead(near ? fmt::format("Write {}", *near)
                                             : std::string("Write a column that is there, or add "
                                                           "this one first"))});
}

bool is_missing(const TableState* table, std::string_view column) {
  return table != nullptr && table->are_columns_known && !column.empty() &&
         table->column(column) == nullptr && !is_system_column(column);
}

/// The names that a query gives its own columns: ORDER BY and GROUP BY may use them.
bool names_output(const Query& query, std::string_view name) {
  if (!query.node.is("SelectStmt")) return false;
  const postgres::NodeList targets = query.node.nodes("target_list");
  return std::ranges::any_of(targets,
                             [&](const Node& target) { return target.text("name") == name; });
}

/// The table that a bare name should be of: none where something in sight is not known.
const TableState* blamed(const Query& query, std::string_view name) {
  for (const Query* at = &query; at != nullptr; at = at->outer) {
    if (at->sources.empty() && at->outer == nullptr) return nullptr;
    for (const Source& source : at->sources) {
      const bool may_have =
          !source.is_known() || source.table->column(name) != nullptr || source.alias == name;
      if (may_have) return nullptr;
    }
  }
  return query.sources.empty() ? nullptr : query.sources.front().table;
}

void judge_reference(const LoneSubject& subject, const Query& query, const Node& column,
                     TextSink& out) {
  const postgres::NodeList fields = column.nodes("fields");
  if (fields.empty() || is_star(column)) return;
  const std::string_view name = fields.back().text("sval");
  if (is_system_column(name)) return;
  const std::size_t offset = column.offset().value_or(subject.statement.begin);
  if (fields.size() == 1) {
    if (names_output(query, name)) return;
    if (const TableState* const table = blamed(query, name))
      add_unknown(offset, *table, std::string(name), out);
    return;
  }
  const Meaning meaning = meaning_of(column, query);
  if (meaning && meaning.column == nullptr && is_missing(meaning.source->table, name))
    add_unknown(offset, *meaning.source->table, std::string(name), out);
}

void judge_targets(const LoneSubject& subject, const Query& query, TextSink& out) {
  const bool is_insert = query.node.is("InsertStmt");
  if (!is_insert && !query.node.is("UpdateStmt")) return;
  const TableState* const table = query.sources.front().table;
  for (const Node& target : query.node.nodes(is_insert ? "cols" : "target_list")) {
    const std::string_view name = target.text("name");
    if (is_missing(table, name))
      add_unknown(target.offset().value_or(subject.statement.begin), *table, std::string(name),
                  out);
  }
}

bool is_one_of_keys(Operation operation) {
  return operation == Operation::create_index || operation == Operation::add_foreign_key ||
         operation == Operation::add_unique || operation == Operation::add_primary_key;
}

/// The table with the columns that the statement itself gives it, for which `made` has room; null
/// where nobody knows it.
const TableState* table_after(const Subject& subject, const RelationName& name, TableState& made) {
  const TableState* table = subject.context.schema.find(name);
  for (const Change& change : subject.changes) {
    if (change.relation != name) continue;
    if (change.operation == Operation::create_table) {
      made = {.name = name, .are_columns_known = are_columns_listed(change.node)};
      table = &made;
    }
    if (change.operation == Operation::add_column && table != nullptr) {
      if (table != &made)
        made = {.name = table->name,
                .columns = table->columns,
                .are_columns_known = table->are_columns_known};
      made.columns.push_back({.name = change.name});
      table = &made;
    }
  }
  return table;
}

/// Columns that a foreign key names of the other table.
void judge_referenced(const Subject& subject, const Change& key, TextSink& out) {
  const Names names = postgres::strings_of(key.node.nodes("pk_attrs"));
  if (names.empty()) return;
  TableState made;
  const TableState* const target = table_after(subject, key.other, made);
  for (const std::string& name : names) {
    if (is_missing(target, name)) add_unknown(key.offset, *target, name, out);
  }
}

/// Columns that a constraint or an index names.
void judge_keys(const Subject& subject, TextSink& out) {
  TableState made;
  const TableState* table = nullptr;
  const Change* last = nullptr; // Most often all of them are about one table.
  for (const Change& change : subject.changes) {
    if (!is_one_of_keys(change.operation)) continue;
    Names names;
    if (change.operation == Operation::create_index) {
      for (const Node& element : change.node.nodes("index_params"))
        names.emplace_back(element.text("name"));
    } else if (change.operation == Operation::add_foreign_key) {
      names = postgres::strings_of(change.node.nodes("fk_attrs"));
      judge_referenced(subject, change, out);
    } else if (change.operation == Operation::add_unique ||
               change.operation == Operation::add_primary_key) {
      names = postgres::strings_of(change.node.nodes("keys"));
    }
    if (names.empty()) continue; // Of a column's own constraint.
    if (last == nullptr || last->relation != change.relation)
      table = table_after(subject, change.relation, made);
    last = &change;
    for (const std::string& name : names) {
      if (is_missing(table, name)) add_unknown(change.offset, *table, name, out);
    }
  }
}

void unknown_column(const Subject& subject, TextSink& out) {
  // In a function's body a bare name may be a variable or a parameter.
  if (subject.statement.origin != Origin::text || subject.statement.root.is("CreateFunctionStmt"))
    return;
  if (check_of(subject) != nullptr) return; // The server says it: query-does-not-prepare.
  judge_keys(subject, out);
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    judge_targets(subject, query, out);
    walk_own(query, postgres::kinds<"ColumnRef">(), [&](const Node& node) {
      if (node.is("ColumnRef")) judge_reference(subject, query, node, out);
      return true;
    });
  }
}

void unknown_relation(const Subject& subject, TextSink& out) {
  const catalog::Snapshot* const db = subject.context.database;
  if (db == nullptr || subject.statement.origin != Origin::text || check_of(subject) != nullptr)
    return;
  const auto known = known_types(subject.context); // Rows of each relation are a type.
  std::vector<std::string_view> candidates;
  for (const auto& [key, table] : subject.context.schema.tables())
    candidates.push_back(table.name.name);
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Source& source : query.sources) {
      const std::string& name = source.relation.name;
      if (name.empty() || known.contains(name) || is_table(subject.context, name) ||
          name.starts_with("pg_") ||
          is_one_of(source.relation.schema, {"pg_catalog", "information_schema"}))
        continue;
      const auto near = base::nearest(name, candidates);
      if (!near) continue; // A view or a table of a file that was not given.
      out.add(source.node.offset().value_or(subject.statement.begin),
              {.object = source.relation.text(),
               .message = fmt::format("no table is called {}: did you mean {}", name, *near),
               .evidence = Json{{"relation", name}, {"nearest", std::string(*near)}},
               .fix = write_instead(fmt::format("Write {}", *near))});
    }
  }
}

constexpr TextRule kUnknownNameRules[] = {
    {.card = {.id = "unknown-type",
              .title = "Type that does not exist",
              .why = "The statement fails, and with it the migration.",
              .how = "The name that was meant.",
              .source = "PostgreSQL manual, datatype",
              .severity = Severity::error,
              .area = Area::types},
     .group = Group::design,
     .statement = unknown_type,
     .nodes = "TypeName"},
    {.card = {.id = "unknown-relation",
              .title = "Table that does not exist",
              .why = "The statement fails.",
              .how = "The name that was meant.",
              .source = "PostgreSQL manual, errcodes-appendix: 42P01",
              .severity = Severity::error,
              .area = Area::queries},
     .group = Group::query,
     .statement = unknown_relation},
    {.card = {.id = "unknown-column",
              .title = "Column that does not exist",
              .why = "The statement fails.",
              .how = "The name that was meant.",
              .source = "PostgreSQL manual, errcodes-appendix: 42703",
              .severity = Severity::error,
              .area = Area::queries},
     .group = Group::query,
     .statement = unknown_column,
     .nodes = "CreateStmt AlterTableStmt IndexStmt SelectStmt InsertStmt UpdateStmt DeleteStmt"},
};

} // namespace

const std::span<const TextRule> unknown_name_rules{kUnknownNameRules};

} // namespace pgkeep::lint
