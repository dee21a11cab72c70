/// Who does what next, of several threads that read and judge many files.
///
/// Each file is read once. Each judge takes all files in their order, one at a time, in whichever
/// thread is free; who finds no file to judge reads one. What was read is held until every judge is
/// done with it, and no more than some files at once. Private to src/lint. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "lint/lint.h"

namespace pgkeep::lint {

class Turns {
public:
  struct Turn {
    std::size_t file = 0;
    std::optional<std::size_t> judge = {}; ///< None: the file is to be read.
    std::size_t judged = 0;                ///< Every judge is done with the files before this one.
  };

  /// The files must outlive it.
  Turns(std::span<const ListedFile> files, std::size_t judges, std::size_t threads);

  /// What a thread does now; waits for it. `before`: its turn until now, which is over. None when
  /// all is done.
  std::optional<Turn> next(const std::optional<Turn>& before);

private:
  struct Judge {
    std::size_t file = 0; ///< Its next one.
    bool is_at_work = false;
  };
  void end(const Turn& turn);
  [[nodiscard]] std::optional<Turn> find();
  [[nodiscard]] bool may_read() const;

  std::span<const ListedFile> files_;
  std::size_t threads_;
  std::mutex mutex_; // Guards all below.
  std::condition_variable changed_;
  std::vector<Judge> judges_;
  std::vector<bool> is_read_; // By file.
  std::size_t unread_ = 0;    // The first file that nobody has begun to read.
  std::size_t judged_ = 0;    // Turn::judged.
  std::uint64_t bytes_held_ = 0;
};

} // namespace pgkeep::lint
