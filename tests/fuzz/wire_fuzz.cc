// The protocol's messages: the first byte chooses the parser. What a parser takes, it can write
// again; whatever it refuses, it refuses with a reason.
#include "base/result.h"
#include "fuzz/fuzz.h"
#include "wire/error_fields.h"
#include "wire/message.h"
#include "wire/password.h"
#include "wire/scram.h"
#include "wire/startup.h"

namespace {

using pgkeep::fuzz::must;
namespace wire = pgkeep::wire;

void read_startup(std::string_view bytes) {
  const auto startup = wire::startup_of(bytes);
  if (!startup) return must(!startup.error().what.empty(), "an error that says something");
  if (!*startup) return must(bytes.size() < wire::kStartupBytesMax, "no wait behind the limit");
  const wire::Startup& first = **startup;
  must(first.bytes <= bytes.size(), "no more taken than there is");
  if (first.wish != wire::FirstWish::session || first.major != wire::kProtocolMajor) return;
  std::string again;
  wire::append_startup(again, first.minor, first.parameters);
  must(again == bytes.substr(0, first.bytes), "a startup packet is written as it was read");
}

void read_errors(std::string_view bytes) {
  const auto fields = wire::error_fields_of(bytes);
  if (!fields) return;
  std::string again;
  wire::append_error(again, *fields);
  const auto same = wire::error_fields_of(std::string_view(again).substr(wire::Header::kBytes));
  must(same && same->message == fields->message && same->sqlstate == fields->sqlstate,
       "fields are read as they are written");
}

void serve_scram(std::string_view bytes) {
  const std::size_t middle = bytes.find('\n');
  const wire::ScramVerifier verifier = wire::mock_verifier("u", "s");
  wire::ScramServer server(verifier, "nonce", "binding");
  if (!server.first(wire::kScramSha256, bytes.substr(0, middle))) return;
  if (middle == std::string_view::npos) return;
  must(!server.final(bytes.substr(middle + 1)), "nobody knows the password");
}

void ask_scram(std::string_view bytes) {
  const std::size_t middle = bytes.find('\n');
  wire::ScramClient client(wire::ScramClientKeys{}, "nonce", {});
  static_cast<void>(client.first());
  if (!client.final(bytes.substr(0, middle)) || middle == std::string_view::npos) return;
  static_cast<void>(client.verify(bytes.substr(middle + 1)));
}

void read_verifier(std::string_view bytes) {
  const auto verifier = wire::scram_verifier_of(bytes);
  must(!verifier || wire::scram_verifier_of(verifier->text()).has_value(),
       "a verifier is read as it is written");
  static_cast<void>(wire::fits_md5(bytes, "u", "salt", bytes));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = pgkeep::fuzz::text_of(data, size).substr(1);
  switch (data[0] % 6) {
  case 0:
    read_startup(bytes);
    break;
  case 1:
    read_errors(bytes);
    break;
  case 2:
    serve_scram(bytes);
    break;
  case 3:
    ask_scram(bytes);
    break;
  case 4:
    read_verifier(bytes);
    break;
  default:
    static_cast<void>(wire::header_of(bytes));
    static_cast<void>(wire::authentication_of(bytes));
    break;
  }
  return 0;
}
