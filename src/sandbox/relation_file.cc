// The descent: block 1 is the root, on level `height`, with one entry that leads to block 2, and so
// on down to an empty leaf. An entry without key columns is "minus infinity", which is what stands
// first on the leftmost page of each level; pages without neighbours have no high key.
#include "sandbox/relation_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/fd.h"

namespace pgkeep::sandbox {
namespace {

constexpr std::size_t kPageBytes = 8192;
using Page = std::array<unsigned char, kPageBytes>;

base::Error failed(std::string_view what, const std::filesystem::path& file) {
  return {.code = base::Code::io,
          .what = fmt::format("{}: {}", what, std::generic_category().message(errno)),
          .where = file.string()};
}

template <typename Value>
void put(Page& page, std::size_t at, Value value) {
  std::memcpy(page.data() + at, &value, sizeof value);
}

// PageHeaderData: lsn 8, checksum 2, flags 2, lower 2, upper 2, special 2, size and version 2,
// prune_xid 4; then line pointers of 4 bytes.
constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kLowerAt = 12;
constexpr std::size_t kUpperAt = 14;
constexpr std::size_t kSpecialAt = 16;
constexpr std::size_t kVersionAt = 18;
constexpr std::uint16_t kVersion = kPageBytes | 4U;
// BTPageOpaqueData at the end: previous 4, next 4, level 4, flags 2, cycle 2.
constexpr std::uint16_t kOpaqueAt = kPageBytes - 16;
constexpr std::uint16_t kLeaf = 1;
constexpr std::uint16_t kRoot = 2;
// BTMetaPageData behind the header: magic 4, version 4, root 4, level 4, fast root 4, its level 4.
constexpr std::size_t kRootAt = kHeaderBytes + 8;
// IndexTupleData: block 2 + 2, offset 2, size and flags 2.
constexpr std::uint16_t kEntryBytes = 8;
constexpr std::uint16_t kIsPivot = 0x2000;

Page page_of_level(std::uint32_t block, std::uint32_t level, bool is_root) {
  Page page{};
  const bool is_leaf = level == 0;
  const std::uint16_t upper = is_leaf ? kOpaqueAt : kOpaqueAt - kEntryBytes;
  put<std::uint16_t>(page, kLowerAt, is_leaf ? kHeaderBytes : kHeaderBytes + 4);
  put<std::uint16_t>(page, kUpperAt, upper);
  put<std::uint16_t>(page, kSpecialAt, kOpaqueAt);
  put<std::uint16_t>(page, kVersionAt, kVersion);
  put<std::uint32_t>(page, kOpaqueAt + 8, level);
  put<std::uint16_t>(page, kOpaqueAt + 12,
                     static_cast<std::uint16_t>((is_leaf ? kLeaf : 0U) | (is_root ? kRoot : 0U)));
  if (is_leaf) return page;
  // A line pointer: offset 15 bits, state 2 (1 = normal), length 15.
  put<std::uint32_t>(page, kHeaderBytes, upper | (1U << 15U) | (std::uint32_t{kEntryBytes} << 17U));
  put<std::uint16_t>(page, upper + 2, static_cast<std::uint16_t>(block + 1));
  put<std::uint16_t>(page, upper + 6, kEntryBytes | kIsPivot);
  return page;
}

base::Result<> write_page(int fd, const Page& page, std::uint32_t block,
                          const std::filesystem::path& file) {
  const auto at = static_cast<off_t>(block) * static_cast<off_t>(kPageBytes);
  if (::pwrite(fd, page.data(), page.size(), at) == static_cast<ssize_t>(page.size())) return {};
  return failed("cannot write it", file);
}

base::Result<> write_descent(int fd, std::uint32_t height, const std::filesystem::path& file) {
  Page meta{};
  if (::pread(fd, meta.data(), meta.size(), 0) != static_cast<ssize_t>(meta.size()))
    return failed("cannot read it", file);
  for (const std::size_t at : {kRootAt, kRootAt + 8}) {
    put<std::uint32_t>(meta, at, 1);
    put<std::uint32_t>(meta, at + 4, height);
  }
  PGKEEP_CHECK(write_page(fd, meta, 0, file));
  for (std::uint32_t level = height + 1; level-- > 0;) {
    const std::uint32_t block = height - level + 1;
    PGKEEP_CHECK(write_page(fd, page_of_level(block, level, level == height), block, file));
  }
  return {};
}

base::Result<base::Fd> open_segment(const RelationFile& relation, std::int64_t segment) {
  std::filesystem::path file = relation.file;
  if (segment > 0) file += fmt::format(".{}", segment);
  base::Fd fd(
      ::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | (segment > 0 ? O_CREAT : 0), 0600));
  if (!fd.is_open()) return failed("cannot open it", file);
  if (segment > 0 && relation.owner &&
      ::fchown(fd.get(), relation.owner->uid, relation.owner->gid) != 0)
    return failed("cannot hand it over to the server", file);
  return fd;
}

} // namespace

int height_of(std::int64_t pages, double entry_bytes) {
  // An entry of an inner page is at least 16 bytes and its pointer; inner pages are filled to seven
  // tenths (BTREE_NONLEAF_FILLFACTOR, and as splits leave them), the root until it is full.
  const double entries = std::max(kPageBytes / std::max(entry_bytes, 20.0), 2.0);
  int height = 0;
  double level = static_cast<double>(pages) - 1; // Without the meta page.
  while (level > 1) {
    level = level <= entries ? 1 : std::ceil(level / std::max(entries * 0.7, 2.0));
    ++height;
  }
  return height;
}

base::Result<> grow_relation(const RelationFile& relation) {
  for (std::int64_t segment = 0; segment * relation.segment_pages < relation.pages; ++segment) {
    const std::int64_t pages =
        std::min(relation.pages - segment * relation.segment_pages, relation.segment_pages);
    PGKEEP_TRY(const base::Fd fd, open_segment(relation, segment));
    struct stat status = {};
    const std::int64_t bytes = pages * static_cast<std::int64_t>(kPageBytes);
    if (::fstat(fd.get(), &status) != 0) return failed("cannot look at it", relation.file);
    if (status.st_size >= bytes) continue;
    const bool is_empty_tree = relation.entry_bytes > 0 && segment == 0 &&
                               status.st_size == static_cast<off_t>(kPageBytes);
    if (::ftruncate(fd.get(), bytes) != 0) return failed("cannot make it longer", relation.file);
    const int height = height_of(relation.pages, relation.entry_bytes);
    if (is_empty_tree && height + 2 <= relation.pages)
      PGKEEP_CHECK(write_descent(fd.get(), static_cast<std::uint32_t>(height), relation.file));
  }
  return {};
}

} // namespace pgkeep::sandbox
