// Literals that begin like a statement are followed through: what is interpolated, formatted or
// joined into them, and what the SQL before that place says: a value or a name.
#include "catalog/code/queries.h"

#include <array>
#include <string>

#include "base/text.h"
#include "catalog/code/characters.h"
#include "catalog/code/literals.h"

namespace pgkeep::catalog::code {
namespace {

/// The words of SQL in lower case, without what is quoted in double quotes.
bool has_word(std::string_view lowered, std::string_view word) {
  for (std::size_t at = lowered.find(word); at != std::string_view::npos;
       at = lowered.find(word, at + 1)) {
    if ((at == 0 || !is_word(lowered[at - 1])) && starts_with_word(lowered.substr(at), word))
      return true;
  }
  return false;
}

/// Begins like a statement; more of it may follow in the next literal.
bool may_begin_statement(std::string_view body) {
  const std::string lowered = base::to_lower(base::trim(body));
  for (const std::string_view word : {"select", "insert", "update", "delete", "with"}) {
    if (starts_with_word(lowered, word)) return true;
  }
  return false;
}

/// Begins like a statement and has that statement's second word: "Select a file" does not.
bool is_statement(std::string_view body) {
  const std::string lowered = base::to_lower(base::trim(body));
  const std::string_view text = lowered;
  if (starts_with_word(text, "insert")) return has_word(text, "into");
  if (starts_with_word(text, "update")) return has_word(text, "set");
  return may_begin_statement(text) && has_word(text, "from");
}

/// Whether SQL that ends here is followed by a value.
bool expects_value(std::string_view sql) {
  const std::string lowered = base::to_lower(sql);
  std::string_view text = lowered;
  // Inside a quoted constant: '...%' + x; an odd number of quotes is open.
  bool is_open = false;
  for (const char c : text)
    is_open = c == '\'' ? !is_open : is_open;
  if (is_open) return true;
  text = base::trim(text);
  if (text.empty()) return false;
  const char last = text.back();
  if (last == '=' || last == '<' || last == '>') return true;
  const std::size_t values = text.rfind("values");
  const bool is_in_values =
      values != std::string_view::npos && text.find('(', values) != std::string_view::npos;
  if (last == '(' || last == ',') {
    if (is_in_values) return true;
    const std::size_t open = text.rfind('(');
    if (open == std::string_view::npos || text.find(')', open) != std::string_view::npos)
      return false;
    const std::string_view before = base::trim(text.substr(0, open));
    return before.ends_with(" in") || before.ends_with(" any") || before.ends_with(" all");
  }
  for (const std::string_view word : {"like", "ilike", "between", "limit", "offset"}) {
    if (text.ends_with(word) && text.size() > word.size() &&
        !is_word(text[text.size() - word.size() - 1]))
      return true;
  }
  return text.ends_with(" and") && text.contains("between");
}

/// Expressions that put in no foreign text: escaped, converted to a number, lists of placeholders,
/// constants.
bool is_harmless(std::string_view expression) {
  expression = base::trim(expression);
  if (expression.empty()) return true;
  const std::string lowered = base::to_lower(expression);
  for (const std::string_view word :
       {"escape", "quote", "placeholder", "intval", "parseint", "number(", "int(", "(int)",
        "float(", ".to_i", "sanitize", "identifier", "join(", ".literal", "'%s'", "\"%s\"",
        "bind"}) {
    if (lowered.contains(word)) return true;
  }
  bool is_constant = true;
  for (const char c : expression)
    is_constant = is_constant && (is_upper(c) || is_digit(c) || c == '_' || c == '.');
  return is_constant;
}

struct Hole {
  std::size_t begin = 0; ///< In the literal's body.
  std::string_view expression;
};

/// The bracketed expression at `open`, brackets of its own counted.
std::string_view braced(std::string_view body, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < body.size(); ++at) {
    if (body[at] == '{') ++depth;
    if (body[at] == '}' && --depth == 0) return body.substr(open + 1, at - open - 1);
  }
  return {};
}

std::vector<Hole> interpolations(std::string_view body, Interpolation kind) {
  std::vector<Hole> holes;
  for (std::size_t at = 0; at < body.size(); ++at) {
    const char c = body[at];
    const char next = at + 1 < body.size() ? body[at + 1] : '\0';
    if (c == '\\') {
      ++at;
    } else if (kind == Interpolation::braces && c == '{') {
      if (next == '{') {
        ++at;
        continue;
      }
      holes.push_back({.begin = at, .expression = braced(body, at)});
      at += holes.back().expression.size() + 1;
    } else if ((kind == Interpolation::dollar_braces && c == '$' && next == '{') ||
               (kind == Interpolation::hash_braces && c == '#' && next == '{')) {
      holes.push_back({.begin = at, .expression = braced(body, at + 1)});
      at += holes.back().expression.size() + 2;
    } else if (kind == Interpolation::dollar && c == '$' &&
               (is_letter(next) || next == '_' || next == '{')) {
      // $1 is a parameter; {$x} and ${x} are read to the closing bracket.
      const bool is_braced = at > 0 && body[at - 1] == '{';
      std::size_t end = at + 1;
      while (end < body.size() &&
             (is_word(body[end]) || body[end] == '{' || (is_braced && body[end] != '}')))
        ++end;
      holes.push_back(
          {.begin = is_braced ? at - 1 : at, .expression = body.substr(at + 1, end - at - 1)});
      at = end;
    }
  }
  return holes;
}

/// printf's and format()'s places: %s %d %v {} {0} {name}.
std::vector<std::size_t> format_places(std::string_view body, bool is_percent) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at + 1 < body.size(); ++at) {
    if (is_percent && body[at] == '%') {
      if (body[at + 1] == '%') {
        ++at;
      } else if (std::string_view("sdvqirf(").contains(body.substr(at + 1, 1))) {
        places.push_back(at);
      }
    } else if (!is_percent && body[at] == '{' && body[at + 1] != '{') {
      if (braced(body, at).find_first_of(" \n") == std::string_view::npos &&
          body.substr(at).contains("}"))
        places.push_back(at);
    }
  }
  return places;
}

