#include "wire/startup.h"

#include <algorithm>

#include <fmt/format.h>

#include "wire/bytes.h"

namespace pgkeep::wire {
namespace {

// In the place of a version: 1234 as the major one, which no protocol will have.
constexpr std::uint32_t kCancelCode = 1234U << 16U | 5678U;
constexpr std::uint32_t kTlsCode = 1234U << 16U | 5679U;
constexpr std::uint32_t kGssCode = 1234U << 16U | 5680U;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kLeastBytes = 8; ///< A length and a version.
constexpr std::size_t kKeyBytesMin = 4;
constexpr std::size_t kKeyBytesMax = 256;
constexpr char kTlsHandshake = 0x16;

base::Error corrupt(std::string what) {
  return {.code = base::Code::corrupt,
          .what = std::move(what),
          .expected = "a startup packet of PostgreSQL's protocol"};
}

base::Result<std::optional<Startup>> session(Startup startup, Reader reader) {
  for (;;) {
    const std::string_view name = reader.text();
    if (reader.failed()) return corrupt("parameters of a startup packet without an end");
    if (name.empty()) break;
    const std::string_view value = reader.text();
    if (reader.failed()) return corrupt("a parameter of a startup packet without a value");
    startup.parameters.emplace_back(name, value);
  }
  if (!reader.at_end()) return corrupt("a startup packet with bytes behind its end");
  return startup;
}

} // namespace

std::string_view Startup::parameter(std::string_view name) const {
  // Of two the last counts, as in the server.
  const auto found = std::find_if(parameters.rbegin(), parameters.rend(),
                                  [&](const auto& each) { return each.first == name; });
  return found == parameters.rend() ? std::string_view{} : found->second;
}

base::Result<std::optional<Startup>> startup_of(std::string_view bytes) {
  if (bytes.size() < kLengthBytes) return std::optional<Startup>{};
  const std::size_t length = Reader(bytes).uint32();
  if (length < kLeastBytes || length > kStartupBytesMax)
    return corrupt(fmt::format("a startup packet of {} bytes", length));
  if (bytes.size() < length) return std::optional<Startup>{};
  Reader reader(bytes.substr(kLengthBytes, length - kLengthBytes));
  const std::uint32_t code = reader.uint32();
  Startup startup{.bytes = length};
  switch (code) {
  case kTlsCode:
    startup.wish = FirstWish::tls;
    break;
  case kGssCode:
    startup.wish = FirstWish::gss_encryption;
    break;
  case kCancelCode: {
    startup.wish = FirstWish::cancel;
    startup.process = reader.uint32();
    const std::string_view key = reader.rest();
    if (reader.failed() || key.size() < kKeyBytesMin || key.size() > kKeyBytesMax)
      return corrupt(fmt::format("a cancel request of {} bytes", length));
    startup.key = key;
    return startup;
  }
  default:
    startup.major = static_cast<std::uint16_t>(code >> 16U);
    startup.minor = static_cast<std::uint16_t>(code & 0xffffU);
    // What an unknown version says nobody can tell.
    if (startup.major != kProtocolMajor) return startup;
    return session(std::move(startup), reader);
  }
  if (!reader.at_end()) return corrupt(fmt::format("an encryption request of {} bytes", length));
  return startup;
}

bool is_direct_tls(std::string_view bytes) {
  // A startup packet that began so would be 369 million bytes long.
  return !bytes.empty() && bytes.front() == kTlsHandshake;
}

void append_startup(std::string& out, std::uint16_t minor,
                    const std::vector<std::pair<std::string, std::string>>& parameters) {
  MessageWriter message(out);
  message.uint16(kProtocolMajor).uint16(minor);
  for (const auto& [name, value] : parameters)
    message.text(name).text(value);
  message.byte('\0');
}

void append_tls_request(std::string& out) {
  MessageWriter(out).uint32(kTlsCode);
}

void append_cancel_request(std::string& out, std::uint32_t process, std::string_view key) {
  MessageWriter(out).uint32(kCancelCode).uint32(process).bytes(key);
}

} // namespace pgkeep::wire
