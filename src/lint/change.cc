// Tables from PostgreSQL's names to ours, and a function for each statement that is several
// changes.
#include "lint/change.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace pgkeep::lint {
namespace {

using postgres::Node;
using postgres::strings_of;

struct NamedOperation {
  std::string_view name;
  Operation operation;
};

Operation find(std::span<const NamedOperation> table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &NamedOperation::name);
  return found == table.end() ? Operation::other : found->operation;
}

constexpr auto kAlterTable = std::to_array<NamedOperation>({
    {"AT_AddColumn", Operation::add_column},
    {"AT_DropColumn", Operation::drop_column},
    {"AT_AlterColumnType", Operation::alter_column_type},
    {"AT_SetNotNull", Operation::set_not_null},
    {"AT_DropNotNull", Operation::drop_not_null},
    {"AT_AddIdentity", Operation::add_identity},
    {"AT_ValidateConstraint", Operation::validate_constraint},
    {"AT_DropConstraint", Operation::drop_constraint},
    {"AT_ChangeOwner", Operation::change_owner},
    {"AT_SetLogged", Operation::set_logged},
    {"AT_SetUnLogged", Operation::set_unlogged},
    {"AT_SetTableSpace", Operation::set_tablespace},
    {"AT_SetAccessMethod", Operation::set_access_method},
    {"AT_ReplicaIdentity", Operation::replica_identity},
    {"AT_AttachPartition", Operation::attach_partition},
    {"AT_DetachPartition", Operation::detach_partition},
    {"AT_EnableTrig", Operation::enable_trigger},
    {"AT_EnableAlwaysTrig", Operation::enable_trigger},
    {"AT_EnableReplicaTrig", Operation::enable_trigger},
    {"AT_EnableTrigAll", Operation::enable_trigger},
    {"AT_EnableTrigUser", Operation::enable_trigger},
    {"AT_DisableTrig", Operation::disable_trigger},
    {"AT_DisableTrigAll", Operation::disable_trigger},
    {"AT_DisableTrigUser", Operation::disable_trigger},
    {"AT_EnableRowSecurity", Operation::enable_row_security},
    {"AT_DisableRowSecurity", Operation::disable_row_security},
    {"AT_ForceRowSecurity", Operation::force_row_security},
});

constexpr auto kDrop = std::to_array<NamedOperation>({
    {"OBJECT_TABLE", Operation::drop_table},
    {"OBJECT_INDEX", Operation::drop_index},
    {"OBJECT_VIEW", Operation::drop_view},
    {"OBJECT_MATVIEW", Operation::drop_matview},
    {"OBJECT_SEQUENCE", Operation::drop_sequence},
    {"OBJECT_SCHEMA", Operation::drop_schema},
    {"OBJECT_TRIGGER", Operation::drop_trigger},
    {"OBJECT_POLICY", Operation::drop_policy},
    {"OBJECT_FUNCTION", Operation::drop_function},
    {"OBJECT_PROCEDURE", Operation::drop_function},
    {"OBJECT_ROUTINE", Operation::drop_function},
    {"OBJECT_EXTENSION", Operation::drop_extension},
});

constexpr auto kRename = std::to_array<NamedOperation>({
    {"OBJECT_TABLE", Operation::rename_table},
    {"OBJECT_COLUMN", Operation::rename_column},
    {"OBJECT_TABCONSTRAINT", Operation::rename_constraint},
    {"OBJECT_INDEX", Operation::rename_index},
    {"OBJECT_SCHEMA", Operation::rename_schema},
});

constexpr auto kConstraints = std::to_array<NamedOperation>({
    {"CONSTR_CHECK", Operation::add_check},
    {"CONSTR_NOTNULL", Operation::add_not_null},
    {"CONSTR_FOREIGN", Operation::add_foreign_key},
    {"CONSTR_UNIQUE", Operation::add_unique},
    {"CONSTR_PRIMARY", Operation::add_primary_key},
    {"CONSTR_EXCLUSION", Operation::add_exclusion},
});

