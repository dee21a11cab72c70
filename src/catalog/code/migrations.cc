#include "catalog/code/migrations.h"

#include <array>

#include "base/text.h"
#include "catalog/code/characters.h"

namespace pgkeep::catalog::code {
namespace {

/// Whether one of the folders above the file has one of these names.
bool is_below(const SourceFile& file, std::initializer_list<std::string_view> names) {
  const std::string folder = "/" + std::string(file.folder());
  for (const std::string_view name : names) {
    if (folder.contains("/" + std::string(name) + "/")) return true;
  }
  return false;
}

bool starts_with_digit(std::string_view text) {
  return !text.empty() && is_digit(text.front());
}

bool has_path(const Paths& all, const std::string& path) {
  return all.contains(path);
}

/// Whether a path of that folder begins with this text.
bool has_prefix(const Paths& all, const std::string& prefix) {
  const auto found = all.lower_bound(prefix);
  return found != all.end() && found->starts_with(prefix);
}

// ---- SQL ----

/// Whether a line that holds the marker is followed by any SQL (not comments) before the next
/// marker of the tool.
bool has_sql_after(std::string_view text, std::string_view marker, std::string_view next_marker) {
  bool is_inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = base::trim(text.substr(at, end - at));
    at = end + 1;
    if (base::contains_ignoring_case(line, marker)) {
      is_inside = true;
      // Liquibase has the statement in the marker's own line.
      const std::string lowered = base::to_lower(line);
      if (marker == "--rollback" &&
          !base::trim(std::string_view(lowered).substr(lowered.find(marker) + marker.size()))
               .empty()) {
        return true;
      }
    } else if (is_inside && base::contains_ignoring_case(line, next_marker)) {
      is_inside = false;
    } else if (is_inside && !line.empty() && !line.starts_with("--")) {
      return true;
    }
  }
  return false;
}

struct Marker {
  std::string_view up;
  std::string_view down;
};
constexpr auto kMarkers = std::to_array<Marker>({
    {"-- migrate:up", "-- migrate:down"},        // dbmate
    {"-- +goose up", "-- +goose down"},          // goose
    {"-- +migrate up", "-- +migrate down"},      // sql-migrate
    {"--liquibase formatted sql", "--rollback"}, // Liquibase
});

/// "12" of "V12__add_email.sql"; empty where it is no such name.
std::string_view version_of(std::string_view name, char letter) {
  if (name.size() < 2 || name.front() != letter || !is_digit(name[1])) return {};
  std::size_t end = 1;
  while (end < name.size() && (is_digit(name[end]) || name[end] == '.' || name[end] == '_')) {
    if (name.substr(end).starts_with("__")) return name.substr(1, end - 1);
    ++end;
  }
  return {};
}

/// The undo file of "x/1_a.sql" beside it: "x/1_a.down.sql" and the like.
bool has_down_file(const SourceFile& file, const Paths& all, std::string_view ending) {
  const std::string stem = file.path.substr(0, file.path.size() - ending.size());
  for (const char* undo :
       {".down.sql", "_down.sql", "-down.sql", ".rollback.sql", ".undo.sql", ".revert.sql"}) {
    if (has_path(all, stem + undo)) return true;
  }
  return false;
}

bool is_down_file(std::string_view name) {
  for (const char* undo :
       {".down.sql", "_down.sql", "-down.sql", ".rollback.sql", ".undo.sql", ".revert.sql"}) {
    if (name.ends_with(undo)) return true;
  }
  return name == "down.sql" || !version_of(name, 'U').empty();
}

std::optional<bool> judge_sql(const SourceFile& file, const Paths& all) {
  const std::string_view name = file.name();
  if (is_down_file(name)) return std::nullopt;
  for (const Marker& marker : kMarkers) {
    if (base::contains_ignoring_case(file.text, marker.up))
      return has_sql_after(file.text, marker.down, marker.up);
  }
  const std::string folder(file.folder());
  if (const std::string_view version = version_of(name, 'V'); !version.empty()) {
    return has_down_file(file, all, ".sql") ||
           has_prefix(all, folder + "U" + std::string(version) + "__");
  }
  for (const char* up : {".up.sql", "_up.sql", "-up.sql"}) {
    if (name.ends_with(up) && starts_with_digit(name)) return has_down_file(file, all, up);
  }
  const bool is_among_migrations = is_below(file, {"migrations", "migration", "migrate"});
  if ((name == "migration.sql" || name == "up.sql") && is_among_migrations) { // Prisma; diesel.
    return has_path(all, folder + "down.sql");
  }
  if (is_among_migrations && starts_with_digit(name)) return has_down_file(file, all, ".sql");
  return std::nullopt;
}

// ---- Code ----

/// The text between the bracket at `open` and its partner (to the end where there is none). Text in
/// quotes is stepped over.
std::string_view bracketed(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"' || c == '\'' || c == '`') {
      for (++at; at < text.size() && text[at] != c; ++at) {
        if (text[at] == '\\') ++at;
      }
    } else if (c == '(' || c == '{' || c == '[') {
      ++depth;
    } else if (c == ')' || c == '}' || c == ']') {
      if (--depth == 0) return text.substr(open + 1, at - open - 1);
    }
  }
  return text.substr(std::min(open + 1, text.size()));
}

