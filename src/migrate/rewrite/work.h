/// What every operation of the rewriter is given, and what it gives back.
///
/// Private to src/migrate/rewrite. One thread; views the Script and the Snapshot.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/snapshot.h"
#include "lint/context.h"
#include "migrate/rewrite.h"
#include "migrate/rewrite/names.h"
#include "migrate/rewrite/piece.h"
#include "migrate/rewrite/words.h"

namespace pgkeep::migrate::rewriting {

/// What becomes of one statement.
struct Replacement {
  bool is_changed = false;
  Pieces up;         ///< In its place.
  Pieces down;       ///< Undoes `up`.
  Pieces later;      ///< For the file that comes when no old version of the application runs.
  Pieces later_down; ///< Undoes `later`.
};

/// A table that a statement names.
struct Target {
  lint::RelationName name;
  std::string text;   ///< As SQL: quoted, with the schema where it is known or was written.
  std::string schema; ///< Of the database, or as written; empty where neither says.
  const catalog::Relation* relation = nullptr; ///< Of the database; null = not known.
  const lint::TableState* state = nullptr;     ///< Of the database and the text so far.
  bool is_only = false;                        ///< ALTER TABLE ONLY.
  /// "schema.name" of something beside the table: an index, a function.
  [[nodiscard]] std::string beside(std::string_view name) const;
  [[nodiscard]] const catalog::Column* column(const catalog::Snapshot& db,
                                              std::string_view name) const;
};

struct Work {
  const lint::Script& script;
  const lint::Context& context;
  const lint::Statement& statement;
  Names& names;
  std::vector<RewriteNote>& notes;
  const std::set<std::string>& not_null; ///< "orders.id": columns that the text has made so.

  [[nodiscard]] const catalog::Snapshot* database() const { return context.database; }
  [[nodiscard]] std::string_view sql() const { return script.sql_of(statement); }
  [[nodiscard]] int line() const { return script.place_of(statement.begin).line; }
  void changed(std::string message) const {
    notes.push_back({.line = line(), .message = std::move(message), .is_left_alone = false});
  }
  void left_alone(std::string message) const {
    notes.push_back({.line = line(), .message = std::move(message), .is_left_alone = true});
  }
  [[nodiscard]] Target target(const lint::RelationName& name) const;
  /// Whether somebody may use it already: not made by this file, not known to be empty.
  [[nodiscard]] bool is_in_use(const lint::RelationName& name) const {
    return context.is_in_use(name);
  }
};

/// "ALTER TABLE ONLY orders".
std::string alter_table(const Target& table);
/// The columns by which rows are taken in batches: the primary key, else a unique NOT NULL one.
/// nullopt: the table is known and has none.
std::optional<std::string> batch_key(const Work& work, const Target& table);
/// "-- pgkeep:batch key=id size=2000", above the statement.
std::string in_batches(const std::string& key, std::string_view statement);
/// "-- pgkeep:shadow" above the statement.
std::string in_shadow(std::string_view statement);

// not_null.cc
/// Adds what makes the column NOT NULL without a scan under a strong lock.
void add_not_null(const Work& work, const Target& table, const std::string& column, Pieces& out);
/// Whether the column is known to be NOT NULL, or a validated CHECK proves it.
bool is_proved_not_null(const Work& work, const Target& table, const std::string& column);

// constraints.cc
struct NewConstraint {
  postgres::Node node;
  std::string name;                      ///< As given; empty = as the server would say.
  std::string body;                      ///< "CHECK (x > 0)": without name and NOT VALID.
  std::vector<std::string> columns = {}; ///< Of a constraint written behind a column: that column.
  bool are_columns_not_null = false;     ///< What was emitted before has made them so.
};
/// Adds the constraint the safe way, and how to undo it. False: it cannot be, and a note says why.
bool add_constraint(const Work& work, const Target& table, const NewConstraint& constraint,
                    Replacement& out);
/// Whether adding it plainly reads or builds under a strong lock.
bool is_unsafe_constraint(const Work& work, const Target& table, const postgres::Node& node);

// columns.cc
bool is_unsafe_column(const Work& work, const postgres::Node& definition);
/// The command "ADD COLUMN ..." as written. False as above.
bool add_column(const Work& work, const Target& table, const postgres::Node& definition,
                std::string_view command, bool is_if_not_exists, Replacement& out);

// column_type.cc
struct TypeCommand {
  std::string column;
  std::string type;                  ///< As written: "bigint".
  std::string using_expression = {}; ///< As written; empty = none.
  std::string collation = {};        ///< "COLLATE x" as written; empty = none.
};
struct Refusal {
  std::string why;
  bool is_final = false;     ///< A shadow table does not help either.
  std::string way_back = {}; ///< A type for a shadow table's way back; empty = not undone.
};
/// ALTER COLUMN .. TYPE as a new column beside the old one. nullopt: done.
std::optional<Refusal> change_type(const Work& work, const Target& table,
                                   const TypeCommand& command, Replacement& out);

// wider_key.cc
/// A key that only gets room for more: whatever the application reads and writes stays right under
/// the one name, so that there is nothing to expand and to contract. A shadow table is half of the
/// work of a backfill (bench/README.md), leaves no second column, and can go back. A published
/// table stays what its subscribers know.
bool is_widened_key(const Work& work, const Target& table, const catalog::Column& column,
                    const TypeCommand& command);
/// A note for each column of other tables that refers to this one and keeps the old type.
void say_references(const Work& work, const Target& table, const catalog::Column& column,
                    const TypeCommand& command);

// Statements: true where `out` replaces the statement.
bool rewrite_alter_table(const Work& work, Replacement& out);
bool rewrite_create_index(const Work& work, Replacement& out);
bool rewrite_drop_index(const Work& work, Replacement& out);
bool rewrite_reindex(const Work& work, Replacement& out);
bool rewrite_rename(const Work& work, Replacement& out);
bool rewrite_rows(const Work& work, Replacement& out);
bool rewrite_vacuum(const Work& work, Replacement& out);
void say_drops(const Work& work);

// undo.cc
/// The way back of a statement that stays as it is, as far as its text says one.
Pieces undo_of(const Work& work);
/// The way back of one command of ALTER TABLE that stays as it is.
Pieces undo_of(const Work& work, const Target& table, const lint::Change& change);

// files.cc
/// "V007__x.sql" -> "V007__x.down.sql".
std::string down_path(const std::string& path);
/// "V007__x.sql" -> "V008__x_contract.sql".
std::string later_path(const std::string& path);

} // namespace pgkeep::migrate::rewriting