/// Statements that are one change, with the field that holds the relation.
struct PlainStatement {
  postgres::Field kind;
  Operation operation;
  std::string_view relation = {};
  std::string_view name = {};
};
constexpr auto kPlain = std::to_array<PlainStatement>({
    {"IndexStmt", Operation::create_index, "relation", "idxname"},
    {"CreateTrigStmt", Operation::create_trigger, "relation", "trigname"},
    {"RuleStmt", Operation::create_rule, "relation", "rulename"},
    {"CreatePolicyStmt", Operation::create_policy, "table", "policy_name"},
    {"RefreshMatViewStmt", Operation::refresh_matview, "relation"},
    {"ClusterStmt", Operation::cluster, "relation"},
    {"ReindexStmt", Operation::reindex, "relation", "name"},
    {"CreateSeqStmt", Operation::create_sequence, "sequence"},
    {"AlterSeqStmt", Operation::alter_sequence, "sequence"},
    {"CreateDomainStmt", Operation::create_domain},
    {"AlterDomainStmt", Operation::alter_domain, {}, "name"},
    {"CreateEnumStmt", Operation::create_enum},
    {"CreateFunctionStmt", Operation::create_function},
    {"CreateSchemaStmt", Operation::create_schema, {}, "schemaname"},
    {"CreateExtensionStmt", Operation::create_extension, {}, "extname"},
    {"AlterExtensionStmt", Operation::alter_extension, {}, "extname"},
    {"CreatedbStmt", Operation::create_database, {}, "dbname"},
    {"DropdbStmt", Operation::drop_database, {}, "dbname"},
    {"AlterDatabaseStmt", Operation::alter_database, {}, "dbname"},
    {"AlterDatabaseSetStmt", Operation::alter_database, {}, "dbname"},
    {"DropTableSpaceStmt", Operation::drop_tablespace, {}, "tablespacename"},
    {"AlterSystemStmt", Operation::alter_system},
    {"CreateRoleStmt", Operation::create_role, {}, "role"},
    {"AlterRoleStmt", Operation::alter_role},
    {"AlterRoleSetStmt", Operation::alter_role},
    {"InsertStmt", Operation::insert, "relation"},
    {"UpdateStmt", Operation::update, "relation"},
    {"DeleteStmt", Operation::remove, "relation"},
    {"SelectStmt", Operation::select},
    {"CopyStmt", Operation::copy, "relation"},
    {"TransactionStmt", Operation::transaction},
    {"DoStmt", Operation::run_block},
});

class Changes {
public:
  explicit Changes(std::size_t begin) : begin_(begin) {}

  std::vector<Change> of(const Node& root) {
    root_ = root;
    if (root.is("AlterTableStmt")) {
      alter_table(root);
    } else if (root.is("CreateStmt")) {
      create_table(root);
    } else if (root.is("DropStmt")) {
      drop(root);
    } else if (root.is("RenameStmt")) {
      rename(root);
    } else if (!other_statement(root)) {
      plain(root);
    }
    if (changes_.empty()) add({.node = root});
    return std::move(changes_);
  }

private:
  void add(Change&& change) {
    if (change.offset == 0) change.offset = change.node.offset().value_or(begin_);
    changes_.push_back(std::move(change));
  }

  void alter_table(const Node& root) {
    const RelationName relation = relation_of(root.node("relation"));
    const postgres::NodeList commands = root.nodes("cmds");
    changes_.reserve(commands.size());
    for (const Node& command : commands)
      alter_command(relation, command);
  }

