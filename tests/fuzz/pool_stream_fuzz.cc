// What goes through the pooler: any stream, in any pieces, has the same messages; and both logins
// take any bytes without more than their limits.
#include "fuzz/fuzz.h"
#include "pool/client_login.h"
#include "pool/server_login.h"
#include "wire/exchange.h"
#include "wire/scanner.h"

namespace {

using pgkeep::fuzz::must;
namespace pool = pgkeep::pool;
namespace wire = pgkeep::wire;

/// Types and lengths of the messages that begin, in order; the end says whether the stream broke.
std::string messages_of(std::string_view stream, std::size_t piece) {
  wire::MessageScanner scanner;
  std::string seen;
  std::size_t bodies = 0;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    std::string_view bytes = stream.substr(at, piece);
    while (const auto part = scanner.next(bytes)) {
      if (part->begins) seen += part->type + std::to_string(part->length) + ' ';
      bodies += part->body.size();
    }
    if (scanner.is_broken()) return seen + "broken";
    must(bytes.empty(), "all is taken unless the stream is broken");
  }
  must(scanner.held().size() < wire::Header::kBytes, "no whole header is held");
  must(bodies <= stream.size(), "no body is made up");
  return seen;
}

void play(std::string_view bytes) {
  wire::Exchange exchange;
  std::uint32_t sent = 0;
  for (const char c : bytes) {
    const char type = static_cast<char>(c & 0x7f);
    if ((c & 0x80) == 0) {
      sent += exchange.client_sent(type) ? 1 : 0;
    } else if (type == wire::from_server::kReadyForQuery) {
      exchange.server_is_ready();
    } else {
      exchange.server_sent(type);
    }
    must(exchange.owed() <= sent, "no more is owed than was asked for");
    must(!exchange.is_settled() || exchange.is_sure(), "settled only where it is sure");
  }
}

pool::DirectoryPtr directory() {
  static const pool::DirectoryPtr made = [] {
    const auto read = [](const std::string& path) -> pgkeep::base::Result<std::string> {
      if (path == "users") return std::string("\"u\" \"p\"\n");
      return std::string("[databases]\n*=\n[pgbouncer]\nauth_type=md5\nauth_file=users\n");
    };
    return std::make_shared<const pool::Directory>(*pool::read_directory("ini", read));
  }();
  return made;
}

void come_in(std::string_view bytes, std::size_t piece) {
  pool::ClientLogin login(directory(), {.is_unix = true},
                          std::string(pool::ClientLogin::kRandomBytes, 'r'));
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    auto step = login.feed(bytes.substr(at, piece));
    if (step.kind == pool::ClientLogin::Step::Kind::work) step = login.work();
    if (step.kind != pool::ClientLogin::Step::Kind::wait) {
      must(step.kind != pool::ClientLogin::Step::Kind::pass, "nobody knows the password");
      return;
    }
  }
}

void log_in(std::string_view bytes, std::size_t piece, bool asks_for_tls) {
  pool::ServerLogin login({.user = "u", .database = "d", .stored = pgkeep::base::Secret("p")},
                          std::string(wire::kScramNonceBytes, 'r'),
                          asks_for_tls ? pool::TlsOpening::of(directory()->tls, "host") : nullptr);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    auto step = login.feed(bytes.substr(at, piece));
    if (step.kind == pool::ServerLogin::Step::Kind::work) step = login.work();
    if (step.kind == pool::ServerLogin::Step::Kind::fail) {
      must(!step.text.empty(), "a failure says why");
      return;
    }
    must(!login.is_in_handshake() || login.parameters().empty(), "nothing is taken before TLS");
    must(login.parameters().size() <= pool::ServerLogin::kParametersMax, "a limit on parameters");
    if (step.kind == pool::ServerLogin::Step::Kind::pass) return;
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[1] % 64;
  const std::string_view bytes = pgkeep::fuzz::text_of(data, size).substr(2);
  switch (data[0] % 4) {
  case 0:
    must(messages_of(bytes, piece) == messages_of(bytes, std::max<std::size_t>(bytes.size(), 1)),
         "the same messages in any pieces");
    break;
  case 1:
    play(bytes);
    break;
  case 2:
    come_in(bytes, piece);
    break;
  default:
    log_in(bytes, piece, data[0] >= 128);
    break;
  }
  return 0;
}
