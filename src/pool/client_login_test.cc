#include "pool/client_login.h"

#include <gtest/gtest.h>

#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/message.h"
#include "wire/password.h"

namespace pgkeep::pool {
namespace {

using ClientStep = ClientLogin::Step::Kind;
using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Plain, md5 and scram are named like what auth_file has of them; all have the password "secret".
DirectoryPtr directory_with(std::string_view settings) {
  const std::string verifier =
      wire::make_verifier(base::Secret("secret"), std::string(16, 's'), 4096)->text();
  const auto read = [&](const std::string& path) -> base::Result<std::string> {
    if (path == "users")
      return "\"plain\" \"secret\"\n\"md5\" \"" + wire::md5_stored("secret", "md5") +
             "\"\n\"scram\" \"" + verifier + "\"\n\"empty\" \"\"\n";
    if (path == "hba_of_one") return std::string("host all one 10.0.0.0/8 trust\n");
    if (path == "hba") return std::string("local all plain trust\nhost all all 10.0.0.0/8 md5\n");
    return "[databases]\nd = host=h\nforced = user=app\n[pgbouncer]\nauth_file = users\n" +
           std::string(settings);
  };
  auto directory = read_directory("ini", read);
  EXPECT_TRUE(directory) << base::to_line(directory.error());
  return std::make_shared<const Directory>(*std::move(directory));
}

class Talk {
public:
  explicit Talk(std::string_view settings, ClientLogin::Origin origin = {.is_unix = true})
      : login_(directory_with(settings), origin, std::string(ClientLogin::kRandomBytes, 'r')) {}