/// The call whose first argument begins at `at`: "String.format" of String.format("...".
std::string_view call_before(std::string_view text, std::size_t at) {
  while (at > 0 && is_space(text[at - 1]))
    --at;
  if (at == 0 || text[at - 1] != '(') return {};
  const std::size_t end = --at;
  while (at > 0 && (is_word(text[at - 1]) || text[at - 1] == '.' || text[at - 1] == ':' ||
                    text[at - 1] == '>' || text[at - 1] == '-'))
    --at;
  return text.substr(at, end - at);
}

class Judge {
public:
  Judge(std::string_view text, const Language& language, std::span<const Literal> literals)
      : text_(text), language_(language), literals_(literals) {}

  /// Whether the statement that begins with this literal has a value put in; `next` is moved behind
  /// the literals that belong to it.
  bool is_unparameterised(std::size_t index, std::size_t& next) {
    next = index + 1;
    const Literal& first = literals_[index];
    if (first.is_tagged) return false;
    const bool is_fragment = is_rails_fragment(first);
    if (is_fragment && has_unsafe_hole(first, "")) return true;
    if (!may_begin_statement(first.body)) return false;
    if (is_statement(first.body) && (has_unsafe_hole(first, "") || has_unsafe_format(first)))
      return true;
    return is_joined_unsafely(index, next);
  }

private:
  /// where("name = '#{name}'"): a condition of Rails, which is SQL too.
  [[nodiscard]] bool is_rails_fragment(const Literal& literal) const {
    if (language_.extension != "rb") return false;
    const std::string_view call = call_before(text_, literal.begin);
    return call.ends_with("where") || call.ends_with("having") || call.ends_with("find_by_sql") ||
           call.ends_with("exec_query");
  }

  static bool has_unsafe_hole(const Literal& literal, const std::string& before) {
    if (literal.interpolation == Interpolation::none) return false;
    for (const Hole& hole : interpolations(literal.body, literal.interpolation)) {
      if (!is_harmless(hole.expression) &&
          expects_value(before + std::string(literal.body.substr(0, hole.begin))))
        return true;
    }
    return false;
  }

