#include "pool/console_rows.h"

#include <fmt/format.h>

#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/message.h"

namespace pgkeep::pool {
namespace {

struct WireType {
  std::uint32_t oid;
  std::int16_t bytes;
};

/// Oids are those of pg_type.dat.
WireType wire_type_of(char type) {
  switch (type) {
  case 'i':
    return {.oid = 23, .bytes = 4};
  case 'q':
    return {.oid = 20, .bytes = 8};
  case 'N':
    return {.oid = 1700, .bytes = -1};
  case 'b':
    return {.oid = 17, .bytes = -1};
  default:
    return {.oid = 25, .bytes = -1};
  }
}

} // namespace

void ConsoleAnswer::columns(std::span<const ConsoleColumn> columns) {
  wire::MessageWriter writer(bytes_, wire::from_server::kRowDescription);
  writer.uint16(static_cast<std::uint16_t>(columns.size()));
  for (const ConsoleColumn& column : columns) {
    const WireType type = wire_type_of(column.type);
    writer.text(column.name)
        .uint32(0) // No table, no column of one.
        .uint16(0)
        .uint32(type.oid)
        .uint16(static_cast<std::uint16_t>(type.bytes))
        .uint32(UINT32_MAX) // No type modifier.
        .uint16(0);         // As text.
  }
}

void ConsoleAnswer::row(std::span<const ConsoleValue> values) {
  wire::MessageWriter writer(bytes_, wire::from_server::kDataRow);
  writer.uint16(static_cast<std::uint16_t>(values.size()));
  for (const ConsoleValue& value : values) {
    if (!value) {
      writer.uint32(UINT32_MAX);
      continue;
    }
    const auto* text = std::get_if<std::string>(&*value);
    const std::string shown = text != nullptr ? *text : fmt::to_string(std::get<1>(*value));
    writer.uint32(static_cast<std::uint32_t>(shown.size())).bytes(shown);
  }
}

void ConsoleAnswer::notice(std::string_view message, std::string_view detail) {
  wire::MessageWriter writer(bytes_, wire::from_server::kNotice);
  writer.byte('S').text("NOTICE").byte('C').text("00000").byte('M').text(message);
  if (!detail.empty()) writer.byte('D').text(detail);
  writer.byte('\0');
}

std::string ConsoleAnswer::done(std::string_view tag) && {
  wire::append_command_complete(bytes_, tag);
  wire::append_ready_for_query(bytes_, wire::TransactionStatus::idle);
  return std::move(bytes_);
}

std::string ConsoleAnswer::error(std::string_view message, std::string_view sqlstate) {
  std::string bytes;
  wire::append_error(bytes, {.severity = "ERROR", .sqlstate = sqlstate, .message = message});
  wire::append_ready_for_query(bytes, wire::TransactionStatus::idle);
  return bytes;
}

} // namespace pgkeep::pool
