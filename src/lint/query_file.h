/// A file of named queries, as aiosql, yesql, sqlc and PgTyped read it: where each query begins,
/// and what stands in it that only these tools know.
///
/// Private to src/lint. Pure functions. Sources: the manuals of aiosql (Defining SQL Queries), sqlc
/// (Naming parameters, Query annotations, Macros) and PgTyped (Annotated SQL files).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::lint {

struct QueryName {
  std::string name;
  std::size_t begin = 0; ///< Of the comment that names it: bytes into the text.
};
/// "-- name: fetch_orders^", "-- name: GetUser :one", "/* @name FindBook */", in order.
std::vector<QueryName> query_names_in(std::string_view text);

/// What a tool replaces before the server sees the query: ":user_id" and "@user_id" by "$1",
/// "sqlc.embed(users)" by "users.*".
struct QueryPart {
  std::size_t offset = 0; ///< Bytes into the text.
  std::size_t length = 0;
  std::string sent; ///< What stands there instead.
};
/// Those between `begin` and `end`. Numbers begin anew with each statement, behind those that it
/// writes itself.
std::vector<QueryPart> query_parts_in(std::string_view text, std::size_t begin, std::size_t end);

/// The text with each part replaced in as many bytes, so that every place stays where it is: for
/// our own parser. A number that has no room becomes $0.
std::string with_parts_in_place(std::string text, const std::vector<QueryPart>& parts);

/// A statement as the server gets it.
class SentQuery {
public:
  SentQuery(std::string_view text, std::size_t begin, std::size_t end,
            const std::vector<QueryPart>& parts);
  [[nodiscard]] const std::string& sql() const { return sql_; }
  /// Where a character of sql(), counted from 1 as the server counts, stands in the text.
  [[nodiscard]] std::size_t offset_of(int character) const;
  /// A message of the server's with the names that the text gives to $1, $2, ...
  [[nodiscard]] std::string with_names(std::string message) const;

private:
  /// From here on the text goes on as it is, or is one part.
  struct Piece {
    std::size_t sent;
    std::size_t offset;
    bool is_part;
  };
  struct Name {
    std::string sent;
    std::string written;
  };
  std::string sql_;
  std::vector<Piece> pieces_;
  std::vector<Name> names_;
};

} // namespace pgkeep::lint
