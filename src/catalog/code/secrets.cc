// Line by line: each line is put to the detectors in order, and the first that recognises something
// names it.
#include "catalog/code/secrets.h"

#include <array>
#include <string_view>

#include "base/text.h"
#include "catalog/code/assignments.h"
#include "catalog/code/characters.h"
#include "catalog/code/placeholders.h"

namespace pgkeep::catalog::code {
namespace {

enum class Form : std::uint8_t {
  dockerfile,
  compose,
  environment,
  shell,
  yaml,
  config,
  code,
  documentation,
  other
};

/// A line and what is known of its surroundings.
struct Line {
  std::string_view text;
  std::string_view before; ///< The line above.
  std::string_view rest;   ///< The file from this line on.
  std::string_view whole;  ///< The whole file.
  std::string_view name;   ///< The file's name.
  Form form = Form::other;
  bool is_example = false; ///< Documentation, or a file made to be copied (.env.example).
};

// ---- What kind of file ----

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  for (const std::string_view each : words) {
    if (word == each) return true;
  }
  return false;
}

Form form_of(const SourceFile& file) {
  const std::string lowered = base::to_lower(file.name());
  const std::string_view name = lowered;
  const std::string extension_text = base::to_lower(file.extension());
  const std::string_view extension = extension_text;
  const bool is_yaml = is_one_of(extension, {"yml", "yaml"});
  if (name.starts_with("dockerfile") || name.starts_with("containerfile") ||
      extension == "dockerfile")
    return Form::dockerfile;
  if (is_yaml && (name.starts_with("docker-compose") || name.starts_with("compose")))
    return Form::compose;
  if (name == ".env" || name.starts_with(".env.") || extension == "env" || name == ".envrc")
    return Form::environment;
  if (is_yaml) return Form::yaml;
  if (is_one_of(extension, {"sh", "bash", "zsh", "fish", "ps1", "bat", "mk"}) ||
      name == "makefile" || name == "justfile")
    return Form::shell;
  if (is_one_of(extension, {"ini", "conf", "cfg", "toml", "properties", "json", "xml", "tf",
                            "tfvars", "hcl", "config"}))
    return Form::config;
  if (is_one_of(extension, {"md", "rst", "adoc", "txt", "html", "mdx"})) return Form::documentation;
  if (is_one_of(extension, {"py",   "js", "ts",  "jsx",   "tsx",   "mjs", "cjs", "rb",    "php",
                            "java", "go", "cs",  "kt",    "scala", "rs",  "c",   "cc",    "cpp",
                            "h",    "ex", "exs", "swift", "pl",    "lua", "vue", "svelte"})) {
    return Form::code;
  }
  return Form::other;
}

bool is_example_file(const SourceFile& file, Form form) {
  if (form == Form::documentation) return true;
  const std::string name = base::to_lower(file.name());
  for (const std::string_view mark : {"example", "sample", "template", ".dist", ".tmpl", ".tpl"}) {
    if (name.contains(mark)) return true;
  }
  return false;
}

/// A comment in code explains with example words, as documentation does.
bool is_comment(const Line& line) {
  if (line.form != Form::code) return false;
  const std::string_view text = base::trim(line.text);
  return text.starts_with("//") || text.starts_with('#') || text.starts_with('*') ||
         text.starts_with("/*");
}

// ---- Detectors ----

/// scheme://user:password@
bool has_url_password(const Line& line) {
  constexpr std::string_view kEnd = " \t\"'`<>()[]{},;|\\";
  for (std::size_t at = line.text.find("://"); at != std::string_view::npos;
       at = line.text.find("://", at + 3)) {
    if (at == 0 || !is_word(line.text[at - 1])) continue;
    const std::string_view rest = line.text.substr(at + 3);
    const std::size_t colon = rest.find_first_of(":/@?#");
    if (colon == std::string_view::npos || colon == 0 || rest[colon] != ':') continue;
    // Placeholders may hold any sign: ${DB_PASS}, <password>, {password}.
    std::string_view password = rest.substr(colon + 1);
    if (!password.empty() && std::string_view("$<{[%#").contains(password.substr(0, 1)) &&
        is_placeholder(password.substr(0, password.find('@')), false))
      continue;
    password = password.substr(0, password.find_first_of(kEnd));
    const std::size_t sign = password.find_last_of('@');
    if (sign == std::string_view::npos) continue;
    password = password.substr(0, sign);
    // "host:80/path@x" is no password: a port and a path.
    if (const std::size_t slash = password.find('/'); slash != std::string_view::npos) {
      bool is_port = slash > 0;
      for (const char c : password.substr(0, slash))
        is_port = is_port && is_digit(c);
      if (is_port) continue;
    }
    if (!is_placeholder(password, line.is_example) && !is_placeholder(rest.substr(0, colon), false))
      return true;
  }
  return false;
}

/// PASSWORD 'x' of CREATE ROLE, ALTER ROLE, CREATE USER MAPPING OPTIONS.
bool has_sql_password(const Line& line) {
  for (std::size_t at = 0; at + 8 < line.text.size(); ++at) {
    if ((at > 0 && is_word(line.text[at - 1])) ||
        !starts_with_word(line.text.substr(at), "password"))
      continue;
    std::size_t open = skip_spaces(line.text, at + 8);
    if (open == at + 8) continue;
    if (open + 1 < line.text.size() && lower(line.text[open]) == 'e' && line.text[open + 1] == '\'')
      ++open;
    if (open >= line.text.size() || line.text[open] != '\'') continue;
    const std::string_view value = line.text.substr(open + 1);
    const std::size_t close = value.find('\'');
    if (close == std::string_view::npos || is_placeholder(value.substr(0, close), line.is_example))
      continue;
    // In prose and code "password" may stand before any text: there a word of the statement is
    // asked for too.
    const bool is_sql = line.form == Form::other || line.form == Form::shell;
    if (is_sql || base::contains_ignoring_case(line.text, "role") ||
        base::contains_ignoring_case(line.text, "user") ||
        base::contains_ignoring_case(line.text, "encrypted")) {
      return true;
    }
  }
  return false;
}

/// host=... password=... as libpq reads it.
bool has_conninfo_password(const Line& line) {
  const std::size_t at = line.text.find("password=");
  if (at == std::string_view::npos || (at > 0 && is_word(line.text[at - 1]))) return false;
  if (!line.text.contains("host=") && !line.text.contains("dbname=") &&
      !line.text.contains("user="))
    return false;
  std::string_view value = line.text.substr(at + 9);
  if (value.starts_with('\'')) value.remove_prefix(1);
  value = value.substr(0, value.find_first_of(" \t\"'`,;)&"));
  return !is_placeholder(value, line.is_example);
}

bool is_all_of_base64(std::string_view text) {
  for (const char c : text) {
    if (!is_word(c) && c != '+' && c != '/' && c != '=') return false;
  }
  return true;
}

/// A PEM header that key material follows; code that only compares with the header has none.
bool has_private_key(const Line& line) {
  const std::size_t begin = line.text.find("-----BEGIN ");
  if (begin == std::string_view::npos) return false;
  const std::size_t end = line.text.find("PRIVATE KEY-----", begin);
  if (end == std::string_view::npos) return false;
  std::string_view after = line.rest.substr(end + 16);
  while (!after.empty() &&
         (is_space(after.front()) || after.front() == '"' || after.front() == '\'' ||
          after.front() == '+' || after.starts_with("\\n") || after.starts_with("\\r"))) {
    after.remove_prefix(after.front() == '\\' ? 2 : 1);
  }
  constexpr std::size_t kEnough = 24;
  if (after.starts_with("Proc-Type:")) return true; // Encrypted, the old way.
  return after.size() >= kEnough && is_all_of_base64(after.substr(0, kEnough));
}

struct KeyShape {
  std::string_view prefix;
  std::size_t length; ///< Letters and digits that follow, at least.
  bool is_exact;
};
constexpr auto kKeyShapes = std::to_array<KeyShape>({
    {"AKIA", 16, true},
    {"ASIA", 16, true},
    {"ghp_", 36, true},
    {"gho_", 36, true},
    {"ghs_", 36, true},
    {"github_pat_", 40, false},
    {"glpat-", 20, false},
    {"sk_live_", 24, false},
    {"rk_live_", 24, false},
    {"xoxb-", 20, false},
    {"xoxp-", 20, false},
    {"AIza", 35, true},
    {"npm_", 36, true},
});

bool has_key_shape(const Line& line) {
  for (const KeyShape& shape : kKeyShapes) {
    for (std::size_t at = line.text.find(shape.prefix); at != std::string_view::npos;
         at = line.text.find(shape.prefix, at + 1)) {
      if (at > 0 && is_word(line.text[at - 1])) continue;
      const std::string_view after = line.text.substr(at + shape.prefix.size());
      std::size_t length = 0;
      bool has_digit = false;
      while (length < after.size() && (is_word(after[length]) || after[length] == '-'))
        has_digit |= is_digit(after[length++]);
      const bool fits = shape.is_exact ? length == shape.length : length >= shape.length;
      // The issuers' own documented examples end so.
      if (fits && has_digit && !after.substr(0, length).ends_with("EXAMPLE")) return true;
    }
  }
  return false;
}

/// host:port:database:user:password
bool is_pgpass_line(const Line& line) {
  if (line.name != ".pgpass" && line.name != "pgpass.conf") return false;
  const std::string_view text = base::trim(line.text);
  if (text.empty() || text.starts_with('#')) return false;
  const std::vector<std::string> parts = base::split(text, ':');
  return parts.size() >= 5 && !is_placeholder(parts.back(), line.is_example);
}

/// "user" "password or hash", the poolers' file.
bool is_userlist_line(const Line& line) {
  if (line.name != "userlist.txt") return false;
  const std::vector<std::string> parts = base::split(base::trim(line.text), '"');
  return parts.size() >= 5 && parts[0].empty() && !is_placeholder(parts[3], false);
}

// ---- Assignments ----

/// ENV NAME value, without a sign.
bool has_env_pair(const Line& line) {
  const std::vector<std::string> words = base::split_words(line.text);
  return words.size() >= 3 && words[0] == "ENV" && !words[1].contains("=") &&
         is_secret_name(words[1]) && !is_placeholder(words[2], line.is_example);
}

bool is_upper_name(std::string_view name) {
  for (const char c : name) {
    if (is_letter(c) && !is_upper(c)) return false;
  }
  return true;
}

/// Made by a generator or a careful person: letters and digits, no spaces, long enough.
bool looks_strong(std::string_view value) {
  bool has_digit = false;
  bool has_letter = false;
  for (const char c : value) {
    if (is_space(c)) return false;
    has_digit |= is_digit(c);
    has_letter |= is_letter(c);
  }
  return value.size() >= 8 && has_digit && has_letter;
}

bool is_for_database(const Line& line, std::string_view name) {
  const std::string lowered = base::to_lower(name);
  for (const std::string_view word : {"pg", "postgres", "db", "database"}) {
    if (lowered.contains(word)) return true;
  }
  // password: "x" beside host, user and database of a connection.
  constexpr std::size_t kNear = 400;
  const auto offset = static_cast<std::size_t>(line.text.data() - line.whole.data());
  const std::size_t begin = offset < kNear ? 0 : offset - kNear;
  const std::string near = base::to_lower(line.whole.substr(begin, 2 * kNear));
  return near.contains("host") &&
         (near.contains("database") || near.contains("dbname") || near.contains("db_name")) &&
         near.contains("user");
}

/// Code names variables, fields and messages "password" all day: only literal values that look like
/// one, or that open a database.
bool is_secret_in_code(const Line& line, const Assignment& each) {
  if (!each.is_quoted || each.value.contains(" ") || is_placeholder(each.value, line.is_example))
    return false;
  if (base::to_lower(each.value) == base::to_lower(each.name)) return false;
  if (looks_strong(each.value)) {
    // Paths, URLs and dotted keys are names of things.
    return !each.value.contains("/") && !each.value.contains("(");
  }
  return is_for_database(line, each.name);
}

bool is_secret_in_yaml(const Line& line, const Assignment& each) {
  if (each.value.contains(" ") || is_placeholder(each.value, line.is_example)) return false;
  const bool is_secret_object = line.whole.contains("kind: Secret");
  return is_upper_name(each.name) || is_secret_object || is_for_database(line, each.name) ||
         looks_strong(each.value);
}

/// - name: POSTGRES_PASSWORD
///   value: x
bool has_yaml_pair(const Line& line) {
  const std::string_view text = base::trim(line.text);
  const std::size_t name_at = line.before.find("name:");
  if (!text.starts_with("value:") || name_at == std::string_view::npos) return false;
  std::string_view name = base::trim(line.before.substr(name_at + 5));
  while (!name.empty() && !is_word(name.back()))
    name.remove_suffix(1);
  std::string_view value = base::trim(text.substr(6));
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\''))
    value = value.substr(1, value.size() - 2);
  return is_secret_name(name) && !is_placeholder(value, line.is_example);
}

