// Values that come from types and sequences: enums, domains, numbers.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "lint/families.h"
#include "lint/rules/places.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Fix;
using findings::Phase;
using findings::Safety;
using findings::Severity;
using postgres::Node;
using postgres::strings_of;

/// The place of the first text constant with this value.
std::optional<std::size_t> constant_at(const Node& root, std::string_view value) {
  std::optional<std::size_t> found;
  postgres::walk(root, postgres::kinds<"A_Const">(), [&](const Node& node) {
    if (!found && node.is("A_Const") && text_constant(node) == value) found = node.offset();
    return !found;
  });
  return found;
}

/// A value that its transaction may not use yet.
struct AddedValue {
  RelationName type;
  std::string value;
};

void say_used_early(const AddedValue& added, std::size_t place, TextSink& out) {
  out.add(place,
          {.object = added.type.text(),
           .message = fmt::format("{} was added to {} in this transaction and cannot be used "
                                  "before it is committed",
                                  postgres::quote_literal(added.value), added.type.text()),
           .evidence = Json{{"type", added.type.text()}, {"value", added.value}},
           .fix = by_hand("A transaction cannot be split from inside. Add the value in a "
                          "migration of its own, before this one.")});
}

void enum_add_value(const Context& context, TextSink& out) {
  bool has_begin = false;
  std::vector<AddedValue> added;
  std::vector<std::string> new_types;
  for (const Statement& statement : context.section.statements) {
    const Node& root = statement.root;
    if (!root || statement.origin == Origin::function) continue;
    if (context.section.begins_step(statement)) { // pgkeep's runner commits what stands before.
      has_begin = false;
      added.clear();
    }
    const bool shares = has_begin || context.section.transaction != TransactionMode::none;
    if (root.is("TransactionStmt")) {
      const std::string_view kind = root.name("kind");
      if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START") has_begin = true;
      if (kind == "TRANS_STMT_COMMIT" || kind == "TRANS_STMT_ROLLBACK") {
        has_begin = false;
        added.clear();
      }
    } else if (root.is("CreateEnumStmt")) {
      new_types.push_back(relation_of(root.nodes("type_name")).name);
    } else if (root.is("AlterEnumStmt")) {
      const RelationName type = relation_of(root.nodes("type_name"));
      // Since 17 a type of the same transaction is whole from its beginning.
      const bool is_whole =
          context.server_major >= 17 && std::ranges::find(new_types, type.name) != new_types.end();
      if (shares && !is_whole && root.text("old_val").empty())
        added.push_back({.type = type, .value = std::string(root.text("new_val"))});
    } else {
      for (const AddedValue& each : added) {
        if (const auto place = constant_at(root, each.value)) say_used_early(each, *place, out);
      }
    }
  }
}

void enum_add_value_order(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::add_enum_value ||
        !change.node.text("new_val_neighbor").empty())
      continue;
    out.add(offset_of_word(subject, change.name),
            {.object = change.relation.text(),
             .message = fmt::format("{} sorts behind all other values of {}, and values cannot be "
                                    "reordered later",
                                    postgres::quote_literal(change.name), change.relation.text()),
             .evidence = Json{{"type", change.relation.text()}, {"value", change.name}},
             .fix = by_hand("The order is for a person to say: write BEFORE or AFTER a value, or "
                            "keep the list in a table.")});
  }
}

void enum_drop_value(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  const bool changes_rows = root.is("DeleteStmt") || root.is("UpdateStmt");
  if (!changes_rows || root.node("relation").text("relname") != "pg_enum") return;
  out.add(root.node("relation").offset().value_or(subject.statement.begin),
          {.object = "pg_enum",
           .message = "Rows and indexes may still hold the value: reading them fails once its row "
                      "in pg_enum is gone",
           .evidence = Json{{"catalog", "pg_enum"}, {"statement", root.kind()}},
           .fix = by_hand("PostgreSQL has no statement that removes a value. Leave it unused, or "
                          "make a new type and move the column to it; a lookup table has no such "
                          "limit.")});
}

RelationName domain_of(const Node& root) {
  return relation_of(root.nodes(root.is("CreateDomainStmt") ? "domainname" : "type_name"));
}

bool is_domain_of_section(const LoneSubject& subject, const RelationName& domain) {
  const std::vector<Node> before = roots_before(subject);
  return std::ranges::any_of(before, [&](const Node& root) {
    return root.is("CreateDomainStmt") && domain_of(root).name == domain.name;
  });
}

void create_domain_constraint(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("CreateDomainStmt")) return;
  for (const Node& constraint : root.nodes("constraints")) {
    const bool is_check = constraint.name("contype") == "CONSTR_CHECK";
    // A name lets it be changed by DROP and ADD ... NOT VALID.
    if (!is_check || !constraint.text("conname").empty()) continue;
    const std::string domain = domain_of(root).text();
    out.add(
        constraint.offset().value_or(subject.statement.begin),
        {.object = domain,
         .message = fmt::format("The check of domain {} has no name, and each later change of "
                                "it reads every table that uses the domain",
                                domain),
         .evidence = Json{{"domain", domain}},
         .fix = by_hand("The name is for a person to choose: write CONSTRAINT name CHECK (...); "
                        "or put the check on the tables, where it can be validated one by "
                        "one.")});
  }
}

