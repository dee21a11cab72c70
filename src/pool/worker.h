/// Threads that do what takes too long for a loop: passwords, names of hosts.
///
/// Where most of the time is spent waiting for somebody else, more of them are started while all
/// are busy, up to a limit, and stay. Private to src/pool. Threads: post() any. A job that is
/// running when the workers go is waited for; those that were not begun are dropped. is_busy() any.
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

  /// `count` from the start, and as many as `most` when they are needed.
  explicit Workers(std::size_t count, std::size_t most = 0);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers(Workers&&) = delete;
  Workers& operator=(const Workers&) = delete;
  Workers& operator=(Workers&&) = delete;

  /// False where too many wait already.
  bool post(Job job);
  /// A job is running.
  [[nodiscard]] bool is_busy();

private:
  void start();
  void start_another();
  void run(const std::stop_token& stop);

  const std::size_t most_;
  std::mutex mutex_; // guards jobs_, idle_ and, until this goes, threads_
  std::condition_variable_any wake_;
  std::deque<Job> jobs_;
  std::size_t idle_ = 0;              ///< Threads that wait for one.
  std::vector<std::jthread> threads_; // Last: they use the rest.
};

} // namespace pgkeep::pool
