#include "base/large_pages.h"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <malloc.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"

namespace pgkeep::base {
namespace {

struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

/// Of a line of /proc/self/maps: "7f2d14000000-7f2d17c21000 rw-p ...".
Mapping mapping_of(std::string_view line) {
  constexpr int kHexadecimal = 16;
  Mapping mapping;
  const char* const end = line.data() + line.size();
  const auto begins = std::from_chars(line.data(), end, mapping.begin, kHexadecimal);
  if (begins.ptr != end) std::from_chars(begins.ptr + 1, end, mapping.end, kHexadecimal);
  return mapping;
}

} // namespace

void ask_for_large_pages(void* begin, std::size_t bytes) {
  void* at = begin;
  std::size_t room = bytes;
  if (std::align(kLargePageBytes, kLargePageBytes, at, room) == nullptr) return;
  ::madvise(at, room / kLargePageBytes * kLargePageBytes, MADV_HUGEPAGE);
}

void keep_freed_memory() {
  constexpr int kKeptBytes = 256 * 1024 * 1024;
  constexpr int kTakenBytes = 60 * 1024 * 1024; // A thread's first piece has 64 at most.
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);      // NOLINT(concurrency-mt-unsafe): see above.
  ::mallopt(M_TOP_PAD, kTakenBytes);            // NOLINT(concurrency-mt-unsafe): as well.
}

void allocate_in_large_pages() {
  using Piece = std::unique_ptr<void, Release<std::free>>;
  const Piece piece(std::malloc(1)); // NOLINT(*-no-malloc): where does it lie?
  const auto place = reinterpret_cast<std::uintptr_t>(piece.get());
  const auto maps = read_file("/proc/self/maps");
  if (!maps) return;
  for (const std::string& line : split(*maps, '\n')) {
    const Mapping mapping = mapping_of(line);
    if (place < mapping.begin || place >= mapping.end) continue;
    char* const begin = static_cast<char*>(piece.get()) - (place - mapping.begin);
    return ask_for_large_pages(begin, mapping.end - mapping.begin);
  }
}

} // namespace pgkeep::base
