// Columns and what ANALYZE found out about them.
//
// What belongs to a type is looked up once for each distinct (type, modifier). Statistics come from
// pg_statistic where we may read it. Others have pg_stats, which is a security barrier: the planner
// would ask has_column_privilege() for every column of every index as well, unless the order of the
// view's own joins is kept (join_collapse_limit = 1; a fifth of the time on 100,000 columns).
// The shape of values is judged in the server, for columns whose name makes it a question: no value
// is sent.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "catalog/name_words.h"
#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

// Equal defaults (of the partitions of a table, say) are put into words once, and without a
// relation, for no default names a column; what generates a column does. Views, policies, triggers,
// other columns' generation and partition keys pin a column's type. `type` is a number until the
// next reader.
constexpr std::string_view kColumns = R"(
WITH equal AS MATERIALIZED (
  SELECT min(d.oid) AS oid, d.adbin::text COLLATE "C" AS tree FROM pg_attrdef d
  WHERE strpos(d.adbin::text, '{VAR ') = 0 GROUP BY 2
), worded AS MATERIALIZED (
  SELECT e.tree, pg_get_expr(d.adbin, 0) AS expression
  FROM equal e JOIN pg_attrdef d ON d.oid = e.oid
), pinned AS MATERIALIZED (
  -- A default depends on columns of others by 'n' (before 15 the column itself does, by 'a').
  SELECT d.refobjid AS relation, d.refobjsubid AS number FROM pg_depend d
  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.refobjid >= 16384
    AND (d.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass,
                       'pg_publication_rel'::regclass, 'pg_proc'::regclass)
         OR d.classid = 'pg_attrdef'::regclass AND d.deptype = 'n'
         OR d.classid = 'pg_class'::regclass AND d.objid = d.refobjid AND d.objsubid > 0)
  UNION
  SELECT p.partrelid, k.number FROM pg_partitioned_table p
  CROSS JOIN LATERAL unnest(p.partattrs::int2[]) k(number)
)
SELECT a.attrelid AS relation, a.attnum AS number, a.attname AS name, a.atttypid AS type,
       a.atttypmod AS type_modifier, a.attnotnull AS not_null,
       CASE WHEN w.tree IS NULL THEN pg_get_expr(d.adbin, d.adrelid) ELSE w.expression END
         AS default_expression,
       nullif(a.attidentity, '')::text AS identity, nullif(a.attgenerated, '')::text AS generated,
       co.collname AS collation, CASE WHEN e.objoid IS NOT NULL THEN 'yes' END AS comment,
       pin.relation IS NOT NULL AS type_pinned
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN worded w ON w.tree = d.adbin::text
LEFT JOIN pg_collation co ON co.oid = a.attcollation AND co.oid <> 100
LEFT JOIN pg_description e ON e.objoid = a.attrelid AND e.objsubid = a.attnum
  AND e.classoid = 'pg_class'::regclass
LEFT JOIN pinned pin ON pin.relation = a.attrelid AND pin.number = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid >= 16384
  AND {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}})";

/// Each is moved once: a column is large, and a hundred thousand are not rare.
void sort_by_place(std::vector<Column>& columns) {
  const auto place = [](const Column* c) { return std::pair(c->relation, c->number); };
  std::vector<Column*> order;
  order.reserve(columns.size());
  for (Column& column : columns)
    order.push_back(&column);
  if (std::ranges::is_sorted(order, {}, place)) return;
  std::ranges::sort(order, {}, place);
  std::vector<Column> sorted;
  sorted.reserve(columns.size());
  for (Column* column : order)
    sorted.push_back(std::move(*column));
  columns = std::move(sorted);
}

void take_columns(const postgres::Rows& rows, ReadState& state) {
  state.db.columns = decode_rows<Column>(rows);
  for (Column& column : state.db.columns) {
    if (column.default_expression.empty()) continue;
    std::string kept = without_literals(column.default_expression);
    if (kept != column.default_expression)
      column.default_digest = base::sha256_hex(column.default_expression);
    column.default_expression = std::move(kept);
  }
  sort_by_place(state.db.columns);
}

