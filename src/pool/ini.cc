#include "pool/ini.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/quoted.h"

namespace pgkeep::pool {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

base::Error syntax_error(std::string where, std::string expected) {
  return {.code = base::Code::config,
          .what = "syntax error in configuration",
          .where = std::move(where),
          .expected = std::move(expected)};
}

/// Takes a name from the front of the line: up to a blank or '=', or what the quotes hold; none
/// where they have no end.
std::optional<std::string> take_name(std::string_view& line) {
  if (line.starts_with('"')) return take_quoted(line);
  const std::size_t end = std::min(line.find_first_of(" \t="), line.size());
  std::string name(line.substr(0, end));
  line.remove_prefix(end);
  return name;
}

class IniReader {
public:
  explicit IniReader(const ReadText& read) : read_(read) {}

  base::Result<> add_file(const std::string& path, int depth) {
    PGKEEP_TRY(const std::string text, read_(path));
    int number = 0;
    for (const std::string& line : base::split(text, '\n'))
      PGKEEP_CHECK(add_line(base::trim(line), fmt::format("{}:{}", path, ++number), depth));
    return {};
  }
  std::vector<IniLine> take() { return std::move(lines_); }

private:
  base::Result<> add_line(std::string_view line, std::string where, int depth) {
    while (line.starts_with('[')) { // What stands behind it counts as a line of its own does.
      const std::size_t end = line.find(']');
      if (end == std::string_view::npos) return syntax_error(std::move(where), "[section]");
      section_ = base::trim(line.substr(1, end - 1));
      line = base::trim(line.substr(end + 1));
    }
    if (line.empty() || line.front() == ';' || line.front() == '#') return {};
    if (line.front() == '%') return include(line, std::move(where), depth);
    auto name = take_name(line);
    if (!name) return syntax_error(std::move(where), "a second double quote around the name");
    while (!line.empty() && is_blank(line.front()))
      line.remove_prefix(1);
    if (name->empty() || !line.starts_with('='))
      return syntax_error(std::move(where), "key = value");
    if (section_.empty()) return syntax_error(std::move(where), "[section] before the first key");
    lines_.push_back({.section = section_,
                      .key = *std::move(name),
                      .value = std::string(base::trim(line.substr(1))),
                      .where = std::move(where)});
    return {};
  }

  base::Result<> include(std::string_view line, std::string where, int depth) {
    constexpr std::string_view kDirective = "%include";
    const std::string_view rest = line.substr(std::min(kDirective.size(), line.size()));
    if (!line.starts_with(kDirective) || rest.empty() || !is_blank(rest.front()))
      return syntax_error(std::move(where), "%include FILE");
    if (depth >= kIncludesDeepMax)
      return base::Error{.code = base::Code::config,
                         .what = fmt::format("more than {} files include each other", depth),
                         .where = std::move(where),
                         .hint = "A file may include itself by way of another: take one away."};
    auto added = add_file(std::string(base::trim(rest)), depth + 1);
    if (!added) return base::with_where(std::move(added).error(), std::move(where));
    return {};
  }

  const ReadText& read_;
  std::string section_;
  std::vector<IniLine> lines_;
};

base::Error option_error(std::string expected) {
  return {.code = base::Code::config,
          .what = "syntax error in connection string",
          .expected = std::move(expected)};
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
}

} // namespace

base::Result<std::vector<IniLine>> read_ini(const std::string& path, const ReadText& read) {
  IniReader reader(read);
  PGKEEP_CHECK(reader.add_file(path, 0));
  return reader.take();
}

base::Result<std::vector<IniOption>> options_in(std::string_view text) {
  std::vector<IniOption> options;
  for (skip_blanks(text); !text.empty(); skip_blanks(text)) {
    const std::size_t name_end = std::min(text.find_first_of(" \t="), text.size());
    IniOption option{.key = std::string(text.substr(0, name_end)), .value = {}};
    text.remove_prefix(name_end);
    skip_blanks(text);
    if (option.key.empty() || !text.starts_with('=')) return option_error("key=value");
    text.remove_prefix(1);
    skip_blanks(text);
    const bool is_quoted = text.starts_with('\'');
    if (is_quoted) {
      std::size_t at = 1;
      for (; at < text.size(); ++at) {
        if (text[at] == '\'') {
          if (at + 1 >= text.size() || text[at + 1] != '\'') break;
          ++at;
        }
        option.value.push_back(text[at]);
      }
      if (at >= text.size()) return option_error("a second quote around the value");
      text.remove_prefix(at + 1);
    } else {
      const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
      option.value = text.substr(0, end);
      text.remove_prefix(end);
    }
    if (option.value.empty() && !is_quoted)
      return option_error(fmt::format("a value behind {}=", option.key));
    options.push_back(std::move(option));
  }
  return options;
}

} // namespace pgkeep::pool
