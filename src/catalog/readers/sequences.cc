// Sequences, how far they are, and the largest value in the column that each one serves.
//
// pg_sequence_last_value() locks the sequence until the transaction ends, even past a rollback to
// a savepoint; ten thousand of them would fill the lock table of a default server. So at most an
// eighth of its room is used, for the sequences nearest to their end by type and the largest
// tables, and a note says how many were left out. Locks that DDL holds or waits for are looked up
// first: neither waits for the other.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "catalog/reader.h"
#include "postgres/quote.h"

namespace pgkeep::catalog {
namespace {

// A column belongs to a sequence as its owner (serial, identity) or by nextval() in its default.
constexpr std::string_view kSequences = R"(
WITH owner AS (
  SELECT DISTINCT ON (d.objid) d.objid, d.refobjid AS relation, d.refobjsubid AS number, d.deptype
  FROM pg_sequence q JOIN pg_depend d ON d.objid = q.seqrelid
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 AND d.objsubid = 0
  ORDER BY d.objid, d.deptype DESC
), used AS (
  SELECT d.refobjid AS objid, min(a.adrelid) AS relation,
         (array_agg(a.adnum ORDER BY a.adrelid, a.adnum))[1] AS number
  FROM pg_sequence q JOIN pg_depend d ON d.refobjid = q.seqrelid
  JOIN pg_attrdef a ON a.oid = d.objid
  WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.refobjsubid = 0 AND d.deptype = 'n'
  GROUP BY d.refobjid
), granted AS MATERIALIZED (
  SELECT c.oid, c.relacl, c.relacl::text AS list, c.relowner FROM pg_class c
  WHERE c.relkind = 'S' AND c.relacl IS NOT NULL
), acl AS MATERIALIZED (
  SELECT s.list, s.relowner, array_agg(DISTINCT r.rolname ORDER BY r.rolname) AS roles
  FROM (SELECT DISTINCT ON (g.list, g.relowner) g.list, g.relacl, g.relowner FROM granted g) s
  CROSS JOIN LATERAL aclexplode(s.relacl) x
  JOIN pg_roles r ON r.oid = x.grantee
  WHERE x.privilege_type = 'USAGE' AND x.grantee <> s.relowner
  GROUP BY s.list, s.relowner
)
SELECT c.oid, n.nspname AS schema, c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
       format_type(s.seqtypid, NULL) AS type, s.seqmin AS minimum, s.seqmax AS maximum,
       s.seqstart AS start,
       s.seqincrement AS increment, s.seqcycle AS cycles,
       has_sequence_privilege(c.oid, 'SELECT, USAGE') AS may_read,
       coalesce(o.relation, u.relation) AS relation, coalesce(o.number, u.number) AS column,
       o.objid IS NOT NULL AS is_owned,
       coalesce(o.deptype = 'i', false) AS is_identity, acl.roles[1:20] AS users
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN owner o ON o.objid = c.oid
LEFT JOIN used u ON u.objid = c.oid
LEFT JOIN granted g ON g.oid = c.oid
LEFT JOIN acl ON acl.list = g.list AND acl.relowner = g.relowner
WHERE {{user_schema}} AND {{is_in_scope}}
ORDER BY c.oid)";

void take_sequences(const postgres::Rows& rows, ReadState& state) {
  state.db.sequences = decode_rows<Sequence>(rows);
  const ColumnFinder& columns = finder_of(state);
  for (Sequence& each : state.db.sequences) {
    if (const Column* column = columns.find(each.relation, each.column); column != nullptr)
      each.column_type = column->base_type;
  }
}

// $1: how many at most; $2, $3, $4: sequences with the relation and number of their column, in
// order of importance.
constexpr std::string_view kValues = R"(
WITH busy AS MATERIALIZED (
  SELECT DISTINCT l.relation FROM pg_locks l
  WHERE l.relation IS NOT NULL AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock',
    'ExclusiveLock', 'AccessExclusiveLock') AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
), chosen AS MATERIALIZED (
  SELECT w.sequence, w.relation, w.number
  FROM unnest($2::oid[], $3::oid[], $4::int2[]) WITH ORDINALITY
       w(sequence, relation, number, place)
  JOIN pg_class c ON c.oid = w.sequence AND c.relkind = 'S'
  WHERE has_sequence_privilege(w.sequence, 'SELECT, USAGE')
    AND (c.relpersistence <> 'u' OR NOT pg_is_in_recovery())
    AND w.sequence NOT IN (SELECT b.relation FROM busy b)
  ORDER BY w.place LIMIT $1::int
)
SELECT w.sequence, pg_sequence_last_value(w.sequence) AS last_value,
       t.oid IS NOT NULL AND has_schema_privilege(t.relnamespace, 'USAGE')
         AND has_column_privilege(t.oid, w.number, 'SELECT')
         AND NOT row_security_active(t.oid)
         AND t.oid NOT IN (SELECT b.relation FROM busy b) AS may_compare