// $1, $2: the distinct types and modifiers of the columns. A domain may stand on another one.
constexpr std::string_view kColumnTypes = R"(
WITH RECURSIVE used AS (
  SELECT u.oid, u.modifier FROM unnest($1::oid[], $2::int4[]) u(oid, modifier)
), base(oid, base, modifier) AS (
  SELECT DISTINCT u.oid, u.oid, -1 FROM used u
  UNION ALL
  SELECT b.oid, t.typbasetype, t.typtypmod FROM base b JOIN pg_type t ON t.oid = b.base
  WHERE t.typtype = 'd'
)
SELECT u.oid::text || ' ' || u.modifier::text AS name, format_type(u.oid, u.modifier) AS type,
       x.typname AS base_type, n.nspname AS type_schema, t.typtype::text AS type_kind,
       CASE WHEN t.typtype = 'd' THEN b.modifier ELSE u.modifier END AS type_modifier,
       t.typlen AS length, t.typalign::text AS alignment, co.collname AS collation
FROM used u
JOIN pg_type t ON t.oid = u.oid
JOIN pg_namespace n ON n.oid = t.typnamespace
JOIN base b ON b.oid = u.oid
JOIN pg_type x ON x.oid = b.base AND x.typtype <> 'd'
LEFT JOIN pg_collation co ON co.oid = t.typcollation)";

std::vector<std::optional<std::string>> type_arguments(const ReadState& state) {
  std::set<std::pair<std::string_view, std::int32_t>> types;
  for (const Column& column : state.db.columns)
    types.emplace(column.type, column.type_modifier);
  std::string oids;
  std::string modifiers;
  for (const auto& [oid, modifier] : types) {
    const char* const comma = oids.empty() ? "" : ",";
    oids += fmt::format("{}{}", comma, oid);
    modifiers += fmt::format("{}{}", comma, modifier);
  }
  return {"{" + oids + "}", "{" + modifiers + "}"};
}

/// A row is a column without place, whose name is the type's number and modifier.
void take_types(const postgres::Rows& rows, ReadState& state) {
  const std::vector<Column> types = decode_rows<Column>(rows);
  std::map<std::pair<std::string_view, std::int32_t>, const Column*> places;
  for (const Column& type : types) {
    const std::string_view key = type.name;
    const std::size_t space = std::min(key.find(' '), key.size());
    std::int32_t modifier = -1;
    decode_value(key.substr(std::min(space + 1, key.size())), modifier);
    places.emplace(std::pair(key.substr(0, space), modifier), &type);
  }
  for (Column& column : state.db.columns) {
    const auto found =
        places.find(std::pair<std::string_view, std::int32_t>(column.type, column.type_modifier));
    if (found == places.end()) continue;
    const Column& type = *found->second;
    column.type = type.type;
    column.base_type = type.base_type;
    column.type_schema = type.type_schema;
    column.type_kind = type.type_kind;
    column.type_modifier = type.type_modifier;
    column.length = type.length;
    column.alignment = type.alignment;
    if (column.collation == type.collation) column.collation.clear();
  }
}

// stakind: 1 most common values, 3 correlation. Of a partitioned table the statistics with
// inheritance are the table's own, of any other those without.
constexpr std::string_view kStatistic = R"(
SELECT s.starelid AS relation, s.staattnum AS number, s.stanullfrac AS null_fraction,
       s.stawidth AS average_width, s.stadistinct AS distinct,
       CASE 3 WHEN s.stakind1 THEN s.stanumbers1[1] WHEN s.stakind2 THEN s.stanumbers2[1]
              WHEN s.stakind3 THEN s.stanumbers3[1] WHEN s.stakind4 THEN s.stanumbers4[1]
              WHEN s.stakind5 THEN s.stanumbers5[1] END AS correlation,
       CASE 1 WHEN s.stakind1 THEN s.stanumbers1[1] WHEN s.stakind2 THEN s.stanumbers2[1]
              WHEN s.stakind3 THEN s.stanumbers3[1] END AS most_common_frequency
FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid
WHERE s.starelid >= 16384 AND {{user_kinds}} AND s.stainherit = (c.relkind = 'p'))";

