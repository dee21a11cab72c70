/// What a statement changes, in one shape for all statements: ALTER TABLE with three commands is
/// three changes, CREATE TABLE with a foreign key is two.
///
/// Rules judge changes and the lock model says what each locks, so that neither knows the hundred
/// shapes of parse trees. Private to src/lint. Pure functions; the nodes are the Script's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lint/relation_name.h"
#include "postgres/sql_tree.h"

namespace pgkeep::lint {

enum class Operation : std::uint8_t {
  other,
  // Tables.
  create_table,
  create_table_as,
  create_partition_of,
  drop_table,
  truncate,
  lock_table,
  rename_table,
  set_schema,
  change_owner,
  set_logged,
  set_unlogged,
  set_tablespace,
  set_access_method,
  replica_identity,
  attach_partition,
  detach_partition,
  become_partitioned, ///< Through a shadow table: Statement::makes_partitions().
  cluster,
  vacuum,
  vacuum_full,
  // Columns.
  add_column,
  drop_column,
  alter_column_type,
  set_not_null,
  drop_not_null,
  set_default,
  drop_default,
  add_identity,
  rename_column,
  // Constraints.
  add_check,
  add_not_null,
  add_foreign_key,
  add_unique,
  add_primary_key,
  add_exclusion,
  validate_constraint,
  drop_constraint,
  rename_constraint,
  // Indexes.
  create_index,
  drop_index,
  reindex,
  rename_index,
  // Triggers, rules, row security.
  create_trigger,
  drop_trigger,
  enable_trigger,
  disable_trigger,
  create_rule,
  enable_row_security,
  disable_row_security,
  force_row_security,
  create_policy,
  drop_policy,
  // Views.
  create_view,
  replace_view,
  drop_view,
  create_matview,
  drop_matview,
  refresh_matview,
  // Types, sequences, functions, schemas.
  create_domain,
  alter_domain,
  create_enum,
  add_enum_value,
  rename_enum_value,
  create_sequence,
  alter_sequence,
  drop_sequence,
  create_function,
  drop_function,
  create_schema,
  drop_schema,
  rename_schema,
  create_extension,
  alter_extension,
  drop_extension,
  grant,
  revoke,
  // The cluster.
  create_database,
  drop_database,
  alter_database,
  drop_tablespace,
  alter_system,
  create_role,
  alter_role,
  // Rows.
  insert,
  update,
  remove, ///< DELETE.
  select,
  copy,
  // The session.
  set,
  reset,
  transaction,
  run_block, ///< DO.
};

/// Whether it makes, changes or drops a column.
constexpr bool acts_on_column(Operation operation) {
  return operation >= Operation::add_column && operation <= Operation::rename_column;
}

struct Change {
  Operation operation = Operation::other;
  RelationName relation = {};    ///< What it acts on.
  RelationName other = {};       ///< The referenced table, the partition, the new name.
  std::string name = {};         ///< Of the column, constraint, index, trigger, setting.
  postgres::Node node = {};      ///< ColumnDef, Constraint, AlterTableCmd, IndexStmt, ...
  std::size_t offset = 0;        ///< Where it stands: bytes into the script's text.
  bool is_inside_create = false; ///< Part of CREATE TABLE: the relation is new.
  bool is_of_temporary = false;  ///< Of a table that the text has made for its session.
};

/// Whether the statement itself makes a temporary table.
inline bool makes_temporary(const postgres::Node& root) {
  return root.is("CreateStmt") && root.node("relation").text("relpersistence") == "t";
}

/// In the order of the text. A statement that changes nothing known gives one `other`.
std::vector<Change> changes_of(const postgres::Node& root, std::size_t begin);

} // namespace pgkeep::lint
