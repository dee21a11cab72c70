// What the server writes down: slow queries, waits, sessions; and what it must not write down.
#include <algorithm>
#include <array>

#include "audit/families.h"
#include "audit/rules/server_settings.h"

namespace pgkeep::audit {
namespace {

constexpr double kAutovacuumLong_ms =
    600'000; ///< 10 min, the default since 15: only the worst runs.

bool is_preloaded(const Snapshot& db, std::string_view library) {
  for (const std::string_view name : {"shared_preload_libraries", "session_preload_libraries"}) {
    const std::vector<std::string> items = list_items(catalog::setting_text(db, name));
    if (std::ranges::find(items, library) != items.end()) return true;
  }
  return false;
}

void slow_log_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  constexpr std::string_view kName = "log_min_duration_statement";
  if (look_at(db, kName, out) == nullptr) return;
  const auto is_off = [&](std::string_view name) {
    return catalog::setting_number(db, name).value_or(-1) < 0;
  };
  if (!is_off(kName) || !is_off("log_min_duration_sample") ||
      !is_off("auto_explain.log_min_duration"))
    return;
  Fix fix = set_server(db, kName, "1s");
  // The values of parameters are personal data: what is logged from now on must not hold them, or
  // this fix would only bring the next finding (log-secrets).
  if (catalog::setting_text(db, "log_parameter_max_length") == "-1" && !fix.sql.empty()) {
    const Fix more = set_server(db, "log_parameter_max_length", "0");
    fix.sql.insert(fix.sql.begin(), more.sql.front());
    fix.undo.insert(fix.undo.begin(), more.undo.front());
    fix.note += fix.note.empty() ? "" : " ";
    fix.note += "Parameters' values stay out of the log.";
  }
  Finding finding = setting_finding(
      db, kName, "no slow query is written to the log, whatever it takes", std::move(fix));
  finding.evidence.set("log_min_duration_sample",
                       catalog::setting_text(db, "log_min_duration_sample"));
  finding.evidence.set("auto_explain_loaded", is_preloaded(db, "auto_explain"));
  out.add(std::move(finding));
}

void log_lock_waits_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const setting = look_at(db, "log_lock_waits", out);
  if (setting == nullptr || setting->value == "on") return;
  out.add(setting_finding(db, setting->name, "who waited for whose lock is not written down",
                          set_server(db, setting->name, "on")));
}

void log_temp_files_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const setting = look_at(db, "log_temp_files", out);
  if (setting == nullptr || catalog::setting_number(db, setting->name).value_or(-1) >= 0) return;
  out.add(setting_finding(db, setting->name,
                          "sorts and hashes that went to disk are not written down",
                          set_server(db, setting->name, "0")));
}

void log_checkpoints_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const setting = look_at(db, "log_checkpoints", out);
  if (setting == nullptr || setting->value == "on") return;
  out.add(setting_finding(db, setting->name, "checkpoints and why they began are not written down",
                          set_server(db, setting->name, "on")));
}

void log_autovacuum_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  constexpr std::string_view kName = "log_autovacuum_min_duration";
  if (look_at(db, kName, out) == nullptr) return;
  const double limit = catalog::setting_number(db, kName).value_or(-1);
  if (limit >= 0 && limit < kAutovacuumLong_ms) return;
  out.add(setting_finding(
      db, kName,
      limit < 0
          ? "no run of autovacuum is written down"
          : fmt::format("runs of autovacuum under {} are not written down", shown_value(db, kName)),
      set_server(db, kName, "1s")));
}

void connection_logging_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  constexpr auto kOff = std::to_array<std::string_view>({"", "off", "false", "no", "0"});
  for (const std::string_view name : {"log_connections", "log_disconnections"}) {
    const catalog::Setting* const setting = look_at(db, name, out);
    // log_connections is a list since 18; empty is off.
    if (setting == nullptr || std::ranges::find(kOff, setting->value) == kOff.end()) continue;
    out.add(setting_finding(db, name,
                            name == "log_connections"
                                ? "who connected is not written down"
                                : "when sessions ended, and how, is not written down",
                            set_server(db, name, "on")));
  }
}

