#include "postgres/sql_tree_shapes.h"

#include <algorithm>
#include <string_view>

#include "base/result.h"

namespace pgkeep::postgres {

Shapes::Shapes() {
  add(pg_query__parse_result__descriptor);
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    for (const ProtobufCFieldDescriptor* const field : std::vector(shapes_[i].links))
      add(*static_cast<const ProtobufCMessageDescriptor*>(field->descriptor));
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
    PGKEEP_ASSERT(field(kind, hash) == nullptr); // No two names of a kind have one hash.
    std::size_t at = place_of(&kind, hash);
    while (fields_[at].kind != nullptr)
      at = (at + 1) % kFields;
    fields_[at] = {.kind = &kind, .hash = hash, .field = &each};
  }
}

void Shapes::add(const ProtobufCMessageDescriptor& kind) {
  if (std::ranges::find(shapes_, &kind, &Shape::kind) != shapes_.end()) return;
  constexpr std::string_view kPackage = "pg_query.";
  const char* const name = kind.name + kPackage.size();
  Shape shape{.kind = &kind,
              .number = static_cast<std::uint32_t>(shapes_.size()),
              .name = {.text = name, .hash = Field::hash_of(name)}};
  for (const ProtobufCFieldDescriptor& field : std::span(kind.fields, kind.n_fields)) {
    const bool is_list = field.label == PROTOBUF_C_LABEL_REPEATED;
    const bool is_long =
        field.type == PROTOBUF_C_TYPE_INT64 || field.type == PROTOBUF_C_TYPE_UINT64;
    const bool is_text = field.type == PROTOBUF_C_TYPE_STRING;
    if (field.type == PROTOBUF_C_TYPE_MESSAGE) {
      shape.links.push_back(&field);
    } else if (is_text && !is_list) {
      shape.texts.push_back(&field);
    } else if (is_long && is_list) {
      shape.numbers.push_back(&field);
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
