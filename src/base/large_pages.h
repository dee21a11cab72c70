/// Large pages ("transparent huge pages") for work that fills much memory: in pages of the usual
/// size a tenth of such work is page faults.
///
/// All of it is without effect where the system has none (transparent_hugepage/enabled: never) or
/// another libc. Source: Linux, madvise(2), MADV_HUGEPAGE; glibc manual, Malloc Tunable Parameters.
#pragma once

#include <cstddef>

namespace pgkeep::base {

inline constexpr std::size_t kLargePageBytes = std::size_t{2} * 1024 * 1024;

/// For the large pages that lie wholly in a mapped piece of memory. Any thread.
void ask_for_large_pages(void* begin, std::size_t bytes);

/// Of the whole process: malloc takes much address space at once, and what was freed stays with it.
/// Before there are other threads.
void keep_freed_memory();

/// For what this thread allocates, of a process that keeps freed memory. At the beginning of a
/// thread: the main one allocates elsewhere.
void allocate_in_large_pages();

} // namespace pgkeep::base