  /// "..." % x, "...".format(x), String.format("...", x), fmt.Sprintf("...", x), sprintf("...", x).
  [[nodiscard]] bool has_unsafe_format(const Literal& literal) const {
    const std::size_t after = skip_spaces(text_, literal.end);
    const std::string_view rest = text_.substr(std::min(after, text_.size()));
    const std::string call = base::to_lower(call_before(text_, literal.begin));
    const bool is_operator =
        language_.has_format_operator && rest.starts_with('%') && !rest.starts_with("%=");
    const bool is_printf =
        call.ends_with("sprintf") || (call.ends_with("format") && language_.extension != "cs");
    const bool is_method = rest.starts_with(".format(") || rest.starts_with(".formatted(");
    const bool is_braces = (call.ends_with("format") && language_.extension == "cs") ||
                           (rest.starts_with(".format(") && language_.extension == "py");
    if (!is_operator && !is_printf && !is_method && !is_braces) return false;
    for (const std::size_t place : format_places(literal.body, !is_braces)) {
      if (expects_value(literal.body.substr(0, place))) return !is_harmless_argument(rest);
    }
    return false;
  }

  /// What is put in, as far as the line shows it.
  static bool is_harmless_argument(std::string_view rest) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const std::size_t begin = line.find_first_not_of("%,( \t");
    const std::string lowered = base::to_lower(line);
    if (begin == std::string_view::npos) return false;
    return lowered.contains("placeholder") || lowered.contains("join(") ||
           lowered.contains("escape") || lowered.contains("quote");
  }

  /// "... WHERE id = " + id, over any number of lines and literals.
  bool is_joined_unsafely(std::size_t index, std::size_t& next) {
    std::string sql(literals_[index].body);
    std::size_t at = literals_[index].end;
    constexpr int kPartsMax = 200;
    for (int part = 0; part < kPartsMax; ++part) {
      at = skip_spaces(text_, at);
      const bool is_adjacent =
          language_.extension == "py" && next < literals_.size() && literals_[next].begin == at;
      if (!is_adjacent) {
        if (at >= text_.size() || text_[at] != language_.join) return false;
        if (at + 1 < text_.size() && (text_[at + 1] == '+' || text_[at + 1] == '=')) return false;
        at = skip_spaces(text_, at + 1);
      }
      if (next < literals_.size() && literals_[next].begin == at) {
        const Literal& literal = literals_[next++];
        const bool has_hole = has_unsafe_hole(literal, sql);
        sql += literal.body;
        if (has_hole && is_statement(sql)) return true;
        at = literal.end;
        continue;
      }
      const std::size_t end = end_of_operand(at);
      const std::string_view operand = text_.substr(at, end - at);
      if (operand.empty()) return false;
      if (!is_harmless(operand) && is_statement(sql) && expects_value(sql)) return true;
      sql += " x ";
      at = end;
      while (next < literals_.size() && literals_[next].begin < at)
        ++next;
    }
    return false;
  }

  /// Names, members, calls and subscripts: all that belongs to one operand.
  [[nodiscard]] std::size_t end_of_operand(std::size_t at) const {
    int depth = 0;
    for (; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c == '(' || c == '[') {
        ++depth;
      } else if (c == ')' || c == ']') {
        if (depth-- == 0) break;
      } else if (depth == 0 && !is_word(c) && c != '$' && c != '@' && c != ':' && c != '?' &&
                 c != '!' && c != '-' && c != '>' && !(c == '.' && language_.join != '.')) {
        break;
      }
    }
    return at;
  }

  std::string_view text_;             // The file's, for the time of the scan.
  const Language& language_;          // A row of the table.
  std::span<const Literal> literals_; // The caller's.
};

} // namespace

std::vector<UnparameterisedQuery> find_unparameterised(const SourceFile& file) {
  std::vector<UnparameterisedQuery> found;
  const Language* language = language_of(file.extension());
  if (language == nullptr) return found;
  const std::vector<Literal> literals = find_literals(file.text, *language);
  Judge judge(file.text, *language, literals);
  LineCounter lines(file.text);
  for (std::size_t index = 0; index < literals.size();) {
    std::size_t next = index + 1;
    if (judge.is_unparameterised(index, next)) {
      found.push_back({.path = file.path, .line = lines.line_of(literals[index].begin)});
    }
    index = next;
  }
  return found;
}

} // namespace pgkeep::catalog::code