/// Arguments of a call's text: "a, f(b, c)" are two.
int count_arguments(std::string_view arguments) {
  int depth = 0;
  int count = 0;
  bool is_open = false;
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    const char c = arguments[at];
    if (c == '"' || c == '\'') {
      is_open = true;
      for (++at; at < arguments.size() && arguments[at] != c; ++at) {
        if (arguments[at] == '\\') ++at;
      }
    } else if (c == '(' || c == '{' || c == '[') {
      ++depth;
      is_open = true;
    } else if (c == ')' || c == '}' || c == ']') {
      --depth;
    } else if (c == ',' && depth == 0) {
      count += is_open ? 1 : 0;
      is_open = false;
    } else if (!is_space(c)) {
      is_open = true;
    }
  }
  return count + (is_open ? 1 : 0);
}

/// The lines below a "def" that are indented deeper, without comments, docstrings and blanks.
std::vector<std::string> python_body(std::string_view text, std::size_t def_at) {
  std::vector<std::string> body;
  std::size_t at = text.find('\n', def_at);
  std::string_view docstring;
  while (at != std::string_view::npos && at + 1 < text.size()) {
    ++at;
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::string_view trimmed = base::trim(line);
    if (!trimmed.empty() && !is_space(line.front()) && docstring.empty()) break;
    at = end < text.size() ? end : std::string_view::npos;
    if (!docstring.empty()) {
      if (trimmed.contains(docstring)) docstring = {};
      continue;
    }
    if (body.empty() && (trimmed.starts_with("\"\"\"") || trimmed.starts_with("'''"))) {
      if (!trimmed.substr(3).contains(trimmed.substr(0, 3))) docstring = trimmed.substr(0, 3);
      continue;
    }
    if (!trimmed.empty() && !trimmed.starts_with('#')) body.emplace_back(trimmed);
  }
  return body;
}

/// Alembic: a downgrade that does something.
bool has_alembic_down(std::string_view text) {
  const std::size_t def = text.find("def downgrade(");
  if (def == std::string_view::npos) return false;
  const std::vector<std::string> body = python_body(text, def);
  return !body.empty() && body.front() != "pass" && body.front() != "..." &&
         !body.front().starts_with("raise");
}

/// Django undoes every operation by itself but RunSQL and RunPython, which need their second half.
bool has_django_down(std::string_view text) {
  for (const std::string_view call : {"RunSQL(", "RunPython("}) {
    for (std::size_t at = text.find(call); at != std::string_view::npos;
         at = text.find(call, at + 1)) {
      const std::string_view arguments = bracketed(text, at + call.size() - 1);
      if (!arguments.contains("reverse_") && count_arguments(arguments) < 2) return false;
    }
  }
  return true;
}