/// Column numbers of the statistics' five values, in the order of Column.
std::array<int, 5> statistic_columns(const postgres::Rows& rows) {
  return {rows.column_index("null_fraction"), rows.column_index("average_width"),
          rows.column_index("distinct"), rows.column_index("correlation"),
          rows.column_index("most_common_frequency")};
}

void set_statistic(const postgres::Rows& rows, int row, const std::array<int, 5>& places,
                   Column& column) {
  column.has_stats = true;
  column.null_fraction = value_of<double>(rows, row, places[0]);
  column.average_width = value_of<double>(rows, row, places[1]);
  column.distinct = value_of<double>(rows, row, places[2]);
  column.correlation = value_of<double>(rows, row, places[3]);
  column.most_common_frequency = value_of<double>(rows, row, places[4]);
}

void take_statistic(const postgres::Rows& rows, ReadState& state) {
  const ColumnFinder& finder = finder_of(state);
  const std::array<int, 5> places = statistic_columns(rows);
  const int relation = rows.column_index("relation");
  const int number = rows.column_index("number");
  for (int row = 0; row < rows.count(); ++row) {
    Column* column = finder.find(value_of<OidNumber>(rows, row, relation),
                                 value_of<std::int32_t>(rows, row, number));
    if (column != nullptr) set_statistic(rows, row, places, *column);
  }
}
bool applies_statistic(const Probe& probe) {
  return probe.may_read_statistic;
}

constexpr std::string_view kStats = R"(
SELECT s.schemaname AS schema, s.tablename AS relation, s.attname AS column,
       s.null_frac AS null_fraction, s.avg_width AS average_width, s.n_distinct AS distinct,
       s.correlation, s.most_common_freqs[1] AS most_common_frequency, s.inherited
FROM pg_stats s
WHERE s.schemaname NOT IN ('pg_catalog', 'information_schema'))";

/// A parent's column has a row of its own, which wins, and one for the whole tree; that of the tree
/// is the only one of a partitioned table.
void take_stats(const postgres::Rows& rows, ReadState& state) {
  const ColumnFinder& finder = finder_of(state);
  const std::array<int, 5> places = statistic_columns(rows);
  const int schema = rows.column_index("schema");
  const int relation = rows.column_index("relation");
  const int name = rows.column_index("column");
  const int inherited = rows.column_index("inherited");
  for (int row = 0; row < rows.count(); ++row) {
    Column* column =
        finder.find(rows.text(row, schema), rows.text(row, relation), rows.text(row, name));
    if (column == nullptr) continue;
    if (column->has_stats && value_of<bool>(rows, row, inherited)) continue;
    set_statistic(rows, row, places, *column);
  }
}
bool applies_stats(const Probe& probe) {
  return !probe.may_read_statistic;
}

constexpr std::size_t kShapeNamesMax = 500;
constexpr int kShapesMax = 2000; ///< The LIMIT below; values of 10,000 columns cost half a second.
constexpr std::string_view kTextTypes[] = {"text", "varchar", "bpchar", "citext"};
constexpr std::string_view kFlatWords[] = {
    "at",         "on",       "date",   "time",   "ts",      "created", "updated", "deleted",
    "is",         "has",      "can",    "ids",    "ip",      "json",    "payload", "meta",
    "metadata",   "data",     "price",  "amount", "total",   "qty",     "count",   "number",
    "quantity",   "enabled",  "active", "flag",   "tags",    "list",    "cost",    "rate",
    "age",        "year",     "lat",    "lng",    "lon",     "address", "config",  "settings",
    "options",    "birthday", "dob",    "score",  "balance", "values",  "roles",   "items",
    "attributes", "params",   "id",     "num",    "size",    "weight"};

bool has_word(const std::string& name, std::span<const std::string_view> words) {
  for (const std::string& word : base::split(name, '_')) {
    if (std::ranges::find(words, word) != words.end()) return true;
  }
  return false;
}

/// createdAt becomes created_at, so that words can be told apart.
std::string words_of(std::string_view name) {
  std::string words;
  bool was_lower = false;
  for (const char c : name) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper && was_lower) words += '_';
    words += is_upper ? static_cast<char>(c - 'A' + 'a') : c;
    was_lower = !is_upper && c != '_';
  }
  return words;
}

