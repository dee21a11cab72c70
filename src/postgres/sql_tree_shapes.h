/// What libpg_query's messages look like in memory, by protobuf-c's own descriptors: for a walk
/// over a tree, and for a copy of it.
///
/// Private to sql_tree*.cc. Immutable; thread-safe. Source: protobuf-c/protobuf-c.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <span>
#include <string_view>
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

/// Where a message keeps one of its fields: what is asked again and again, in place of the field's
/// whole descriptor.
struct FieldPlace {
  std::uint16_t offset = 0;
  /// Of a list where its length is, of a union which of its members it holds.
  std::uint16_t count_offset = 0;
  std::uint16_t member = 0; ///< Of a union; 0 for other fields.
  bool is_list = false;
  std::uint8_t enumeration = 0; ///< Shapes::name_of(); 0 for none, and for 64 bits:
  static constexpr std::uint8_t kLong = 255;
};

inline std::span<ProtobufCMessage* const> list_at(const ProtobufCMessage& message,
                                                  const FieldPlace& field) {
  return {value_at<ProtobufCMessage* const*>(message, field.offset),
          value_at<std::size_t>(message, field.count_offset)};
}
inline bool is_other_member(const ProtobufCMessage& message, const FieldPlace& field) {
  return field.member != 0 && value_at<std::uint32_t>(message, field.count_offset) != field.member;
}

/// The fields of one kind by the hashes of their names. Each has a slot of its own, so that a look
/// at one place tells.
class FieldTable {
public:
  struct NamedField {
    std::uint64_t hash = 0;
    FieldPlace place = {};
  };
  FieldTable() = default; ///< For a kind without any.
  /// A hash that comes twice ends the program.
  explicit FieldTable(std::span<const NamedField> fields);
  /// By Field::hash() of its name; null where the kind has no such field.
  [[nodiscard]] const FieldPlace* find(std::uint64_t hash) const {
    const NamedField& slot = slots_[slot_of(hash)];
    return slot.hash == hash ? &slot.place : nullptr;
  }

private:
  [[nodiscard]] std::size_t slot_of(std::uint64_t hash) const { return (hash >> shift_) & mask_; }
  /// False where two would have the same slot.
  bool fill(std::span<const NamedField> fields);

  std::vector<NamedField> slots_ = std::vector<NamedField>(1);
  std::uint64_t mask_ = 0; ///< One less than there are slots.
  unsigned shift_ = 0;
};

/// A kind of messages: protobuf-c's own description, and what is asked of it again and again. That
/// of a message in a copied tree is one of these.
struct Shape : ProtobufCMessageDescriptor {
  explicit Shape(const ProtobufCMessageDescriptor& kind) : ProtobufCMessageDescriptor(kind) {}

  std::uint32_t number = 0; ///< Counted from 0.
  KindName name = {};       ///< PostgreSQL's own: short_name has no underscores ("AConst").
  FieldTable places = {};
  const ProtobufCFieldDescriptor* location = nullptr;
  std::vector<FieldPlace> links = {};   ///< Fields that hold nodes.
  std::vector<FieldPlace> texts = {};   ///< Fields that hold one text.
  std::vector<FieldPlace> numbers = {}; ///< Lists of 64-bit numbers.
};

/// Of a message in a copied tree.
inline const Shape& shape_of(const ProtobufCMessage& message) {
  return static_cast<const Shape&>(*message.descriptor);
}

/// A text of a copied tree: its size stands before it, a zero byte behind it.
class CopiedText {
public:
  using Size = std::uint32_t;

  static const char* empty() {
    static constexpr std::array<char, sizeof(Size) + 1> kEmpty = {};
    return kEmpty.data() + sizeof(Size);
  }
  /// Into as many bytes as `take` is asked for.
  static const char* write(const char* text, auto&& take) {
    const std::size_t length = std::strlen(text);
    const auto size = static_cast<Size>(length);
    auto* const begin = static_cast<char*>(take(sizeof size + length + 1));
    std::memcpy(begin, &size, sizeof size);
    return static_cast<const char*>(std::memcpy(begin + sizeof size, text, length + 1));
  }
  static std::string_view view(const char* text) {
    Size size = 0;
    std::memcpy(&size, text - sizeof size, sizeof size);
    return {text, size};
  }
};

