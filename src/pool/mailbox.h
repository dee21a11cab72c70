/// Where a thread leaves something for another: bounded, and the owner is woken by an eventfd that
/// it waits for together with its sockets.
///
/// Private to src/pool. Threads: post() any; take() and fd() the owner alone.
#pragma once

#include <sys/eventfd.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace pgkeep::pool {

template <typename Message>
class Mailbox {
public:
  static constexpr std::size_t kMessagesMax = 65'536;

  Mailbox() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  /// False where it is full: the message stays the caller's.
  bool post(Message& message) { return put(message, kMessagesMax); }
  /// Of a kind that has a limit of its own: answers of workers, orders.
  void post_always(Message& message) { put(message, SIZE_MAX); }
  std::vector<Message> take() {
    eventfd_t count = 0;
    ::eventfd_read(fd_.get(), &count);
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

private:
  bool put(Message& message, std::size_t most) {
    {
      const std::lock_guard lock(mutex_);
      if (messages_.size() >= most) return false;
      messages_.push_back(std::move(message));
      if (messages_.size() > 1) return true; // Whoever put the first has woken the owner.
    }
    ::eventfd_write(fd_.get(), 1); // Fails when it is as full as it gets: then he is woken anyway.
    return true;
  }

  base::Fd fd_;
  std::mutex mutex_; // guards messages_
  std::vector<Message> messages_;
};

} // namespace pgkeep::pool