std::optional<bool> judge_python(const SourceFile& file) {
  if (file.text.contains("def upgrade(") && is_below(file, {"versions", "migrations", "alembic"})) {
    return has_alembic_down(file.text);
  }
  if (is_below(file, {"migrations"}) && file.text.contains("class Migration") &&
      starts_with_digit(file.name())) {
    return has_django_down(file.text);
  }
  return std::nullopt;
}

/// Rails: "change" is undone by itself unless it runs raw SQL; "up" needs a "down".
std::optional<bool> judge_ruby(const SourceFile& file) {
  if (!is_below(file, {"migrate", "migrations"}) || !starts_with_digit(file.name()))
    return std::nullopt;
  if (file.text.contains("IrreversibleMigration")) return false;
  if (file.text.contains("def down")) return true;
  if (!file.text.contains("def change")) return false;
  const bool runs_sql = file.text.contains("execute ") || file.text.contains("execute(") ||
                        file.text.contains("execute <<");
  return !runs_sql || file.text.contains("reversible") || file.text.contains("up_only");
}

/// The offset behind the name of a function "up" or "down" that is exported, a method or a
/// property; npos where there is none.
std::size_t find_script_function(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != std::string_view::npos;
       at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at > 0 && is_word(text[at - 1])) || end >= text.size() || is_word(text[end])) continue;
    const std::size_t next = skip_spaces(text, end);
    if (next < text.size() && (text[next] == '(' || text[next] == '=' || text[next] == ':'))
      return end;
  }
  return std::string_view::npos;
}

/// "exports.down = false" (node-pg-migrate) and empty bodies undo nothing.
bool has_script_down(std::string_view text) {
  const std::size_t end = find_script_function(text, "down");
  if (end == std::string_view::npos) return false;
  std::size_t at = skip_spaces(text, end);
  if (text[at] == '=' || text[at] == ':') at = skip_spaces(text, at + 1);
  const std::string_view value = text.substr(at);
  if (value.starts_with("false") || value.starts_with("null") || value.starts_with("undefined"))
    return false;
  // Past the parameters, to the body: of an arrow function it may be an expression.
  const std::size_t parameters = text.find('(', at);
  if (parameters == std::string_view::npos) return true;
  const std::size_t behind = parameters + bracketed(text, parameters).size() + 2;
  const std::size_t body = text.find_first_of("{;", std::min(behind, text.size()));
  if (body == std::string_view::npos || text[body] == ';') return true;
  std::string_view inside = base::trim(bracketed(text, body));
  while (inside.starts_with("//"))
    inside = base::trim(inside.substr(std::min(inside.find('\n'), inside.size())));
  return !inside.empty() && !inside.starts_with("throw");
}

std::optional<bool> judge_script(const SourceFile& file) {
  if (!is_below(file, {"migrations", "migration", "migrate"}) || file.name().ends_with(".d.ts"))
    return std::nullopt;
  if (find_script_function(file.text, "up") == std::string_view::npos) return std::nullopt;
  return has_script_down(file.text);
}

} // namespace

std::optional<MigrationFile> recognise_migration(const SourceFile& file, const Paths& all) {
  const std::string_view extension = file.extension();
  std::optional<bool> has_down;
  if (extension == "sql") {
    has_down = judge_sql(file, all);
  } else if (extension == "py") {
    has_down = judge_python(file);
  } else if (extension == "rb") {
    has_down = judge_ruby(file);
  } else if (extension == "js" || extension == "ts" || extension == "mjs" || extension == "cjs") {
    has_down = judge_script(file);
  }
  if (!has_down) return std::nullopt;
  return MigrationFile{.path = file.path, .has_down = *has_down};
}

} // namespace pgkeep::catalog::code
