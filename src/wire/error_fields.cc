#include "wire/error_fields.h"

#include "wire/bytes.h"
#include "wire/message.h"

namespace pgkeep::wire {
namespace {

constexpr char kSeverity = 'S'; ///< In the server's language.
constexpr char kSeverityPlain = 'V';
constexpr char kSqlstate = 'C';
constexpr char kMessage = 'M';
constexpr char kDetail = 'D';
constexpr char kHint = 'H';
constexpr char kRoutine = 'R';

void append_fields(std::string& out, char type, const ErrorFields& fields) {
  MessageWriter message(out, type);
  message.byte(kSeverity).text(fields.severity).byte(kSeverityPlain).text(fields.severity);
  message.byte(kSqlstate).text(fields.sqlstate).byte(kMessage).text(fields.message);
  if (!fields.detail.empty()) message.byte(kDetail).text(fields.detail);
  if (!fields.hint.empty()) message.byte(kHint).text(fields.hint);
  if (!fields.routine.empty()) message.byte(kRoutine).text(fields.routine);
  message.byte('\0');
}

} // namespace

std::optional<ErrorFields> error_fields_of(std::string_view body) {
  ErrorFields fields;
  Reader reader(body);
  for (;;) {
    const char field = static_cast<char>(reader.byte());
    if (reader.failed()) return std::nullopt;
    if (field == '\0') return fields;
    const std::string_view text = reader.text();
    if (reader.failed()) return std::nullopt;
    switch (field) {
    case kSeverity:
      if (fields.severity.empty()) fields.severity = text;
      break;
    case kSeverityPlain:
      fields.severity = text;
      break;
    case kSqlstate:
      fields.sqlstate = text;
      break;
    case kMessage:
      fields.message = text;
      break;
    case kDetail:
      fields.detail = text;
      break;
    case kHint:
      fields.hint = text;
      break;
    case kRoutine:
      fields.routine = text;
      break;
    default:
      break;
    }
  }
}

void append_error(std::string& out, const ErrorFields& fields) {
  append_fields(out, from_server::kError, fields);
}

void append_notice(std::string& out, const ErrorFields& fields) {
  append_fields(out, from_server::kNotice, fields);
}

} // namespace pgkeep::wire
