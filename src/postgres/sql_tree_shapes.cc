#include "postgres/sql_tree_shapes.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/result.h"

namespace pgkeep::postgres {

Shapes::Shapes() {
  add(pg_query__parse_result__descriptor);
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const ProtobufCMessageDescriptor& kind = *shapes_[i].kind;
    for (const ProtobufCFieldDescriptor& field : std::span(kind.fields, kind.n_fields)) {
      if (field.type == PROTOBUF_C_TYPE_MESSAGE)
        add(*static_cast<const ProtobufCMessageDescriptor*>(field.descriptor));
    }
  }
  for (const Shape& shape : shapes_) {
    std::size_t at = place_of(shape.kind);
    while (places_[at] != nullptr)
      at = (at + 1) % kPlaces;
    places_[at] = &shape;
  }
  for (const Shape& shape : shapes_)
    add_fields(*shape.kind);
}

void Shapes::add_fields(const ProtobufCMessageDescriptor& kind) {
  for (const ProtobufCFieldDescriptor& each : std::span(kind.fields, kind.n_fields)) {
    const std::uint64_t hash = Field::hash_of(each.name);
    const std::uint64_t key = key_of(kind, hash);
    PGKEEP_ASSERT(key != 0 && field(kind, hash) == nullptr);
    std::size_t at = place_of(key);
    while (fields_[at].key != 0)
      at = (at + 1) % kFields;
    fields_[at] = {.key = key, .place = place_of(each)};
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
  if (std::ranges::find(shapes_, &kind, &Shape::kind) != shapes_.end()) return;
  constexpr std::string_view kPackage = "pg_query.";
  const std::string_view name = std::string_view(kind.name).substr(kPackage.size());
  Shape shape{.kind = &kind,
              .number = static_cast<std::uint32_t>(shapes_.size()),
              .name = {.text = name, .hash = Field::hash_of(name)}};
  for (const ProtobufCFieldDescriptor& field : std::span(kind.fields, kind.n_fields)) {
    const bool is_list = field.label == PROTOBUF_C_LABEL_REPEATED;
    const bool is_long =
        field.type == PROTOBUF_C_TYPE_INT64 || field.type == PROTOBUF_C_TYPE_UINT64;
    const bool is_text = field.type == PROTOBUF_C_TYPE_STRING;
    if (field.type == PROTOBUF_C_TYPE_MESSAGE) {
      shape.links.push_back(place_of(field));
    } else if (is_text && !is_list) {
      shape.texts.push_back(place_of(field));
    } else if (is_long && is_list) {
      shape.numbers.push_back(place_of(field));
    } else if (is_list || is_text || field.type == PROTOBUF_C_TYPE_BYTES) {
      are_complete_ = false;
    }
    // That of CREATE TABLESPACE is a folder.
    if (std::string_view(field.name) == "location" && field.type == PROTOBUF_C_TYPE_INT32)
      shape.location = &field;
  }
  shapes_.push_back(std::move(shape));
}

} // namespace pgkeep::postgres
