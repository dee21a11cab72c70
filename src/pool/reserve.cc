#include "pool/reserve.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <utility>

namespace pgkeep::pool {
namespace {

/// How many descriptors are free, counted up to `enough`. None of them is taken for it, not even
/// for a moment: another thread may be about to open the one that matters.
std::size_t count_free(std::size_t enough) {
  constexpr std::size_t kAtOnce = 256;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  std::array<pollfd, kAtOnce> asked{};
  std::size_t found = 0;
  // From the end, for the lowest is taken first (open(2)).
  for (rlim_t end = limit.rlim_cur; end > 0 && found < enough;) {
    const auto count = static_cast<std::size_t>(std::min<rlim_t>(kAtOnce, end));
    for (std::size_t i = 0; i < count; ++i)
      asked[i] = {.fd = static_cast<int>(--end), .events = 0, .revents = 0};
    if (::poll(asked.data(), count, 0) < 0) return found;
    found += static_cast<std::size_t>(
        std::count_if(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(count),
                      [](const pollfd& each) { return (each.revents & POLLNVAL) != 0; }));
  }
  return found;
}

} // namespace

bool Reserve::grow() {
  const std::size_t missing = kMost - kept_.size();
  const std::size_t free = count_free(kForTheRest + missing);
  if (free < kForTheRest) return false;
  for (std::size_t left = std::min(missing, free - kForTheRest); left > 0; --left) {
    base::Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd.is_open()) break;
    kept_.push_back(std::move(fd));
  }
  return true;
}

bool Reserve::spend() {
  if (kept_.empty()) return false;
  kept_.pop_back();
  return true;
}

} // namespace pgkeep::pool