std::string array_literal(const std::set<std::string, std::less<>>& items) {
  std::string text = "{";
  for (const std::string& item : items) {
    if (text.size() > 1) text += ',';
    text += '"';
    for (const char c : item) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

bool is_text(const Column& column) {
  return std::ranges::find(kTextTypes, column.base_type) != std::end(kTextTypes);
}

/// $1: names that suggest a secret, $2: names that suggest something other than text.
std::vector<std::optional<std::string>> shape_arguments(const ReadState& state) {
  std::set<std::string, std::less<>> secret;
  std::set<std::string, std::less<>> flat;
  for (const Column& column : state.db.columns) {
    if (!column.has_stats || !is_text(column)) continue;
    if (secret.contains(column.name) || flat.contains(column.name)) continue;
    const std::string words = words_of(column.name);
    if (names_secret(column.name)) {
      if (secret.size() < kShapeNamesMax) secret.insert(column.name);
    } else if (has_word(words, kFlatWords) && flat.size() < kShapeNamesMax) {
      flat.insert(column.name);
    }
  }
  return {array_literal(secret), array_literal(flat)};
}

// The names are conditions that pg_stats lets through to its tables. Secrets: up to four values.
// Others: up to eight, joined by line feeds, so that one comparison says whether all of them look
// alike; a value with a line feed in it looks like none.
constexpr std::string_view kShapes = R"(
SELECT v.schema, v.relation, v.column,
       CASE WHEN NOT v.is_secret THEN '' WHEN v.values IS NULL THEN 'unknown'
            WHEN (SELECT bool_and(
                CASE WHEN x.value ~ '^[0-9a-fA-F]+$'
                       THEN length(x.value) IN (32, 40, 48, 56, 64, 96, 128)
                     WHEN x.value ~ '^[A-Za-z0-9+/_-]+={0,2}$'
                       THEN length(x.value) IN (24, 28, 44, 64, 88) AND x.value ~ '[A-Z]'
                         AND x.value ~ '[a-z]' AND x.value ~ '[0-9]'
                     ELSE length(x.value) >= 30 AND x.value ~ (
                       '^([$]2[abxy]?[$]|[$]argon2|[$]scrypt[$]|[$]s0[$]|[$]pbkdf2|pbkdf2_|'
                       || '[$][156][$]|[$]y[$]|scrypt:|pbkdf2:|bcrypt|argon2|SCRAM-SHA-|'
                       || '[{]S?SHA|md5)') END)
              FROM unnest(v.values[1:4]) x(value)) THEN 'hash'
            ELSE 'plain' END AS value_shape,
       CASE WHEN v.is_secret OR v.sample = '' THEN ''
            WHEN v.sample ~ '^([[:space:]]*([{][^\n]*[}]|[[][^\n]*[]])[[:space:]]*(\n|$))+$'
              THEN 'json'
            WHEN v.sample ~ '^([0-9]+-[0-9]+-[0-9]+([ T][0-9]+:[0-9]+[^\n]*)?(\n|$))+$'
              THEN 'date'
            WHEN v.sample ~ '^([0-9]+[.][0-9]+[.][0-9]+[.][0-9]+(/[0-9]+)?(\n|$))+$'
              OR v.sample ~ '^([0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*(/[0-9]+)?(\n|$))+$'
              THEN 'inet'
            WHEN v.sample ~* '^((true|false|t|f|yes|no|y|n|on|off)(\n|$))+$'
              OR (v.sample ~ '^([01](\n|$))+$' AND v.column ~* '^(is|has|can)_?')
              THEN 'boolean'
            WHEN v.sample ~ '^(-?[0-9]+([.][0-9]+)?(\n|$))+$' THEN 'number'
            WHEN v.sample ~ '^([^,\n ]+(, ?[^,\n ]+)+(\n|$))+$' THEN 'list'
            ELSE '' END AS flat_shape
FROM (SELECT w.*, CASE WHEN w.is_secret THEN ''
               ELSE coalesce(array_to_string(w.values, E'\n'), '') END AS sample
      FROM (SELECT s.schemaname AS schema, s.tablename AS relation, s.attname AS column,
                   s.attname = ANY ($1::name[]) AS is_secret,
                   (coalesce(s.most_common_vals, s.histogram_bounds)::text::text[])[1:8] AS values
            FROM pg_stats s
            WHERE s.attname = ANY ($1::name[] || $2::name[])
              AND s.schemaname NOT IN ('pg_catalog', 'information_schema') LIMIT 2000) w) v)";

void take_shapes(const postgres::Rows& rows, ReadState& state) {
  const ColumnFinder& finder = finder_of(state);
  for (int row = 0; row < rows.count(); ++row) {
    Column* column = finder.find(rows.text(row, 0), rows.text(row, 1), rows.text(row, 2));
    if (column == nullptr || !is_text(*column)) continue;
    column->value_shape = rows.text(row, 3);
    column->flat_shape = rows.text(row, 4);
  }
  if (rows.count() == kShapesMax)
    state.db.notes.push_back(
        fmt::format("sampled values of {} columns were looked at, others with such names were not",
                    kShapesMax));
  // Where nothing was sampled the question stands all the same.
  for (Column& column : state.db.columns) {
    if (column.value_shape.empty() && is_text(column) && names_secret(column.name))
      column.value_shape = "unknown";
  }
}

constexpr Reader kColumnReaders[] = {
    {.name = "columns",
     .facts = Facts::columns,
     .title = "Columns, their types and defaults",
     .sql = kColumns,
     .take = take_columns,
     .leaves_traces = true,
     .prelude = "SET LOCAL enable_nestloop = off"},
};

constexpr Reader kColumnDetailReaders[] = {
    {.name = "column types",
     .facts = Facts::columns,
     .title = "The types of the columns",
     .sql = kColumnTypes,
     .take = take_types,
     .arguments = type_arguments},
    {.name = "column statistics (pg_statistic)",
     .facts = Facts::column_stats,
     .title = "What ANALYZE found out about columns",
     .sql = kStatistic,
     .take = take_statistic,
     .applies = applies_statistic},
    {.name = "column statistics (pg_stats)",
     .facts = Facts::column_stats,
     .title = "What ANALYZE found out about the columns that this role may read",
     .sql = kStats,
     .take = take_stats,
     .applies = applies_stats,
     .leaves_traces = true,
     .prelude = "SET LOCAL join_collapse_limit = 1"},
    {.name = "shapes of values",
     .facts = Facts::column_stats,
     .title = "Whether sampled values of some columns look like hashes, dates, numbers",
     .sql = kShapes,
     .take = take_shapes,
     .arguments = shape_arguments},
};

} // namespace

