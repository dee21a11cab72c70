/// What rewritten SQL is made of, and how it is put together to a file. Private to
/// src/migrate/rewrite. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::migrate::rewriting {

/// Where a piece may run.
enum class Place : std::uint8_t {
  shared, ///< In the transaction of its neighbours.
  own,    ///< In a transaction of its own.
  alone,  ///< In none: the runner makes a step of it by itself.
};

/// One or more statements, without the last semicolon; comments above them belong to it.
struct Piece {
  std::string text;
  Place place = Place::shared;
};
using Pieces = std::vector<Piece>;

/// Writes pieces one after the other, with `-- pgkeep:step` where a transaction must end.
class Writer {
public:
  /// Text between statements, as it stands: blanks, comments, semicolons.
  void gap(std::string_view text);
  /// A statement that stays as it is. The step that it may need has been written by before().
  void statement(std::string_view text, Place place);
  /// To be called before the gap that leads to the next piece.
  void before(Place place);
  /// In place of one statement: the last piece has no semicolon where the gap brings one.
  void pieces(const Pieces& all, bool gap_has_semicolon);
  [[nodiscard]] const std::string& text() const { return text_; }

private:
  void step();
  void keep(Place place);

  std::string text_;
  bool is_open_ = false;  ///< The transaction at hand has statements.
  bool must_end_ = false; ///< It must take no more.
};

/// A file of its own: the comment, then the pieces.
std::string file_of(std::string_view comment, const Pieces& pieces);

} // namespace pgkeep::migrate::rewriting
