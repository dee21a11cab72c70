/// Where the parts of a text stand that was put together: of an included file, of a variable's
/// value. Findings and errors name those places, and values are never shown.
///
/// Threads: immutable once made.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::lint {

class Origins {
public:
  /// Takes over what is behind the last piece: `length` bytes of the file `file` from `offset`.
  /// A value is `length` bytes there (`${schema}`) and others in the text.
  struct Piece {
    std::size_t begin = 0; ///< Bytes into the text that was put together.
    std::size_t file = 0;
    std::size_t offset = 0;
    std::size_t length = 0;
    bool is_value = false;
  };
  struct File {
    std::string path;
    std::string text;
  };

  std::size_t add_file(std::string path, std::string text);
  void add_piece(const Piece& piece) { pieces_.push_back(piece); }
  /// The one of that path, which is one of them.
  [[nodiscard]] const File& file_at(std::string_view path) const;
  [[nodiscard]] const File& file(std::size_t number) const { return files_[number]; }
  [[nodiscard]] bool is_empty() const { return pieces_.empty(); }

  struct Spot {
    const File* file = nullptr;
    std::size_t offset = 0;
  };
  [[nodiscard]] Spot spot_of(std::size_t offset) const;
  /// What stands in the files for that part of the text.
  [[nodiscard]] std::string shown(std::size_t begin, std::size_t end) const;

private:
  [[nodiscard]] std::size_t piece_at(std::size_t offset) const;

  std::vector<File> files_;
  std::vector<Piece> pieces_; ///< By `begin`; the first begins at 0.
};

} // namespace pgkeep::lint
