#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {

Fix alter_system(const Snapshot& db, std::string_view setting, std::string_view value) {
  const catalog::Setting* const now = db.setting(setting);
  const bool needs_restart = now != nullptr && now->context == "postmaster";
  const std::string name = postgres::quote_identifier(setting);
  Fix fix{.safety = needs_restart ? Safety::manual : Safety::online,
          .phase = Phase::settings,
          .sql = {fmt::format("ALTER SYSTEM SET {} = {}", name, postgres::quote_literal(value)),
                  "SELECT pg_reload_conf()"},
          .undo = {fmt::format("ALTER SYSTEM RESET {}", name), "SELECT pg_reload_conf()"}};
  if (needs_restart) {
    fix.note = fmt::format("{} takes effect only when the server restarts, which no statement can "
                           "do: run the statement, then restart in a quiet hour.",
                           setting);
  }
  return fix;
}

Fix alter_role_set(std::string_view role, std::string_view setting, std::string_view value) {
  const std::string who = postgres::quote_identifier(role);
  const std::string name = postgres::quote_identifier(setting);
  return Fix{
      .safety = Safety::online,
      .phase = Phase::roles,
      .sql = {fmt::format("ALTER ROLE {} SET {} = {}", who, name, postgres::quote_literal(value))},
      .undo = {fmt::format("ALTER ROLE {} RESET {}", who, name)},
      .note = "New sessions get it; sessions that are open keep what they have."};
}

} // namespace pgkeep::audit