/// The nodes of a copied tree in the order of a walk, parents first: what is below a node stands
/// behind it. Each message of the tree knows its entry, by a member that protobuf-c keeps for
/// fields it does not know and the parser's messages never have.
class WalkOrder {
public:
  struct Entry {
    ProtobufCMessage* message = nullptr;
    std::uint32_t kind = 0; ///< Shape::number.
    std::uint32_t size = 0; ///< How many entries the node and all below it are.
  };

  /// Before the first: about as many as are to come.
  void reserve(std::size_t entries) { entries_.reserve(entries); }
  /// The entry of a message that is not yet filled in.
  std::size_t begin(ProtobufCMessage& message, const Shape& shape) {
    entries_.push_back({.message = &message, .kind = shape.number});
    return entries_.size() - 1;
  }
  /// All that is below it has been added.
  void end(std::size_t place) {
    entries_[place].size = static_cast<std::uint32_t>(entries_.size() - place);
  }
  /// The tree is whole: entries stay where they are.
  void finish() {
    for (Entry& entry : entries_)
      entry.message->unknown_fields = reinterpret_cast<ProtobufCMessageUnknownField*>(&entry);
  }
  /// Of a message, which must be one of a finished tree.
  static const Entry& entry_of(const ProtobufCMessage& message) {
    return *reinterpret_cast<const Entry*>(message.unknown_fields);
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
  /// Of a message that libpg_query has made.
  [[nodiscard]] const Shape& of(const ProtobufCMessage& message) const {
    std::size_t at = place_of(message.descriptor);
    while (places_[at].kind != message.descriptor)
      at = (at + 1) % kPlaces;
    return *places_[at].shape;
  }
  [[nodiscard]] const std::deque<Shape>& all() const { return shapes_; }
  /// Of the value of an enumeration; empty where it has none.
  [[nodiscard]] std::string_view name_of(const FieldPlace& field, std::int32_t value) const {
    const std::vector<std::string_view>& names = enumerations_[field.enumeration].names;
    const auto at = static_cast<std::size_t>(value);
    return value >= 0 && at < names.size() ? names[at] : std::string_view{};
  }
  /// Whether `texts`, `links` and `numbers` are all that a message points at, in every kind.
  [[nodiscard]] bool are_complete() const { return are_complete_; }

private:
  static constexpr std::size_t kPlaces = 2048;
  struct Place {
    const ProtobufCMessageDescriptor* kind = nullptr;
    const Shape* shape = nullptr;
  };
  static std::size_t place_of(const ProtobufCMessageDescriptor* kind) {
    const auto address = reinterpret_cast<std::uintptr_t>(kind) >> 4U;
    return (address ^ (address >> 11U)) % kPlaces;
  }
  struct Enumeration {
    const ProtobufCEnumDescriptor* type = nullptr;
    std::vector<std::string_view> names = {}; ///< By value.
  };
  void add(const ProtobufCMessageDescriptor& kind);
  FieldPlace add_field(Shape& shape, const ProtobufCFieldDescriptor& field);
  FieldPlace place_of(const ProtobufCFieldDescriptor& field);
  std::uint8_t add_enumeration(const ProtobufCEnumDescriptor& type);

  std::deque<Shape> shapes_; // They stay where they are.
  std::vector<Place> places_ = std::vector<Place>(kPlaces);
  std::vector<Enumeration> enumerations_ = std::vector<Enumeration>(1); ///< The first is none.
  bool are_complete_ = true;
};

inline const Shapes& shapes() {
  static const Shapes all;
  return all;
}

} // namespace pgkeep::postgres
