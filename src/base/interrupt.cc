#include "base/interrupt.h"

#include <csignal>

#include <atomic>

namespace pgkeep::base {
namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

void note_interrupt(int) {
  interrupted = true;
}

} // namespace

void catch_interrupts() {
  struct sigaction action{};
  action.sa_handler = note_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGINT, SIGTERM})
    ::sigaction(number, &action, nullptr);
}

bool is_interrupted() noexcept {
  return interrupted;
}

} // namespace pgkeep::base
