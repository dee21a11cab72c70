/// The Scripts of many files, in order, for several judges at the same time.
///
/// Whoever waits for a file that is not read yet reads one meanwhile: judges that are ahead of the
/// others read for all, so that they keep as many cores busy as there are of them. What was read is
/// held until every judge is done with it, and no more than some files at once. It goes in the
/// thread that read it, where freeing it waits for no other thread's malloc. Private to src/lint.
/// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "lint/lint.h"
#include "lint/script.h"

namespace pgkeep::lint {

class ScriptQueue {
public:
  /// The files must outlive it.
  ScriptQueue(std::span<const File> files, std::size_t judges);

  /// The file's Script, which stays until its every judge is done. Each judge asks for the files in
  /// their order.
  const Script& wait_for(std::size_t file);
  void done_with(std::size_t file);
  /// For a thread that does nothing else: until all files are read.
  void read_all();

private:
  struct Slot {
    std::unique_ptr<const Script> script;
    std::thread::id reader;
    std::size_t judges_left = 0;
  };
  /// False where nothing may be read now.
  bool read_next(std::unique_lock<std::mutex>& lock);

  std::span<const File> files_;
  std::mutex mutex_; // Guards all below.
  std::condition_variable changed_;
  std::vector<Slot> slots_; // By file.
  std::size_t next_ = 0;    // The first file that nobody has begun to read.
  std::size_t bytes_held_ = 0;
  /// By the thread that read them: what it frees before it reads another.
  std::unordered_map<std::thread::id, std::vector<std::unique_ptr<const Script>>> gone_;
};

} // namespace pgkeep::lint