FROM chosen w
LEFT JOIN pg_class t ON t.oid = w.relation AND t.relkind = 'r')";

constexpr std::int64_t kSequencesMin = 200;
constexpr std::int64_t kLockShare = 8;

std::int64_t sequences_max(const ReadState& state) {
  return std::max(kSequencesMin, state.probe.lock_slots / kLockShare);
}

/// Small types first: a bigint does not come to its end. Then by the table's rows.
std::vector<const Sequence*> by_importance(const Snapshot& db) {
  std::unordered_map<OidNumber, double> rows;
  rows.reserve(db.relations.size());
  for (const Relation& relation : db.relations)
    rows.emplace(relation.oid, relation.rows);
  const auto is_small = [](const Sequence& each) {
    return each.type != "bigint" || each.maximum < (std::int64_t{1} << 40) ||
           each.column_type == "int4" || each.column_type == "int2";
  };
  const auto rows_of = [&](const Sequence& each) {
    const auto found = rows.find(each.relation);
    return found == rows.end() ? -1.0 : found->second;
  };
  struct Ranked {
    bool is_large_type;
    double rows;
    const Sequence* sequence;
  };
  std::vector<Ranked> ranked;
  ranked.reserve(db.sequences.size());
  for (const Sequence& each : db.sequences) {
    if (each.may_read) ranked.push_back({!is_small(each), rows_of(each), &each});
  }
  std::ranges::stable_sort(ranked, [](const Ranked& a, const Ranked& b) {
    return a.is_large_type != b.is_large_type ? b.is_large_type : a.rows > b.rows;
  });
  std::vector<const Sequence*> sequences;
  sequences.reserve(ranked.size());
  for (const Ranked& each : ranked)
    sequences.push_back(each.sequence);
  return sequences;
}

std::vector<std::optional<std::string>> value_arguments(const ReadState& state) {
  const std::vector<const Sequence*> sequences = by_importance(state.db);
  // As many again, in the place of those that turn out to be locked.
  const std::size_t sent =
      std::min(sequences.size(), 2 * static_cast<std::size_t>(sequences_max(state)));
  std::string oids = "{";
  std::string relations = "{";
  std::string numbers = "{";
  for (std::size_t i = 0; i < sent; ++i) {
    const char* const comma = i == 0 ? "" : ",";
    oids += fmt::format("{}{}", comma, sequences[i]->oid);
    relations += fmt::format("{}{}", comma, sequences[i]->relation);
    numbers += fmt::format("{}{}", comma, sequences[i]->column);
  }
  return {fmt::format("{}", sequences_max(state)), oids + "}", relations + "}", numbers + "}"};
}

void take_values(const postgres::Rows& rows, ReadState& state) {
  std::unordered_map<OidNumber, Sequence*> sequences;
  sequences.reserve(state.db.sequences.size());
  std::int64_t readable = 0;
  for (Sequence& each : state.db.sequences) {
    sequences.emplace(each.oid, &each);
    if (each.may_read) ++readable;
  }
  for (int row = 0; row < rows.count(); ++row) {
    const auto found = sequences.find(value_of<OidNumber>(rows, row, 0));
    if (found == sequences.end()) continue;
    Sequence& sequence = *found->second;
    sequence.has_last_value = !rows.is_null(row, 1);
    sequence.last_value = value_of<std::int64_t>(rows, row, 1);
    if (value_of<bool>(rows, row, 2))
      state.comparable.push_back(
          {.sequence = sequence.oid, .relation = sequence.relation, .column = sequence.column});
  }
  if (rows.count() < readable) {
    state.db.notes.push_back(fmt::format(
        "the last value of {} of {} sequences was read: each takes a place in the lock table, or "
        "is locked by DDL now",
        rows.count(), readable));
  }
}