struct Escape {
  std::string_view any_of; ///< Escapes that show it.
  std::string_view what;
};
constexpr auto kEscapes = std::to_array<Escape>({
    {"tmnsc", "time"},
    {"pc", "process id"},
    {"u", "user"},
    {"d", "database"},
    {"a", "application"},
});

/// The letters of the prefix's escapes; "%-10u" is u, "%%" is none.
std::string escapes_of(std::string_view prefix) {
  std::string letters;
  for (std::size_t i = 0; i + 1 < prefix.size(); ++i) {
    if (prefix[i] != '%') continue;
    ++i;
    while (i < prefix.size() && (prefix[i] == '-' || (prefix[i] >= '0' && prefix[i] <= '9')))
      ++i;
    if (i < prefix.size() && prefix[i] != '%') letters += prefix[i];
  }
  return letters;
}

void log_line_prefix_blind(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const setting = look_at(db, "log_line_prefix", out);
  if (setting == nullptr) return;
  for (const std::string& destination : list_items(catalog::setting_text(db, "log_destination"))) {
    if (destination == "csvlog" || destination == "jsonlog") return; // These have every field.
  }
  const std::string letters = escapes_of(setting->value);
  std::vector<std::string> missing;
  for (const Escape& each : kEscapes) {
    if (letters.find_first_of(each.any_of) == std::string::npos) missing.emplace_back(each.what);
  }
  if (missing.empty()) return;
  Finding finding =
      setting_finding(db, setting->name,
                      fmt::format("a line of the log does not tell {}", base::join(missing, ", ")),
                      set_server(db, setting->name, "%m [%p] %q%u@%d %a "));
  finding.evidence.set("missing", Json::list(missing));
  out.add(std::move(finding));
}

void log_statement_all(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const setting = look_at(db, "log_statement", out);
  if (setting == nullptr || (setting->value != "all" && setting->value != "mod")) return;
  out.add(setting_finding(db, setting->name,
                          fmt::format("log_statement is {}: {} statement is written to the log",
                                      setting->value,
                                      setting->value == "all" ? "every" : "every writing"),
                          set_server(db, setting->name, "ddl")));
}

void log_hostname(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const setting = look_at(db, "log_hostname", out);
  if (setting == nullptr || setting->value != "on") return;
  out.add(setting_finding(db, setting->name,
                          "each login waits for a DNS lookup of the client's address",
                          set_server(db, setting->name, "off")));
}

void log_secrets(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const auto number = [&](std::string_view name) {
    return catalog::setting_number(db, name).value_or(-1);
  };
  const std::string statement = catalog::setting_text(db, "log_statement");
  const bool logs_statements = (!statement.empty() && statement != "none") ||
                               number("log_min_duration_statement") >= 0 ||
                               number("log_min_duration_sample") >= 0;
  struct Place {
    std::string_view name;
    bool is_used;
  };
  const auto places = std::to_array<Place>({
      {"log_parameter_max_length", logs_statements},
      {"log_parameter_max_length_on_error", true},
      {"auto_explain.log_parameter_max_length",
       number("auto_explain.log_min_duration") >= 0}, // 16+
  });
  if (look_at(db, "log_parameter_max_length", out) == nullptr) return;
  for (const Place& place : places) {
    const catalog::Setting* const setting = db.setting(place.name);
    if (setting == nullptr || !place.is_used || setting->value != "-1") continue;
    Finding finding = setting_finding(
        db, place.name,
        fmt::format("{} is -1: values of parameters are written to the log in full", place.name),
        set_server(db, place.name, "0"));
    finding.evidence.set("log_statement", statement);
    finding.evidence.set("log_min_duration_statement",
                         catalog::setting_text(db, "log_min_duration_statement"));
    out.add(std::move(finding));
  }
}

void no_log_file(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const collector = look_at(db, "logging_collector", out);
  if (collector == nullptr || collector->value == "on" ||
      catalog::setting_text(db, "log_destination") != "stderr") {
    return;
  }
  // pg_ctl -l, journald and containers take stderr: without the collector a log may well be kept,
  // and only the machine can tell.
  const std::string where = db.outside.host ? db.outside.host->server_stderr : std::string{};
  if (db.outside.host && db.outside.host->is_container) return;
  if (where.empty()) {
    out.skip("logging_collector is off, and where the server's stderr goes is not known");
    return;
  }
  if (where != "null" && where != "terminal") return;
  Finding finding =
      setting_finding(db, collector->name,
                      where == "null" ? "the server's log goes to /dev/null"
                                      : "the server's log goes to a terminal and is kept nowhere",
                      set_server(db, collector->name, "on"));
  finding.evidence.set("stderr", where);
  out.add(std::move(finding));
}

