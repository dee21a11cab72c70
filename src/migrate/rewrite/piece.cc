#include "migrate/rewrite/piece.h"

namespace pgkeep::migrate::rewriting {
namespace {

constexpr std::string_view kStep = "-- pgkeep:step\n";

/// Comments alone need no semicolon and are in no transaction.
bool is_comment_only(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && !line.substr(first).starts_with("--")) return false;
    at = end + 1;
  }
  return true;
}

} // namespace

void Writer::keep(Place place) {
  is_open_ = place != Place::alone;
  must_end_ = place == Place::own;
}

void Writer::step() {
  if (!text_.empty() && !text_.ends_with('\n')) text_ += '\n';
  text_ += kStep;
  is_open_ = false;
  must_end_ = false;
}

void Writer::gap(std::string_view text) {
  text_ += text;
  if (text.find("pgkeep:step") != std::string_view::npos) {
    is_open_ = false;
    must_end_ = false;
  }
}

void Writer::before(Place place) {
  if (place == Place::alone) return;
  if (must_end_ || (place == Place::own && is_open_)) step();
}

void Writer::statement(std::string_view text, Place place) {
  text_ += text;
  keep(place);
}

void Writer::pieces(const Pieces& all, bool gap_has_semicolon) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Piece& piece = all[i];
    if (is_comment_only(piece.text)) {
      text_ += piece.text;
      text_ += '\n';
      continue;
    }
    // A directive must stand on a line of its own.
    if (piece.text.starts_with("--") && !text_.empty() && !text_.ends_with('\n')) text_ += '\n';
    if (i > 0) before(piece.place);
    text_ += piece.text;
    keep(piece.place);
    const bool is_last = i + 1 == all.size();
    if (!is_last || !gap_has_semicolon) text_ += ';';
    if (!is_last) text_ += '\n';
  }
}

std::string file_of(std::string_view comment, const Pieces& pieces) {
  Writer writer;
  writer.gap(comment);
  for (const Piece& piece : pieces) {
    writer.before(piece.place);
    writer.pieces({piece}, false);
    if (!writer.text().ends_with('\n')) writer.gap("\n");
  }
  return writer.text();
}

} // namespace pgkeep::migrate::rewriting