  ClientLogin::Step start(const Parameters& parameters, std::uint16_t minor = 0) {
    std::string packet;
    wire::append_startup(packet, minor, parameters);
    return login_.feed(packet);
  }
  ClientLogin::Step say(const std::string& message) {
    ClientLogin::Step step = login_.feed(message);
    return step.kind == ClientStep::work ? login_.work() : step;
  }
  ClientLogin::Step password(std::string_view text) {
    std::string message;
    wire::append_password(message, text);
    return say(message);
  }
  /// Through SCRAM to its end.
  ClientLogin::Step scram(const std::string& text) {
    wire::ScramClient client(base::Secret(text), "nonce", {});
    std::string message;
    wire::append_sasl_initial(message, wire::kScramSha256, client.first());
    const ClientLogin::Step step = say(message);
    if (step.kind != ClientStep::wait) return step;
    const auto answer = client.final(std::string_view(step.send).substr(9));
    message.clear();
    wire::append_sasl_response(message, *answer);
    return say(message);
  }
  ClientLogin& login() { return login_; }

private:
  ClientLogin login_;
};

TEST(ClientLogin, TrustsWhomItKnows) {
  Talk talk("auth_type = trust");
  const auto step = talk.start({{"user", "plain"}, {"database", "d"}, {"TimeZone", "UTC"}});
  EXPECT_EQ(step.kind, ClientStep::pass);
  EXPECT_EQ(talk.login().user(), "plain");
  EXPECT_EQ(talk.login().database()->name, "d");
  EXPECT_EQ(talk.login().parameters().get(2), "UTC");
  EXPECT_EQ(Talk("auth_type = trust").start({{"user", "x"}, {"database", "d"}}).text,
            "\"trust\" authentication failed");
}

TEST(ClientLogin, RefusesInPgBouncersWords) {
  struct Case {
    Parameters parameters;
    std::string_view want;
  };
  const Case cases[] = {
      {{{"user", "plain"}, {"database", "nodb"}}, "no such database: nodb"},
      {{{"database", "d"}}, "no username supplied"},
      {{{"user", "plain"}, {"search_path", "x"}}, "unsupported startup parameter: search_path"},
      {{{"user", "plain"}, {"options", "-c geqo=on"}},
       "unsupported startup parameter in options: geqo"},
      {{{"user", "plain"}, {"options", "--geqo=on"}},
       "unsupported startup parameter in options: geqo"},
      {{{"user", "plain"}, {"options", "--x"}},
       "unsupported options startup parameter: only '-c config=val' and '--config=val' are "
       "allowed"},
      {{{"user", "plain"}, {"options", "-d TimeZone=UTC"}},
       "unsupported options startup parameter: only '-c config=val' and '--config=val' are "
       "allowed"},
      {{{"user", std::string(200, 'u')}, {"database", "d"}}, "username too long"},
  };
  for (const Case& each : cases) {
    const auto step = Talk("auth_type = trust").start(each.parameters);
    EXPECT_EQ(step.kind, ClientStep::refuse);
    EXPECT_EQ(step.text, each.want);
  }
  Talk full("auth_type = trust");
  full.login().set_full(true);
  EXPECT_EQ(full.start({{"user", "plain"}, {"database", "d"}}).text,
            "no more connections allowed (max_client_conn)");
}

TEST(ClientLogin, TheConsoleIsForThoseWhoAreListed) {
  struct Case {
    std::string_view settings;
    std::string_view user;
    bool is_own_user;
    std::string_view want; ///< "admin", "stats", or the refusal.
  };
  const Case cases[] = {
      {"auth_type = trust\nadmin_users = plain", "plain", false, "admin"},
      {"auth_type = trust\nstats_users = md5, plain", "plain", false, "stats"},
      {"auth_type = trust\nadmin_users = md5", "plain", false, "not allowed"},
      {"auth_type = trust\nadmin_users = x", "x", false, "\"trust\" authentication failed"},
      {"auth_type = md5", "pgbouncer", true, "admin"},
      {"auth_type = trust", "pgbouncer", false, "\"trust\" authentication failed"},
      {"auth_type = trust", "plain", true, "not allowed"},
      {"auth_type = any\nadmin_users = x", "x", false, "admin"},
      {"auth_type = any\nadmin_users = x", "y", false, "stats"},
  };
  for (const Case& each : cases) {
    Talk talk(each.settings, {.is_unix = true, .is_own_user = each.is_own_user});
    talk.login().set_full(true); // Which keeps no administrator out.
    const auto step = talk.start({{"user", std::string(each.user)}, {"database", "pgbouncer"}});
    if (step.kind == ClientStep::pass) {
      EXPECT_EQ(talk.login().is_admin() ? "admin" : "stats", each.want) << each.settings;
      EXPECT_TRUE(talk.login().is_console());
    } else {
      EXPECT_EQ(step.text, each.want) << each.settings << each.user;
    }
  }
}

TEST(ClientLogin, TakesOptionsAndIgnoresWhatItIsToldTo) {
  Talk talk("auth_type = trust\nignore_startup_parameters = geqo, extra_float_digits");
  const auto step = talk.start({{"user", "plain"},
                                {"database", "d"},
                                {"extra_float_digits", "2"},
                                {"options", " -c datestyle=ISO\\,\\ DMY -cgeqo=on"}});
  EXPECT_EQ(step.kind, ClientStep::pass);
  EXPECT_EQ(talk.login().parameters().get(1), "ISO, DMY");
}

TEST(ClientLogin, ChecksPlainPasswords) {
  for (const std::string user : {"plain", "md5", "scram"}) {
    Talk talk("auth_type = plain");
    EXPECT_EQ(talk.start({{"user", user}, {"database", "d"}}).kind, ClientStep::wait);
    EXPECT_EQ(talk.password("secret").kind, ClientStep::pass) << user;
    Talk wrong("auth_type = plain");
    wrong.start({{"user", user}, {"database", "d"}});
    EXPECT_EQ(wrong.password("secreT").text, "password authentication failed");
  }
  for (const std::string user : {"nobody", "empty"}) {
    Talk talk("auth_type = plain");
    EXPECT_EQ(talk.start({{"user", user}, {"database", "d"}}).kind, ClientStep::wait);
    EXPECT_EQ(talk.password("").text, "empty password returned by client");
  }
}

TEST(ClientLogin, ChecksMd5AndTakesScramWhereTheSecretIsScram) {
  for (const std::string user : {"plain", "md5"}) {
    Talk talk("auth_type = md5");
    const auto step = talk.start({{"user", user}, {"database", "d"}});
    const std::string answer =
        wire::md5_answer(wire::md5_stored("secret", user), step.send.substr(step.send.size() - 4));
    EXPECT_EQ(talk.password(answer).kind, ClientStep::pass) << user;
  }
  Talk nobody("auth_type = md5");
  EXPECT_EQ(nobody.start({{"user", "nobody"}, {"database", "d"}}).kind, ClientStep::wait);
  EXPECT_EQ(nobody.password("md5").text, "password authentication failed");
  Talk talk("auth_type = md5");
  talk.start({{"user", "scram"}, {"database", "d"}});
  EXPECT_EQ(talk.scram("secret").kind, ClientStep::pass);
}

TEST(ClientLogin, SpeaksScram) {
  Talk talk("auth_type = scram-sha-256");
  talk.start({{"user", "scram"}, {"database", "d"}});
  EXPECT_EQ(talk.scram("secret").kind, ClientStep::pass);
  EXPECT_TRUE(talk.login().keys()) << "they open a server in the client's name";
  Talk plain("auth_type = scram-sha-256");
  plain.start({{"user", "plain"}, {"database", "d"}});
  EXPECT_EQ(plain.scram("secret").kind, ClientStep::pass);
  EXPECT_FALSE(plain.login().keys()) << "those of a salt of ours open nothing";
  for (const std::string user : {"scram", "plain", "nobody", "empty", "md5"}) {
    Talk wrong("auth_type = scram-sha-256");
    EXPECT_EQ(wrong.start({{"user", user}, {"database", "d"}}).kind, ClientStep::wait);
    EXPECT_EQ(wrong.scram(user == "empty" ? "" : "wrong").text, "SASL authentication failed")
        << user;
  }
}

/// What a client is told before it says what it knows of the password: "s=<salt>,i=<number>".
std::string told_first(const DirectoryPtr& files, const std::string& user) {
  ClientLogin login(files, {.is_unix = true}, std::string(ClientLogin::kRandomBytes, 'r'));
  std::string bytes;
  wire::append_startup(bytes, 0, {{"user", user}, {"database", "d"}});
  wire::ScramClient client(base::Secret("x"), "nonce", {});
  wire::append_sasl_initial(bytes, wire::kScramSha256, client.first());
  EXPECT_EQ(login.feed(bytes).kind, ClientStep::work);
  const std::string text = login.work().send;
  return text.substr(text.find("s="));
}

TEST(ClientLogin, ShowsNobodyInScramWhetherThereIsSuchAUser) {
  const DirectoryPtr files = directory_with("auth_type = scram-sha-256\nscram_iterations = 5000");
  for (const std::string user : {"plain", "md5", "empty", "nobody"}) {
    const std::string told = told_first(files, user);
    EXPECT_TRUE(told.ends_with(",i=5000")) << user << told;
    EXPECT_EQ(told_first(files, user), told) << "the same at each try";
    EXPECT_NE(told_first(files, user + "x"), told);
  }
  EXPECT_TRUE(told_first(files, "scram").ends_with(",i=4096")) << "its own";
}

TEST(ClientLogin, AsksTheHbaFile) {
  const std::string_view settings = "auth_type = hba\nauth_hba_file = hba";
  EXPECT_EQ(Talk(settings).start({{"user", "plain"}, {"database", "d"}}).kind, ClientStep::pass);
  EXPECT_EQ(Talk(settings).start({{"user", "md5"}, {"database", "d"}}).text,
            "no authentication method is found");
  Talk remote(settings, {.address = ip_address_of("10.1.2.3")});
  EXPECT_EQ(remote.start({{"user", "plain"}, {"database", "d"}}).kind, ClientStep::wait);
  Talk stranger(settings, {.address = ip_address_of("11.1.2.3")});
  EXPECT_EQ(stranger.start({{"user", "plain"}, {"database", "d"}}).text,
            "no authentication method is found");
}

TEST(ClientLogin, TakesAnybodyWhereTheDatabaseSaysWho) {
  Talk talk("auth_type = any");
  EXPECT_EQ(talk.start({{"user", "whoever"}, {"database", "forced"}}).kind, ClientStep::pass);
  EXPECT_EQ(talk.login().user(), "app");
  EXPECT_EQ(Talk("auth_type = any").start({{"user", "x"}, {"database", "d"}}).text,
            "bouncer config error");
}

TEST(ClientLogin, DeclinesEncryptionAndNegotiatesTheVersion) {
  Talk talk("auth_type = trust");
  std::string request;
  wire::append_tls_request(request);
  EXPECT_EQ(talk.say(request).send, "N");
  const auto step = talk.start({{"user", "plain"}, {"database", "d"}, {"_pq_.x", "1"}}, 2);
  EXPECT_EQ(step.kind, ClientStep::pass);
  EXPECT_EQ(step.send.front(), wire::from_server::kNegotiateVersion);
  EXPECT_EQ(Talk("").say(request + "x").text, "received unencrypted data after SSL request");
  Talk again("");
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(again.say(request).kind, ClientStep::wait);
  EXPECT_EQ(again.say(request).kind, ClientStep::drop) << "not for ever";
}

TEST(ClientLogin, KeepsWhatComesBehindAndWaitsForWhatIsMissing) {
  Talk talk("auth_type = trust");
  std::string packet;
  wire::append_startup(packet, 0, {{"user", "plain"}, {"database", "d"}});
  const std::size_t bytes = packet.size();
  wire::append_query(packet, "SELECT 1");
  for (std::size_t i = 0; i + 1 < bytes; ++i)
    ASSERT_EQ(talk.login().feed(packet.substr(i, 1)).kind, ClientStep::wait);
  EXPECT_EQ(talk.login().feed(packet.substr(bytes - 1)).kind, ClientStep::pass);
  EXPECT_EQ(talk.login().rest(), packet.substr(bytes));
}

TEST(ClientLogin, TakesAnAnswerThatCameBeforeTheQuestion) {
  std::string hello;
  wire::append_startup(hello, 0, {{"user", "plain"}, {"database", "d"}});
  std::string password;
  wire::append_password(password, "secret");
  std::string query;
  wire::append_query(query, "SELECT 1");
  Talk talk("auth_type = plain");
  const auto step = talk.login().feed(hello + password + query);
  ASSERT_EQ(step.kind, ClientStep::work);
  EXPECT_EQ(step.send.substr(0, 1), "R") << "it is asked all the same";
  EXPECT_EQ(talk.login().work().kind, ClientStep::pass);
  EXPECT_EQ(talk.login().rest(), query);
  Talk half("auth_type = plain");
  EXPECT_EQ(half.login().feed(hello + password.substr(0, 7)).kind, ClientStep::wait);
  EXPECT_EQ(half.say(password.substr(7)).kind, ClientStep::pass);
  Talk wrong("auth_type = plain");
  EXPECT_EQ(wrong.login().feed(hello + query).kind, ClientStep::drop);

  wire::ScramClient client(base::Secret("secret"), "nonce", {});
  std::string first;
  wire::append_sasl_initial(first, wire::kScramSha256, client.first());
  for (const bool is_asked_for : {false, true}) {
    Talk scram(is_asked_for ? "auth_type = scram-sha-256\nauth_user = keeper"
                            : "auth_type = scram-sha-256");
    std::string start;
    wire::append_startup(start, 0,
                         {{"user", is_asked_for ? "elsewhere" : "plain"}, {"database", "d"}});
    auto next = scram.login().feed(start + first);
    if (is_asked_for) {
      ASSERT_EQ(next.kind, ClientStep::ask);
      next =
          scram.login().answered(StoredUser{.name = "elsewhere", .secret = base::Secret("secret")});
    }
    EXPECT_EQ(next.kind, ClientStep::work) << is_asked_for;
    EXPECT_NE(next.send.find("SCRAM-SHA-256"), std::string::npos);
    next = scram.login().work();
    EXPECT_EQ(next.kind, ClientStep::wait);
    EXPECT_EQ(next.send.substr(0, 1), "R");
  }
}

TEST(ClientLogin, DropsWhatIsNoLogin) {
  const auto step = Talk("").say("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(step.kind, ClientStep::refuse);
  EXPECT_EQ(step.text, "bad packet header: '474554202f204854'");
  EXPECT_EQ(Talk("").say(std::string("\0\0\0\x8\0\4\0\0", 8)).text,
            "bad packet header: '0000000800040000'")
      << "a protocol to come";
  Talk talk("auth_type = md5");
  talk.start({{"user", "plain"}, {"database", "d"}});
  std::string query;
  wire::append_query(query, "SELECT 1");
  EXPECT_EQ(talk.say(query).kind, ClientStep::drop);
  Talk large("auth_type = md5");
  large.start({{"user", "plain"}, {"database", "d"}});
  EXPECT_EQ(large.say(std::string("p\x7f\xff\xff\xff", 5)).kind, ClientStep::drop);
}

TEST(ClientLogin, PassesOnACancelRequest) {
  Talk talk("");
  std::string request;
  wire::append_cancel_request(request, 7, "abcd");
  EXPECT_EQ(talk.say(request).kind, ClientStep::cancel);
  EXPECT_EQ(talk.login().cancel_process(), 7U);
  EXPECT_EQ(talk.login().cancel_key(), "abcd");
}

TEST(ClientLogin, AsksAServerOfUsersThatNoFileKnows) {
  const std::string settings = "auth_type = md5\nauth_user = keeper\nauth_query = SELECT 1\n";
  for (const bool is_found : {true, false}) {
    Talk talk(settings);
    const auto step = talk.start({{"user", "elsewhere"}, {"database", "d"}});
    ASSERT_EQ(step.kind, ClientStep::ask);
    EXPECT_EQ(talk.login().question().database_name, "d");
    EXPECT_EQ(talk.login().question().user, "keeper");
    EXPECT_EQ(talk.login().question().query, "SELECT 1");
    const std::string verifier =
        wire::make_verifier(base::Secret("secret"), std::string(16, 's'), 4096)->text();
    std::optional<StoredUser> user;
    if (is_found) user = StoredUser{.name = "elsewhere", .secret = base::Secret(verifier)};
    const auto asked = talk.login().answered(std::move(user));
    EXPECT_EQ(asked.kind, ClientStep::wait);
    // Whoever looks at what is asked cannot see whether there is such a user.
    EXPECT_NE(asked.send.find("SCRAM-SHA-256"), std::string::npos);
    const auto end = talk.scram("secret");
    EXPECT_EQ(end.kind, is_found ? ClientStep::pass : ClientStep::refuse);
    EXPECT_EQ(talk.login().keys().has_value(), is_found);
    EXPECT_EQ(talk.login().server_secret().empty(), !is_found);
  }
  Talk known(settings);
  EXPECT_EQ(known.start({{"user", "plain"}, {"database", "d"}}).kind, ClientStep::wait);
  Talk nowhere(settings);
  EXPECT_EQ(nowhere.start({{"user", "elsewhere"}, {"database", "none"}}).kind, ClientStep::wait);
  Talk wrong(settings + "auth_dbname = gone\n");
  const auto step = wrong.start({{"user", "elsewhere"}, {"database", "d"}});
  EXPECT_EQ(step.kind, ClientStep::refuse);
  EXPECT_EQ(step.text, "bouncer config error");
}

TEST(ClientLogin, AsksNobodyAboutWhomTheHbaFileRejects) {
  const std::string settings = "auth_type = hba\nauth_hba_file = hba\nauth_user = keeper\n";
  const auto from = [](std::string_view address) {
    return ClientLogin::Origin{.address = *ip_address_of(address)};
  };
  const Parameters who = {{"user", "elsewhere"}, {"database", "d"}};
  EXPECT_EQ(Talk(settings, from("10.1.2.3")).start(who).kind, ClientStep::ask);
  const auto step = Talk(settings, from("11.1.2.3")).start(who);
  EXPECT_EQ(step.kind, ClientStep::refuse);
  EXPECT_EQ(step.text, "no authentication method is found");
  // The answer may have another name, which the file lets in nowhere.
  Talk renamed("auth_type = hba\nauth_hba_file = hba_of_one\nauth_user = keeper\n",
               from("10.1.2.3"));
  ASSERT_EQ(renamed.start({{"user", "one"}, {"database", "d"}}).kind, ClientStep::ask);
  EXPECT_EQ(renamed.login().answered(StoredUser{.name = "other"}).kind, ClientStep::refuse);
}

TEST(ClientLogin, AsksAServerOfTheConsolesUsers) {
  const std::string settings = "auth_type = scram-sha-256\nauth_user = keeper\n"
                               "admin_users = boss\nstats_users = looks, plain\n";
  const auto at_console = [](Talk& talk, const std::string& user) {
    return talk.start({{"user", user}, {"database", "pgbouncer"}});
  };
  for (const std::string user : {"boss", "looks"}) {
    Talk talk(settings + "auth_dbname = d\n");
    ASSERT_EQ(at_console(talk, user).kind, ClientStep::ask) << user;
    EXPECT_EQ(talk.login().question().database_name, "d");
    ASSERT_EQ(talk.login().question().database, talk.login().files()->configuration.database("d"));
    EXPECT_EQ(talk.login().question().user, "keeper");
    const auto asked =
        talk.login().answered(StoredUser{.name = user, .secret = base::Secret("secret")});
    EXPECT_EQ(asked.kind, ClientStep::wait);
    EXPECT_EQ(talk.scram("secret").kind, ClientStep::pass);
    EXPECT_EQ(talk.login().is_admin(), user == "boss");
    // Without a database to ask in.
    Talk wrong(settings);
    const auto step = at_console(wrong, user);
    EXPECT_EQ(step.text, "bouncer config error");
    EXPECT_EQ(step.log, std::vector<std::string>{
                            "cannot use the reserved \"pgbouncer\" database as an auth_dbname"});
  }
  Talk known(settings);
  EXPECT_EQ(at_console(known, "plain").kind, ClientStep::wait);
  Talk stranger(settings + "auth_dbname = d\n");
  EXPECT_EQ(at_console(stranger, "stranger").kind, ClientStep::wait) << "whom it is not for";
}

TEST(ClientLogin, SaysWhetherAClientReplicates) {
  Talk talk("auth_type = trust");
  // The options of such a client are for its server to read.
  const auto step = talk.start({{"user", "plain"},
                                {"database", "d"},
                                {"replication", "true"},
                                {"options", "-d 5 --whatever"}});
  EXPECT_EQ(step.kind, ClientStep::pass);
  EXPECT_EQ(talk.login().replication(), Replication::physical);
  EXPECT_EQ(talk.login().options(), "-d 5 --whatever");
  Talk other("auth_type = trust");
  EXPECT_EQ(other.start({{"user", "plain"}, {"database", "d"}, {"replication", "off"}}).kind,
            ClientStep::pass);
  EXPECT_EQ(other.login().replication(), Replication::none);
}

TEST(ClientLogin, KeepsSettingsThatNobodyTracks) {
  const Parameters asked = {{"user", "plain"},
                            {"database", "d"},
                            {"work_mem", "1MB"},
                            {"options", "-c app.user=me -c TimeZone=UTC"}};
  Talk talk("auth_type = trust\nkeep_session_settings = 1");
  EXPECT_EQ(talk.start(asked).kind, ClientStep::pass);
  EXPECT_EQ(talk.login().session_settings(),
            (wire::SessionSettings{{"work_mem", "1MB"}, {"app.user", "me"}}));
  Talk other("auth_type = trust");
  EXPECT_EQ(other.start(asked).text, "unsupported startup parameter: work_mem");
}

} // namespace
} // namespace pgkeep::pool
