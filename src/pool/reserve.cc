#include "pool/reserve.h"

#include <fcntl.h>

namespace pgkeep::pool {
namespace {

/// Until there are so many, or no more are to be had.
bool fill(std::vector<base::Fd>& fds, std::size_t count) {
  while (fds.size() < count) {
    base::Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd.is_open()) return false;
    fds.push_back(std::move(fd));
  }
  return true;
}

} // namespace

bool Reserve::grow() {
  std::vector<base::Fd> for_the_rest;
  if (!fill(for_the_rest, kForTheRest)) return false;
  fill(kept_, kMost);
  return true;
}

bool Reserve::spend() {
  if (kept_.empty()) return false;
  kept_.pop_back();
  return true;
}

} // namespace pgkeep::pool
