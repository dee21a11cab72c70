// How clients and servers log in through TLS: our two sides talk to each other.
#include <gtest/gtest.h>

#include "base/error.h"
#include "pool/client_login.h"
#include "pool/server_login.h"
#include "pool/tls_files_test.h"
#include "wire/message.h"

namespace pgkeep::pool {
namespace {

using ClientStep = ClientLogin::Step::Kind;
using ServerStep = ServerLogin::Step::Kind;

struct Configured {
  std::string settings = {};
  std::string hba = {};
  std::string ident = {};
};

DirectoryPtr tls_directory(const Configured& texts) {
  const auto read = [&](const std::string& path) -> base::Result<std::string> {
    if (path == "users") return std::string("\"plain\" \"secret\"\n\"app\" \"secret\"\n");
    if (path == "hba") return texts.hba;
    if (path == "ident") return texts.ident;
    return "[databases]\nd = host=h\n[pgbouncer]\nauth_file = users\nclient_tls_key_file = " +
           tls_files().path("server.key") +
           "\nclient_tls_cert_file = " + tls_files().path("server.crt") +
           "\nclient_tls_ca_file = " + tls_files().path("ca.crt") + "\n" + texts.settings;
  };
  auto directory = read_directory("ini", read);
  EXPECT_TRUE(directory) << base::to_line(directory.error());
  return std::make_shared<const Directory>(directory ? *std::move(directory) : Directory{});
}

std::string opened(std::unique_ptr<TlsSession>& tls, std::string bytes) {
  if (!tls) return bytes;
  std::string plain(bytes.size() + TlsSession::kRecordBytesMax + 1, '\0');
  std::string answer;
  plain.resize(tls->receive(bytes, plain.data(), plain.size(), answer).count);
  return plain;
}

/// A client that is a pooler itself, logging in to a pooler.
class TlsTalk {
public:
  explicit TlsTalk(const Configured& texts, const std::string& user = "plain",
                   const std::string& certificate = "client")
      : login_(tls_directory(texts), {.is_unix = false, .address = ip_address_of("10.0.0.1")},
               std::string(ClientLogin::kRandomBytes, 'r')) {
    Settings settings = tls_files().settings(TlsMode::disable, TlsMode::require);
    if (!certificate.empty()) {
      settings.server_tls_cert_file = tls_files().path(certificate + ".crt");
      settings.server_tls_key_file = tls_files().path(certificate + ".key");
    }
    ServerIdentity identity;
    identity.user = user;
    identity.database = "d";
    identity.stored = base::Secret("secret");
    server_login_.emplace(std::move(identity), std::string(wire::kScramNonceBytes, 'n'),
                          TlsOpening::of(*make_tls_contexts(settings), "localhost"));
  }

  /// Until the one lets in, or either gives up.
  ClientLogin::Step run() {
    std::string bytes = server_login_->first();
    for (int round = 0; round < 30; ++round) {
      ClientLogin::Step step = login_.feed(opened(tls_, std::move(bytes)));
      bytes = sent(step);
      while (step.kind == ClientStep::work) {
        step = login_.work();
        bytes += sent(step);
      }
      if (step.kind != ClientStep::wait) return step;
      ServerLogin::Step answer = server_login_->feed(opened(server_tls_, std::move(bytes)));
      bytes = sent(answer);
      while (answer.kind == ServerStep::work) {
        answer = server_login_->work();
        bytes += sent(answer);
      }
      if (answer.kind == ServerStep::fail) {
        ADD_FAILURE() << answer.text << " " << answer.problem << " "
                      << (answer.log.empty() ? "" : answer.log.front());
        return step;
      }
    }
    ADD_FAILURE() << "no end";
    return {};
  }
  ClientLogin& login() { return login_; }
  bool has_tls() const { return tls_ != nullptr; }
  std::string chosen; ///< The mechanism.

private:
  std::string sent(ClientLogin::Step& step) {
    std::string bytes = step.handshake;
    if (auto tls = login_.take_tls()) tls_ = std::move(tls);
    if (!tls_) return bytes + step.send;
    EXPECT_TRUE(tls_->send(step.send, bytes));
    return bytes;
  }
  std::string sent(ServerLogin::Step& step) {
    std::string bytes = step.handshake;
    if (auto tls = server_login_->take_tls()) server_tls_ = std::move(tls);
    if (step.send.starts_with('p') && step.send.contains("SCRAM"))
      chosen = step.send.substr(5, step.send.find('\0', 5) - 5);
    if (!server_tls_) return bytes + step.send;
    EXPECT_TRUE(server_tls_->send(step.send, bytes));
    return bytes;
  }

