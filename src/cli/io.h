/// Where a command prints: reports to out, progress and messages to err. What is a terminal decides
/// colour and width.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace pgkeep::cli {

class Io {
public:
  /// Standard output and error of this process. Colour: a terminal, no NO_COLOR, TERM not dumb.
  static Io standard();
  void out(std::string_view text);
  void err(std::string_view text);
  [[nodiscard]] bool out_is_terminal() const { return out_is_terminal_; }
  [[nodiscard]] bool colour() const { return colour_; }
  [[nodiscard]] int columns() const { return columns_; }
  /// False once writing to out failed (a closed pipe, a full disk).
  [[nodiscard]] bool out_is_whole() const { return out_is_whole_; }

  /// One line on a terminal's stderr that is drawn over itself; nothing elsewhere. Ended by
  /// end_progress().
  void progress(int done, int total, std::string_view what);
  /// A line that stays, such as "making a cluster": to stderr.
  void step(std::string_view what);
  void end_progress();

private:
  bool out_is_terminal_ = false;
  bool err_is_terminal_ = false;
  bool colour_ = false;
  bool progress_is_drawn_ = false;
  bool out_is_whole_ = true;
  int columns_ = 80;
};

} // namespace pgkeep::cli
