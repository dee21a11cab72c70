// libpg_query keeps its memory per thread and frees it when the thread ends; each result has an
// owner here.

#include "postgres/sql_parser.h"

#include <fmt/format.h>
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <memory>
#include <ranges>
#include <span>
#include <utility>

#include "base/fd.h"
#include "base/text.h"

namespace pgkeep::postgres {
namespace {

/// Positions inside the parser are int, and its trees take about a hundred times the text.
constexpr std::size_t kSqlBytesMax = std::size_t{64} * 1024 * 1024;

/// The parser's results are structs by value; this frees each by its own function.
template <typename Value, auto Free>
class Owned {
public:
  explicit Owned(Value value) : value_(value) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { Free(value_); }
  const Value* operator->() const { return &value_; }

private:
  Value value_;
};
using Parsed = Owned<PgQueryParseResult, pg_query_free_parse_result>;
using Split = Owned<PgQuerySplitResult, pg_query_free_split_result>;
using Normalized = Owned<PgQueryNormalizeResult, pg_query_free_normalize_result>;
using Fingerprint = Owned<PgQueryFingerprintResult, pg_query_free_fingerprint_result>;
using Scanned = Owned<PgQueryScanResult, pg_query_free_scan_result>;

void free_tokens(PgQuery__ScanResult* tokens) {
  pg_query__scan_result__free_unpacked(tokens, nullptr);
}
using TokensPtr = std::unique_ptr<PgQuery__ScanResult, base::Release<free_tokens>>;

/// "3:14": lines and characters from 1, of the character at `characters` (from 1, as the parser
/// counts: in code points).
std::string line_and_column(std::string_view sql, int characters) {
  int line = 1;
  int column = 0;
  for (const char c : sql) {
    if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80U) continue; // Inside a code point.
    if (characters-- <= 1) break;
    ++column;
    if (c == '\n') {
      ++line;
      column = 0;
    }
  }
  return fmt::format("{}:{}", line, column + 1);
}

base::Error unsupported(std::string_view sql, const PgQueryError& error) {
  return {.code = base::Code::unsupported,
          .what = error.message == nullptr ? "the SQL cannot be parsed" : error.message,
          .where = line_and_column(sql, error.cursorpos),
          .expected = "SQL in PostgreSQL 15's grammar",
          .hint = "Where the syntax is newer than that, let a server check it."};
}

/// The longest run of operator characters. The scanner reads such a run again for each "/*" in it:
/// 400 kB of them take a minute.
constexpr std::size_t kOperatorRunMax = 4096;
/// What one expression may hold between two commas of the same parentheses, and one list of set
/// operations or joins. Such chains become trees as deep as they are long, and the parser walks
/// them without a limit of its own; parentheses it limits itself.
constexpr int kChainTokensMax = 20'000;
constexpr int kChainLinksMax = 5'000;

base::Error too_complex(std::string_view sql, std::size_t offset) {
  return {.code = base::Code::unsupported,
          .what = "the SQL is nested too deeply, or an expression is too long",
          .where = line_and_column(sql.substr(0, offset), INT_MAX),
          .hint =
              "Write a long list of conditions as IN (...) or = ANY, or as a join with VALUES."};
}

/// The parser takes C strings: what lies behind a NUL byte would pass unseen.
base::Result<> check_input(std::string_view sql) {
  if (sql.size() > kSqlBytesMax) {
    return base::Error{.code = base::Code::unsupported,
                       .what = fmt::format("the SQL is longer than {} bytes", kSqlBytesMax),
                       .hint = "Split it into several files."};
  }
  if (const std::size_t nul = sql.find('\0'); nul != std::string_view::npos) {
    return base::Error{.code = base::Code::unsupported,
                       .what = "the SQL holds a NUL byte",
                       .where = line_and_column(sql.substr(0, nul), INT_MAX),
                       .expected = "text"};
  }
  std::size_t run = 0;
  for (std::size_t at = 0; at < sql.size(); ++at) {
    run =
        std::string_view("~!@#^&|`?+-*/%<>=").find(sql[at]) == std::string_view::npos ? 0 : run + 1;
    if (run > kOperatorRunMax) return too_complex(sql, at);
  }
  return {};
}

TokensPtr scan(const std::string& sql) {
  const Scanned scanned(pg_query_scan(sql.c_str()));
  if (scanned->error != nullptr) return nullptr;
  TokensPtr tokens(pg_query__scan_result__unpack(
      nullptr, scanned->pbuf.len, reinterpret_cast<const std::uint8_t*>(scanned->pbuf.data)));
  if (tokens == nullptr) return nullptr;
  // libpg_query 15-4.0.0 gives U&'...' and U&"..." a wrong end; up to the next token (comments are
  // tokens) only blanks follow.
  auto next = static_cast<std::int32_t>(sql.size());
  for (PgQuery__ScanToken* token :
       std::span(tokens->tokens, tokens->n_tokens) | std::views::reverse) {
    const std::string_view piece = std::string_view(sql).substr(
        static_cast<std::size_t>(token->start), static_cast<std::size_t>(next - token->start));
    if (piece.starts_with("U&") || piece.starts_with("u&"))
      token->end = token->start + static_cast<std::int32_t>(base::trim(piece).size());
    next = token->start;
  }
  return tokens;
}

bool is_chain_link(int token) {
  return token == PG_QUERY__TOKEN__UNION || token == PG_QUERY__TOKEN__EXCEPT ||
         token == PG_QUERY__TOKEN__INTERSECT || token == PG_QUERY__TOKEN__JOIN;
}

/// Refuses what would overflow the stack of those functions that walk the whole tree.
base::Result<> check_depth(const std::string& sql) {
  if (sql.size() <= std::size_t{kChainLinksMax}) return {};
  const TokensPtr tokens = scan(sql);
  if (tokens == nullptr) return {}; // The parser says why, with the place.
  struct Level {
    int tokens = 0;
    int links = 0;
  };
  std::vector<Level> levels(1);
  for (const PgQuery__ScanToken* token : std::span(tokens->tokens, tokens->n_tokens)) {
    const int kind = token->token;
    if (kind == PG_QUERY__TOKEN__ASCII_59) levels.assign(1, {});
    if (kind == PG_QUERY__TOKEN__ASCII_40 || kind == PG_QUERY__TOKEN__ASCII_91)
      levels.emplace_back();
    if ((kind == PG_QUERY__TOKEN__ASCII_41 || kind == PG_QUERY__TOKEN__ASCII_93) &&
        levels.size() > 1)
      levels.pop_back();
    Level& level = levels.back();
    level.tokens = kind == PG_QUERY__TOKEN__ASCII_44 ? 0 : level.tokens + 1;
    if (is_chain_link(kind)) ++level.links;
    if (level.tokens > kChainTokensMax || level.links > kChainLinksMax) {
      return too_complex(sql, static_cast<std::size_t>(token->start));
    }
  }
  return {};
}

bool is_comment(const PgQuery__ScanToken& token) {
  return token.token == PG_QUERY__TOKEN__SQL_COMMENT || token.token == PG_QUERY__TOKEN__C_COMMENT;
}

bool is_text_constant(const PgQuery__ScanToken& token) {
  return token.token == PG_QUERY__TOKEN__SCONST || token.token == PG_QUERY__TOKEN__USCONST ||
         token.token == PG_QUERY__TOKEN__BCONST || token.token == PG_QUERY__TOKEN__XCONST;
}

/// libpg_query leaves the constants of utility statements (passwords among them): the texts become
/// $n as well.
std::string replace_text_constants(std::string sql) {
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
  for (const PgQuery__ScanToken* token : all) {
    if (!is_text_constant(*token)) continue;
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
  const Normalized normalized(pg_query_normalize(text.c_str()));
  if (normalized->error != nullptr) return first_word(text);
  std::string out = replace_text_constants(normalized->normalized_query);
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
