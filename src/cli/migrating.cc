#include "cli/migrating.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/target.h"

namespace pgkeep::cli {
namespace {

constexpr base::Key kKeys[] = {
    {.section = "migrate",
     .name = "dir",
     .type = base::KeyType::text,
     .fallback = "migrations",
     .help = "The folder of migrations."},
    {.section = "migrate",
     .name = "schema-file",
     .type = base::KeyType::text,
     .fallback = "",
     .help = "Written by `up` and `down`: the schema as SQL, for reviews."},
    {.section = "migrate",
     .name = "set",
     .type = base::KeyType::text_list,
     .fallback = "",
     .help = "What stands for ${name} and psql's :name in migrations: \"name=value\", or "
             "\"name=env:VARIABLE\"."}};

base::Json to_json(const migrate::Event& event) {
  const auto now = base::SystemClock().now().time_since_epoch();
  base::Json json{{"event", event.kind},
                  {"at_ms", std::chrono::duration_cast<std::chrono::milliseconds>(now).count()}};
  if (!event.migration.empty()) json.set("migration", event.migration);
  if (event.step > 0) {
    json.set("step", event.step);
    json.set("steps", event.step_count);
  }
  json.set("text", event.text);
  if (!event.figures.is_null()) json.set("figures", event.figures);
  if (event.fraction >= 0) json.set("fraction", event.fraction);
  return json;
}

void print_line(const migrate::Event& event, Io& io) {
  const std::string step =
      event.step > 0 ? fmt::format("  step {} of {}: ", event.step, event.step_count) : "";
  if (event.kind == "progress") {
    const double fraction = event.fraction < 0 ? 0 : event.fraction;
    io.progress(static_cast<int>(fraction * 1'000), 1'000, event.text);
  } else if (event.kind == "migration") {
    io.err(fmt::format("{} {}\n", event.migration, event.text));
  } else if (event.kind == "hook") {
    io.err(fmt::format("{}\n", base::printable(event.text)));
  } else if (event.kind == "migration-done") {
    io.err(fmt::format("  {}\n", event.text));
  } else if (event.kind == "retry") {
    io.progress(0, 1'000, event.text); // Twice a second: only a terminal sees it.
  } else {
    io.err(fmt::format("{}{}\n", step.empty() ? "  " : step, base::printable(event.text)));
  }
}

} // namespace

std::span<const base::Key> migrate_keys() {
  return kKeys;
}

base::Result<std::filesystem::path> migrations_path(const Arguments& arguments) {
  if (const auto dir = arguments.get("dir")) return std::filesystem::path(*dir);
  PGKEEP_TRY(const base::Config config, load_config(arguments));
  const base::ConfigValue* const value = config.find("migrate", "dir");
  return std::filesystem::path(value == nullptr ? "migrations" : value->text);
}

base::Result<migrate::Values> values_of(const Arguments& arguments) {
  PGKEEP_TRY(const base::Config config, load_config(arguments));
  migrate::Values values;
  if (const base::ConfigValue* const set = config.find("migrate", "set")) {
    PGKEEP_TRY(values, migrate::values_from(set->items, set->where));
  }
  PGKEEP_TRY(migrate::Values given, migrate::values_from(arguments.all("set"), "--set"));
  given.merge(values); // The flag's come first.
  return given;
}

base::Result<migrate::Folder> open_folder(const Arguments& arguments) {
  PGKEEP_TRY(const std::filesystem::path path, migrations_path(arguments));
  PGKEEP_TRY(const migrate::Values values, values_of(arguments));
  return migrate::read_folder(path, values);
}

std::string target_of(const Arguments& arguments) {
  return arguments.words().empty() ? "" : arguments.words().front();
}

bool wants_json(const Arguments& arguments) {
  return arguments.get("format") == "json";
}

migrate::Observer event_printer(const Arguments& arguments, Io& io) {
  if (wants_json(arguments))
    return [&io](const migrate::Event& event) { io.out(to_json(event).dump() + "\n"); };
  return [&io](const migrate::Event& event) { print_line(event, io); };
}

void print_problems(const std::vector<migrate::Problem>& problems, const Arguments& arguments,
                    Io& io) {
  for (const migrate::Problem& problem : problems) {
    if (wants_json(arguments)) {
      io.out(base::Json{{"event", "problem"},
                        {"kind", problem.kind},
                        {"migration", problem.migration},
                        {"file", problem.file},
                        {"text", problem.text},
                        {"diff", problem.diff},
                        {"hint", problem.hint}}
                 .dump() +
             "\n");
      continue;
    }
    io.out(fmt::format("{}: {}: {}\n", problem.file, problem.migration, problem.text));
    for (const std::string& line : base::split(problem.diff, '\n')) {
      if (!line.empty()) io.out(fmt::format("    {}\n", line));
    }
    io.out(fmt::format("  {}\n", problem.hint));
  }
}

std::string tool_name() {
  return "pgkeep " PGKEEP_VERSION;
}

} // namespace pgkeep::cli
