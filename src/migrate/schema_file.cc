#include "migrate/schema_file.h"

#include "base/files.h"
#include "base/text.h"
#include "postgres/conn.h"
#include "sandbox/dump.h"

namespace pgkeep::migrate {

std::string lasting_part(std::string_view dump) {
  std::string text;
  bool was_empty = true; // At most one empty line, none at the top.
  for (const std::string& line : base::split(dump, '\n')) {
    if (line.starts_with("-- Dumped from database version ") ||
        line.starts_with("-- Dumped by pg_dump version "))
      continue;
    if (line.empty() && was_empty) continue;
    was_empty = line.empty();
    text += line + "\n";
  }
  while (text.ends_with("\n\n"))
    text.pop_back();
  return text;
}

base::Result<bool> write_schema_file(const std::string& target, const std::filesystem::path& path) {
  PGKEEP_TRY(const postgres::Connection live,
             postgres::Connection::open(target, {.application_name = "pgkeep/schema-file"}));
  PGKEEP_TRY(const std::string dump, sandbox::dump_schema(target, live, {}, {}));
  const std::string text =
      "-- The schema as `pgkeep migrate` left it last. Written anew by each run: change it by a "
      "migration.\n\n" +
      lasting_part(dump);
  const auto before = base::read_file(path);
  if (before && *before == text) return false;
  PGKEEP_CHECK(base::write_file_durably(path, text));
  return true;
}

} // namespace pgkeep::migrate