  void alter_command(const RelationName& relation, const Node& command) {
    const std::string_view subtype = command.name("subtype");
    const Node definition = command.node("def");
    const std::size_t place = root_.node("relation").offset().value_or(begin_);
    Change change{.operation = find(kAlterTable, subtype),
                  .relation = relation,
                  .name = std::string(command.text("name")),
                  .node = command,
                  .offset = place};
    if (subtype == "AT_AddConstraint") return add_constraint(relation, definition, "", false);
    if (subtype == "AT_ColumnDefault")
      change.operation = definition ? Operation::set_default : Operation::drop_default;
    if (subtype == "AT_AttachPartition" || subtype == "AT_DetachPartition")
      change.other = relation_of(definition.node("name"));
    if (subtype == "AT_AddColumn") {
      change.name = definition.text("colname");
      change.node = definition;
      change.offset = definition.offset().value_or(place);
    }
    add(std::move(change));
    if (subtype == "AT_AddColumn") column_constraints(relation, definition, false);
  }

  void add_constraint(const RelationName& relation, const Node& constraint, std::string_view column,
                      bool is_inside_create) {
    const Operation operation = find(kConstraints, constraint.name("contype"));
    if (operation == Operation::other) return; // NULL, DEFAULT, attributes of another constraint.
    // The column says its own NOT NULL.
    if (operation == Operation::add_not_null && !column.empty()) return;
    std::string name(column);
    if (name.empty()) name = constraint.text("conname");
    add({.operation = operation,
         .relation = relation,
         .other = relation_of(constraint.node("pktable")),
         .name = std::move(name),
         .node = constraint,
         .offset = constraint.offset().value_or(begin_),
         .is_inside_create = is_inside_create});
  }

  void column_constraints(const RelationName& relation, const Node& column, bool is_inside_create) {
    for (const Node& constraint : column.nodes("constraints"))
      add_constraint(relation, constraint, column.text("colname"), is_inside_create);
  }

  void create_table(const Node& root) {
    const RelationName relation = relation_of(root.node("relation"));
    const Node bound = root.node("partbound");
    Change create{.operation = bound ? Operation::create_partition_of : Operation::create_table,
                  .relation = relation,
                  .node = root,
                  .offset = begin_};
    if (bound && !root.nodes("inh_relations").empty())
      create.other = relation_of(root.nodes("inh_relations").front());
    const postgres::NodeList elements = root.nodes("table_elts");
    changes_.reserve(elements.size() * 2); // A column and its constraint.
    add(std::move(create));
    for (const Node& element : elements) {
      if (element.is("Constraint")) {
        add_constraint(relation, element, "", true);
      } else if (element.is("ColumnDef")) {
        add({.operation = Operation::add_column,
             .relation = relation,
             .name = std::string(element.text("colname")),
             .node = element,
             .is_inside_create = true});
        column_constraints(relation, element, true);
      }
    }
  }

  void drop(const Node& root) {
    const Operation operation = find(kDrop, root.name("remove_type"));
    const bool is_on_table =
        operation == Operation::drop_trigger || operation == Operation::drop_policy;
    for (const Node& object : root.nodes("objects")) {
      std::vector<Node> parts = object.nodes_if("List", "items");
      if (parts.empty()) parts = object.nodes_if("ObjectWithArgs", "objname");
      if (parts.empty() && object.is("String")) parts = {object};
      Change change{.operation = operation, .node = root, .offset = begin_};
      if (is_on_table) {
        change.relation = relation_of(parts, 1);
        const std::vector<std::string> names = strings_of(parts);
        if (!names.empty()) change.name = names.back();
      } else {
        change.relation = relation_of(parts);
        change.name = change.relation.name;
      }
      add(std::move(change));
    }
  }

  void rename(const Node& root) {
    Operation operation = find(kRename, root.name("rename_type"));
    // ALTER TABLE x RENAME TO y works on views and indexes too, with the lock of a table.
    if (operation == Operation::rename_column && root.name("relation_type") != "OBJECT_TABLE")
      operation = Operation::other;
    const bool is_inside =
        operation == Operation::rename_column || operation == Operation::rename_constraint;
    add({.operation = operation,
         .relation = relation_of(root.node("relation")),
         .other = {.schema = {}, .name = std::string(root.text("newname"))},
         .name =
             std::string(is_inside || operation == Operation::rename_schema ? root.text("subname")
                                                                            : root.text("newname")),
         .node = root,
         .offset = begin_});
  }

