// Enums, domains, triggers, rules, row security, views, functions, sequences.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
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
using postgres::quote_identifier;
using postgres::strings_of;

/// Whether a statement of the section, before the one at hand, creates an object of the name.
bool is_created_before(const LoneSubject& subject, std::string_view kind,
                       std::string_view list_field, const RelationName& name) {
  const std::vector<Node> before = roots_before(subject);
  return std::ranges::any_of(before, [&](const Node& root) {
    return root.is(kind) && relation_of(root.nodes(list_field)).name == name.name;
  });
}

void create_trigger(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::create_trigger ||
        !subject.context.is_in_use(change.relation) || !change.node.flag("row"))
      continue;
    const std::string object = object_of(change.relation, change.name);
    out.add(offset_of_name(subject, change),
            {.object = object,
             .message = fmt::format("From now on each row written to {} calls a function, in old "
                                    "code's transactions too",
                                    subject.context.with_size(change.relation)),
             .evidence = Json{{"trigger", object}},
             .fix = by_hand("What the function costs is not in the text. Measure it on a clone; "
                            "where it can work on many rows, use FOR EACH STATEMENT with a "
                            "transition table, or narrow it by WHEN.")});
  }
}

bool is_trigger_created_again(const Subject& subject, const Change& dropped) {
  if (!subject.context.shares_transaction()) return false;
  const std::vector<Node> after = roots_after(subject);
  return std::ranges::any_of(after, [&](const Node& root) {
    return root.is("CreateTrigStmt") && root.text("trigname") == dropped.name;
  });
}

void drop_trigger(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_trigger ||
        !subject.context.is_in_use(change.relation) || is_trigger_created_again(subject, change))
      continue;
    const std::string object = object_of(change.relation, change.name);
    out.add(offset_of_name(subject, change),
            {.object = object,
             .message = fmt::format("Rows written to {} after this miss what the trigger did, and "
                                    "reads wait for the lock that dropping it takes",
                                    subject.context.with_size(change.relation)),
             .evidence = Json{{"trigger", object}},
             .fix = by_hand("What the trigger kept true is not in the text. Let the code do it "
                            "first; where it is only replaced, use CREATE OR REPLACE TRIGGER, or "
                            "create the new one in the same transaction.")});
  }
}

void enable_disable_trigger(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::disable_trigger ||
        !subject.context.is_in_use(change.relation))
      continue;
    const bool is_all = change.node.name("subtype") == "AT_DisableTrigAll";
    out.add(offset_of_word(subject, "disable", subject.statement.begin),
            {.severity = is_all ? Severity::error : Severity::warning,
             .object = object_of(change.relation, change.name),
             .message = is_all ? fmt::format("Foreign keys of {} are not checked meanwhile, and "
                                             "ENABLE does not check the rows afterwards",
                                             subject.context.with_size(change.relation))
                               : fmt::format("Every session's rows of {} miss the trigger, and "
                                             "ENABLE does not make up for them",
                                             subject.context.with_size(change.relation)),
             .evidence = Json{{"table", change.relation.text()}, {"all", is_all}},
             .fix = by_hand("Disabling is for everybody, not for this session. Let the trigger's "
                            "WHEN or function leave your rows out, or set "
                            "session_replication_role for this session alone.")});
  }
}

void create_rule(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::create_rule) continue;
    const std::string object = object_of(change.relation, change.name);
    out.add(offset_of_name(subject, change),
            {.object = object,
             .message = fmt::format("The rule rewrites every such statement on {}: functions run "
                                    "more than once and counts of rows are wrong",
                                    change.relation.text()),
             .evidence = Json{{"rule", object}},
             .fix = by_hand("A rule cannot be translated by itself. Write a trigger (INSTEAD OF "
                            "for a view), or partition the table.")});
  }
}

void replica_identity(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::replica_identity ||
        !subject.context.is_in_use(change.relation))
      continue;
    const std::string_view type = change.node.node("def").text("identity_type");
    const bool is_full = type == "f";
    if (!is_full && type != "n") continue;
    out.add(offset_of_word(subject, is_full ? "full" : "nothing", subject.statement.begin),
            {.object = change.relation.text(),
             .message = is_full ? fmt::format("Each UPDATE and DELETE writes the whole old row of "
                                              "{} to WAL, and subscribers look it up by a scan",
                                              subject.context.with_size(change.relation))
                                : fmt::format("UPDATE and DELETE of {} fail where it is published",
                                              change.relation.text()),
             .evidence = Json{{"table", change.relation.text()}, {"identity", type}},
             .fix = by_hand("Which key identifies a row is for a person to say. Give the table a "
                            "primary key, or a unique index over NOT NULL columns and REPLICA "
                            "IDENTITY USING INDEX.")});
  }
}

