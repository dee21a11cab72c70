/// Threads that do what takes too long for a loop: passwords, names of hosts.
///
/// Private to src/pool. Threads: post() any. A job that is running when the workers go is waited
/// for; those that were not begun are dropped.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pgkeep::pool {

class Workers {
public:
  using Job = std::move_only_function<void()>;
  static constexpr std::size_t kJobsMax = 4096;

  explicit Workers(int count);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers(Workers&&) = delete;
  Workers& operator=(const Workers&) = delete;
  Workers& operator=(Workers&&) = delete;

  /// False where too many wait already.
  bool post(Job job);

private:
  void run(const std::stop_token& stop);

  std::mutex mutex_; // guards jobs_
  std::condition_variable_any wake_;
  std::deque<Job> jobs_;
  std::vector<std::jthread> threads_; // Last: they use the rest.
};

} // namespace pgkeep::pool
