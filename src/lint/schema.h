/// The tables that a text speaks of, as they are at a point of it: those of the database where
/// there is one, with everything that the statements before have made of them.
///
/// Private to src/lint. One thread; the Snapshot must outlive it. Types are named as pg_type does
/// ("int8", "varchar"). A name without a schema is looked up in the search_path of the text,
/// "public" unless it says otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/snapshot.h"
#include "lint/change.h"
#include "lint/relation_name.h"

namespace pgkeep::lint {

struct TypeText {
  std::string schema = {};                  ///< Empty for the server's own and where not said.
  std::string name = {};                    ///< "int8", "varchar", "order_status".
  std::vector<std::int64_t> modifiers = {}; ///< {255}, {10, 2}.
  bool is_array = false;
  /// "varchar(255)".
  [[nodiscard]] std::string text() const;
  friend bool operator==(const TypeText&, const TypeText&) = default;
};
/// Of a TypeName; aliases of the grammar are resolved ("bigint" is int8), "serial" stays as it is.
TypeText type_of(const postgres::Node& type_name);

struct ColumnState {
  std::string name;
  TypeText type = {};
  bool is_not_null = false;
  bool has_default = false;
  bool is_identity = false;
  bool is_generated = false;
  std::string collation = {};
};

struct ConstraintState {
  std::string name; ///< Empty where the server will choose.
  char type = 'c';  ///< As pg_constraint: p, u, f, c, x.
  std::vector<std::string> columns = {};
  RelationName target = {};
  std::vector<std::string> target_columns = {}; ///< Empty: the primary key.
  bool is_validated = true;
  std::string not_null_column = {}; ///< Of CHECK (x IS NOT NULL): x.
  std::size_t offset = 0;           ///< Where the text adds it.
  bool is_from_text = false;
};

struct IndexState {
  std::string name;
  std::vector<std::string> columns = {}; ///< Empty text for an expression.
  bool is_unique = false;
  bool is_partial = false;
  bool is_valid = true;
  std::string method = "btree";
  bool is_constraint = false; ///< ADD CONSTRAINT ... USING INDEX has made it one's own.
  std::size_t offset = 0;
  bool is_from_text = false;
};

struct TableState {
  RelationName name;
  std::vector<ColumnState> columns = {};
  std::vector<ConstraintState> constraints = {};
  std::vector<IndexState> indexes = {};
  bool is_created_here = false; ///< By the text or a pending file before it: nobody uses it yet.
  bool is_temporary = false;
  bool is_partitioned = false;
  bool is_partition = false;
  bool are_columns_known = false;
  double rows = -1; ///< -1: not known.
  std::int64_t bytes = -1;

  [[nodiscard]] const ColumnState* column(std::string_view name) const;
  ColumnState* column(std::string_view name);
  [[nodiscard]] const ConstraintState* constraint(std::string_view name) const;
  [[nodiscard]] const ConstraintState* primary_key() const;
};

class Schema {
public:
  explicit Schema(const catalog::Snapshot* database = nullptr);
  Schema(const Schema& other);
  Schema& operator=(const Schema&) = delete;
  Schema(Schema&&) = default;
  Schema& operator=(Schema&&) = default;
  ~Schema() = default;

  /// Null where nobody has spoken of it.
  [[nodiscard]] const TableState* find(const RelationName& name) const;
  [[nodiscard]] const std::map<std::string, TableState>& tables() const { return tables_; }
  /// Those of this name, in whatever schema.
  [[nodiscard]] std::vector<const TableState*> named(const std::string& name) const;
  /// The table that has an index of this name.
  [[nodiscard]] const TableState* table_of_index(const RelationName& index) const;
  /// Makes of the tables what the change does.
  void apply(const Change& change);
  /// Tables with a foreign key to this one, itself among them, in the order of `tables()`.
  [[nodiscard]] std::vector<const TableState*> referencing(const RelationName& target) const;

private:
  /// What was looked for.
  struct Recent {
    RelationName name = {};      ///< As it was asked for.
    TableState* table = nullptr; ///< Null where there is none.
  };
  static constexpr unsigned kRecentBits = 7;

  static std::string key_of(const RelationName& name);
  /// Among `recent_`.
  static std::size_t place_of(std::string_view name);
  TableState& at(const RelationName& name);
  TableState* locate(const RelationName& name) const;
  void put(TableState table);
  void remove(const RelationName& name);
  void move(const RelationName& from, RelationName to);
  void apply_table(const Change& change);
  void apply_column(const Change& change);
  void apply_constraint(const Change& change);
  void apply_index(const Change& change);
  /// Where a table of this name comes or goes.
  void forget_recent(const RelationName& name) { recent_[place_of(name.name)] = {}; }
  void drop_index(const RelationName& index);
  void note_all(const TableState& table);
  void note(const std::string& name, const TableState& table);
  /// In the order of `tables_`, until `visit` gives false.
  template <typename Visit>
  void each_noted(const std::string& name, Visit&& visit) const;

  std::map<std::string, TableState> tables_; ///< "schema.name".
  /// The same, to find one at once. The texts are the keys of `tables_`, which stay where they are.
  std::unordered_map<std::string_view, TableState*> by_key_;
  /// Keys of tables that have or once had a name, an index or a constraint of it, or a foreign key
  /// to a table of it: those without need not be looked at.
  std::unordered_map<std::string, std::set<std::string, std::less<>>> noted_;
  /// By some of the name's letters.
  mutable std::vector<Recent> recent_ = std::vector<Recent>(std::size_t{1} << kRecentBits);
};

} // namespace pgkeep::lint