const std::span<const Reader> column_readers{kColumnReaders};
const std::span<const Reader> column_detail_readers{kColumnDetailReaders};

ColumnFinder::ColumnFinder(Snapshot& db) : db_(db) {
  for (std::uint32_t i = 0; i < db.columns.size(); ++i) {
    auto& [first, count] = places_.try_emplace(db.columns[i].relation, i, 0U).first->second;
    ++count;
  }
  names_.reserve(db.relations.size());
  for (const Relation& relation : db.relations)
    names_.emplace(relation.schema + '\0' + relation.name, relation.oid);
}

const ColumnFinder& finder_of(ReadState& state) {
  if (!state.finder) state.finder.emplace(state.db);
  return *state.finder;
}

std::span<Column> ColumnFinder::columns_of(OidNumber relation) const {
  const auto place = places_.find(relation);
  if (place == places_.end()) return {};
  return std::span(db_.columns).subspan(place->second.first, place->second.second);
}

Column* ColumnFinder::find(OidNumber relation, std::int32_t number) const {
  const std::span<Column> all = columns_of(relation);
  const auto found = std::ranges::lower_bound(all, number, {}, &Column::number);
  return found != all.end() && found->number == number ? &*found : nullptr;
}

Column* ColumnFinder::find(std::string_view schema, std::string_view relation,
                           std::string_view column) const {
  std::string key;
  key.append(schema).append(1, '\0').append(relation);
  const auto oid = names_.find(key);
  if (oid == names_.end()) return nullptr;
  const std::span<Column> all = columns_of(oid->second);
  const auto found = std::ranges::find(all, column, &Column::name);
  return found != all.end() ? &*found : nullptr;
}

} // namespace pgkeep::catalog