bool has_assignment(const Line& line) {
  const bool is_code = line.form == Form::code;
  const bool to_line_end = line.form == Form::environment;
  for (const Assignment& each : find_assignments(line.text, to_line_end)) {
    bool is_secret = false;
    switch (line.form) {
    case Form::code:
      is_secret = is_secret_in_code(line, each);
      break;
    case Form::yaml:
      is_secret = is_secret_in_yaml(line, each);
      break;
    case Form::config:
      is_secret = !each.value.contains(" ") && !is_placeholder(each.value, line.is_example);
      break;
    case Form::dockerfile:
    case Form::compose:
    case Form::environment:
    case Form::shell:
      is_secret = !is_placeholder(each.value, line.is_example);
      break;
    default:
      is_secret = each.name == "PGPASSWORD" && !is_placeholder(each.value, line.is_example);
      break;
    }
    // read -s PASSWORD=$(...) and calls are no literals.
    if (is_secret && !each.is_quoted && each.value.contains("(") && !is_code) is_secret = false;
    if (is_secret) return true;
  }
  if (line.form == Form::yaml || line.form == Form::compose) return has_yaml_pair(line);
  return line.form == Form::dockerfile && has_env_pair(line);
}

std::string_view kind_of_assignment(Form form) {
  switch (form) {
  case Form::dockerfile:
    return "password in a Dockerfile";
  case Form::compose:
    return "password in a Compose file";
  case Form::environment:
    return "password in an environment file";
  case Form::shell:
    return "password in a script";
  case Form::code:
    return "password in code";
  default:
    return "password in a configuration file";
  }
}