void alter_domain_constraint(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("AlterDomainStmt")) return;
  const RelationName domain = domain_of(root);
  const std::string_view subtype = root.text("subtype");
  const bool adds_check = subtype == "C" && !root.node("def").flag("skip_validation");
  if ((!adds_check && subtype != "O") || is_domain_of_section(subject, domain)) return;
  const std::string name(root.node("def").is("Constraint") ? root.node("def").text("conname") : "");
  Fix fix = by_hand("NOT VALID needs a name to be validated by later, and SET NOT NULL has no such "
                    "form: add CONSTRAINT name CHECK (VALUE IS NOT NULL) NOT VALID, then VALIDATE "
                    "CONSTRAINT name in another transaction.");
  if (adds_check && !name.empty()) {
    const std::string_view sql = subject.around.script.sql_of(subject.statement);
    fix = {.safety = Safety::blocks_writes,
           .sql = {fmt::format("{} NOT VALID", sql),
                   fmt::format("ALTER DOMAIN {} VALIDATE CONSTRAINT {}", domain.text(),
                               postgres::quote_identifier(name))},
           .note = "The first is brief. The second still reads the tables while writes to them "
                   "wait; a check on each table can be validated without that."};
  }
  out.add(root.node("def").offset().value_or(subject.statement.begin),
          {.object = domain.text(),
           .message = fmt::format("Every table with a column of {} is read under SHARE, so that "
                                  "writes to all of them wait",
                                  domain.text()),
           .evidence = Json{{"domain", domain.text()}, {"constraint", name}},
           .fix = std::move(fix)});
}

bool has_option(const Node& root, std::string_view name) {
  const postgres::NodeList options = root.nodes("options");
  return std::ranges::any_of(options,
                             [&](const Node& each) { return each.text("defname") == name; });
}

bool is_sequence_of_section(const LoneSubject& subject, std::string_view name) {
  const std::vector<Node> before = roots_before(subject);
  return std::ranges::any_of(before, [&](const Node& root) {
    return root.is("CreateSeqStmt") && root.node("sequence").text("relname") == name;
  });
}

/// A sequence that a serial or identity column of a new table owns has no other users either.
bool is_of_new_table(const Subject& subject, std::string_view sequence) {
  for (std::size_t end = sequence.find('_'); end != std::string_view::npos;
       end = sequence.find('_', end + 1)) {
    const auto tables = subject.context.schema.named(std::string(sequence.substr(0, end)));
    if (std::ranges::any_of(tables, &TableState::is_created_here)) return true;
  }
  return is_sequence_of_section(subject, sequence);
}

void alter_sequence(const Subject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("AlterSeqStmt")) return;
  const RelationName sequence = relation_of(root.node("sequence"));
  std::vector<std::string> changed;
  for (const std::string_view option : {"increment", "minvalue", "maxvalue", "as", "cache"}) {
    if (has_option(root, option)) changed.emplace_back(option);
  }
  if (changed.empty() || is_of_new_table(subject, sequence.name)) return;
  out.add(offset_of_word(subject, changed.front(), subject.statement.begin),
          {.object = sequence.text(),
           .message = fmt::format("Another {} for {}: nextval() waits until the transaction ends, "
                                  "and values may skip or collide",
                                  enumerate(changed), sequence.text()),
           .evidence = Json{{"sequence", sequence.text()}, {"options", Json::list(changed)}},
           .fix = by_hand("What the code assumes of the numbers is not in the text. Commit at "
                          "once, with a short lock_timeout, and check the column's type first.")});
}

/// setval(name, constant): the name and the place; none where the value is computed from the rows.
struct SetValue {
  std::string sequence;
  std::size_t offset;
};
std::vector<SetValue> set_values(const LoneSubject& subject) {
  std::vector<SetValue> found;
  if (!subject.statement.root.is("SelectStmt")) return found;
  postgres::walk(subject.statement.root, postgres::kinds<"FuncCall">(), [&](const Node& node) {
    const postgres::NodeList parts = node.nodes_if("FuncCall", "funcname");
    if (parts.empty() || strings_of(parts).back() != "setval") return true;
    const postgres::NodeList arguments = node.nodes("args");
    if (arguments.size() < 2 || !arguments[1].is("A_Const")) return true;
    const Node name = arguments[0].is("TypeCast") ? arguments[0].node("arg") : arguments[0];
    found.push_back(
        {std::string(text_constant(name)), node.offset().value_or(subject.statement.begin)});
    return true;
  });
  return found;
}

findings::Finding restart_finding(std::string sequence) {
  std::string message =
      fmt::format("{} starts at a fixed number: what is taken already is given again, and INSERT "
                  "fails or writes twice",
                  sequence);
  return {.object = sequence,
          .message = std::move(message),
          .evidence = Json{{"sequence", sequence}},
          .fix = by_hand("The right number is in the rows: SELECT setval('name', (SELECT "
                         "max(column) FROM table)), in the same transaction as a lock of the "
                         "table.")};
}

