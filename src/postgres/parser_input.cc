#include "postgres/parser_input.h"

#include <climits>
#include <ranges>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::postgres {
namespace {

/// Positions inside the parser are int, and its trees take about a hundred times the text.
constexpr std::size_t kSqlBytesMax = std::size_t{64} * 1024 * 1024;

/// The longest run of operator characters. The scanner reads such a run again for each "/*" in it:
/// 400 kB of them take a minute.
constexpr std::size_t kOperatorRunMax = 4096;
/// What one expression may hold between two commas of the same parentheses, and one list of set
/// operations or joins. Such chains become trees as deep as they are long, and the parser walks
/// them without a limit of its own; parentheses it limits itself.
constexpr int kChainTokensMax = 20'000;
constexpr int kChainLinksMax = 5'000;

using Scanned = Owned<PgQueryScanResult, pg_query_free_scan_result>;

base::Error too_complex(std::string_view sql, std::size_t offset) {
  return {.code = base::Code::unsupported,
          .what = "the SQL is nested too deeply, or an expression is too long",
          .where = line_and_column(sql.substr(0, offset), INT_MAX),
          .hint =
              "Write a long list of conditions as IN (...) or = ANY, or as a join with VALUES."};
}

bool is_chain_link(int token) {
  return token == PG_QUERY__TOKEN__UNION || token == PG_QUERY__TOKEN__EXCEPT ||
         token == PG_QUERY__TOKEN__INTERSECT || token == PG_QUERY__TOKEN__JOIN;
}

} // namespace

void free_tokens(PgQuery__ScanResult* tokens) {
  pg_query__scan_result__free_unpacked(tokens, nullptr);
}

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

base::Result<> check_depth(const std::string& sql) {
  // No more tokens than bytes, and a link with its operand takes six.
  if (sql.size() <= std::size_t{kChainTokensMax}) return {};
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

} // namespace pgkeep::postgres
