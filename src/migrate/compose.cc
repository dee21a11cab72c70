// The file is walked once: what stands between psql's parts is taken over, with its values put in.
#include "migrate/compose.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "base/units.h"
#include "lint/psql_text.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

namespace fs = std::filesystem;
using lint::PsqlPart;
using lint::PsqlPartKind;

constexpr int kIncludesDeep = 8;
constexpr base::Bytes kTextMax{64 * base::kMiB};

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
  });
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// `\echo a b`.
struct Command {
  std::string_view name;
  std::string_view rest;
};
Command command_of(std::string_view text) {
  const std::size_t end = std::min(text.find_first_of(" \t\r"), text.size());
  return {.name = text.substr(1, end - 1), .rest = base::trim(text.substr(end))};
}

/// They say or show something, or keep a dump from doing more than that; the server has no part
/// in it.
bool only_prints(const Command& command) {
  constexpr auto names =
      std::to_array<std::string_view>({"echo", "qecho", "warn", "timing", "pset", "x", "a", "t",
                                       "restrict", "unrestrict", "unset", "errverbose"});
  if (command.name == "encoding") {
    const std::string coding = base::to_lower(command.rest);
    return coding == "utf8" || coding == "utf-8" || coding == "'utf8'" || coding.empty();
  }
  return std::ranges::find(names, command.name) != names.end();
}

/// The words of `\set`: quotes are taken off, and doubled ones inside of them stand for one.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ' || text[at] == '\t') {
      ++at;
      continue;
    }
    std::string word;
    bool is_quoted = false;
    for (; at < text.size() && (is_quoted || (text[at] != ' ' && text[at] != '\t')); ++at) {
      if (text[at] != '\'') {
        word += text[at];
      } else if (is_quoted && at + 1 < text.size() && text[at + 1] == '\'') {
        word += text[at++];
      } else {
        is_quoted = !is_quoted;
      }
    }
    words.push_back(std::move(word));
  }
  return words;
}

class Composer {
public:
  Composer(const fs::path& folder, const Values& values)
      : folder_(folder), values_(values), variables_(values),
        origins_(std::make_shared<lint::Origins>()) {}

  void add(const std::string& path, const std::string& text, int depth) {
    const std::size_t file = origins_->add_file(path, text);
    std::size_t at = 0;
    for (const PsqlPart& part : lint::psql_parts_of(text)) {
      const std::string_view whole = text;
      if (part.kind == PsqlPartKind::command) {
        take(file, text, at, part.begin);
        if (!carry_out(file, text, part, depth)) take_as_is(file, text, part.begin, part.end);
      } else if (part.kind == PsqlPartKind::data) {
        take(file, text, at, part.begin);
        take_as_is(file, text, part.begin, part.end);
      } else if (const auto value = value_of(whole.substr(part.begin, part.end - part.begin))) {
        take(file, text, at, part.begin);
        put(file, part.begin, part.end, *value);
      } else {
        continue;
      }
      at = part.end;
    }
    take(file, text, at, text.size());
  }

  Composed finish() && {
    if (origins_->is_empty()) origins_->add_piece({});
    return {.text = std::move(text_),
            .origins = std::move(origins_),
            .refused = std::move(refused_),
            .has_values = has_values_};
  }

private:
  void refuse(std::size_t file, std::size_t offset, std::string what, std::string expected,
              std::string hint = {}) {
    const lint::Origins::File& at = origins_->file(file);
    const std::string_view before = std::string_view(at.text).substr(0, offset);
    const std::size_t line_begin = before.rfind('\n') + 1;
    refused_.push_back(
        {.code = base::Code::config,
         .what = std::move(what),
         .where = fmt::format("{}:{}:{}", at.path, std::ranges::count(before, '\n') + 1,
                              characters_in(before.substr(line_begin)) + 1),
         .expected = std::move(expected),
         .hint = std::move(hint)});
  }

  void take_as_is(std::size_t file, std::string_view text, std::size_t begin, std::size_t end) {
    if (begin == end) return;
    origins_->add_piece(
        {.begin = text_.size(), .file = file, .offset = begin, .length = end - begin});
    text_ += text.substr(begin, end - begin);
  }

  /// With `${name}` replaced.
  void take(std::size_t file, std::string_view text, std::size_t begin, std::size_t end) {
    std::size_t at = begin;
    while (!values_.empty()) {
      const std::size_t open = text.find("${", at);
      if (open == std::string_view::npos || open >= end) break;
      const std::size_t close = text.find('}', open);
      if (close == std::string_view::npos || close >= end) break;
      const std::string_view name = text.substr(open + 2, close - open - 2);
      const auto found = values_.find(name);
      take_as_is(file, text, at, open);
      if (found != values_.end()) {
        put(file, open, close + 1, found->second);
      } else {
        if (is_name(name)) refuse_unknown(file, open, name);
        take_as_is(file, text, open, close + 1);
      }
      at = close + 1;
    }
    if (at < end) take_as_is(file, text, at, end);
  }

  void refuse_unknown(std::size_t file, std::size_t offset, std::string_view name) {
    std::vector<std::string_view> known;
    std::vector<std::string> shown;
    for (const auto& [each, value] : values_) {
      known.emplace_back(each);
      shown.push_back(each);
    }
    const auto near = base::nearest(name, known);
    refuse(file, offset, fmt::format("${{{}}} has no value", name),
           fmt::format("one of {}", base::join(shown, ", ")),
           near ? fmt::format("Was ${{{}}} meant? --set {}=VALUE gives it one.", *near, name)
                : fmt::format("--set {}=VALUE gives it one.", name));
  }

