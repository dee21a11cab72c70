// One INSERT ... SELECT a table from generate_series, its expressions from values.h; a foreign key
// takes the keys of its parent by the row's number. A statement that the server refuses leaves its
// table empty, and the reason is told in the server's words.
#include "sandbox/rows.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "postgres/quote.h"
#include "sandbox/values.h"

namespace pgkeep::sandbox {
namespace {

using postgres::quote_identifier;

struct Reference {
  std::string parent; ///< Oid.
  std::vector<std::string> columns;
  std::vector<std::string> keys; ///< Of the parent, in the same order.
};
struct Column {
  std::string name;
  ColumnShape shape;
  bool is_not_null = false;
  bool is_generated = false; ///< Identity and GENERATED: the server fills it.
  std::string fallback;      ///< Its DEFAULT; empty = none.
  double null_fraction = 0;
};
struct Table {
  std::string oid;
  std::string schema;
  std::string name;
  std::vector<Column> columns;
  std::vector<Reference> references;
  [[nodiscard]] std::string quoted() const { return postgres::quote_qualified(schema, name); }
};

constexpr std::string_view kTables =
    "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
    "ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND "
    "n.nspname "
    "NOT IN ('pg_catalog', 'information_schema', 'pgkeep') AND n.nspname !~ '^pg_' AND NOT EXISTS "
    "(SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND "
    "d.objid = c.oid AND d.deptype = 'e') ORDER BY 2, 3";

/// A domain is seen through to the type below.
constexpr std::string_view kColumns =
    "WITH RECURSIVE below(attrelid, attnum, typid, modifier) AS (SELECT a.attrelid, a.attnum, "
    "a.atttypid, a.atttypmod FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND NOT "
    "a.attisdropped UNION ALL SELECT b.attrelid, b.attnum, t.typbasetype, t.typtypmod FROM below b "
    "JOIN pg_catalog.pg_type t ON t.oid = b.typid WHERE t.typtype = 'd') SELECT a.attrelid, "
    "a.attname, b.typname, pg_catalog.format_type(a.atttypid, a.atttypmod), b.typtype, "
    "w.modifier, a.attnotnull OR d.typnotnull, a.attidentity <> '' OR a.attgenerated <> '', "
    "coalesce(pg_catalog.pg_get_expr(f.adbin, f.adrelid), ''), EXISTS (SELECT FROM "
    "pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY "
    "(i.indkey)) FROM pg_catalog.pg_attribute a JOIN below w USING (attrelid, attnum) JOIN "
    "pg_catalog.pg_type b ON b.oid = w.typid AND b.typtype <> 'd' JOIN pg_catalog.pg_type d ON "
    "d.oid = a.atttypid LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = "
    "a.attnum JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') WHERE "
    "a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

constexpr std::string_view kReferences =
    "SELECT c.conrelid, c.confrelid, ARRAY(SELECT a.attname::text FROM "
    "pg_catalog.unnest(c.conkey) WITH ORDINALITY k(n, place) JOIN pg_catalog.pg_attribute a ON "
    "a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY place), ARRAY(SELECT a.attname::text FROM "
    "pg_catalog.unnest(c.confkey) WITH ORDINALITY k(n, place) JOIN pg_catalog.pg_attribute a ON "
    "a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY place) FROM pg_catalog.pg_constraint c "
    "WHERE c.contype = 'f' AND c.conparentid = 0 ORDER BY c.conname";

constexpr std::string_view kChecks =
    "SELECT c.conrelid, pg_catalog.pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint c "
    "WHERE c.contype = 'c' AND c.conrelid <> 0";

class Model {
public:
  static base::Result<Model> read(postgres::Connection& database, const Live& like) {
    Model model;
    PGKEEP_TRY(const postgres::Rows tables, database.query(std::string(kTables)));
    for (int row = 0; row < tables.count(); ++row) {
      model.places_[std::string(tables.text(row, 0))] = model.tables_.size();
      model.tables_.push_back({.oid = std::string(tables.text(row, 0)),
                               .schema = std::string(tables.text(row, 1)),
                               .name = std::string(tables.text(row, 2)),
                               .columns = {},
                               .references = {}});
    }
    PGKEEP_CHECK(model.read_columns(database, like));
    PGKEEP_CHECK(model.read_references(database));
    PGKEEP_CHECK(model.read_checks(database));
    return model;
  }

