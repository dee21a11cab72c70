/// What libpg_query's messages look like in memory, by protobuf-c's own descriptors: for a walk
/// over a tree, and for a copy of it.
///
/// Private to sql_tree*.cc. Immutable; thread-safe. Source: protobuf-c/protobuf-c.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "postgres/parser_input.h" // Has the messages of libpg_query.
#include "postgres/sql_tree.h"

namespace pgkeep::postgres {

inline const void* member_of(const ProtobufCMessage& message, unsigned offset) {
  return reinterpret_cast<const std::byte*>(&message) + offset;
}

template <typename Value>
const Value& value_at(const ProtobufCMessage& message, unsigned offset) {
  return *static_cast<const Value*>(member_of(message, offset));
}

/// A Node message only says which kind it holds.
inline const ProtobufCMessage* unwrap(const ProtobufCMessage* message) {
  while (message != nullptr && message->descriptor == &pg_query__node__descriptor) {
    const auto* const node = reinterpret_cast<const PgQuery__Node*>(message);
    if (node->node_case == PG_QUERY__NODE__NODE__NOT_SET) return nullptr;
    // Each member of the union is a pointer to a message.
    message = reinterpret_cast<const ProtobufCMessage*>(node->alias);
  }
  return message;
}

inline std::span<ProtobufCMessage* const> list_at(const ProtobufCMessage& message,
                                                  const ProtobufCFieldDescriptor& field) {
  return {value_at<ProtobufCMessage* const*>(message, field.offset),
          value_at<std::size_t>(message, field.quantifier_offset)};
}

/// The value of a constant is a union: whether it holds another member than this.
inline bool is_other_member(const ProtobufCMessage& message,
                            const ProtobufCFieldDescriptor& field) {
  return (field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
         value_at<std::uint32_t>(message, field.quantifier_offset) != field.id;
}

/// What is asked of a kind again and again, in place of its whole descriptor.
struct Shape {
  const ProtobufCMessageDescriptor* kind = nullptr;
  std::uint32_t number = 0; ///< Counted from 0.
  KindName name = {};       ///< PostgreSQL's own: short_name has no underscores ("AConst").
  const ProtobufCFieldDescriptor* location = nullptr;
  std::vector<const ProtobufCFieldDescriptor*> links = {};   ///< Fields that hold nodes.
  std::vector<const ProtobufCFieldDescriptor*> texts = {};   ///< Fields that hold one text.
  std::vector<const ProtobufCFieldDescriptor*> numbers = {}; ///< Lists of 64-bit numbers.
};

/// The nodes of a copied tree in the order of a walk, parents first: what is below a node stands
/// behind it. Each message of the tree knows its place here, by a member that protobuf-c keeps for
/// fields it does not know and the parser's messages never have.
class WalkOrder {
public:
  struct Entry {
    const ProtobufCMessage* message = nullptr;
    const KindName* name = nullptr; ///< Shape::name.
    std::uint32_t kind = 0;         ///< Shape::number.
    std::uint32_t size = 0;         ///< How many entries the node and all below it are.
  };

  /// The entry of a message that is not yet filled in.
  std::size_t begin(ProtobufCMessage& message, const Shape& shape) {
    message.n_unknown_fields = static_cast<unsigned>(entries_.size());
    message.unknown_fields = reinterpret_cast<ProtobufCMessageUnknownField*>(this);
    entries_.push_back({.message = &message, .name = &shape.name, .kind = shape.number});
    return entries_.size() - 1;
  }
  /// All that is below it has been added.
  void end(std::size_t place) {
    entries_[place].size = static_cast<std::uint32_t>(entries_.size() - place);
  }
  /// Of a message, which must be one of a copied tree.
  static const Entry& entry_of(const ProtobufCMessage& message) {
    const auto& order = *reinterpret_cast<const WalkOrder*>(message.unknown_fields);
    return order.entries_[message.n_unknown_fields];
  }
  /// The same, and all below it.
  static std::span<const Entry> of(const ProtobufCMessage& message) {
    const Entry& first = entry_of(message);
    return {&first, first.size};
  }

private:
  std::vector<Entry> entries_;
};

/// Of every kind there is.
class Shapes {
public:
  Shapes();
  [[nodiscard]] const Shape& of(const ProtobufCMessage& message) const {
    std::size_t at = place_of(message.descriptor);
    while (places_[at]->kind != message.descriptor)
      at = (at + 1) % kPlaces;
    return *places_[at];
  }
  [[nodiscard]] std::span<const Shape> all() const { return shapes_; }
  /// By Field::hash() of its name; null where the kind has no such field.
  [[nodiscard]] const ProtobufCFieldDescriptor* field(const ProtobufCMessageDescriptor& kind,
                                                      std::uint64_t hash) const {
    for (std::size_t at = place_of(&kind, hash); fields_[at].kind != nullptr;
         at = (at + 1) % kFields) {
      if (fields_[at].kind == &kind && fields_[at].hash == hash) return fields_[at].field;
    }
    return nullptr;
  }
  /// Whether `texts`, `links` and `numbers` are all that a message points at, in every kind.
  [[nodiscard]] bool are_complete() const { return are_complete_; }

private:
  static constexpr std::size_t kPlaces = 2048;
  static constexpr std::size_t kFieldsBits = 13; ///< Three times as many as there are.
  static constexpr std::size_t kFields = std::size_t{1} << kFieldsBits;
  struct NamedField {
    const ProtobufCMessageDescriptor* kind = nullptr;
    std::uint64_t hash = 0;
    const ProtobufCFieldDescriptor* field = nullptr;
  };

  static std::size_t place_of(const ProtobufCMessageDescriptor* kind) {
    const auto address = reinterpret_cast<std::uintptr_t>(kind) >> 4U;
    return (address ^ (address >> 11U)) % kPlaces;
  }
  static std::size_t place_of(const ProtobufCMessageDescriptor* kind, std::uint64_t hash) {
    const auto address = reinterpret_cast<std::uintptr_t>(kind);
    return ((address ^ hash) * 0x9e3779b97f4a7c15ULL) >> (64 - kFieldsBits);
  }
  void add(const ProtobufCMessageDescriptor& kind);
  void add_fields(const ProtobufCMessageDescriptor& kind);

  std::vector<Shape> shapes_;
  std::unique_ptr<const Shape*[]> places_ = std::make_unique<const Shape*[]>(kPlaces);
  std::unique_ptr<NamedField[]> fields_ = std::make_unique<NamedField[]>(kFields);
  bool are_complete_ = true;
};

inline const Shapes& shapes() {
  static const Shapes all;
  return all;
}

} // namespace pgkeep::postgres