  void put(std::size_t file, std::size_t begin, std::size_t end, std::string_view value) {
    has_values_ = true;
    origins_->add_piece({.begin = text_.size(),
                         .file = file,
                         .offset = begin,
                         .length = end - begin,
                         .is_value = true});
    text_ += value;
  }

  /// Of `:name`, `:'name'` or `:"name"`, as it stands in SQL; nothing for a name that is not set.
  std::optional<std::string> value_of(std::string_view variable) {
    const char quote = variable[1];
    const bool is_quoted = quote == '\'' || quote == '"';
    const auto found =
        variables_.find(is_quoted ? variable.substr(2, variable.size() - 3) : variable.substr(1));
    if (found == variables_.end()) return {};
    if (!is_quoted) return found->second;
    return quote == '"' ? postgres::quote_identifier(found->second)
                        : postgres::quote_literal(found->second);
  }

  /// False: it is refused, or nothing that we know.
  bool carry_out(std::size_t file, std::string_view text, const PsqlPart& part, int depth) {
    const Command command = command_of(text.substr(part.begin, part.end - part.begin));
    if (only_prints(command)) return true;
    if (command.name == "set") return set_variable(command);
    const bool is_relative = command.name == "ir" || command.name == "include_relative";
    if (is_relative || command.name == "i" || command.name == "include")
      return include(file, part.begin, command.rest, is_relative, depth);
    refuse(file, part.begin, fmt::format("psql's \\{} cannot run in a migration", command.name),
           "SQL, COPY ... FROM stdin with its lines, or \\i, \\ir, \\set and \\echo");
    return false;
  }

  bool set_variable(const Command& command) {
    std::vector<std::string> words = words_of(command.rest);
    if (words.empty()) return true;
    std::string value;
    for (std::size_t i = 1; i < words.size(); ++i) {
      const auto named =
          words[i].starts_with(':') ? variables_.find(words[i].substr(1)) : variables_.end();
      value += named == variables_.end() ? words[i] : named->second;
    }
    variables_[words.front()] = std::move(value);
    return true;
  }

  bool include(std::size_t file, std::size_t offset, std::string_view name, bool is_relative,
               int depth) {
    const std::string from = origins_->file(file).path;
    const std::vector<std::string> words = words_of(name);
    if (words.size() != 1 || depth >= kIncludesDeep) {
      refuse(file, offset,
             words.size() != 1 ? "the file to include is not named"
                               : fmt::format("files include each other {} deep", kIncludesDeep),
             words.size() != 1 ? "\\ir FILE" : "files that do not include themselves");
      return false;
    }
    const fs::path path =
        (is_relative ? fs::path(from).parent_path() : folder_) / fs::path(words.front());
    std::error_code error;
    const fs::path inside =
        fs::weakly_canonical(path, error).lexically_relative(fs::weakly_canonical(folder_, error));
    if (inside.empty() || *inside.begin() == "..") {
      refuse(file, offset, fmt::format("{} is outside of the folder of migrations", path.string()),
             fmt::format("a file below {}", folder_.string()));
      return false;
    }
    auto text = base::read_file(path, kTextMax);
    if (!text || text_.size() + text->size() > static_cast<std::size_t>(kTextMax.count)) {
      refuse(file, offset,
             text ? fmt::format("more than {} with what is included",
                                base::human_bytes(kTextMax.count))
                  : fmt::format("{}: {}", path.string(), text.error().what),
             "a file of SQL");
      return false;
    }
    add(path.lexically_normal().string(), *text, depth + 1);
    return true;
  }

  const fs::path& folder_;
  const Values& values_;
  Values variables_;                       ///< psql's: those and what `\set` adds.
  std::shared_ptr<lint::Origins> origins_; ///< Handed over by finish().
  std::string text_;
  std::vector<base::Error> refused_;
  bool has_values_ = false;
};

} // namespace

base::Result<Values> values_from(const std::vector<std::string>& settings, std::string_view where) {
  Values values;
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    const std::string name(base::trim(std::string_view(setting).substr(0, equals)));
    if (equals == std::string::npos || !is_name(name))
      return base::Error{.code = base::Code::config,
                         .what =
                             fmt::format("\"{}\" gives no value to a name", base::printable(name)),
                         .where = std::string(where),
                         .expected = "NAME=VALUE, or NAME=env:VARIABLE for what must not be seen"};
    std::string value = setting.substr(equals + 1);
    if (value.starts_with("env:")) {
      const std::string variable = value.substr(4);
      const char* const found =
          std::getenv(variable.c_str()); // NOLINT(concurrency-mt-unsafe): nobody calls setenv.
      if (found == nullptr)
        return base::Error{.code = base::Code::config,
                           .what = fmt::format("{} takes its value from {}, which is not set", name,
                                               base::printable(variable)),
                           .where = std::string(where),
                           .expected =
                               fmt::format("{} in the environment", base::printable(variable))};
      value = found;
    }
    values[name] = std::move(value);
  }
  return values;
}

Composed compose(const std::string& path, std::string text, const fs::path& folder,
                 const Values& values) {
  const bool is_plain = text.find('\\') == std::string::npos && values.empty();
  if (is_plain) return {.text = std::move(text), .origins = nullptr};
  Composer composer(folder, values);
  composer.add(path, text, 0);
  Composed composed = std::move(composer).finish();
  if (composed.text == text && !composed.has_values) composed.origins = nullptr;
  return composed;
}

} // namespace pgkeep::migrate
