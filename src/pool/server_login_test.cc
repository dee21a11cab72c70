#include "pool/server_login.h"

#include <gtest/gtest.h>

#include "base/result.h"
#include "wire/password.h"

namespace pgkeep::pool {
namespace {

using ServerStep = ServerLogin::Step::Kind;

ServerLogin::Step say(ServerLogin& login, std::string_view bytes) {
  ServerLogin::Step step = login.feed(bytes);
  return step.kind == ServerStep::work ? login.work() : step;
}

ServerLogin login_as(std::string stored, ServerIdentity identity = {}) {
  identity.user = "u";
  identity.database = "d";
  identity.stored = base::Secret(std::move(stored));
  return {std::move(identity), std::string(wire::kScramNonceBytes, 'r')};
}

/// What a server says once it knows who it is.
std::string welcome() {
  std::string bytes;
  wire::append_authentication_ok(bytes);
  wire::append_parameter_status(bytes, "TimeZone", "UTC");
  wire::append_parameter_status(bytes, "TimeZone", "GMT");
  wire::append_backend_key(bytes, 42, "key4");
  wire::append_ready_for_query(bytes, wire::TransactionStatus::idle);
  return bytes;
}

TEST(ServerLogin, ReadsAGreetingInPiecesOfAnySize) {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    ServerLogin login = login_as("");
    const std::string bytes = welcome();
    ServerLogin::Step step;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      step = say(login, std::string_view(bytes).substr(at, piece));
    EXPECT_EQ(step.kind, ServerStep::pass);
    ASSERT_EQ(login.parameters().size(), 1U);
    EXPECT_EQ(login.parameters()[0].second, "GMT");
    EXPECT_EQ(login.process(), 42U);
    EXPECT_EQ(login.cancel_key(), "key4");
  }
}

TEST(ServerLogin, ReadsWhatComesBehindTheGreeting) {
  std::string unasked;
  wire::append_parameter_status(unasked, "TimeZone", "UTC");
  ServerLogin changed = login_as("");
  EXPECT_EQ(say(changed, welcome() + unasked).kind, ServerStep::pass);
  EXPECT_EQ(changed.parameters().at(0).second, "UTC");

  ServerLogin halved = login_as("");
  EXPECT_EQ(say(halved, welcome() + unasked.substr(0, 7)).kind, ServerStep::wait);
  EXPECT_EQ(say(halved, unasked.substr(7)).kind, ServerStep::pass);

  std::string end;
  wire::append_error(end, {.severity = "FATAL", .sqlstate = "57P01", .message = "going down"});
  ServerLogin ended = login_as("");
  const ServerLogin::Step step = say(ended, welcome() + end);
  EXPECT_EQ(step.kind, ServerStep::fail);
  EXPECT_EQ(step.text, "going down");
  EXPECT_EQ(step.server_text, "") << "those who wait may have another connection";
  EXPECT_TRUE(ended.is_greeted());

  ServerLogin confused = login_as("");
  EXPECT_EQ(say(confused, welcome() + welcome()).kind, ServerStep::fail);
}

TEST(ServerLogin, AnswersMd5AndCleartext) {
  std::string request;
  wire::append_md5_request(request, "salt");
  std::string want;
  wire::append_password(want, wire::md5_answer(wire::md5_stored("pw", "u"), "salt"));
  ServerLogin plain = login_as("pw");
  EXPECT_EQ(say(plain, request).send, want);
  ServerLogin digest = login_as(wire::md5_stored("pw", "u"));
  EXPECT_EQ(say(digest, request).send, want);
  ServerLogin none = login_as("");
  EXPECT_EQ(say(none, request).kind, ServerStep::fail);
  request.clear();
  wire::append_cleartext_request(request);
  want.clear();
  wire::append_password(want, "pw");
  ServerLogin clear = login_as("pw");
  EXPECT_EQ(say(clear, request).send, want);
  ServerLogin no_clear = login_as(wire::md5_stored("pw", "u"));
  EXPECT_EQ(say(no_clear, request).kind, ServerStep::fail) << "a digest is no password";
}

TEST(ServerLogin, SpeaksScramWithAPasswordAndWithKeys) {
  const auto verifier = wire::make_verifier(base::Secret("pw"), std::string(16, 's'));
  wire::ScramClientKeys keys;
  for (const bool has_keys : {false, true}) {
    wire::ScramServer server(*verifier, "server");
    ServerLogin login = has_keys ? login_as(verifier->text(), {.keys = keys}) : login_as("pw");
    std::string request;
    const std::string_view offered[] = {wire::kScramSha256Plus, wire::kScramSha256};
    wire::append_sasl_request(request, offered);
    ServerLogin::Step step = say(login, request);
    // Header, mechanism with its NUL, length.
    const std::size_t data_at = wire::Header::kBytes + wire::kScramSha256.size() + 1 + 4;
    const auto first =
        server.first(wire::kScramSha256, std::string_view(step.send).substr(data_at));
    ASSERT_TRUE(first);
    request.clear();
    wire::append_sasl_continue(request, *first);
    step = say(login, request);
    const auto final = server.final(std::string_view(step.send).substr(wire::Header::kBytes));
    ASSERT_TRUE(final);
    keys = server.keys();
    request.clear();
    wire::append_sasl_final(request, *final);
    EXPECT_EQ(say(login, request + welcome()).kind, ServerStep::pass);
  }
  ServerLogin without = login_as(verifier->text());
  std::string request;
  const std::string_view offered[] = {wire::kScramSha256};
  wire::append_sasl_request(request, offered);
  EXPECT_EQ(say(without, request).kind, ServerStep::fail) << "a verifier opens nothing";
}

TEST(ServerLogin, TellsWhyTheServerRefuses) {
  std::string error;
  wire::append_error(error,
                     {.severity = "FATAL", .sqlstate = "3D000", .message = "no such database"});
  ServerLogin login = login_as("");
  const ServerLogin::Step step = say(login, error);
  EXPECT_EQ(step.kind, ServerStep::fail);
  EXPECT_EQ(step.text, "no such database");
  EXPECT_EQ(step.server_text, "no such database");
  EXPECT_EQ(step.server_sqlstate, "3D000");
}

TEST(ServerLogin, SaysSomethingWhereTheServerGivesNoReason) {
  std::string error;
  wire::append_error(error, {.severity = "FATAL", .sqlstate = "28000", .message = ""});
  ServerLogin login = login_as("");
  const ServerLogin::Step step = say(login, error);
  EXPECT_EQ(step.kind, ServerStep::fail);
  EXPECT_EQ(step.text, "login failed");
  EXPECT_EQ(step.server_text, "login failed") << "it is a refusal all the same";
}

TEST(ServerLogin, LetsThoseWaitWhoseServerIsStartingUp) {
  std::string error;
  wire::append_error(error, {.severity = "FATAL", .sqlstate = "57P03", .message = "starting up"});
  ServerLogin login = login_as("");
  const ServerLogin::Step step = say(login, error);
  EXPECT_EQ(step.kind, ServerStep::fail);
  EXPECT_EQ(step.text, "starting up");
  EXPECT_EQ(step.server_text, "");
}

TEST(ServerLogin, RunsTheConnectQueryAndForgetsItsResult) {
  ServerLogin login = login_as("", {.connect_query = "SELECT 1"});
  ServerLogin::Step step = say(login, welcome());
  EXPECT_EQ(step.kind, ServerStep::wait);
  std::string want;
  wire::append_query(want, "SELECT 1");
  EXPECT_EQ(step.send, want);
  std::string answer;
  wire::append_error(answer, {.severity = "ERROR", .sqlstate = "42601", .message = "no"});
  wire::append_command_complete(answer, "SELECT 1");
  wire::append_ready_for_query(answer, wire::TransactionStatus::idle);
  step = say(login, answer);
  EXPECT_EQ(step.kind, ServerStep::pass);
  EXPECT_EQ(step.log,
            std::vector<std::string>{"S: error while executing exec_on_query: ERROR: no"});
}

TEST(ServerLogin, RefusesWhatNoServerSays) {
  std::string ready;
  wire::append_ready_for_query(ready, wire::TransactionStatus::idle);
  std::string final;
  wire::append_sasl_final(final, "v=x");
  for (const std::string& bytes :
       {ready, final, std::string("R\0\0\0\4", 5), std::string("S\0\0\0\5x", 6),
        std::string("Z\0\0\0\1", 5), std::string("D\0\0\0\4", 5), std::string("R\x7f\0\0\0", 5)}) {
    ServerLogin login = login_as("pw");
    EXPECT_EQ(say(login, bytes).kind, ServerStep::fail) << static_cast<int>(bytes[0]);
  }
}

} // namespace
} // namespace pgkeep::pool
