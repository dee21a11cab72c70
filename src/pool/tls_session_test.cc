#include "pool/tls_session.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"
#include "pool/tls_files_test.h"
#include "pool/tls_opening.h"

namespace pgkeep::pool {
namespace {

TlsContexts contexts(const Settings& settings) {
  auto made = make_tls_contexts(settings);
  EXPECT_TRUE(made) << base::to_line(made.error());
  return made ? *std::move(made) : TlsContexts{};
}

using Progress = TlsSession::Progress;

/// Both ends, in one thread.
struct Pair {
  explicit Pair(const TlsContexts& all, const std::string& host = "localhost")
      : client(TlsSession::to_server(all, host)), server(TlsSession::to_client(all)) {}

  /// Whether both came to an end of it; `piece`: bytes that arrive at a time.
  bool shake_hands(std::size_t piece = 65'536) {
    Progress of_client = Progress::going_on;
    Progress of_server = Progress::going_on;
    for (int round = 0; round < 10'000; ++round) {
      if (of_client == Progress::going_on) of_client = client->shake_hands(to_client, from_client);
      to_server += from_client.substr(0, piece);
      from_client.erase(0, piece);
      if (of_server == Progress::going_on) of_server = server->shake_hands(to_server, from_server);
      to_client += from_server.substr(0, piece);
      from_server.erase(0, piece);
      if (of_client == Progress::failed || of_server == Progress::failed) return false;
      if (of_client == Progress::done && of_server == Progress::done && from_server.empty() &&
          from_client.empty())
        return true;
    }
    return false;
  }
  std::unique_ptr<TlsSession> client;
  std::unique_ptr<TlsSession> server;
  std::string to_client;
  std::string to_server;
  std::string from_client;
  std::string from_server;
};

std::string opened_text(TlsSession& session, std::string_view bytes, bool* is_over = nullptr) {
  std::string plain(bytes.size() + TlsSession::kRecordBytesMax + 1, '\0');
  std::string answer;
  const auto received = session.receive(bytes, plain.data(), plain.size(), answer);
  if (is_over != nullptr) *is_over = received.is_over;
  plain.resize(received.count);
  return plain;
}

TEST(TlsSession, TalksInPiecesOfAnySize) {
  const TlsContexts all = contexts(tls_files().settings(TlsMode::require, TlsMode::verify_full));
  for (const std::size_t piece : {1U, 7U, 65'536U}) {
    Pair pair(all);
    ASSERT_TRUE(pair.shake_hands(piece)) << pair.client->problem() << pair.server->problem();
    EXPECT_TRUE(pair.client->text().starts_with("TLSv1.3/TLS_AES_256_GCM_SHA384"));
    EXPECT_TRUE(pair.client->is_of("localhost"));
    EXPECT_TRUE(pair.client->is_of("127.0.0.1"));
    EXPECT_FALSE(pair.client->is_of("localhost2"));
    EXPECT_FALSE(pair.client->is_of("127.0.0.2"));
    EXPECT_EQ(pair.client->server_binding(), all.binding);
    EXPECT_EQ(all.binding.size(), 32U);
    EXPECT_EQ(opened_text(*pair.client, pair.to_client), "") << "tickets are nobody's words";
    const std::string text(100'000, 'x');
    std::string sealed;
    ASSERT_TRUE(pair.server->send(text, sealed));
    EXPECT_EQ(sealed.find("xxxxxxxxxxxxxxxx"), std::string::npos);
    std::string got;
    const std::size_t step = piece == 1 ? 1000 : piece;
    for (std::size_t at = 0; at < sealed.size(); at += step)
      got += opened_text(*pair.client, std::string_view(sealed).substr(at, step));
    EXPECT_EQ(got, text);
  }
}

TEST(TlsSession, SaysWhenItIsOver) {
  const TlsContexts all = contexts(tls_files().settings(TlsMode::require, TlsMode::require));
  Pair pair(all);
  ASSERT_TRUE(pair.shake_hands());
  std::string sealed;
  ASSERT_TRUE(pair.client->send("last words", sealed));
  pair.client->say_goodbye(sealed);
  bool is_over = false;
  EXPECT_EQ(opened_text(*pair.server, sealed, &is_over), "last words");
  EXPECT_TRUE(is_over);
  EXPECT_EQ(pair.server->problem(), "");
  // The other way still works: closing one is not closing both.
  sealed.clear();
  EXPECT_TRUE(pair.server->send("answer", sealed));
  EXPECT_EQ(opened_text(*pair.client, pair.to_client + sealed), "answer"); // Tickets first.
}

TEST(TlsSession, RefusesBytesThatWereChanged) {
  const TlsContexts all = contexts(tls_files().settings(TlsMode::require, TlsMode::require));
  Pair pair(all);
  ASSERT_TRUE(pair.shake_hands());
  std::string sealed;
  ASSERT_TRUE(pair.client->send("SELECT 1", sealed));
  sealed.back() = static_cast<char>(sealed.back() ^ 1);
  bool is_over = false;
  EXPECT_EQ(opened_text(*pair.server, sealed, &is_over), "");
  EXPECT_TRUE(is_over);
  EXPECT_TRUE(pair.server->problem().starts_with("read failed: error:")) << pair.server->problem();
}

TEST(TlsSession, FailsOnGarbage) {
  const TlsContexts all = contexts(tls_files().settings(TlsMode::require, TlsMode::require));
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.0\r\n\r\n"), std::string(1000, '\0'), std::string(20'000, '\x16'),
        std::string("\x16\x03\x01\xff\xff") + std::string(70'000, 'x')}) {
    const auto session = TlsSession::to_client(all);
    std::string bytes = garbage;
    std::string out;
    EXPECT_EQ(session->shake_hands(bytes, out), Progress::failed);
    EXPECT_TRUE(session->problem().starts_with("handshake failed: error:")) << session->problem();
  }
}

TEST(TlsSession, LooksAtCertificates) {
  Settings settings = tls_files().settings(TlsMode::verify_full, TlsMode::verify_ca);
  Pair without(contexts(settings));
  EXPECT_FALSE(without.shake_hands() && opened_text(*without.client, without.to_client).empty() &&
               without.server->certificate().is_given)
      << "none was given";
  settings.server_tls_cert_file = tls_files().path("client.crt");
  settings.server_tls_key_file = tls_files().path("client.key");
  Pair with(contexts(settings));
  ASSERT_TRUE(with.shake_hands());
  const TlsSession::Certificate certificate = with.server->certificate();
  EXPECT_TRUE(certificate.is_given && certificate.is_good);
  EXPECT_EQ(certificate.common_name, "plain");
  // An authority that signed nothing of this: good enough for "require", not for logging in.
  settings.client_tls_sslmode = TlsMode::require;
  settings.client_tls_ca_file = tls_files().path("other.crt");
  Pair unknown(contexts(settings));
  ASSERT_TRUE(unknown.shake_hands());
  EXPECT_TRUE(unknown.server->certificate().is_given);
  EXPECT_FALSE(unknown.server->certificate().is_good);
  settings.server_tls_ca_file = tls_files().path("other.crt");
  Pair stranger(contexts(settings));
  EXPECT_FALSE(stranger.shake_hands());
  EXPECT_TRUE(stranger.client->problem().contains("certificate verify failed"))
      << stranger.client->problem();
}

TEST(TlsContexts, NamesWhatIsWrong) {
  struct Case {
    void (*change)(Settings&);
    std::string_view want;
  };
  const Case cases[] = {
      {[](Settings& s) { s.client_tls_key_file.clear(); },
       "client_tls_key_file and client_tls_cert"},
      {[](Settings& s) { s.client_tls_key_file = "/nowhere.key"; },
       "failed to load private key file \"/nowhere.key\": No such file or directory"},
      {[](Settings& s) { s.client_tls_cert_file = "/nowhere.crt"; },
       "failed to load certificate file \"/nowhere.crt\": No such file or directory"},
      {[](Settings& s) { s.client_tls_ca_file = "/nowhere.crt"; },
       "failed to load CA file \"/nowhere.crt\": No such file or directory"},
      {[](Settings& s) { s.client_tls_key_file = tls_files().path("other.key"); }, "mismatch"},
      {[](Settings& s) { s.client_tls_key_file = tls_files().path("ca.crt"); },
       "failed to load private key file"},
      {[](Settings& s) { s.client_tls_protocols = "tlsv9"; },
       "invalid client_tls_protocols: tlsv9"},
      {[](Settings& s) { s.client_tls_ciphers = "X"; }, "invalid client_tls_ciphers: X"},
      {[](Settings& s) { s.client_tls13_ciphers = "X"; }, "invalid client_tls13_ciphers: X"},
      {[](Settings& s) { s.client_tls_dheparams = "X"; }, "invalid client_tls_dheparams: X"},
      {[](Settings& s) { s.client_tls_ecdhcurve = "X"; }, "invalid client_tls_ecdhecurve: X"},
      {[](Settings& s) {
         s.server_tls_protocols = "";
         s.server_tls_ciphers = "X";
       },
       "invalid server_tls_ciphers: X"},
      {[](Settings& s) { s.server_tls_ca_file = "/nowhere.crt"; }, "\"/nowhere.crt\""},
      {[](Settings& s) { s.auth_type = AuthType::cert; }, "SSLMODE_VERIFY_FULL"},
      {[](Settings& s) {
         s.client_tls_sslmode = TlsMode::verify_full;
         s.client_tls_ca_file.clear();
       },
       "requires client_tls_ca_file"},
  };
  for (const Case& each : cases) {
    Settings settings = tls_files().settings(TlsMode::require, TlsMode::prefer);
    each.change(settings);
    const auto made = make_tls_contexts(settings);
    ASSERT_FALSE(made) << each.want;
    EXPECT_TRUE(made.error().what.contains(each.want)) << made.error().what;
  }
}

TEST(TlsOpening, NeverUsesWhatCameInTheClear) {
  using Kind = TlsOpening::Step::Kind;
  const TlsContexts all = contexts(tls_files().settings(TlsMode::require, TlsMode::prefer));
  EXPECT_EQ(TlsOpening::of(all, "localhost")->feed("SR").text,
            "received unencrypted data after SSL response");
  EXPECT_EQ(TlsOpening::of(all, "localhost")->feed("NR").kind, Kind::fail);
  EXPECT_EQ(TlsOpening::of(all, "localhost")->feed("E").text, "bad sslreq answer");
  EXPECT_EQ(TlsOpening::of(all, "localhost")->feed("N").kind, Kind::plain);
  const TlsContexts strict = contexts(tls_files().settings(TlsMode::require, TlsMode::require));
  EXPECT_EQ(TlsOpening::of(strict, "localhost")->feed("N").text, "server refused SSL");
  const auto opening = TlsOpening::of(strict, "localhost");
  ASSERT_EQ(opening->feed("S").kind, Kind::work);
  EXPECT_TRUE(opening->work().send.starts_with('\x16'));
  ASSERT_EQ(opening->feed(std::string("R\0\0\0\x08\0\0\0\0", 9)).kind, Kind::work);
  EXPECT_EQ(opening->work().kind, Kind::fail) << "a greeting in place of a handshake";
}

TEST(TlsOpening, WantsTheNameOfTheHost) {
  using Kind = TlsOpening::Step::Kind;
  const TlsContexts all = contexts(tls_files().settings(TlsMode::require, TlsMode::verify_full));
  for (const std::string host : {"localhost", "127.0.0.1", "other"}) {
    const auto opening = TlsOpening::of(all, host);
    const auto server = TlsSession::to_client(all);
    TlsOpening::Step step = opening->feed("S");
    std::string to_server;
    std::string to_client;
    for (int round = 0; round < 10 && step.kind != Kind::secure && step.kind != Kind::fail;
         ++round) {
      step = step.kind == Kind::work ? opening->work() : opening->feed(to_client);
      to_client.clear();
      to_server += step.send;
      if (step.kind == Kind::wait) server->shake_hands(to_server, to_client);
    }
    EXPECT_EQ(step.kind, host == "other" ? Kind::fail : Kind::secure) << host << step.problem;
    EXPECT_EQ(step.problem,
              host == "other" ? "name `other' not present in server certificate" : "");
  }
}

} // namespace
} // namespace pgkeep::pool
