#include "pool/worker.h"

#include <pthread.h>

#include <system_error>

namespace pgkeep::pool {

Workers::Workers(std::size_t count, std::size_t most) : most_(most) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < count; ++i)
    start();
}

Workers::~Workers() {
  for (std::jthread& thread : threads_)
    thread.request_stop();
}

bool Workers::post(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() == kJobsMax) return false;
    jobs_.push_back(std::move(job));
    if (jobs_.size() > idle_ && threads_.size() < most_) start_another();
  }
  wake_.notify_one();
  return true;
}

bool Workers::is_busy() {
  const std::lock_guard lock(mutex_);
  return idle_ < threads_.size();
}

void Workers::start() {
  threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
}

/// Where the system gives none those that are there do all of it.
void Workers::start_another() {
  try {
    start();
  } catch (const std::system_error&) {
    return;
  }
}

void Workers::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "pool-worker");
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      ++idle_;
      const bool has_one = wake_.wait(lock, stop, [this] { return !jobs_.empty(); });
      --idle_;
      if (!has_one || stop.stop_requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

} // namespace pgkeep::pool
