// Row security policies, and the verdicts on their expressions.
//
// An expression is judged by its text as the server writes it: sub-selects and constants are taken
// out, and what is left is run for every row. Calls count that could be made once a statement:
// current_setting(), current_user, functions of a schema `auth`, and stable functions whose
// arguments are constants.
#include <array>

#include "base/hash.h"
#include "base/text.h"
#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

constexpr std::string_view kPolicies = R"(
SELECT p.polrelid AS relation, p.polname AS name, p.polpermissive AS is_permissive,
       CASE WHEN p.polroles = '{0}' THEN ARRAY['public']
            ELSE ARRAY(SELECT pg_get_userbyid(r.oid) FROM unnest(p.polroles) r(oid)) END AS roles,
       p.polcmd::text AS command,
       pg_get_expr(p.polqual, p.polrelid) AS using_expression,
       pg_get_expr(p.polwithcheck, p.polrelid) AS check_expression,
       ARRAY(SELECT DISTINCT f.proname FROM pg_depend d JOIN pg_proc f ON f.oid = d.refobjid
             WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
               AND d.refclassid = 'pg_proc'::regclass AND f.provolatile <> 'i') AS stable_functions
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {{user_schema}} AND {{is_in_scope}}
ORDER BY p.polrelid, p.polname)";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The place behind the bracket that closes the one at `open`.
std::size_t after_brackets(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i + 1;
  }
  return text.size();
}

std::string without_subselects(std::string_view text) {
  std::string rest;
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with("( SELECT") || text.substr(i).starts_with("(SELECT")) {
      i = after_brackets(text, i);
      rest += "()";
    } else {
      rest += text[i++];
    }
  }
  return rest;
}

/// Whether nothing in the brackets is a column: constants, their casts and NULL only.
bool has_constant_arguments(std::string_view arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments.substr(i).starts_with("::")) {
      i += 1;
      while (i + 1 < arguments.size() && (is_word(arguments[i + 1]) || arguments[i + 1] == '.'))
        ++i;
      continue;
    }
    if (!is_word(arguments[i]) || (arguments[i] >= '0' && arguments[i] <= '9')) continue;
    std::size_t end = i;
    while (end < arguments.size() && is_word(arguments[end]))
      ++end;
    const std::string word = base::to_lower(arguments.substr(i, end - i));
    if (word != "true" && word != "false" && word != "null") return false;
    i = end - 1;
  }
  return true;
}

/// Calls `name(` with constant arguments, the name standing alone or behind a schema.
bool calls_with_constants(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != std::string_view::npos;
       at = text.find(name, at + 1)) {
    const std::size_t open = at + name.size();
    const bool is_start = at == 0 || !is_word(text[at - 1]);
    if (!is_start || open >= text.size() || text[open] != '(') continue;
    const std::size_t end = after_brackets(text, open);
    if (has_constant_arguments(text.substr(open + 1, end - open - 2))) return true;
  }
  return false;
}

bool names_a_user(std::string_view text) {
  for (const std::string_view word : {"CURRENT_USER", "SESSION_USER", "CURRENT_ROLE"}) {
    for (std::size_t at = text.find(word); at != std::string_view::npos;
         at = text.find(word, at + 1)) {
      const std::size_t end = at + word.size();
      if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end])))
        return true;
    }
  }
  return false;
}

bool calls_per_row(std::string_view expression, const std::vector<std::string>& functions) {
  const std::string text = without_subselects(expression);
  if (names_a_user(text) || calls_with_constants(text, "current_setting")) return true;
  // "auth.uid()": a schema of functions that read the session, by convention of hosted platforms.
  const std::size_t at = text.find("auth.");
  if (at != std::string::npos && (at == 0 || !is_word(text[at - 1]))) {
    const std::size_t open = text.find('(', at);
    if (open != std::string::npos && text.find_first_of(" )", at) > open) return true;
  }
  for (const std::string& function : functions) {
    if (calls_with_constants(text, function)) return true;
  }
  return false;
}

/// Leaves the expression without its text constants; a digest of the whole where there were any.
std::string take_literals(std::string& expression) {
  std::string kept = without_literals(expression);
  if (kept == expression) return {};
  std::string digest = base::sha256_hex(expression);
  expression = std::move(kept);
  return digest;
}

void take_policies(const postgres::Rows& rows, ReadState& state) {
  for (int row = 0; row < rows.count(); ++row) {
    Policy policy{.relation = value_of<OidNumber>(rows, row, "relation"),
                  .name = value_of<std::string>(rows, row, "name"),
                  .is_permissive = value_of<bool>(rows, row, "is_permissive"),
                  .roles = value_of<std::vector<std::string>>(rows, row, "roles"),
                  .command = value_of<std::string>(rows, row, "command"),
                  .using_expression = value_of<std::string>(rows, row, "using_expression"),
                  .check_expression = value_of<std::string>(rows, row, "check_expression")};
    policy.using_digest = take_literals(policy.using_expression);
    policy.check_digest = take_literals(policy.check_expression);
    const auto functions = value_of<std::vector<std::string>>(rows, row, "stable_functions");
    policy.using_is_true = policy.using_expression == "true";
    policy.check_is_true = policy.check_expression == "true";
    policy.calls_per_row = calls_per_row(policy.using_expression, functions) ||
                           calls_per_row(policy.check_expression, functions);
    state.db.policies.push_back(std::move(policy));
  }
}

constexpr Reader kPolicyReaders[] = {
    {.name = "policies",
     .facts = Facts::policies,
     .title = "Row security policies",
     .sql = kPolicies,
     .take = take_policies},
};

} // namespace

const std::span<const Reader> policy_readers{kPolicyReaders};

std::string without_literals(std::string_view expression) {
  constexpr std::string_view kObjectCasts[] = {"::regclass", "::regtype", "::regproc",
                                               "::regnamespace", "::regrole"};
  std::string text;
  text.reserve(expression.size());
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const char quote = expression[i];
    if (quote != '\'' && quote != '"') {
      text += quote;
      continue;
    }
    // The server doubles quotes within, and in E'' constants doubles backslashes too.
    std::size_t end = i + 1;
    while (end < expression.size() &&
           (expression[end] != quote || expression.substr(end + 1).starts_with(quote)))
      end += expression[end] == quote ? 2 : 1;
    const std::string_view behind = expression.substr(std::min(end + 1, expression.size()));
    bool is_name = quote == '"';
    for (const std::string_view cast : kObjectCasts)
      is_name = is_name || behind.starts_with(cast);
    if (is_name) {
      text += expression.substr(i, end + 1 - i);
    } else {
      text += "''";
    }
    i = end;
  }
  return text;
}

} // namespace pgkeep::catalog
