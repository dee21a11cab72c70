// libpg_query keeps its memory per thread and frees it when the thread ends; each result has an
// owner here.

#include "postgres/sql_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <memory>
#include <ranges>
#include <span>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "postgres/parser_input.h"

namespace pgkeep::postgres {
namespace {

using Parsed = Owned<PgQueryParseResult, pg_query_free_parse_result>;
using Split = Owned<PgQuerySplitResult, pg_query_free_split_result>;
using ParsedBinary = Owned<PgQueryProtobufParseResult, pg_query_free_protobuf_parse_result>;
using Fingerprint = Owned<PgQueryFingerprintResult, pg_query_free_fingerprint_result>;

bool is_comment(const PgQuery__ScanToken& token) {
  return token.token == PG_QUERY__TOKEN__SQL_COMMENT || token.token == PG_QUERY__TOKEN__C_COMMENT;
}

bool is_text_constant(const PgQuery__ScanToken& token) {
  return token.token == PG_QUERY__TOKEN__SCONST || token.token == PG_QUERY__TOKEN__USCONST ||
         token.token == PG_QUERY__TOKEN__BCONST || token.token == PG_QUERY__TOKEN__XCONST;
}

bool is_number(const PgQuery__ScanToken& token) {
  return token.token == PG_QUERY__TOKEN__ICONST || token.token == PG_QUERY__TOKEN__FCONST;
}

/// The words that begin statements whose numbers are values; elsewhere they are lengths, versions
/// and options, which say what the statement is.
bool begins_with_values(int token) {
  switch (token) {
  case PG_QUERY__TOKEN__SELECT:
  case PG_QUERY__TOKEN__INSERT:
  case PG_QUERY__TOKEN__UPDATE:
  case PG_QUERY__TOKEN__DELETE_P:
  case PG_QUERY__TOKEN__MERGE:
  case PG_QUERY__TOKEN__WITH:
  case PG_QUERY__TOKEN__VALUES:
  case PG_QUERY__TOKEN__EXPLAIN:
  case PG_QUERY__TOKEN__EXECUTE:
  case PG_QUERY__TOKEN__DECLARE:
  case PG_QUERY__TOKEN__CALL:
  case PG_QUERY__TOKEN__ASCII_40:
    return true;
  default:
    return false;
  }
}

/// By tokens alone: pg_query_normalize() leaves the texts of utility statements, and copies beyond
/// its buffer where such a statement follows another (libpg_query 15-4.0.0; found by sql_fuzz).
std::string replace_constants(std::string sql) {
  const TokensPtr tokens = scan(sql);
  if (tokens == nullptr) return {};
  std::string out;
  std::size_t done = 0;
  int highest = 0;
  const std::span all(tokens->tokens, tokens->n_tokens);
  const auto text_of = [&](const PgQuery__ScanToken& token) {
    return std::string_view(sql).substr(static_cast<std::size_t>(token.start),
                                        static_cast<std::size_t>(token.end - token.start));
  };
  for (const PgQuery__ScanToken* token : all) {
    if (token->token != PG_QUERY__TOKEN__PARAM) continue;
    const std::string_view digits = text_of(*token).substr(1);
    int number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    highest = std::max(highest, number);
  }
  bool is_first = true;
  bool has_values = false;
  for (const PgQuery__ScanToken* token : all) {
    if (is_comment(*token)) continue;
    if (std::exchange(is_first, token->token == PG_QUERY__TOKEN__ASCII_59))
      has_values = begins_with_values(token->token);
    if (!is_text_constant(*token) && !(has_values && is_number(*token))) continue;
    out.append(sql, done, static_cast<std::size_t>(token->start) - done);
    fmt::format_to(std::back_inserter(out), "${}", ++highest);
    done = static_cast<std::size_t>(token->end);
  }
  return done == 0 ? std::move(sql) : out.append(sql, done);
}

/// A word of a text that does not parse, without anything that could be a value.
std::string first_word(const std::string& sql) {
  constexpr std::size_t word_max = 32;
  std::string_view rest = base::trim(sql);
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto end = std::ranges::find_if_not(rest, is_letter);
  const auto length = std::min(word_max, static_cast<std::size_t>(end - rest.begin()));
  return length == 0 ? "..." : std::string(rest.substr(0, length)) + " ...";
}

} // namespace

base::Result<std::vector<StatementText>> split_statements(std::string_view sql) {
  PGKEEP_CHECK(check_input(sql));
  const std::string text(sql);
  const Split split(pg_query_split_with_parser(text.c_str()));
  if (split->error != nullptr) return unsupported(sql, *split->error);
  // Between its first and last token stands a statement; comments around it belong to no statement.
  const TokensPtr tokens = scan(text);
  if (tokens == nullptr)
    return base::Error{.code = base::Code::unsupported, .what = "the SQL cannot be scanned"};

  std::vector<StatementText> statements;
  statements.reserve(static_cast<std::size_t>(split->n_stmts));
  std::size_t token_index = 0;
  for (const PgQuerySplitStmt* part :
       std::span(split->stmts, static_cast<std::size_t>(split->n_stmts))) {
    const auto begin = part->stmt_location;
    const auto end = part->stmt_len > 0 ? begin + part->stmt_len : static_cast<int>(text.size());
    int first = -1;
    int last = -1;
    for (; token_index < tokens->n_tokens && tokens->tokens[token_index]->start < end;
         ++token_index) {
      const PgQuery__ScanToken& token = *tokens->tokens[token_index];
      const bool is_leading_semicolon = first < 0 && token.token == PG_QUERY__TOKEN__ASCII_59;
      if (token.start < begin || is_comment(token) || is_leading_semicolon) continue;
      if (first < 0) first = token.start;
      last = token.end;
    }
    if (first < 0) continue;
    statements.push_back({.sql = text.substr(static_cast<std::size_t>(first),
                                             static_cast<std::size_t>(last - first)),
                          .offset = static_cast<std::size_t>(first)});
  }
  return statements;
}

std::vector<StatementText> split_roughly(std::string_view sql) {
  const std::string text(sql);
  const TokensPtr tokens = check_input(sql) ? scan(text) : nullptr;
  if (tokens == nullptr) return {{.sql = text, .offset = 0}};
  std::vector<StatementText> statements;
  int first = -1;
  int last = -1;
  const auto finish = [&] {
    if (first < 0) return;
    statements.push_back({.sql = text.substr(static_cast<std::size_t>(first),
                                             static_cast<std::size_t>(last - first)),
                          .offset = static_cast<std::size_t>(first)});
    first = -1;
  };
  int depth = 0;
  for (const PgQuery__ScanToken* token : std::span(tokens->tokens, tokens->n_tokens)) {
    if (is_comment(*token)) continue;
    if (token->token == PG_QUERY__TOKEN__ASCII_40) ++depth;
    if (token->token == PG_QUERY__TOKEN__ASCII_41) --depth;
    // A rule may hold several statements in parentheses.
    if (token->token == PG_QUERY__TOKEN__ASCII_59 && depth <= 0) {
      finish();
      depth = 0;
      continue;
    }
    if (first < 0) first = token->start;
    last = token->end;
  }
  finish();
  return statements;
}

std::vector<TokenText> tokens_of(std::string_view sql) {
  const std::string text(sql);
  const TokensPtr tokens = check_input(sql) ? scan(text) : nullptr;
  std::vector<TokenText> found;
  if (tokens == nullptr) return found;
  int depth = 0;
  for (const PgQuery__ScanToken* token : std::span(tokens->tokens, tokens->n_tokens)) {
    if (is_comment(*token)) continue;
    if (token->token == PG_QUERY__TOKEN__ASCII_41) --depth;
    const auto begin = static_cast<std::size_t>(token->start);
    std::string word = text.substr(begin, static_cast<std::size_t>(token->end - token->start));
    const bool is_as_written = is_text_constant(*token) || word.starts_with('"');
    found.push_back({.text = is_as_written ? std::move(word) : base::to_lower(word),
                     .offset = begin,
                     .depth = depth});
    if (token->token == PG_QUERY__TOKEN__ASCII_40) ++depth;
  }
  return found;
}

base::Result<std::string> parse_to_json(std::string_view sql) {
  PGKEEP_CHECK(check_input(sql));
  const std::string text(sql);
  PGKEEP_CHECK(check_depth(text));
  const Parsed parsed(pg_query_parse(text.c_str()));
  if (parsed->error != nullptr) return unsupported(sql, *parsed->error);
  return std::string(parsed->parse_tree);
}

std::string normalize(std::string_view sql) {
  const std::string text(sql);
  if (!check_input(sql) || !check_depth(text)) return first_word(text);
  const ParsedBinary parsed(pg_query_parse_protobuf(text.c_str()));
  if (parsed->error != nullptr) return first_word(text);
  std::string out = replace_constants(text);
  return out.empty() && !text.empty() ? first_word(text) : out;
}

base::Result<std::string> fingerprint(std::string_view sql) {
  PGKEEP_CHECK(check_input(sql));
  const std::string text(sql);
  PGKEEP_CHECK(check_depth(text));
  const Fingerprint result(pg_query_fingerprint(text.c_str()));
  if (result->error != nullptr) return unsupported(sql, *result->error);
  return std::string(result->fingerprint_str);
}

} // namespace pgkeep::postgres