std::string_view kind_of(const Line& line) {
  if (has_private_key(line)) return "private key";
  if (has_url_password(line)) return "password in a URL";
  if (has_sql_password(line)) return "PASSWORD literal in SQL";
  if (has_conninfo_password(line)) return "password in a connection string";
  if (has_key_shape(line)) return "key of a service";
  if (is_pgpass_line(line)) return "password in .pgpass";
  if (is_userlist_line(line)) return "password in userlist.txt";
  if (has_assignment(line)) return kind_of_assignment(line.form);
  return {};
}

// Minified code has lines of a megabyte, and nothing that a person wrote.
constexpr std::size_t kLineBytesMax = 8192;

} // namespace

std::vector<SecretInCode> find_secrets(const SourceFile& file) {
  std::vector<SecretInCode> found;
  Line line{.text = {},
            .before = {},
            .rest = {},
            .whole = file.text,
            .name = file.name(),
            .form = form_of(file)};
  const bool is_example = is_example_file(file, line.form);
  std::int32_t number = 0;
  for (std::size_t at = 0; at < file.text.size();) {
    const std::size_t end = std::min(file.text.find('\n', at), file.text.size());
    line.before = line.text;
    line.text = file.text.substr(at, std::min(end - at, kLineBytesMax));
    line.rest = file.text.substr(at);
    ++number;
    line.is_example = is_example || is_comment(line);
    const std::string_view kind = kind_of(line);
    if (!kind.empty())
      found.push_back({.path = file.path, .line = number, .kind = std::string(kind)});
    at = end + 1;
  }
  return found;
}

} // namespace pgkeep::catalog::code
