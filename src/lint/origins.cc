#include "lint/origins.h"

#include <algorithm>

#include "base/result.h"

namespace pgkeep::lint {

std::size_t Origins::add_file(std::string path, std::string text) {
  files_.push_back({.path = std::move(path), .text = std::move(text)});
  return files_.size() - 1;
}

const Origins::File& Origins::file_at(std::string_view path) const {
  const auto found = std::ranges::find(files_, path, &File::path);
  PGKEEP_ASSERT(found != files_.end());
  return *found;
}

std::size_t Origins::piece_at(std::size_t offset) const {
  const auto after = std::ranges::upper_bound(pieces_, offset, {}, &Piece::begin);
  return static_cast<std::size_t>(after - pieces_.begin()) - 1;
}

Origins::Spot Origins::spot_of(std::size_t offset) const {
  const Piece& piece = pieces_[piece_at(offset)];
  const std::size_t inside = piece.is_value ? 0 : std::min(offset - piece.begin, piece.length);
  return {.file = &files_[piece.file], .offset = piece.offset + inside};
}

std::string Origins::shown(std::size_t begin, std::size_t end) const {
  std::string out;
  for (std::size_t at = piece_at(begin); at < pieces_.size() && pieces_[at].begin < end; ++at) {
    const Piece& piece = pieces_[at];
    const std::string_view there =
        std::string_view(files_[piece.file].text).substr(piece.offset, piece.length);
    if (piece.is_value) {
      out += there;
      continue;
    }
    const std::size_t from = begin > piece.begin ? begin - piece.begin : 0;
    if (from < there.size()) out += there.substr(from, end - piece.begin - from);
  }
  return out;
}

} // namespace pgkeep::lint