void sequence_restart(const Subject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (root.is("AlterSeqStmt") && has_option(root, "restart")) {
    const RelationName sequence = relation_of(root.node("sequence"));
    if (!is_of_new_table(subject, sequence.name))
      out.add(offset_of_word(subject, "restart", subject.statement.begin),
              restart_finding(sequence.text()));
  }
  for (const SetValue& each : set_values(subject)) {
    const std::string name = each.sequence.substr(each.sequence.find_last_of('.') + 1);
    if (!is_of_new_table(subject, name)) out.add(each.offset, restart_finding(each.sequence));
  }
}

void sequence_cycle(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("AlterSeqStmt") && !root.is("CreateSeqStmt")) return;
  for (const Node& option : root.nodes("options")) {
    // NO CYCLE is the same option with false.
    if (option.text("defname") != "cycle" || !option.node("arg").flag("boolval")) continue;
    const RelationName sequence = relation_of(root.node("sequence"));
    out.add(offset_of_word(subject, "cycle", subject.statement.begin),
            {.object = sequence.text(),
             .message = fmt::format("Behind its last number {} begins again with numbers that rows "
                                    "have already",
                                    sequence.text()),
             .evidence = Json{{"sequence", sequence.text()}},
             .fix = Fix{.safety = Safety::online,
                        .phase = Phase::repair,
                        .sql = {fmt::format("ALTER SEQUENCE {} NO CYCLE", sequence.text())}}});
  }
}

constexpr std::string_view kEnumSource = "PostgreSQL manual, sql-altertype: Notes";

constexpr TextRule kValueRules[] = {
    {.card = {.id = "enum-add-value",
              .title = "New value of an enum is used before it is committed",
              .why = "The server refuses it, and the migration stops.",
              .how = "Add the value in a migration of its own.",
              .source = kEnumSource,
              .severity = Severity::error,
              .area = Area::types},
     .section = enum_add_value},
    {.card = {.id = "enum-add-value-order",
              .title = "New value of an enum without its place",
              .why = "It sorts last, and the order cannot be changed.",
              .how = "Write BEFORE or AFTER a value.",
              .source = kEnumSource,
              .severity = Severity::info,
              .area = Area::types},
     .group = Group::taste,
     .lone = enum_add_value_order,
     .nodes = "AlterEnumStmt"},
    {.card = {.id = "enum-drop-value",
              .title = "Value of an enum is taken out of the catalog",
              .why = "Rows and index pages that hold it cannot be read any more.",
              .how = "Leave it unused, or make a new type; use a lookup table for lists that "
                     "shrink.",
              .source = "PostgreSQL manual, datatype-enum",
              .severity = Severity::error,
              .area = Area::types},
     .lone = enum_drop_value,
     .nodes = "UpdateStmt DeleteStmt"},
    {.card = {.id = "create-domain-constraint",
              .title = "Domain with a check that has no name",
              .why = "Changing it later reads every table that uses the domain.",
              .how = "Name it, or check on the tables.",
              .source = "PostgreSQL manual, sql-createdomain and sql-alterdomain",
              .severity = Severity::info,
              .area = Area::types},
     .lone = create_domain_constraint,
     .nodes = "CreateDomainStmt"},
    {.card = {.id = "alter-domain-constraint",
              .title = "Check added to a domain in use",
              .why = "Writes to every table that uses the domain wait until all are read.",
              .how = "NOT VALID, then VALIDATE; or check on the tables.",
              .source = "PostgreSQL manual, sql-alterdomain; measured on 15 and 18",
              .severity = Severity::error,
              .area = Area::types},
     .lone = alter_domain_constraint,
     .nodes = "AlterDomainStmt"},
    {.card = {.id = "alter-sequence",
              .title = "Sequence in use is changed",
              .why = "Everybody who asks for a number waits until the transaction ends.",
              .how = "Commit at once, with a short lock_timeout.",
              .source = "PostgreSQL manual, sql-altersequence: Notes",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = alter_sequence,
     .nodes = "AlterSeqStmt"},
    {.card = {.id = "sequence-restart",
              .title = "Sequence starts again at a fixed number",
              .why = "Numbers that rows have already are given again: duplicate keys.",
              .how = "Set it from the rows: setval(..., (SELECT max(...) ...)).",
              .source = "PostgreSQL manual, functions-sequence; sql-altersequence: RESTART",
              .severity = Severity::error,
              .area = Area::schema},
     .statement = sequence_restart,
     .nodes = "AlterSeqStmt FuncCall"},
    {.card = {.id = "sequence-cycle",
              .title = "Sequence that begins again at its end",
              .why = "Keys are given twice one day, in place of a clear error.",
              .how = "Leave CYCLE out, and use bigint.",
              .source = "PostgreSQL manual, sql-createsequence: CYCLE",
              .severity = Severity::warning,
              .area = Area::schema},
     .lone = sequence_cycle,
     .nodes = "AlterSeqStmt CreateSeqStmt"},
};

} // namespace

const std::span<const TextRule> value_rules{kValueRules};

} // namespace pgkeep::lint