  /// Statements whose fields decide what they are. False: none of these.
  bool other_statement(const Node& root) {
    if (root.is("TruncateStmt") || root.is("LockStmt")) {
      const bool is_truncate = root.is("TruncateStmt");
      for (const Node& relation : root.nodes("relations"))
        add({.operation = is_truncate ? Operation::truncate : Operation::lock_table,
             .relation = relation_of(relation),
             .node = root,
             .offset = begin_});
      return true;
    }
    if (root.is("VacuumStmt")) return vacuum(root);
    if (root.is("ViewStmt")) {
      add({.operation = root.flag("replace") ? Operation::replace_view : Operation::create_view,
           .relation = relation_of(root.node("view")),
           .node = root,
           .offset = begin_});
      return true;
    }
    if (root.is("CreateTableAsStmt")) {
      const bool is_matview = root.name("objtype") == "OBJECT_MATVIEW";
      add({.operation = is_matview ? Operation::create_matview : Operation::create_table_as,
           .relation = relation_of(root.node("into").node("rel")),
           .node = root,
           .offset = begin_});
      return true;
    }
    if (root.is("AlterEnumStmt")) {
      const bool is_rename = !root.text("old_val").empty();
      add({.operation = is_rename ? Operation::rename_enum_value : Operation::add_enum_value,
           .relation = relation_of(root.nodes("type_name")),
           .name = std::string(is_rename ? root.text("old_val") : root.text("new_val")),
           .node = root,
           .offset = begin_});
      return true;
    }
    if (root.is("AlterObjectSchemaStmt") || root.is("AlterOwnerStmt")) {
      const bool is_owner = root.is("AlterOwnerStmt");
      add({.operation = is_owner ? Operation::change_owner : Operation::set_schema,
           .relation = relation_of(root.node("relation")),
           .name = is_owner ? "" : std::string(root.text("newschema")),
           .node = root,
           .offset = begin_});
      return true;
    }
    if (root.is("GrantStmt")) {
      add({.operation = root.flag("is_grant") ? Operation::grant : Operation::revoke,
           .node = root,
           .offset = begin_});
      return true;
    }
    if (root.is("VariableSetStmt")) {
      const bool is_set = root.name("kind") == "VAR_SET_VALUE";
      add({.operation = is_set ? Operation::set : Operation::reset,
           .name = std::string(root.text("name")),
           .node = root,
           .offset = begin_});
      return true;
    }
    return false;
  }

  bool vacuum(const Node& root) {
    if (!root.flag("is_vacuumcmd")) return true; // ANALYZE.
    const postgres::NodeList options = root.nodes("options");
    const bool is_full = std::ranges::any_of(options, [](const Node& option) {
      return option.text("defname") == "full" &&
             option.node("arg").kind() != "Boolean"; // FULL false is rare, FULL the rule.
    });
    const Operation operation = is_full ? Operation::vacuum_full : Operation::vacuum;
    for (const Node& each : root.nodes("rels"))
      add({.operation = operation,
           .relation = relation_of(each.node("relation")),
           .node = root,
           .offset = begin_});
    if (root.nodes("rels").empty()) add({.operation = operation, .node = root, .offset = begin_});
    return true;
  }

  void plain(const Node& root) {
    const auto found = std::ranges::find_if(
        kPlain, [&](const PlainStatement& each) { return root.is(each.kind); });
    if (found == kPlain.end()) return;
    Change change{.operation = found->operation, .node = root, .offset = begin_};
    if (!found->relation.empty()) change.relation = relation_of(root.node(found->relation));
    if (!found->name.empty()) change.name = root.text(found->name);
    add(std::move(change));
  }

  std::size_t begin_;
  Node root_;
  std::vector<Change> changes_;
};

} // namespace

std::vector<Change> changes_of(const Node& root, std::size_t begin) {
  return Changes(begin).of(root);
}

} // namespace pgkeep::lint
