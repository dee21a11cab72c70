#include "lint/turns.h"

#include <algorithm>

namespace pgkeep::lint {
namespace {

/// Of text: its trees take about a hundred times as many, and should stay in a processor's cache.
constexpr std::uint64_t kBytesHeldMax = std::uint64_t{256} * 1024;

} // namespace

Turns::Turns(std::span<const ListedFile> files, std::size_t judges, std::size_t threads)
    : files_(files), threads_(threads), judges_(judges), is_read_(files.size()) {}

std::optional<Turns::Turn> Turns::next(const std::optional<Turn>& before) {
  std::unique_lock lock(mutex_);
  if (before) end(*before);
  while (judged_ < files_.size()) {
    if (const auto turn = find()) return turn;
    changed_.wait(lock);
  }
  return std::nullopt;
}

void Turns::end(const Turn& turn) {
  if (turn.judge) {
    Judge& judge = judges_[*turn.judge];
    judge.is_at_work = false;
    ++judge.file;
    const std::size_t judged = std::ranges::min(judges_, {}, &Judge::file).file;
    for (; judged_ < judged; ++judged_)
      bytes_held_ -= files_[judged_].bytes;
  } else {
    is_read_[turn.file] = true;
  }
  changed_.notify_all();
}

// Somebody always finds something: the first file that is not judged is at hand or may be read.
std::optional<Turns::Turn> Turns::find() {
  for (std::size_t number = 0; number < judges_.size(); ++number) {
    Judge& judge = judges_[number];
    if (judge.is_at_work || judge.file == files_.size() || !is_read_[judge.file]) continue;
    judge.is_at_work = true;
    return Turn{.file = judge.file, .judge = number};
  }
  if (!may_read()) return std::nullopt;
  bytes_held_ += files_[unread_].bytes;
  return Turn{.file = unread_++, .judged = judged_};
}

/// Of large files as many as there are threads, which would have nothing to do.
bool Turns::may_read() const {
  if (unread_ == files_.size()) return false;
  return bytes_held_ < kBytesHeldMax || unread_ - judged_ < threads_;
}

} // namespace pgkeep::lint