  /// Parents before children, as far as references do not run in a circle.
  [[nodiscard]] std::vector<const Table*> in_order() const {
    std::vector<const Table*> order;
    std::set<std::string> seen;
    for (const Table& table : tables_)
      visit(table, seen, order);
    return order;
  }
  [[nodiscard]] const Table* find(const std::string& oid) const {
    const auto found = places_.find(oid);
    return found == places_.end() ? nullptr : &tables_[found->second];
  }

private:
  void visit(const Table& table, std::set<std::string>& seen,
             std::vector<const Table*>& order) const {
    if (!seen.insert(table.oid).second) return;
    for (const Reference& reference : table.references) {
      if (const Table* const parent = find(reference.parent)) visit(*parent, seen, order);
    }
    order.push_back(&table);
  }
  Table* at(std::string_view oid) {
    const auto found = places_.find(std::string(oid));
    return found == places_.end() ? nullptr : &tables_[found->second];
  }

  base::Result<> read_columns(postgres::Connection& database, const Live& like) {
    PGKEEP_TRY(const postgres::Rows rows, database.query(std::string(kColumns)));
    for (int row = 0; row < rows.count(); ++row) {
      Table* const table = at(rows.text(row, 0));
      if (table == nullptr) continue;
      Column column{.name = std::string(rows.text(row, 1)),
                    .shape = {.type = std::string(rows.text(row, 2)),
                              .full_type = std::string(rows.text(row, 3)),
                              .category = rows.text(row, 4).empty() ? 'b' : rows.text(row, 4)[0],
                              .modifier = static_cast<int>(base::integer_or(rows.text(row, 5), 0)),
                              .is_unique = rows.text(row, 9) == "t",
                              .bounds = {}},
                    .is_not_null = rows.text(row, 6) == "t",
                    .is_generated = rows.text(row, 7) == "t",
                    .fallback = std::string(rows.text(row, 8))};
      const auto known =
          like.columns.find(fmt::format("{}.{}.{}", table->schema, table->name, column.name));
      if (known != like.columns.end()) {
        column.shape.average_width = known->second.average_width;
        column.null_fraction = known->second.null_fraction;
      }
      table->columns.push_back(std::move(column));
    }
    return {};
  }

  base::Result<> read_references(postgres::Connection& database) {
    PGKEEP_TRY(const postgres::Rows rows, database.query(std::string(kReferences)));
    for (int row = 0; row < rows.count(); ++row) {
      if (Table* const table = at(rows.text(row, 0)))
        table->references.push_back({.parent = std::string(rows.text(row, 1)),
                                     .columns = postgres::parse_array(rows.text(row, 2)),
                                     .keys = postgres::parse_array(rows.text(row, 3))});
    }
    return {};
  }

  base::Result<> read_checks(postgres::Connection& database) {
    PGKEEP_TRY(const postgres::Rows rows, database.query(std::string(kChecks)));
    for (int row = 0; row < rows.count(); ++row) {
      Table* const table = at(rows.text(row, 0));
      if (table == nullptr) continue;
      for (auto& [name, bounds] : bounds_of(rows.text(row, 1))) {
        for (Column& column : table->columns) {
          if (column.name == name) merge(column.shape.bounds, bounds);
        }
      }
    }
    return {};
  }
  /// Of two constraints about one column.
  static void merge(Bounds& bounds, const Bounds& more) {
    if (!more.choices.empty()) bounds.choices = more.choices;
    if (!more.low.empty()) {
      bounds.low = more.low;
      bounds.low_is_open = more.low_is_open;
    }
    if (!more.high.empty()) {
      bounds.high = more.high;
      bounds.high_is_open = more.high_is_open;
    }
    if (more.length_max) bounds.length_max = more.length_max;
  }

  std::vector<Table> tables_;
  std::map<std::string, std::size_t> places_;
};

class Filler {
public:
  Filler(postgres::Connection& database, const Model& model, std::int64_t rows)
      : database_(database), model_(model), rows_(rows) {}

