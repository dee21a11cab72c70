#include "pool/worker.h"

#include <pthread.h>

namespace pgkeep::pool {

Workers::Workers(int count) {
  for (int i = 0; i < count; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
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
  }
  wake_.notify_one();
  return true;
}

void Workers::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "pool-worker");
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !jobs_.empty(); }) || stop.stop_requested())
        return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

} // namespace pgkeep::pool
