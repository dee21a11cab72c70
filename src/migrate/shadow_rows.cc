// The statements on rows. A copied row is written where the key is not there yet: what is there
// came from a replay, and whatever became of it later is in the log.
#include <fmt/format.h>

#include "base/text.h"
#include "migrate/key_sql.h"
#include "migrate/shadow_run.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

using postgres::quote_identifier;
using postgres::quote_qualified;

/// "l.k1, l.k2".
std::string log_key(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i <= count; ++i)
    names.push_back(fmt::format("l.k{}", i));
  return base::join(names, ", ");
}

std::string columns_of(const ShadowSql& sql) {
  std::vector<std::string> names;
  names.reserve(sql.columns.size());
  for (const ShadowColumn& each : sql.columns)
    names.push_back(each.name);
  return base::join(names, ", ");
}

/// " WHERE key > cursor AND key <= end", as far as there are such.
std::string range(const std::vector<std::string>& key, bool has_from, bool has_to) {
  std::string text;
  if (has_from) text = fmt::format(" WHERE {} > {}", row_of(key), parameters_from(1, key.size()));
  if (has_to)
    text += fmt::format("{} {} <= {}", has_from ? " AND" : " WHERE", row_of(key),
                        parameters_from(has_from ? key.size() + 1 : 1, key.size()));
  return text;
}

} // namespace

std::string ShadowNames::table() const {
  return quote_qualified(schema, name);
}
std::string ShadowNames::shadow() const {
  return fmt::format("pgkeep.shadow_{}", oid);
}
std::string ShadowNames::log() const {
  return fmt::format("pgkeep.shadow_log_{}", oid);
}
std::string ShadowNames::trigger() const {
  return fmt::format("pgkeep_shadow_{}", oid);
}
std::string ShadowNames::truncate_trigger() const {
  return fmt::format("pgkeep_shadow_truncate_{}", oid);
}

std::string ShadowSql::last_key() const {
  return fmt::format("SELECT {0}, (SELECT greatest(reltuples, 0)::bigint FROM pg_catalog.pg_class "
                     "WHERE oid = {1}) FROM {2} ORDER BY {3} DESC LIMIT 1",
                     base::join(key, ", "), names.oid, names.table(), base::join(key, " DESC, "));
}

std::string ShadowSql::copy(bool is_first, std::int64_t size) const {
  std::vector<std::string> taken;
  std::vector<std::string> cursor;
  std::vector<std::string> values;
  for (std::size_t i = 0; i < key.size(); ++i) {
    cursor.push_back(fmt::format("pgkeep_k{}", i + 1));
    taken.push_back(fmt::format("{} AS {}", key[i], cursor.back()));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    values.push_back(fmt::format("pgkeep_v{}", i + 1));
    taken.push_back(fmt::format("{} AS {}", columns[i].value, values.back()));
  }
  return fmt::format(
      "WITH taken AS MATERIALIZED (SELECT {0} FROM {1}{2} ORDER BY {3} LIMIT {4}), written AS "
      "(INSERT INTO {5} ({6}) OVERRIDING SYSTEM VALUE SELECT {7} FROM taken ON CONFLICT DO NOTHING "
      "RETURNING 1) SELECT {8}, (SELECT count(*) FROM taken), (SELECT count(*) FROM written) FROM "
      "taken ORDER BY {9} DESC LIMIT 1",
      base::join(taken, ", "), names.table(), range(key, !is_first, true), base::join(key, ", "),
      size, names.shadow(), columns_of(*this), base::join(values, ", "), base::join(cursor, ", "),
      base::join(cursor, " DESC, "));
}

std::string ShadowSql::next(bool is_first, std::int64_t size) const {
  const std::string names_of_key = base::join(key, ", ");
  return fmt::format("SELECT {0}, n FROM (SELECT {0}, row_number() OVER (ORDER BY {0}) AS n FROM "
                     "(SELECT {0} FROM {1}{2} ORDER BY {0} LIMIT {3}) a) b ORDER BY n DESC LIMIT 1",
                     names_of_key, names.table(), range(key, !is_first, false), size);
}

std::string ShadowSql::differing(bool is_first, bool is_last) const {
  std::vector<std::string> left;
  std::vector<std::string> right;
  std::vector<std::string> values;
  std::vector<std::string> equal;
  std::vector<std::string> known;
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < key.size(); ++i) {
    left.push_back(fmt::format("{} AS k{}", key[i], i + 1));
    equal.push_back(fmt::format("o.k{0} = s.k{0}", i + 1));
    shown.push_back(fmt::format("coalesce(o.k{0}, s.k{0})", i + 1));
    known.push_back(fmt::format("l.k{} = {}", i + 1, shown.back()));
  }
  right = left;
  std::vector<std::string> stored;
  for (const ShadowColumn& each : columns) {
    values.push_back(fmt::format("({})::{}", each.value, each.type));
    stored.push_back(each.name);
  }
  const std::string within = range(key, !is_first, !is_last);
  return fmt::format(
      "SELECT {0} FROM (SELECT {1}, ROW({2}) AS r FROM {3}{4}) o FULL JOIN (SELECT {5}, ROW({6}) "
      "AS r FROM {7}{4}) s ON {8} WHERE (o.k1 IS NULL OR s.k1 IS NULL OR o.r "
      "OPERATOR(pg_catalog.*<>) s.r) AND NOT "
      "EXISTS (SELECT FROM {9} l WHERE {10}) LIMIT 5",
      base::join(shown, ", "), base::join(left, ", "), base::join(values, ", "), names.table(),
      within, base::join(right, ", "), base::join(stored, ", "), names.shadow(),
      base::join(equal, " AND "), names.log(), base::join(known, " AND "));
}

std::string ShadowSql::replay_delete() const {
  std::vector<std::string> equal;
  equal.reserve(key.size());
  for (std::size_t i = 0; i < key.size(); ++i)
    equal.push_back(fmt::format("s.{} = l.k{}", key[i], i + 1));
  return fmt::format("DELETE FROM {0} s USING (SELECT DISTINCT {1} FROM {2} l WHERE NOT "
                     "l.truncated) l WHERE {3}",
                     names.shadow(), log_key(key.size()), names.log(), base::join(equal, " AND "));
}

std::string ShadowSql::replay_insert() const {
  std::vector<std::string> values;
  values.reserve(columns.size());
  for (const ShadowColumn& each : columns)
    values.push_back(each.value);
  return fmt::format("INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {2} FROM {3} WHERE {4} "
                     "IN (SELECT {5} FROM {6} l WHERE NOT l.truncated)",
                     names.shadow(), columns_of(*this), base::join(values, ", "), names.table(),
                     row_of(key), log_key(key.size()), names.log());
}

} // namespace pgkeep::migrate