/// The names that a view gives its columns; none where one is not in the text ("*").
std::optional<std::vector<std::string>> output_names(const Node& view) {
  std::vector<std::string> names = strings_of(view.nodes("aliases"));
  const postgres::NodeList targets = view.node("query").nodes_if("SelectStmt", "target_list");
  for (std::size_t i = names.size(); i < targets.size(); ++i) {
    const Node value = targets[i].node("val");
    std::string name(targets[i].text("name"));
    if (name.empty() && value.is("ColumnRef")) {
      const postgres::NodeList fields = value.nodes("fields");
      if (!fields.back().is("String")) return std::nullopt;
      name = strings_of(fields).back();
    }
    if (name.empty()) return std::nullopt;
    names.push_back(std::move(name));
  }
  if (names.empty()) return std::nullopt;
  return names;
}

/// The columns of a view as it is: of an earlier statement, or of the database.
std::optional<std::vector<std::string>> known_view(const LoneSubject& subject,
                                                   const RelationName& view) {
  std::optional<std::vector<std::string>> names;
  if (const catalog::Snapshot* const db = subject.around.database) {
    for (const catalog::Relation& relation : db->relations) {
      const bool is_it = relation.kind == "v" && relation.name == view.name &&
                         (view.schema.empty() || relation.schema == view.schema);
      if (!is_it) continue;
      names.emplace();
      for (const catalog::Column& column : db->columns_of(relation))
        names->push_back(column.name);
    }
  }
  for (const Node& root : roots_before(subject)) {
    if (root.is("ViewStmt") && relation_of(root.node("view")).name == view.name)
      names = output_names(root);
  }
  return names;
}

void create_or_replace_view(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::replace_view) continue;
    const auto before = known_view(subject, change.relation);
    const auto now = output_names(change.node);
    if (!before || !now || before->empty()) continue;
    const auto [old_end, new_end] = std::ranges::mismatch(*before, *now);
    if (old_end == before->end()) continue; // Columns were added behind.
    const std::string found =
        new_end == now->end() ? "is missing" : fmt::format("is now {}", quote_identifier(*new_end));
    out.add(offset_of_name(subject, change),
            {.object = change.relation.text(),
             .message = fmt::format("CREATE OR REPLACE VIEW fails: column {} {}, and a view's "
                                    "columns can only be added to",
                                    quote_identifier(*old_end), found),
             .evidence = Json{{"before", Json::list(*before)}, {"now", Json::list(*now)}},
             .fix = by_hand("Code and other views use the columns as they are. Create the view "
                            "under a new name, move the code, then drop the old one.")});
  }
}

struct Signature {
  RelationName name;
  std::vector<std::string> arguments; ///< Types of what goes in.
};

Signature signature_of(const Node& function) {
  Signature signature{.name = relation_of(function.nodes("funcname")), .arguments = {}};
  for (const Node& parameter : function.nodes("parameters")) {
    const std::string_view mode = parameter.name("mode");
    if (mode != "FUNC_PARAM_OUT" && mode != "FUNC_PARAM_TABLE")
      signature.arguments.push_back(type_of(parameter.node("arg_type")).text());
  }
  return signature;
}

/// Of pg_get_function_identity_arguments(): what stands between commas outside of parentheses.
std::size_t argument_count(std::string_view arguments) {
  if (base::trim(arguments).empty()) return 0;
  std::size_t count = 1;
  int depth = 0;
  for (const char c : arguments) {
    depth += c == '(' ? 1 : 0;
    depth -= c == ')' ? 1 : 0;
    count += c == ',' && depth == 0 ? 1 : 0;
  }
  return count;
}

void add_overload(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("CreateFunctionStmt") || !root.flag("replace") || subject.around.database == nullptr)
    return;
  const Signature signature = signature_of(root);
  bool is_there = false;
  std::vector<std::string> others;
  for (const catalog::Function& each : subject.around.database->functions) {
    const std::string_view schema =
        signature.name.schema.empty() ? "public" : std::string_view(signature.name.schema);
    if (each.name != signature.name.name || each.schema != schema) continue;
    // Types are written in several ways; their number is not.
    is_there = is_there || argument_count(each.arguments) == signature.arguments.size();
    others.push_back(fmt::format("{}({})", each.name, each.arguments));
  }
  if (is_there || others.empty()) return;
  out.add(offset_of_word(subject, signature.name.name),
          {.object = signature.name.text(),
           .message = fmt::format("OR REPLACE replaces nothing: {} stays beside the new one, and "
                                  "callers may reach either",
                                  enumerate(others)),
           .evidence = Json{{"existing", Json::list(others)},
                            {"arguments", Json::list(signature.arguments)}},
           .fix = by_hand("A function is known by its name and arguments. Give the new one its "
                          "own name, move the callers, then drop the old one.")});
}

