/// A queue in one piece of memory. What is taken from its front makes room for what comes behind,
/// so it is as large as what is in it at a time, not as what went through; once nothing is in it, a
/// large piece is given back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace pgkeep::wire {

template <typename T>
class Fifo {
public:
  [[nodiscard]] bool empty() const { return head_ == items_.size(); }
  [[nodiscard]] std::size_t size() const { return items_.size() - head_; }
  /// Of its memory.
  [[nodiscard]] std::size_t bytes() const { return items_.capacity() * sizeof(T); }
  [[nodiscard]] T& operator[](std::size_t at) { return items_[head_ + at]; }
  [[nodiscard]] const T& operator[](std::size_t at) const { return items_[head_ + at]; }
  [[nodiscard]] const T& front() const { return items_[head_]; }

  void push(T item) {
    // At least as many go as have to be moved.
    if (items_.size() == items_.capacity() && head_ > 0 && head_ >= size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    items_.push_back(std::move(item));
  }

  T pop() {
    T first = std::exchange(items_[head_], {});
    if (++head_ == items_.size()) {
      items_.clear();
      head_ = 0;
      if (bytes() > kRoomBytes) items_ = std::vector<T>();
    }
    return first;
  }

  /// So many that stand right behind the first, which stays.
  void remove_behind_first(std::size_t count) {
    const auto behind = items_.begin() + static_cast<std::ptrdiff_t>(head_) + 1;
    items_.erase(behind, behind + static_cast<std::ptrdiff_t>(count));
  }

private:
  static constexpr std::size_t kRoomBytes = 4096; ///< Is kept for what comes next.

  std::vector<T> items_; ///< From head_ on.
  std::size_t head_ = 0;
};

} // namespace pgkeep::wire
