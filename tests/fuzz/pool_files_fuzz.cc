// The pooler's files: ini, auth_file, HBA and ident map. Any text is read or refused with a reason;
// no secret of auth_file gets into one.
#include "base/result.h"
#include "fuzz/fuzz.h"
#include "pool/configuration.h"
#include "pool/hba.h"
#include "pool/user_list.h"

namespace {

using pgkeep::fuzz::must;
namespace base = pgkeep::base;
namespace pool = pgkeep::pool;

void read_ini(const std::string& text) {
  const auto read = [&](const std::string&) -> base::Result<std::string> { return text; };
  const auto all = pool::read_configuration("x", read);
  if (!all) return must(!all.error().where.empty(), "an error with its place");
  for (const pool::SettingRow& row : pool::setting_rows()) {
    pool::Settings again;
    const std::string shown = pool::shown(all->settings, row);
    const bool is_set = pool::set(again, row.name, shown).has_value();
    must(is_set && pool::shown(again, row) == shown, "what is shown can be set");
  }
}

void read_users(const std::string& text) {
  const pool::UserList list = pool::users_in(text);
  for (const pool::LineProblem& each : list.skipped)
    must(each.line > 0 && !each.what.empty(), "a problem with its place");
  must(!list.end || list.end->line > 0, "a problem with its place");
}

void read_hba(const std::string& text) {
  const auto read = [](const std::string&) -> base::Result<std::string> { return "a b"; };
  const pool::HbaRules rules = pool::hba_rules_of(text, "x", read);
  const pool::HbaRule* const rule =
      pool::rule_for(rules, {.database = "a", .user = "b", .address = pool::ip_address_of("::1")});
  must(rule == nullptr || rule->line > 0, "a rule of a line");
  const pool::IdentMap map = pool::ident_map_of(text);
  static_cast<void>(pool::may_be(map, "a", "b", "c"));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(pgkeep::fuzz::text_of(data, size).substr(1));
  switch (data[0] % 3) {
  case 0:
    read_ini(text);
    break;
  case 1:
    read_users(text);
    break;
  default:
    read_hba(text);
    break;
  }
  return 0;
}
