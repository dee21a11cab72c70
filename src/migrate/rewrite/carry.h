/// What the catalog says of a column, and of what is built on it, beside definitions: rights,
/// targets of statistics, comments, extended statistics, marks of indexes. A second column gets the
/// same.
///
/// Private to src/migrate/rewrite. Pure; views the Snapshot. What the Snapshot keeps as it is, is
/// written out; of comments it has digests alone, so the file reads them when it runs. As ALTER
/// COLUMN .. TYPE leaves it: rights, targets and options stay, storage and compression become those
/// of the new type (tablecmds.c, ATExecAlterColumnType()).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/rewrite/dependents.h"
#include "migrate/rewrite/work.h"

namespace pgkeep::migrate::rewriting {

/// The value of Snapshot::definitions; null = as usual, or not known.
const std::string* definition_value(const catalog::Snapshot& db, std::string_view kind,
                                    std::string_view object, std::string_view property);

/// Statements that give another column (as SQL) what this one has: SET STATISTICS, options such as
/// n_distinct, GRANT on the column.
std::vector<std::string> copy_settings(const Work& work, const Target& table,
                                       const catalog::Column& column, const std::string& other);
/// Cache, rights of a sequence for another one (both qualified, as SQL).
std::vector<std::string> copy_sequence_settings(const catalog::Snapshot& db,
                                                const catalog::Sequence& own,
                                                const std::string& other);

struct StatisticsCopy {
  std::string old_name; ///< Both qualified, as SQL.
  std::string name;
  std::string plain_name; ///< Of the old one, not qualified, as SQL.
  std::string create;     ///< CREATE STATISTICS, and whose it is.
};
/// Extended statistics that name the column, for the other one (as SQL).
std::vector<StatisticsCopy> copy_statistics(const Work& work, const Target& table,
                                            const catalog::Column& column,
                                            const std::string& other);

/// ALTER TABLE .. REPLICA IDENTITY and CLUSTER ON, for an index that took the name of one that had
/// the mark. They must come before the old column may be NULL.
std::vector<std::string> marks_of_index(const catalog::Snapshot& db, const Target& table,
                                        const catalog::Index& index);

/// Comments on objects that go, for those that take their names: read before the first goes, put
/// back when the last has come, both in one transaction.
class Comments {
public:
  explicit Comments(const catalog::Snapshot& db) : db_(db) {}
  void add_column(const Target& table, const catalog::Column& column);
  void add_index(const catalog::Index& index);
  void add_constraint(const catalog::Constraint& constraint);
  void add_statistics(const std::string& qualified);
  void add_sequence(const catalog::Sequence& sequence);
  [[nodiscard]] bool is_empty() const { return rows_.empty(); }
  [[nodiscard]] std::string read() const;
  [[nodiscard]] static std::string write();

private:
  void add(std::string_view kind, std::string_view object, const std::string& target,
           std::string_view description);

  const catalog::Snapshot& db_;
  std::vector<std::string> rows_; ///< ('COLUMN a.b.c', its comment now).
};

/// Notes on what no file can carry over: other storage, subscribers of a publication that sends
/// whole rows.
void say_not_carried(const Work& work, const Target& table, const catalog::Column& column,
                     std::span<const std::string> new_columns);
/// Notes on triggers that fire on UPDATE OF the column, which a write by the other name is not.
void say_update_triggers(const Work& work, const Target& table, const catalog::Column& column,
                         const std::string& other);

} // namespace pgkeep::migrate::rewriting
