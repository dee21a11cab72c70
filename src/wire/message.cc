#include "wire/message.h"

#include "wire/bytes.h"
#include "wire/startup.h"

namespace pgkeep::wire {
namespace {

void append_authentication(std::string& out, AuthenticationKind kind, std::string_view data) {
  MessageWriter(out, from_server::kAuthentication)
      .uint32(static_cast<std::uint32_t>(kind))
      .bytes(data);
}

} // namespace

std::optional<Header> header_of(std::string_view bytes) {
  if (bytes.size() < Header::kBytes) return std::nullopt;
  Reader reader(bytes);
  const char type = static_cast<char>(reader.byte());
  return Header{.type = type, .length = reader.uint32()};
}

void append_authentication_ok(std::string& out) {
  append_authentication(out, AuthenticationKind::ok, {});
}
void append_cleartext_request(std::string& out) {
  append_authentication(out, AuthenticationKind::cleartext, {});
}
void append_md5_request(std::string& out, std::string_view salt) {
  append_authentication(out, AuthenticationKind::md5, salt);
}
void append_sasl_request(std::string& out, std::span<const std::string_view> mechanisms) {
  MessageWriter message(out, from_server::kAuthentication);
  message.uint32(static_cast<std::uint32_t>(AuthenticationKind::sasl));
  for (const std::string_view each : mechanisms)
    message.text(each);
  message.byte('\0');
}
void append_sasl_continue(std::string& out, std::string_view data) {
  append_authentication(out, AuthenticationKind::sasl_continue, data);
}
void append_sasl_final(std::string& out, std::string_view data) {
  append_authentication(out, AuthenticationKind::sasl_final, data);
}

void append_parameter_status(std::string& out, std::string_view name, std::string_view value) {
  MessageWriter(out, from_server::kParameterStatus).text(name).text(value);
}
void append_backend_key(std::string& out, std::uint32_t process, std::string_view key) {
  MessageWriter(out, from_server::kBackendKey).uint32(process).bytes(key);
}
void append_ready_for_query(std::string& out, TransactionStatus status) {
  MessageWriter(out, from_server::kReadyForQuery).byte(static_cast<char>(status));
}
void append_command_complete(std::string& out, std::string_view tag) {
  MessageWriter(out, from_server::kCommandComplete).text(tag);
}

void append_negotiate_version(std::string& out, std::uint16_t newest_minor,
                              std::span<const std::string_view> unknown) {
  MessageWriter message(out, from_server::kNegotiateVersion);
  // The whole version, as servers send it: libpq takes a bare minor one for protocol 0.
  message.uint32((std::uint32_t{kProtocolMajor} << 16U) | newest_minor)
      .uint32(static_cast<std::uint32_t>(unknown.size()));
  for (const std::string_view each : unknown)
    message.text(each);
}

void append_query(std::string& out, std::string_view sql) {
  MessageWriter(out, from_client::kQuery).text(sql);
}
void append_password(std::string& out, std::string_view password) {
  MessageWriter(out, from_client::kPassword).text(password);
}
void append_sasl_initial(std::string& out, std::string_view mechanism, std::string_view data) {
  MessageWriter(out, from_client::kPassword)
      .text(mechanism)
      .uint32(static_cast<std::uint32_t>(data.size()))
      .bytes(data);
}
void append_sasl_response(std::string& out, std::string_view data) {
  MessageWriter(out, from_client::kPassword).bytes(data);
}
void append_empty(std::string& out, char type) {
  const MessageWriter message(out, type);
}

std::optional<AuthenticationRequest> authentication_of(std::string_view body) {
  Reader reader(body);
  const std::uint32_t kind = reader.uint32();
  if (reader.failed()) return std::nullopt;
  return AuthenticationRequest{.kind = kind, .data = reader.rest()};
}

} // namespace pgkeep::wire
