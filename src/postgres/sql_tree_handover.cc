// A copy takes a message as it lies there, then mends what it points at. Of each kind it is known
// which members are pointers (Shape); should libpg_query ever have others, everything is packed.
#include "postgres/sql_tree_handover.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "postgres/parser_input.h"

namespace pgkeep::postgres {
namespace {

using Parsed = Owned<PgQueryProtobufParseResult, pg_query_free_protobuf_parse_result>;

class Copier {
public:
  Copier(Arena& arena, std::size_t begin)
      : arena_(arena), begin_(static_cast<std::int32_t>(begin)) {}

  /// All of a tree.
  const PgQuery__ParseResult* copy_tree(const PgQuery__ParseResult& tree) {
    const ProtobufCMessage* const copied = copy(&tree.base);
    order_.finish();
    return reinterpret_cast<const PgQuery__ParseResult*>(copied);
  }

private:
  /// As deep as the tree, which check_depth() limits; packing it went as deep.
  ProtobufCMessage* copy(const ProtobufCMessage* message) {
    message = unwrap(message);
    if (message == nullptr) return nullptr;
    const Shape& shape = shapes_.of(*message);
    auto* const made = static_cast<std::byte*>(arena_.take(shape.sizeof_message));
    std::memcpy(made, message, shape.sizeof_message);
    auto* const copied = reinterpret_cast<ProtobufCMessage*>(made);
    copied->descriptor = &shape;
    const std::size_t place = order_.begin(*copied, shape);
    if (shape.location != nullptr) move_place(made, *message, shape.location->offset);
    for (const FieldPlace& field : shape.texts)
      point_at(made, field.offset, copy_text(value_at<const char*>(*message, field.offset)));
    for (const FieldPlace& field : shape.links) {
      if (field.is_list) {
        copy_list(made, *message, field);
      } else if (!is_other_member(*message, field)) {
        const auto* const child = value_at<const ProtobufCMessage*>(*message, field.offset);
        if (child != nullptr) point_at(made, field.offset, copy(child));
      }
    }
    for (const FieldPlace& field : shape.numbers)
      copy_numbers(made, *message, field);
    order_.end(place);
    return copied;
  }

  static void point_at(std::byte* made, unsigned offset, const void* target) {
    std::memcpy(made + offset, static_cast<const void*>(&target), sizeof target);
  }
  void move_place(std::byte* made, const ProtobufCMessage& message, unsigned offset) const {
    const auto place = value_at<std::int32_t>(message, offset);
    const std::int32_t moved = place < 0 ? place : place + begin_; // -1: not known.
    std::memcpy(made + offset, &moved, sizeof moved);
  }
  const char* copy_text(const char* text) {
    // An empty one is a constant of protobuf-c's.
    if (text == nullptr || *text == '\0') return CopiedText::empty();
    return CopiedText::write(text, [&](std::size_t bytes) { return arena_.take(bytes); });
  }
  void copy_list(std::byte* made, const ProtobufCMessage& message, const FieldPlace& field) {
    const auto items = list_at(message, field);
    if (items.empty()) return point_at(made, field.offset, nullptr);
    auto* const copies = static_cast<ProtobufCMessage**>(arena_.take(items.size_bytes()));
    std::ranges::transform(items, copies, [&](const ProtobufCMessage* each) { return copy(each); });
    point_at(made, field.offset, static_cast<const void*>(copies));
  }
  void copy_numbers(std::byte* made, const ProtobufCMessage& message, const FieldPlace& field) {
    const auto bytes = value_at<std::size_t>(message, field.count_offset) * sizeof(std::int64_t);
    const void* const numbers = value_at<const void*>(message, field.offset);
    if (bytes == 0) return point_at(made, field.offset, nullptr);
    point_at(made, field.offset, std::memcpy(arena_.take(bytes), numbers, bytes));
  }

  Arena& arena_;
  WalkOrder& order_ = arena_.order();
  std::int32_t begin_;
  const Shapes& shapes_ = shapes();
};

/// What a thread waits for while it is in the parser.
struct Handover {
  Arena* arena = nullptr; ///< Null: nobody asked, so bytes are packed.
  std::size_t begin = 0;
  const PgQuery__ParseResult* result = nullptr;
};
thread_local Handover handover; // NOLINT: each thread's own, as libpg_query's memory is.

base::Result<const PgQuery__ParseResult*> parse(Arena& arena, const std::string& sql,
                                                std::size_t begin, bool may_hand_over) {
  constexpr std::size_t kBytesPerNode = 4; // Of ordinary SQL; few nodes are more than a guess.
  constexpr std::size_t kNodesMax = 4'096;
  arena.order().reserve(std::min(sql.size() / kBytesPerNode, kNodesMax));
  handover = {.arena = may_hand_over && shapes().are_complete() ? &arena : nullptr, .begin = begin};
  const Parsed parsed(pg_query_parse_protobuf(sql.c_str()));
  const Handover taken = std::exchange(handover, {});
  if (parsed->error != nullptr) return unsupported(sql, *parsed->error);
  if (taken.result != nullptr) return taken.result;
  const PgQuery__ParseResult* const result = pg_query__parse_result__unpack(
      arena.allocator(), parsed->parse_tree.len,
      reinterpret_cast<const std::uint8_t*>(parsed->parse_tree.data));
  if (result == nullptr)
    return base::Error{.code = base::Code::unsupported, .what = "the parse tree cannot be read"};
  return Copier(arena, begin).copy_tree(*result);
}

} // namespace

void* Arena::take(std::size_t bytes) {
  constexpr std::size_t kBlockBytes = std::size_t{16} * 1024;
  constexpr std::size_t kAlignment = alignof(std::max_align_t);
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (bytes > left_) {
    left_ = std::max(bytes, kBlockBytes);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(left_));
    next_ = blocks_.back().get();
  }
  std::byte* const piece = next_;
  next_ += bytes;
  left_ -= bytes;
  return piece;
}

base::Result<const PgQuery__ParseResult*> parse_into(Arena& arena, const std::string& sql,
                                                     std::size_t begin) {
  return parse(arena, sql, begin, true);
}

base::Result<const PgQuery__ParseResult*> parse_packed_into(Arena& arena, const std::string& sql,
                                                            std::size_t begin) {
  return parse(arena, sql, begin, false);
}

} // namespace pgkeep::postgres

// Names that the linker's --wrap gives: libpg_query calls __wrap_, and __real_ is the packer.
// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming)
extern "C" {
std::size_t __real_pg_query__parse_result__get_packed_size(const PgQuery__ParseResult* message);
std::size_t __real_pg_query__parse_result__pack(const PgQuery__ParseResult* message,
                                                std::uint8_t* out);

std::size_t __wrap_pg_query__parse_result__get_packed_size(const PgQuery__ParseResult* message) {
  using namespace pgkeep::postgres;
  if (handover.arena == nullptr) return __real_pg_query__parse_result__get_packed_size(message);
  // The tree is whole here, and still in the parser's memory.
  handover.result = Copier(*handover.arena, handover.begin).copy_tree(*message);
  return 0;
}

std::size_t __wrap_pg_query__parse_result__pack(const PgQuery__ParseResult* message,
                                                std::uint8_t* out) {
  if (pgkeep::postgres::handover.arena == nullptr)
    return __real_pg_query__parse_result__pack(message, out);
  return 0; // As many bytes as were asked for.
}
}
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)
