#include "postgres/sql_tree_shapes.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>

#include "base/result.h"

namespace pgkeep::postgres {
namespace {

constexpr std::size_t kSlotsMax = 4'096; ///< Of one table.

} // namespace

FieldTable::FieldTable(std::span<const NamedField> fields) {
  if (fields.empty()) return;
  // Some shift suffices, or a size: a kind has thirty fields at most.
  for (std::size_t size = std::bit_ceil(2 * fields.size()); size <= kSlotsMax; size *= 2) {
    mask_ = size - 1;
    for (shift_ = 0; shift_ < 64; ++shift_) {
      if (fill(fields)) return;
    }
  }
  PGKEEP_ASSERT(false); // Two of the same name.
}

bool FieldTable::fill(std::span<const NamedField> fields) {
  slots_.assign(mask_ + 1, {});
  for (const NamedField& field : fields) {
    NamedField& slot = slots_[slot_of(field.hash)];
    if (slot.hash != 0) return false;
    slot = field;
  }
  return true;
}

Shapes::Shapes() {
  add(pg_query__parse_result__descriptor);
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const Shape& kind = shapes_[i];
    for (const ProtobufCFieldDescriptor& field : std::span(kind.fields, kind.n_fields)) {
      if (field.type == PROTOBUF_C_TYPE_MESSAGE)
        add(*static_cast<const ProtobufCMessageDescriptor*>(field.descriptor));
    }
  }
}

FieldPlace Shapes::place_of(const ProtobufCFieldDescriptor& field) {
  constexpr unsigned kMax = std::numeric_limits<std::uint16_t>::max();
  PGKEEP_ASSERT(field.offset <= kMax && field.quantifier_offset <= kMax && field.id <= kMax);
  const bool is_of_union = (field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
  const bool is_long = field.type == PROTOBUF_C_TYPE_INT64 || field.type == PROTOBUF_C_TYPE_UINT64;
  FieldPlace place{.offset = static_cast<std::uint16_t>(field.offset),
                   .count_offset = static_cast<std::uint16_t>(field.quantifier_offset),
                   .member = static_cast<std::uint16_t>(is_of_union ? field.id : 0),
                   .is_list = field.label == PROTOBUF_C_LABEL_REPEATED,
                   .enumeration = is_long ? FieldPlace::kLong : std::uint8_t{0}};
  if (field.type == PROTOBUF_C_TYPE_ENUM)
    place.enumeration =
        add_enumeration(*static_cast<const ProtobufCEnumDescriptor*>(field.descriptor));
  return place;
}

std::uint8_t Shapes::add_enumeration(const ProtobufCEnumDescriptor& type) {
  const auto known = std::ranges::find(enumerations_, &type, &Enumeration::type);
  const auto number = static_cast<std::size_t>(known - enumerations_.begin());
  PGKEEP_ASSERT(number < FieldPlace::kLong);
  if (known != enumerations_.end()) return static_cast<std::uint8_t>(number);
  Enumeration& added = enumerations_.emplace_back(Enumeration{.type = &type});
  for (const ProtobufCEnumValue& value : std::span(type.values, type.n_values)) {
    PGKEEP_ASSERT(value.value >= 0); // The parser's count from 0, without wide gaps.
    const auto at = static_cast<std::size_t>(value.value);
    added.names.resize(std::max(added.names.size(), at + 1));
    added.names[at] = value.name;
  }
  return static_cast<std::uint8_t>(number);
}

void Shapes::add(const ProtobufCMessageDescriptor& kind) {
  std::size_t at = place_of(&kind);
  while (places_[at].kind != nullptr && places_[at].kind != &kind)
    at = (at + 1) % kPlaces;
  if (places_[at].kind == &kind) return;
  constexpr std::string_view kPackage = "pg_query.";
  const std::string_view name = std::string_view(kind.name).substr(kPackage.size());
  const auto number = static_cast<std::uint32_t>(shapes_.size());
  Shape& shape = shapes_.emplace_back(kind);
  places_[at] = {.kind = &kind, .shape = &shape};
  shape.number = number;
  shape.name = {.text = name, .hash = Field::hash_of(name)};
  std::vector<FieldTable::NamedField> fields;
  for (const ProtobufCFieldDescriptor& field : std::span(kind.fields, kind.n_fields))
    fields.push_back({.hash = Field::hash_of(field.name), .place = add_field(shape, field)});
  const bool is_wrapper = &kind == &pg_query__node__descriptor; // Nobody asks it for anything.
  if (!is_wrapper) shape.places = FieldTable(fields);
}

FieldPlace Shapes::add_field(Shape& shape, const ProtobufCFieldDescriptor& field) {
  const FieldPlace place = place_of(field);
  const bool is_long = place.enumeration == FieldPlace::kLong;
  const bool is_text = field.type == PROTOBUF_C_TYPE_STRING;
  if (field.type == PROTOBUF_C_TYPE_MESSAGE) {
    shape.links.push_back(place);
  } else if (is_text && !place.is_list) {
    shape.texts.push_back(place);
  } else if (is_long && place.is_list) {
    shape.numbers.push_back(place);
  } else if (place.is_list || is_text || field.type == PROTOBUF_C_TYPE_BYTES) {
    are_complete_ = false;
  }
  // That of CREATE TABLESPACE is a folder.
  if (std::string_view(field.name) == "location" && field.type == PROTOBUF_C_TYPE_INT32)
    shape.location = &field;
  return place;
}

} // namespace pgkeep::postgres