  ClientLogin login_;
  std::unique_ptr<TlsSession> tls_;
  std::optional<ServerLogin> server_login_;
  std::unique_ptr<TlsSession> server_tls_;
};

TEST(TlsLogin, BindsScramToTheChannel) {
  TlsTalk talk({.settings = "auth_type = scram-sha-256\nclient_tls_sslmode = require"});
  EXPECT_EQ(talk.run().kind, ClientStep::pass);
  EXPECT_TRUE(talk.has_tls());
  EXPECT_EQ(talk.chosen, wire::kScramSha256Plus);
}

TEST(TlsLogin, TakesTheUserFromTheCertificate) {
  const std::string strict = "auth_type = cert\nclient_tls_sslmode = verify-full";
  EXPECT_EQ(TlsTalk({.settings = strict}).run().kind, ClientStep::pass);
  const auto mismatch = TlsTalk({.settings = strict}, "app").run();
  EXPECT_EQ(mismatch.text, "certificate authentication failed");
  EXPECT_EQ(mismatch.log.back(), "TLS certificate name mismatch");
  EXPECT_EQ(TlsTalk({.settings = strict}, "nobody").run().text,
            "certificate authentication failed");

  Configured mapped{.settings = "auth_type = hba\nauth_hba_file = hba\nauth_ident_file = ident\n"
                                "client_tls_sslmode = require",
                    .hba = "hostssl all all all cert map=m\n",
                    .ident = "m plain app\nn plain plain\n"};
  EXPECT_EQ(TlsTalk(mapped, "app").run().kind, ClientStep::pass);
  EXPECT_EQ(TlsTalk(mapped, "plain").run().log.back(), "ident map: m does not have a match");
  EXPECT_EQ(TlsTalk(mapped, "app", "").run().log.back(), "TLS client certificate required");
  // One that another authority signed is as good as none: "require" lets it connect, not log in.
  mapped.settings += "\nclient_tls_ca_file = " + tls_files().path("other.crt");
  EXPECT_EQ(TlsTalk(mapped, "app").run().log.back(), "TLS client certificate required");
}

TEST(TlsLogin, TellsEncryptedClientsFromOthers) {
  const Configured texts{.settings = "auth_type = hba\nauth_hba_file = hba\n"
                                     "client_tls_sslmode = allow",
                         .hba = "hostnossl all all all reject\nhostssl all all all trust\n"};
  EXPECT_EQ(TlsTalk(texts).run().kind, ClientStep::pass);
  const DirectoryPtr directory = tls_directory(texts);
  ClientLogin login(directory, {.address = ip_address_of("10.0.0.1")},
                    std::string(ClientLogin::kRandomBytes, 'r'));
  std::string packet;
  wire::append_startup(packet, 0, {{"user", "plain"}, {"database", "d"}});
  EXPECT_EQ(login.feed(packet).text, "login rejected");
}

TEST(TlsLogin, IsSuspicious) {
  const DirectoryPtr directory =
      tls_directory({.settings = "auth_type = trust\nclient_tls_sslmode = require"});
  const auto login = [&](bool is_unix = false) {
    ClientLogin::Origin origin{.is_unix = is_unix};
    if (!is_unix) origin.address = ip_address_of("10.0.0.1");
    return ClientLogin(directory, origin, std::string(ClientLogin::kRandomBytes, 'r'));
  };
  std::string startup;
  wire::append_startup(startup, 0, {{"user", "plain"}, {"database", "d"}});
  std::string request;
  wire::append_tls_request(request);
  EXPECT_EQ(login().feed(startup).text, "SSL required");
  EXPECT_EQ(login(true).feed(startup).kind, ClientStep::pass) << "a Unix socket needs none";
  EXPECT_EQ(login(true).feed(request).send, "N");
  EXPECT_EQ(login().feed(request + startup).text, "received unencrypted data after SSL request");
  // In the place of a handshake.
  for (const std::string& garbage : {startup, std::string(5, '\0'), std::string(300, 'x')}) {
    ClientLogin each = login();
    EXPECT_EQ(each.feed(request).send, "S");
    EXPECT_TRUE(each.is_in_handshake());
    ClientLogin::Step step = each.feed(garbage);
    if (step.kind == ClientStep::work) step = each.work();
    EXPECT_EQ(step.kind, ClientStep::drop);
    EXPECT_TRUE(step.problem.starts_with("TLS handshake error: handshake failed: error:"))
        << step.problem;
    EXPECT_EQ(each.take_tls(), nullptr);
  }
  // A record that never ends is not waited for without limit.
  ClientLogin endless = login();
  endless.feed(request);
  ClientLogin::Step step;
  for (std::size_t at = 0; at < ClientLogin::kHandshakeBytesMax + 1; at += 10'000) {
    step = endless.feed(std::string(10'000, '\x16'));
    if (step.kind == ClientStep::drop) break;
  }
  EXPECT_EQ(step.kind, ClientStep::drop);
}

TEST(TlsLogin, WantsToHearOfThePostgresProtocolWhereTlsComesFirst) {
  const DirectoryPtr directory =
      tls_directory({.settings = "auth_type = trust\nclient_tls_sslmode = allow"});
  ClientLogin login(directory, {.address = ip_address_of("10.0.0.1")},
                    std::string(ClientLogin::kRandomBytes, 'r'));
  const TlsContexts contexts =
      *make_tls_contexts(tls_files().settings(TlsMode::disable, TlsMode::require));
  const auto client = TlsSession::to_server(contexts, "localhost");
  std::string from_server;
  ClientLogin::Step step;
  for (int round = 0; round < 5 && step.kind != ClientStep::drop; ++round) {
    std::string bytes;
    client->shake_hands(from_server, bytes);
    step = login.feed(bytes);
    if (step.kind == ClientStep::work) step = login.work();
    from_server += step.handshake;
  }
  EXPECT_EQ(step.kind, ClientStep::drop);
  EXPECT_TRUE(step.problem.contains("without ALPN")) << step.problem;
}

} // namespace
} // namespace pgkeep::pool
