/// The fields of ErrorResponse and NoticeResponse.
///
/// Pure functions. Threads: any. Source: PostgreSQL manual, protocol-error-fields.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgkeep::wire {

/// Of a message that was read: views of its body.
struct ErrorFields {
  std::string_view severity = {}; ///< Untranslated where the server says it (9.6 and later).
  std::string_view sqlstate = {};
  std::string_view message = {};
  std::string_view detail = {};
  std::string_view hint = {};
  std::string_view routine = {}; ///< Of the server's source: the same in every language.
};
/// None where the body is no list of fields that ends with a NUL byte. Fields that nobody asked for
/// are passed over, as the protocol wants.
std::optional<ErrorFields> error_fields_of(std::string_view body);

/// Appends an ErrorResponse with the severity as it is and untranslated, the SQLSTATE, the message
/// and, where they are not empty, detail and hint.
void append_error(std::string& out, const ErrorFields& fields);
/// The same as a NoticeResponse: it ends nothing.
void append_notice(std::string& out, const ErrorFields& fields);

} // namespace pgkeep::wire
