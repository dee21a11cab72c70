// TLS with the pooler, on both of its sides: garbage in the place of a handshake, handshakes that
// somebody changes, records of a session that somebody changes. The first bytes choose.
#include <optional>

#include "base/result.h"
#include "fuzz/fuzz.h"
#include "pool/client_login.h"
#include "pool/server_login.h"
#include "pool/tls_files_test.h"

namespace {

using pgkeep::fuzz::must;
namespace pool = pgkeep::pool;
namespace wire = pgkeep::wire;
using Progress = pool::TlsSession::Progress;
using ClientStep = pool::ClientLogin::Step::Kind;
using ServerStep = pool::ServerLogin::Step::Kind;

const pool::TlsContexts& contexts() {
  static const pool::TlsContexts made = *pool::make_tls_contexts(
      pool::tls_files().settings(pool::TlsMode::require, pool::TlsMode::verify_full));
  return made;
}

const pool::DirectoryPtr& directory() {
  static const pool::DirectoryPtr made = [] {
    const auto read = [](const std::string& path) -> pgkeep::base::Result<std::string> {
      if (path == "users") return std::string("\"u\" \"p\"\n");
      return "[databases]\n*=\n[pgbouncer]\nauth_type=scram-sha-256\nauth_file=users\n"
             "client_tls_sslmode=require\nclient_tls_key_file=" +
             pool::tls_files().path("server.key") +
             "\nclient_tls_cert_file=" + pool::tls_files().path("server.crt") + "\n";
    };
    return std::make_shared<const pool::Directory>(*pool::read_directory("ini", read));
  }();
  return made;
}

/// A client that asks for TLS, or begins with it, and then sends anything.
void come_in(std::string_view bytes, std::size_t piece, bool asks) {
  pool::ClientLogin login(directory(), {}, std::string(pool::ClientLogin::kRandomBytes, 'r'));
  std::string stream(asks ? std::string_view("\0\0\0\x08\x04\xd2\x16\x2f", 8) : "");
  stream += bytes;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    auto step = login.feed(std::string_view(stream).substr(at, piece));
    if (step.kind == ClientStep::work) step = login.work();
    must(step.kind != ClientStep::pass, "nobody comes in without TLS");
    must(login.rest().size() <= pool::ClientLogin::kHandshakeBytesMax + piece, "a limit");
    if (step.kind != ClientStep::wait) return;
  }
}

/// A server that agrees to TLS and then sends anything.
void log_in(std::string_view bytes, std::size_t piece) {
  pool::ServerLogin login({.user = "u", .database = "d"}, std::string(wire::kScramNonceBytes, 'r'),
                          pool::TlsOpening::of(contexts(), "localhost"));
  auto step = login.feed("S");
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (step.kind == ServerStep::work) step = login.work();
    must(step.kind != ServerStep::pass, "no server passes that has no certificate");
    if (step.kind != ServerStep::wait) return;
    step = login.feed(bytes.substr(at, piece));
  }
}

/// Changes some bytes, in the middle of what is said.
bool change(std::string& said, std::string_view bytes, std::size_t place) {
  if (said.empty() || bytes.empty()) return false;
  const std::size_t begin = place % said.size();
  const std::size_t count = std::min(bytes.size(), said.size() - begin);
  const bool is_other = std::string_view(said).substr(begin, count) != bytes.substr(0, count);
  said.replace(begin, count, bytes.substr(0, count));
  return is_other;
}

/// Both of our sides, with somebody between them: in which round he changes something.
void talk(std::string_view bytes, unsigned char round, std::size_t place) {
  const auto client = pool::TlsSession::to_server(contexts(), "localhost");
  const auto server = pool::TlsSession::to_client(contexts());
  std::string to_server;
  std::string to_client;
  Progress of_client = Progress::going_on;
  Progress of_server = Progress::going_on;
  for (unsigned char at = 0; at < 6; ++at) {
    if (of_client == Progress::going_on) of_client = client->shake_hands(to_client, to_server);
    if (round == 2 * at) change(to_server, bytes, place);
    if (of_server == Progress::going_on) of_server = server->shake_hands(to_server, to_client);
    if (round == 2 * at + 1) change(to_client, bytes, place);
    if (of_client == Progress::failed || of_server == Progress::failed) {
      must(!client->problem().empty() || !server->problem().empty(), "a failure says why");
      return;
    }
  }
  if (of_client != Progress::done || of_server != Progress::done) return;
  std::string sealed;
  must(client->send("one more word", sealed), "a session that is open");
  const bool is_changed = change(sealed, bytes, place);
  std::string plain(sealed.size() + pool::TlsSession::kRecordBytesMax + 1, '\0');
  std::string answer;
  const auto got = server->receive(sealed, plain.data(), plain.size(), answer);
  must(got.count <= sealed.size(), "no more than came");
  must(!is_changed || got.count == 0, "what was changed is nobody's word");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::size_t piece = 1 + data[1] * 8UZ;
  const std::string_view bytes = pgkeep::fuzz::text_of(data, size).substr(3);
  switch (data[0] % 4) {
  case 0:
    come_in(bytes, piece, true);
    break;
  case 1:
    come_in(bytes, piece, false);
    break;
  case 2:
    log_in(bytes, piece);
    break;
  default:
    talk(bytes, data[1] % 16, data[2] * 7UZ);
    break;
  }
  return 0;
}
