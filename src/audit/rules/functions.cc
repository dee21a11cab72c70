// Functions that run with somebody else's rights.
#include "audit/families.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

std::string signature(const catalog::Function& function) {
  return fmt::format("{}({})", postgres::quote_qualified(function.schema, function.name),
                     function.arguments);
}

std::string_view keyword(const catalog::Function& function) {
  return function.kind == "p" ? "PROCEDURE" : "FUNCTION";
}

void function_search_path(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::Function& function : db.functions) {
    if (!function.security_definer || function.pins_search_path) continue;
    const std::string name = signature(function);
    const std::string path =
        function.schema == "pg_catalog"
            ? "pg_catalog, pg_temp"
            : fmt::format("pg_catalog, {}, pg_temp", postgres::quote_identifier(function.schema));
    out.add(
        {.severity = function.public_execute ? Severity::error : Severity::warning,
         .object = fmt::format("function {}", name),
         .message =
             fmt::format("{} runs with the rights of {}{} and takes its search_path from the "
                         "caller, who can put his own functions in front",
                         name, function.owner, function.owner_is_superuser ? " (a superuser)" : ""),
         .evidence = Json{{"owner", function.owner},
                          {"owner_is_superuser", function.owner_is_superuser},
                          {"public_execute", function.public_execute}},
         .fix = Fix{.safety = Safety::online,
                    .phase = Phase::roles,
                    .sql = {fmt::format("ALTER {} {} SET search_path = {}", keyword(function), name,
                                        path)},
                    .undo = {fmt::format("ALTER {} {} RESET search_path", keyword(function), name)},
                    .note = "If its body names objects of other schemas without their schema, add "
                            "those schemas before pg_temp."}});
  }
}

void function_executable_by_public(const Snapshot& db, const Limits&, Sink& out) {
  for (const catalog::Function& function : db.functions) {
    if (!function.security_definer || !function.public_execute || !function.pins_search_path)
      continue;
    const std::string name = signature(function);
    out.add(
        {.object = fmt::format("function {}", name),
         .message = fmt::format("every role may call {}, which runs with the rights of {}", name,
                                function.owner),
         .evidence =
             Json{{"owner", function.owner}, {"owner_is_superuser", function.owner_is_superuser}},
         .fix = Fix{
             .safety = Safety::manual,
             .phase = Phase::roles,
             .sql = {fmt::format("REVOKE EXECUTE ON {} {} FROM PUBLIC", keyword(function), name)},
             .undo = {fmt::format("GRANT EXECUTE ON {} {} TO PUBLIC", keyword(function), name)},
             .note = "Who calls it is not in the catalog: grant EXECUTE to those roles first, then "
                     "revoke."}});
  }
}

constexpr Rule kFunctionRules[] = {
    {.id = "function-search-path",
     .aliases = "security-definer-search-path security-definer",
     .title = "SECURITY DEFINER function without a fixed search_path",
     .why = "A caller who can create a function or operator anywhere on his own search_path gets "
            "the owner's rights.",
     .how = "SET search_path on the function, pg_catalog first and pg_temp last.",
     .source = "PostgreSQL manual, sql-createfunction: Writing SECURITY DEFINER Functions Safely",
     .severity = Severity::warning,
     .area = Area::roles,
     .needs = Facts::functions,
     .judge = function_search_path},
    {.id = "function-executable-by-public",
     .title = "Every role may call a SECURITY DEFINER function",
     .why = "EXECUTE is granted to PUBLIC by default: the owner's rights are lent to everyone.",
     .how = "Revoke EXECUTE from PUBLIC and grant it to the callers.",
     .source = "PostgreSQL manual, sql-createfunction and ddl-priv",
     .severity = Severity::info,
     .area = Area::roles,
     .needs = Facts::functions,
     .judge = function_executable_by_public},
};

} // namespace

const std::span<const Rule> function_rules{kFunctionRules};

} // namespace pgkeep::audit
