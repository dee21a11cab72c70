/// Looks at a statement while it runs: tells how far it is each second, and cancels it when the
/// user interrupts.
///
/// Threads: has one of its own from construction to destruction, which alone uses `eyes` meanwhile.
/// Source: PostgreSQL manual, progress-reporting.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "postgres/conn.h"

namespace pgkeep::migrate {

class Watch {
public:
  /// on_second(text, fraction): "building index: 12,000 of 40,000 blocks"; fraction -1 = not known.
  using OnSecond = std::function<void(const std::string& text, double fraction)>;
  Watch(postgres::Connection& work, postgres::Connection& eyes, OnSecond on_second);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

private:
  void look(const std::stop_token& stop);
  void tell(double seconds);

  postgres::Connection& work_;
  postgres::Connection& eyes_;
  OnSecond on_second_;
  std::mutex mutex_; // Guards nothing: the condition variable wants one.
  std::condition_variable_any wake_;
  std::jthread thread_;
};

} // namespace pgkeep::migrate
