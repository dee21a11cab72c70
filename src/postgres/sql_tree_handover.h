/// How a tree of libpg_query's comes into our memory. Private to sql_tree*.cc. Thread-safe.
///
/// pg_query_parse_protobuf() builds a tree of protobuf-c messages, packs it into bytes and frees
/// it; unpacking the bytes gives the same tree again. Packing and unpacking cost more than the
/// parser itself: protobuf-c finds the size of a message anew on each level above it. So the linker
/// is told (CMakeLists.txt, --wrap) to send libpg_query's two calls to the packer through here,
/// where the tree is copied into an Arena instead, and no byte is packed. Nothing else changes: a
/// thread that has not asked for a tree here packs as ever, and where the linker did not do it (a
/// shared libpg_query has no such calls to send), the packed bytes are unpacked.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/sql_tree_shapes.h"

namespace pgkeep::postgres {

/// Memory for one tree, whose thousand small pieces are given back at once; and its WalkOrder.
class Arena {
public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() = default;

  /// Aligned for anything.
  void* take(std::size_t bytes);
  /// For protobuf-c. Points at this arena.
  ProtobufCAllocator* allocator() { return &allocator_; }
  WalkOrder& order() { return order_; }

private:
  static void* allocate(void* arena, std::size_t bytes) {
    return static_cast<Arena*>(arena)->take(bytes);
  }
  static void release(void* /*arena*/, void* /*piece*/) {}

  ProtobufCAllocator allocator_ = {.alloc = allocate, .free = release, .allocator_data = this};
  WalkOrder order_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

/// Parses text that check_input() and check_depth() let pass. The tree lies in the arena; a Node
/// message may be left out, with what it holds in its place: unwrap() whatever is read. Members
/// called "location" are counted as if the text stood at `begin` of another; those of RawStmt are
/// not. Errors: Code::unsupported with line:column in `where`.
base::Result<const PgQuery__ParseResult*> parse_into(Arena& arena, const std::string& sql,
                                                     std::size_t begin = 0);

/// For the test: the same by way of packed bytes.
base::Result<const PgQuery__ParseResult*> parse_packed_into(Arena& arena, const std::string& sql,
                                                            std::size_t begin = 0);

} // namespace pgkeep::postgres