/// Indexes, defaults and policies of the database that name the function.
std::vector<std::string> users_of_function(const catalog::Snapshot& db, std::string_view name) {
  std::vector<std::string> found;
  for (const catalog::Index& each : db.indexes) {
    if (has_word(each.expressions, name) || has_word(each.predicate, name))
      found.push_back(fmt::format("index {}", catalog::qualified_name(each)));
  }
  for (const catalog::Column& each : db.columns) {
    const catalog::Relation* const relation = db.relation(each.relation);
    if (relation != nullptr && has_word(each.default_expression, name))
      found.push_back(fmt::format("default of {}", catalog::column_object(*relation, each)));
  }
  for (const catalog::Policy& each : db.policies) {
    if (has_word(each.using_expression, name) || has_word(each.check_expression, name))
      found.push_back(fmt::format("policy {}", quote_identifier(each.name)));
  }
  return found;
}

void drop_function(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_function ||
        is_created_before(subject, "CreateFunctionStmt", "funcname", change.relation))
      continue;
    const std::vector<Node> after = roots_after(subject);
    const bool is_replaced =
        context.shares_transaction() && std::ranges::any_of(after, [&](const Node& root) {
          return root.is("CreateFunctionStmt") &&
                 relation_of(root.nodes("funcname")).name == change.relation.name;
        });
    const std::vector<std::string> users =
        context.database == nullptr ? std::vector<std::string>{}
                                    : users_of_function(*context.database, change.relation.name);
    if (is_replaced && users.empty()) continue;
    out.add(offset_of_name(subject, change),
            {.severity = users.empty() ? Severity::warning : Severity::error,
             .object = change.relation.text(),
             .message = users.empty()
                            ? fmt::format("Code and function bodies that still call {} fail",
                                          change.relation.text())
                            : fmt::format("{} is used by {}: dropping it fails, or takes them "
                                          "along with CASCADE",
                                          change.relation.text(), enumerate(users)),
             .evidence = Json{{"function", change.relation.text()}, {"users", Json::list(users)}},
             .fix = by_hand("Bodies are text: the server does not know all callers. Move them to "
                            "a function of a new name, wait, then drop this one.")});
  }
}

void function_replace_breaks(const Subject& subject, TextSink& out) {
  add_overload(subject, out);
  drop_function(subject, out);
}

constexpr TextRule kObjectRules[] = {
    {.card = {.id = "create-trigger",
              .title = "Row trigger on a table in use",
              .why = "Every write of every program pays for it, from the first moment.",
              .how = "Measure it on a clone; narrow it by WHEN, or work on statements.",
              .source = "PostgreSQL manual, sql-createtrigger",
              .severity = Severity::info,
              .area = Area::schema},
     .statement = create_trigger,
     .nodes = "CreateTrigStmt"},
    {.card = {.id = "drop-trigger",
              .title = "Trigger is dropped",
              .why = "Rows that are written from now on miss what it did.",
              .how = "Replace it in one statement or transaction, or move its work first.",
              .source = "PostgreSQL manual, sql-droptrigger and sql-createtrigger: OR REPLACE",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = drop_trigger,
     .nodes = "DropStmt"},
    {.card = {.id = "enable-disable-trigger",
              .title = "Trigger is disabled for everybody",
              .why = "Rows of all sessions pass unchecked, and are not checked later.",
              .how = "Leave your own rows out by WHEN, or set session_replication_role.",
              .source = "PostgreSQL manual, sql-altertable: DISABLE/ENABLE TRIGGER",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = enable_disable_trigger,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "create-rule",
              .title = "Rule",
              .why = "It rewrites statements in ways that nobody expects.",
              .how = "Write a trigger.",
              .source = "PostgreSQL wiki, Don't Do This: Don't use rules; manual, rules",
              .severity = Severity::warning,
              .area = Area::schema},
     .lone = create_rule,
     .nodes = "RuleStmt"},
    {.card = {.id = "replica-identity",
              .title = "REPLICA IDENTITY FULL or NOTHING",
              .why = "FULL swells WAL and slows subscribers; NOTHING makes published updates "
                     "fail.",
              .how = "A primary key, or REPLICA IDENTITY USING INDEX.",
              .source = "PostgreSQL manual, logical-replication-publication; sql-altertable",
              .severity = Severity::warning,
              .area = Area::replication},
     .statement = replica_identity,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "create-or-replace-view",
              .title = "View replaced with other columns",
              .why = "The server refuses it, and the migration stops.",
              .how = "Add columns behind the others only; else give the view a new name.",
              .source = "PostgreSQL manual, sql-createview: Notes",
              .severity = Severity::error,
              .area = Area::schema},
     .lone = create_or_replace_view,
     .nodes = "ViewStmt"},
    {.card = {.id = "function-replace-breaks",
              .title = "Function dropped or doubled under its callers",
              .why = "Callers fail, or reach the old body.",
              .how = "Give the new function a new name, move the callers, drop the old one.",
              .source = "PostgreSQL manual, sql-createfunction: Overloading; xfunc-overload",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = function_replace_breaks,
     .nodes = "CreateFunctionStmt DropStmt"},
};

} // namespace

const std::span<const TextRule> object_rules{kObjectRules};

} // namespace pgkeep::lint