  /// Empty: it got its rows; else why not.
  base::Result<std::string> fill(const Table& table) {
    PGKEEP_TRY(const postgres::Rows there,
               database_.query(fmt::format("SELECT FROM {} LIMIT 1", table.quoted())));
    if (there.count() > 0) {
      full_.insert(table.oid);
      return std::string("it holds rows already");
    }
    std::vector<std::string> names;
    std::vector<std::string> values;
    std::string joins;
    std::set<std::string> referring;
    for (const Reference& reference : table.references) {
      if (std::string why = refer(table, reference, referring, names, values, joins); !why.empty())
        return why;
    }
    for (const Column& column : table.columns) {
      if (referring.contains(column.name)) continue;
      if (std::string why = add_value(column, names, values); !why.empty()) return why;
    }
    const std::string sql =
        names.empty()
            ? fmt::format("INSERT INTO {} SELECT FROM generate_series(1, {}) g", table.quoted(),
                          rows_)
            : fmt::format("INSERT INTO {} ({}) SELECT {} FROM generate_series(1::bigint, {}) g{}",
                          table.quoted(), base::join(names, ", "), base::join(values, ", "), rows_,
                          joins);
    const auto done = database_.execute(sql);
    if (!done) {
      if (done.error().code == base::Code::unreachable) return done.error();
      return done.error().what;
    }
    full_.insert(table.oid);
    return std::string();
  }

private:
  std::string refer(const Table& table, const Reference& reference,
                    std::set<std::string>& referring, std::vector<std::string>& names,
                    std::vector<std::string>& values, std::string& joins) const {
    const Table* const parent = model_.find(reference.parent);
    const bool is_new = std::ranges::none_of(
        reference.columns, [&](const std::string& each) { return referring.contains(each); });
    // Two foreign keys on one column: the first one's values may be no keys of the second's parent.
    if (!is_new) return {};
    if (parent == nullptr || !full_.contains(parent->oid)) {
      for (const Column& column : table.columns) {
        if (std::ranges::find(reference.columns, column.name) == reference.columns.end()) continue;
        if (column.is_not_null)
          return fmt::format("{} refers to {}, which has no rows", column.name,
                             parent == nullptr ? "a partition" : parent->quoted());
      }
      referring.insert(reference.columns.begin(), reference.columns.end());
      return {};
    }
    const std::string alias = fmt::format("p{}", names.size());
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < reference.columns.size(); ++i) {
      referring.insert(reference.columns[i]);
      keys.push_back(quote_identifier(reference.keys[i]));
      names.push_back(quote_identifier(reference.columns[i]));
      values.push_back(fmt::format("{}.{}", alias, keys.back()));
    }
    // Numbered once a parent; row g refers to key g, and to the first again behind the last.
    joins += fmt::format(" JOIN (SELECT {0}, row_number() OVER () AS place FROM {1}) "
                         "{2} ON {2}.place = 1 + (g - 1) % (SELECT count(*) FROM {1})",
                         base::join(keys, ", "), parent->quoted(), alias);
    return {};
  }

  static std::string add_value(const Column& column, std::vector<std::string>& names,
                               std::vector<std::string>& values) {
    if (column.is_generated) return {};
    // A default keeps what constraints ask for; a constant one would be twice in a unique column.
    const bool is_made = column.fallback.find('(') != std::string::npos;
    if (!column.fallback.empty() && (is_made || !column.shape.is_unique)) return {};
    std::optional<std::string> value = value_expression(column.shape);
    if (!value && !column.is_not_null) return {};
    if (!value)
      return fmt::format("nothing can be made up for {} of type {}", column.name,
                         column.shape.full_type);
    if (!column.is_not_null && !column.shape.is_unique && column.null_fraction > 0)
      value = fmt::format("CASE WHEN g * 37 % 1000 < {} THEN NULL ELSE {} END",
                          static_cast<int>(column.null_fraction * 1000), *value);
    names.push_back(quote_identifier(column.name));
    values.push_back(*std::move(value));
    return {};
  }

  postgres::Connection& database_;
  const Model& model_;
  std::int64_t rows_;
  std::set<std::string> full_;
};

} // namespace

base::Result<Filled> fill_tables(postgres::Connection& database, const Live& like,
                                 std::int64_t rows) {
  Filled filled;
  PGKEEP_TRY(const Model model, Model::read(database, like));
  // No trigger of the application runs; keys hold because they are taken from the parents.
  PGKEEP_CHECK(database.execute("SET session_replication_role = replica"));
  Filler filler(database, model, rows);
  for (const Table* const table : model.in_order()) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    PGKEEP_TRY(std::string why, filler.fill(*table));
    if (why.empty()) {
      ++filled.tables;
    } else {
      filled.skipped.push_back(fmt::format("{}.{}: {}", table->schema, table->name, why));
    }
  }
  PGKEEP_CHECK(database.execute("RESET session_replication_role"));
  PGKEEP_CHECK(database.execute("VACUUM ANALYZE"));
  return filled;
}

} // namespace pgkeep::sandbox
