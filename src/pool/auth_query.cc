#include "pool/auth_query.h"

#include <fmt/format.h>

#include "wire/bytes.h"
#include "wire/error_fields.h"

namespace pgkeep::pool {
namespace {

using State = AuthAnswer::State;

constexpr std::uint16_t kColumns = 2;
constexpr std::size_t kParametersMax = 64; // That one query could change.
constexpr std::uint32_t kNull = 0xffffffff;
constexpr char kPortal = 'P';

} // namespace

std::string auth_question(std::string_view query, std::string_view user) {
  std::string out;
  wire::MessageWriter(out, wire::from_client::kParse).text("").text(query).uint16(0);
  wire::MessageWriter(out, wire::from_client::kBind)
      .text("")
      .text("")
      .uint16(0)
      .uint16(1)
      .uint32(static_cast<std::uint32_t>(user.size()))
      .bytes(user)
      .uint16(0);
  wire::MessageWriter(out, wire::from_client::kDescribe).byte(kPortal).text("");
  wire::MessageWriter(out, wire::from_client::kExecute).text("").uint32(0);
  wire::MessageWriter(out, wire::from_client::kSync).bytes("");
  return out;
}

State AuthAnswer::fail(std::string problem) {
  problem_ = std::move(problem);
  return State::failed;
}

State AuthAnswer::feed(std::string_view bytes) {
  received_ += bytes;
  for (;;) {
    const auto header = wire::header_of(received_);
    if (!header) return State::more;
    if (!header->is_sound() || header->message_bytes() > kMessageBytesMax)
      return fail("bad packet");
    if (received_.size() < header->message_bytes()) return State::more;
    const std::string body =
        received_.substr(wire::Header::kBytes, header->message_bytes() - wire::Header::kBytes);
    received_.erase(0, header->message_bytes());
    const State state = message(header->type, body);
    if (state == State::done && !received_.empty())
      return fail("unexpected response from auth_query");
    if (state != State::more) return state;
  }
}

State AuthAnswer::message(char type, std::string_view body) {
  namespace from_server = wire::from_server;
  wire::Reader reader(body);
  switch (type) {
  case from_server::kRowDescription: {
    const std::uint16_t columns = reader.uint16();
    if (reader.failed()) return fail("bad packet");
    return columns == kColumns
               ? State::more
               : fail(fmt::format("expected 2 columns from auth_query, not {}", columns));
  }
  case from_server::kDataRow:
    return row(body);
  case from_server::kParameterStatus: {
    const std::string_view name = reader.text();
    const std::string_view value = reader.text();
    if (reader.failed() || parameters_.size() == kParametersMax) return fail("bad packet");
    parameters_.emplace_back(name, value);
    return State::more;
  }
  case from_server::kNotice:
  case from_server::kCommandComplete:
  case from_server::kParseComplete:
  case from_server::kBindComplete:
    return State::more;
  case from_server::kReadyForQuery:
    if (body.size() != 1) return fail("bad packet");
    status_ = static_cast<wire::TransactionStatus>(body.front());
    return State::done;
  case from_server::kError:
    if (const auto fields = wire::error_fields_of(body))
      server_error_ = fmt::format("{}: {}", fields->severity, fields->message);
    return fail("error response from auth_query");
  default:
    return fail("unexpected response from auth_query");
  }
}

State AuthAnswer::row(std::string_view body) {
  wire::Reader reader(body);
  const std::uint16_t columns = reader.uint16();
  if (!reader.failed() && columns != kColumns)
    return fail(fmt::format("expected 2 columns from auth_query, not {}", columns));
  const std::uint32_t name_bytes = reader.uint32();
  // A function that returns one record says so that there is no such user.
  const bool is_nobody = name_bytes == kNull;
  const std::string_view name = is_nobody ? std::string_view() : reader.take(name_bytes);
  const std::uint32_t secret_bytes = reader.uint32();
  const std::string_view secret =
      secret_bytes == kNull ? std::string_view() : reader.take(secret_bytes);
  if (reader.failed() || !reader.at_end()) return fail("bad packet");
  user_.reset();
  if (is_nobody || name.empty()) return State::more;
  user_ = StoredUser{.name = std::string(name)};
  if (secret_bytes != kNull) user_->secret.emplace(std::string(secret));
  return State::more;
}

} // namespace pgkeep::pool