// A table without an index on the column is read as a whole, so it has to be small.
constexpr std::int64_t kPagesWithoutIndexMax = 1000;

std::uint64_t place_of(OidNumber relation, std::int32_t column) {
  return std::uint64_t{relation} << 32 | static_cast<std::uint32_t>(column);
}

/// Columns that a usable b-tree over the whole table begins with.
std::unordered_set<std::uint64_t> leading_columns(const Snapshot& db) {
  std::unordered_set<std::uint64_t> places;
  places.reserve(db.indexes.size());
  for (const Index& index : db.indexes) {
    if (index.is_valid && index.method == "btree" && index.predicate.empty() &&
        !index.columns.empty())
      places.insert(place_of(index.relation, index.columns.front()));
  }
  return places;
}

constexpr std::string_view kMaximaPattern =
    "SELECT 16390::oid AS sequence, max(id)::text AS maximum FROM ONLY public.orders\n"
    "UNION ALL ...";
constexpr std::string_view kNoMaxima =
    "SELECT 0::oid AS sequence, NULL::text AS maximum WHERE false";

std::string maxima_sql(ReadState& state) {
  const Snapshot& db = state.db;
  std::unordered_map<OidNumber, const Relation*> relations;
  for (const Relation& relation : db.relations)
    relations.emplace(relation.oid, &relation);
  const std::unordered_set<std::uint64_t> leading = leading_columns(db);
  const ColumnFinder& columns = finder_of(state);
  std::string sql;
  int taken = 0;
  for (const SequenceColumn& each : state.comparable) {
    if (taken == state.options.sequence_maxima_max) break;
    const auto table = relations.find(each.relation);
    const Column* column = columns.find(each.relation, each.column);
    if (table == relations.end() || column == nullptr) continue;
    if (column->base_type != "int2" && column->base_type != "int4" && column->base_type != "int8")
      continue;
    if (table->second->pages > kPagesWithoutIndexMax &&
        !leading.contains(place_of(each.relation, each.column)))
      continue;
    sql += fmt::format("{}SELECT {}::oid AS sequence, max({})::text AS maximum FROM ONLY {}",
                       taken == 0 ? "" : "\nUNION ALL\n", each.sequence,
                       postgres::quote_identifier(column->name),
                       postgres::quote_qualified(table->second->schema, table->second->name));
    ++taken;
  }
  return sql.empty() ? std::string(kNoMaxima) : sql;
}

void take_maxima(const postgres::Rows& rows, ReadState& state) {
  std::unordered_map<OidNumber, Sequence*> sequences;
  for (Sequence& each : state.db.sequences)
    sequences.emplace(each.oid, &each);
  for (int row = 0; row < rows.count(); ++row) {
    const auto found = sequences.find(value_of<OidNumber>(rows, row, 0));
    if (found == sequences.end()) continue;
    found->second->has_column_maximum = !rows.is_null(row, 1);
    found->second->column_maximum = value_of<std::int64_t>(rows, row, 1);
  }
  const auto with_column = std::ranges::count_if(
      state.db.sequences, [](const Sequence& each) { return each.relation != 0; });
  if (rows.count() == 0 && with_column > 0) {
    state.hidden = "no sequence may be read together with its column";
  } else if (rows.count() < with_column) {
    state.db.notes.push_back(
        fmt::format("{} of {} sequences compared with their columns", rows.count(), with_column));
  }
}

constexpr Reader kSequenceReaders[] = {
    {.name = "sequences",
     .facts = Facts::sequences,
     .title = "Sequences and the columns that they serve",
     .sql = kSequences,
     .take = take_sequences},
    {.name = "sequence values",
     .facts = Facts::sequences,
     .title = "How far sequences are",
     .sql = kValues,
     .take = take_values,
     .arguments = value_arguments},
    {.name = "sequence maxima",
     .facts = Facts::sequence_maxima,
     .title = "The largest value in the columns that sequences serve",
     .sql = kMaximaPattern,
     .take = take_maxima,
     .generate = maxima_sql,
     .leaves_traces = true},
};

} // namespace

const std::span<const Reader> sequence_readers{kSequenceReaders};

} // namespace pgkeep::catalog