constexpr Rule kLoggingRules[] = {
    {.id = "slow-log-off",
     .title = "Slow queries are not logged",
     .why = "When the site was slow at night, nobody can say in the morning which query it was.",
     .how = "log_min_duration_statement = 1s, with log_parameter_max_length = 0.",
     .source =
         "PostgreSQL manual, runtime-config-logging: log_min_duration_statement; postgresqltuner",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = slow_log_off},
    {.id = "log-lock-waits-off",
     .title = "Lock waits are not logged",
     .why =
         "A deployment that stopped the site for a minute leaves no trace of who waited for whom.",
     .how = "log_lock_waits = on.",
     .source = "PostgreSQL manual, runtime-config-logging: log_lock_waits",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = log_lock_waits_off},
    {.id = "log-temp-files-off",
     .title = "Temporary files are not logged",
     .why = "Queries that need more work_mem, or fill the disk, cannot be found.",
     .how = "log_temp_files = 0.",
     .source = "PostgreSQL manual, runtime-config-logging: log_temp_files",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = log_temp_files_off},
    {.id = "log-checkpoints-off",
     .title = "Checkpoints are not logged",
     .why = "Stalls that come from checkpoints cannot be told from slow queries.",
     .how = "log_checkpoints = on, the default since 15.",
     .source = "PostgreSQL manual, runtime-config-logging: log_checkpoints",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = log_checkpoints_off},
    {.id = "log-autovacuum-off",
     .title = "Runs of autovacuum are not logged",
     .why = "Why a table was not vacuumed, or what held it up, cannot be seen afterwards.",
     .how = "log_autovacuum_min_duration = 1s.",
     .source = "PostgreSQL manual, runtime-config-logging: log_autovacuum_min_duration",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = log_autovacuum_off},
    {.id = "connection-logging-off",
     .title = "Connections are not logged",
     .why = "After an intrusion or a storm of connections nobody can say who came from where.",
     .how = "log_connections = on and log_disconnections = on; behind a pooler this is a handful "
            "of lines.",
     .source = "PostgreSQL manual, runtime-config-logging: log_connections",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = connection_logging_off},
    {.id = "log-line-prefix-blind",
     .title = "Lines of the log do not tell whose they are",
     .why = "An error without user, database and application cannot be traced to the service that "
            "made it.",
     .how = "log_line_prefix = '%m [%p] %q%u@%d %a '.",
     .source = "PostgreSQL manual, runtime-config-logging: log_line_prefix",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = log_line_prefix_blind},
    {.id = "log-statement-all",
     .title = "Every statement is logged",
     .why =
         "The log fills the disk, slows the server down, and holds everybody's data in plain text.",
     .how = "log_statement = ddl; slow queries by log_min_duration_statement.",
     .source = "PostgreSQL manual, runtime-config-logging: log_statement; postgresqltuner",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = log_statement_all},
    {.id = "log-hostname",
     .title = "Host names are looked up for the log",
     .why = "When DNS is slow, every login is slow.",
     .how = "log_hostname = off; addresses are enough.",
     .source = "PostgreSQL manual, runtime-config-logging: log_hostname; postgresqltuner",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = log_hostname},
    {.id = "log-secrets",
     .title = "Values of parameters are written to the log",
     .why = "Names, addresses, tokens and password hashes of users lie in a file that many people "
            "and tools read.",
     .how = "log_parameter_max_length = 0; the text of the query stays in the log.",
     .source = "PostgreSQL manual, runtime-config-logging: log_parameter_max_length",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = log_secrets},
    {.id = "no-log-file",
     .title = "The server's log is kept nowhere",
     .why = "After a crash there is nothing that says why.",
     .how = "logging_collector = on, or let journald or the container take stderr.",
     .source = "PostgreSQL manual, runtime-config-logging: logging_collector",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = no_log_file},
};

} // namespace

const std::span<const Rule> logging_rules{kLoggingRules};

} // namespace pgkeep::audit
