#include "lint/script_queue.h"

#include <utility>

namespace pgkeep::lint {
namespace {

/// Of text: its trees take about a hundred times as many, and should stay in a processor's cache.
constexpr std::size_t kBytesHeldMax = std::size_t{256} * 1024;

} // namespace

ScriptQueue::ScriptQueue(std::span<const File> files, std::size_t judges)
    : files_(files), slots_(files.size()) {
  for (Slot& slot : slots_)
    slot.judges_left = judges;
}

const Script& ScriptQueue::wait_for(std::size_t file) {
  std::unique_lock lock(mutex_);
  while (slots_[file].script == nullptr) {
    if (!read_next(lock)) changed_.wait(lock);
  }
  return *slots_[file].script;
}

void ScriptQueue::done_with(std::size_t file) {
  const std::lock_guard lock(mutex_);
  Slot& slot = slots_[file];
  if (--slot.judges_left > 0) return;
  gone_[slot.reader].push_back(std::move(slot.script));
  bytes_held_ -= files_[file].text.size();
  changed_.notify_all();
}

void ScriptQueue::read_all() {
  std::unique_lock lock(mutex_);
  while (next_ < files_.size()) {
    if (!read_next(lock)) changed_.wait(lock);
  }
}

// The slowest judge always gets on: where it waits for a file that nobody reads, no other is held.
bool ScriptQueue::read_next(std::unique_lock<std::mutex>& lock) {
  const bool may_read = bytes_held_ == 0 || bytes_held_ < kBytesHeldMax;
  if (next_ == files_.size() || !may_read) return false;
  const std::size_t number = next_++;
  const File& file = files_[number];
  bytes_held_ += file.text.size();
  auto gone = std::exchange(gone_[std::this_thread::get_id()], {});
  lock.unlock();
  gone.clear(); // Where nobody waits for the mutex.
  auto script = std::make_unique<const Script>(Script::read(file.path, file.text, file.origins));
  lock.lock();
  slots_[number].script = std::move(script);
  slots_[number].reader = std::this_thread::get_id();
  changed_.notify_all();
  return true;
}

} // namespace pgkeep::lint
