// A model of a server answers what the pipeline sends it; a client must hear the same as one that
// has a server of its own.
#include "wire/prepared.h"

#include <deque>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "wire/bytes.h"

namespace pgkeep::wire {
namespace {

std::string message(char type, std::string_view body) {
  std::string out;
  MessageWriter(out, type).bytes(body);
  return out;
}
std::string text(std::string_view value) {
  return std::string(value) + '\0';
}
std::string parse(std::string_view name, std::string_view query) {
  return message('P', text(name) + text(query) + std::string(2, '\0'));
}
std::string bind_to(std::string_view name) {
  return message('B', text("") + text(name) + std::string(6, '\0'));
}
std::string describe(std::string_view name) {
  return message('D', "S" + text(name));
}
std::string close_of(std::string_view name) {
  return message('C', "S" + text(name));
}
std::string execute() {
  return message('E', text("") + std::string(4, '\0'));
}
std::string sync() {
  return message('S', "");
}
std::string query(std::string_view sql) {
  return message('Q', text(sql));
}

/// Each message of a stream.
template <typename Visit>
void each_message(std::string_view bytes, Visit visit) {
  while (const auto header = header_of(bytes)) {
    ASSERT_LE(header->message_bytes(), bytes.size());
    visit(header->type, bytes.substr(Header::kBytes, header->message_bytes() - Header::kBytes));
    bytes.remove_prefix(header->message_bytes());
  }
  ASSERT_TRUE(bytes.empty());
}

/// As much of PostgreSQL as prepared statements need. "bad" does not parse, "fails" cannot be run,
/// rows say which query was run; "copy" reads data.
class Server {
public:
  std::string say(std::string_view bytes) {
    std::string out;
    each_message(bytes, [&](char type, std::string_view body) { take(type, body, out); });
    return out;
  }
  [[nodiscard]] std::size_t statements() const {
    return statements_.size() - statements_.count("");
  }

private:
  void take(char type, std::string_view body, std::string& out) {
    if (type == 'S') is_passing_over_ = false;
    if (is_passing_over_) return;
    if (is_copying_) {
      is_copying_ = type != 'c' && type != 'f';
      if (type == 'c') out += message('C', text("COPY 1"));
      if (type == 'f') fail("57014", out);
      return;
    }
    Reader reader(body);
    switch (type) {
    case 'P': {
      const std::string name(reader.text());
      const std::string sql(reader.text());
      if (name.empty()) statements_.erase(name);
      if (sql == "bad") return fail("42601", out);
      if (!name.empty() && statements_.contains(name)) return fail("42P05", out);
      statements_[name] = sql;
      out += message('1', "");
      return;
    }
    case 'B': {
      reader.text();
      const auto found = statements_.find(std::string(reader.text()));
      if (found == statements_.end()) return fail("26000", out);
      bound_ = found->second;
      out += message('2', "");
      return;
    }
    case 'D': {
      reader.byte();
      const auto found = statements_.find(std::string(reader.text()));
      if (found == statements_.end()) return fail("26000", out);
      out += message('t', "") + message('T', text(found->second));
      return;
    }
    case 'C':
      reader.byte();
      statements_.erase(std::string(reader.text()));
      out += message('3', "");
      return;
    case 'E':
      if (bound_ == "fails") return fail("22012", out);
      is_copying_ = bound_ == "copy";
      out += is_copying_ ? message('G', "")
                         : message('D', text(bound_)) + message('C', text("SELECT 1"));
      return;
    case 'S':
      out += message('Z', "I");
      return;
    default: {
      const std::string sql(reader.text());
      statements_.erase("");
      if (sql.ends_with("DISCARD ALL")) statements_.clear();
      out += sql == "fails"
                 ? message('E', "22012")
                 : message('C', text(sql.ends_with("DISCARD ALL") ? "DISCARD ALL" : sql));
      out += message('Z', "I");
    }
    }
  }
  void fail(std::string_view sqlstate, std::string& out) {
    out += message('E', sqlstate);
    is_passing_over_ = true;
  }

  std::map<std::string, std::string> statements_;
  std::string bound_;
  bool is_passing_over_ = false;
  bool is_copying_ = false;
};

/// Servers that several clients share, one exchange at a time, as a pooler joins them.
class Pooled {
public:
  Pooled(std::size_t servers, std::size_t statements_max) : servers_(servers), known_(servers) {
    for (std::size_t i = 0; i < servers; ++i)
      pipelines_.emplace_back(table_, statements_max);
  }

  /// What the client hears: messages go to the server in parts, and answers come back in parts.
  std::string say(std::size_t server, ClientStatements& client, std::string_view bytes,
                  std::size_t part) {
    PreparedPipeline& pipeline = pipelines_[server];
    std::string heard;
    std::string waiting;
    std::size_t count = 0;
    const auto answer = [&] {
      each_message(servers_[server].say(std::exchange(waiting, {})), [&](char type,
                                                                         std::string_view body) {
        std::string behind;
        const bool is_theirs = pipeline.server_says(type, body, &client, known_[server], behind);
        if (is_theirs) heard += message(type, body);
        heard += behind;
      });
    };
    each_message(bytes, [&](char type, std::string_view body) {
      if (PreparedPipeline::is_about_statements(type)) {
        const auto outcome = pipeline.client_says(type, static_cast<std::uint32_t>(body.size() + 4),
                                                  body, client, known_[server], waiting, heard);
        EXPECT_FALSE(outcome.is_broken);
        waiting += outcome.goes_as_is ? message(type, body) : body.substr(outcome.body_from);
      } else {
        pipeline.client_says(type, body, &client, known_[server]);
        waiting += message(type, body);
      }
      if (++count % part == 0) answer();
    });
    answer();
    EXPECT_TRUE(pipeline.is_idle());
    EXPECT_EQ(known_[server].size(), servers_[server].statements());
    return heard;
  }
  [[nodiscard]] std::size_t texts() const { return table_.size(); }
  [[nodiscard]] std::size_t known(std::size_t server) const { return known_[server].size(); }

private:
  StatementTable table_;
  std::deque<Server> servers_;
  std::deque<ServerStatements> known_;
  std::deque<PreparedPipeline> pipelines_;
};

/// Neither one that comes with the Execute nor one that comes once the server reads.
TEST(PreparedPipeline, AwaitsNoSyncThatCopyPassesOver) {
  const std::string behind = sync() + close_of("s") + parse("t", "q") + sync() + close_of("t");
  for (const std::string& end : {sync() + message('c', ""), message('f', "")}) {
    const std::string bytes = parse("s", "copy") + bind_to("s") + execute() + end + behind + sync();
    for (std::size_t part = 1; part < 16; ++part) {
      Pooled pooled(1, 10);
      ClientStatements client;
      EXPECT_EQ(pooled.say(0, client, bytes, part), Server().say(bytes)) << end << part;
    }
  }
}

TEST(ClientStatements, CountWhatTheyTake) {
  StatementTable table;
  const StatementPtr one = table.intern("SELECT 1", "");
  const StatementPtr longer = table.intern("SELECT 1" + std::string(1000, ' '), "");
  ClientStatements client;
  client.set("a", one);
  const std::size_t least = client.bytes();
  EXPECT_GT(least, 9U);
  client.set("a", longer);
  EXPECT_EQ(client.bytes(), least + 1000);
  client.set("bb", one);
  EXPECT_EQ(client.bytes(), 2 * least + 1001);
  client.set("a", nullptr);
  client.set("nobody", nullptr);
  EXPECT_EQ(client.bytes(), least + 1);
  client.clear();
  EXPECT_EQ(client.bytes(), 0U);
}

TEST(Prepared, GoToWhateverServerAnswers) {
  Pooled pooled(2, 10);
  ClientStatements client;
  EXPECT_EQ(pooled.say(0, client, parse("s", "one") + sync(), 9),
            message('1', "") + message('Z', "I"));
  const std::string run = bind_to("s") + describe("s") + execute() + sync();
  const std::string answer = message('2', "") + message('t', "") + message('T', text("one")) +
                             message('D', text("one")) + message('C', text("SELECT 1")) +
                             message('Z', "I");
  EXPECT_EQ(pooled.say(1, client, run, 9), answer);
  EXPECT_EQ(pooled.say(0, client, run, 1), answer);
  ClientStatements other;
  EXPECT_EQ(pooled.say(0, other, parse("another name", "one") + sync(), 9),
            message('1', "") + message('Z', "I"));
  EXPECT_EQ(pooled.texts(), 1U);
  EXPECT_EQ(pooled.known(0), 1U) << "one text, one statement";
}

TEST(Prepared, AreForgottenByDiscardAll) {
  Pooled pooled(1, 10);
  ClientStatements client;
  pooled.say(0, client, parse("s", "one") + sync(), 9);
  pooled.say(0, client, query("DISCARD ALL"), 9);
  EXPECT_EQ(client.size(), 0U);
  EXPECT_EQ(pooled.say(0, client, bind_to("s") + sync(), 9),
            message('E', "26000") + message('Z', "I"));
}

TEST(Prepared, AreLookedAfterOnlyWhereAllMayGo) {
  for (const char* sql :
       {"DISCARD ALL", " discard\nall;", "DEALLOCATE ALL", "deallocate prepare all"})
    EXPECT_TRUE(PreparedPipeline::may_forget_all(sql)) << sql;
  for (const char* sql :
       {"", "DISCARD PLANS", "DEALLOCATE s1", "DEALLOCATE", "SELECT 'DISCARD ALL'"})
    EXPECT_FALSE(PreparedPipeline::may_forget_all(sql)) << sql;
}

/// What follows in the same write is prepared for certain, and nobody is worse off afterwards.
TEST(Prepared, MayStandBehindDiscardAll) {
  for (const std::size_t part : {1U, 9U}) {
    Pooled pooled(1, 10);
    ClientStatements client;
    ClientStatements other;
    pooled.say(0, client, parse("s", "one") + sync(), 9);
    const std::string run = message('2', "") + message('D', text("one")) +
                            message('C', text("SELECT 1")) + message('Z', "I");
    const std::string discarded = message('C', text("DISCARD ALL")) + message('Z', "I");
    EXPECT_EQ(
        pooled.say(0, client,
                   query("DISCARD ALL") + parse("s", "one") + bind_to("s") + execute() + sync(),
                   part),
        discarded + message('1', "") + run);
    EXPECT_EQ(pooled.say(0, client, bind_to("s") + execute() + sync(), part), run);
    EXPECT_EQ(pooled.say(0, other, parse("t", "one") + bind_to("t") + execute() + sync(), part),
              message('1', "") + run);
    EXPECT_EQ(pooled.say(0, client, query("DISCARD ALL") + bind_to("s") + sync(), part),
              discarded + message('E', "26000") + message('Z', "I"));
  }
}

/// Where nobody sees it coming, what a name is given anew is what runs, and stays with its client.
TEST(Prepared, MayStandBehindADiscardAllThatIsNotSeen) {
  for (const std::size_t part : {1U, 9U, 1000U}) {
    Pooled pooled(1, 10);
    ClientStatements client;
    ClientStatements other;
    const auto rows = [](std::string_view what) {
      return message('2', "") + message('D', text(what)) + message('C', text("SELECT 1")) +
             message('Z', "I");
    };
    const std::string hidden = "/* a pool's */ DISCARD ALL";
    const std::string run = bind_to("s") + execute() + sync();
    pooled.say(0, client, parse("s", "one") + sync(), part);
    pooled.say(0, other, parse("s", "one") + sync(), part);
    EXPECT_EQ(pooled.say(0, client, query(hidden) + parse("s", "two") + run, part),
              message('C', text("DISCARD ALL")) + message('Z', "I") + message('1', "") +
                  rows("two"));
    EXPECT_EQ(pooled.say(0, client, run, part), rows("two"));
    EXPECT_EQ(pooled.say(0, other, run, part), rows("one"));
    EXPECT_EQ(pooled.say(0, client, run, part), rows("two"));
  }
}

TEST(Prepared, WithoutANameAreOfTheClientThatBindsThem) {
  Pooled pooled(2, 10);
  ClientStatements client;
  ClientStatements other;
  const std::string run = bind_to("") + execute() + sync();
  const auto rows = [](std::string_view what) {
    return message('2', "") + message('D', text(what)) + message('C', text("SELECT 1")) +
           message('Z', "I");
  };
  const std::string unknown = message('E', "26000") + message('Z', "I");
  EXPECT_EQ(pooled.say(0, other, run, 9), unknown);
  pooled.say(0, client, parse("", "one") + describe("") + sync(), 9);
  pooled.say(0, other, parse("", "two") + describe("") + sync(), 9);
  EXPECT_EQ(pooled.say(0, client, run, 9), rows("one")) << "another one's is there";
  EXPECT_EQ(pooled.say(1, client, run, 9), rows("one")) << "none is there";
  EXPECT_EQ(pooled.say(1, client, run, 9), rows("one")) << "its own is there";
  EXPECT_EQ(pooled.say(0, other, run, 9), rows("two"));
  // Bound at once, and then again: as long as nobody parsed another, its text is there.
  pooled.say(0, client, parse("", "three") + run, 9);
  EXPECT_EQ(client.bytes(), 0U) << "no copy of what was bound at once";
  EXPECT_EQ(pooled.say(0, client, run, 9), rows("three"));
  EXPECT_EQ(pooled.say(1, client, run, 9), rows("three"));
  pooled.say(0, client, parse("", "four") + run, 9);
  pooled.say(0, other, parse("", "two") + run, 9);
  EXPECT_EQ(pooled.say(0, client, run, 9), unknown) << "and not the other's";
  pooled.say(0, client, parse("", "five") + sync() + query("plain"), 9);
  EXPECT_EQ(pooled.say(0, client, run, 9), unknown) << "Query takes it away";
  EXPECT_EQ(client.bytes(), 0U);
}

TEST(Prepared, AreSharedByWhoReadsThemAlike) {
  Pooled pooled(2, 10);
  ClientStatements utc;
  ClientStatements berlin;
  utc.set_settings("UTC");
  berlin.set_settings("Berlin");
  pooled.say(0, utc, parse("s", "one") + sync(), 9);
  pooled.say(0, berlin, parse("s", "one") + sync(), 9);
  EXPECT_EQ(pooled.known(0), 2U);
  // Where it is, it stays what it was; elsewhere it is read by what its client has now.
  utc.set_settings("Berlin");
  pooled.say(0, utc, bind_to("s") + execute() + sync(), 9);
  EXPECT_EQ(utc.find("s")->settings, "UTC");
  pooled.say(1, utc, bind_to("s") + execute() + sync(), 9);
  EXPECT_EQ(utc.find("s"), berlin.find("s"));
  EXPECT_EQ(pooled.known(1), 1U);
}

/// A plan that has changed: the server prepares it anew for the next who parses or binds it.
TEST(Prepared, AreSaidAnewOnceTheirPlanHasChanged) {
  StatementTable table;
  PreparedPipeline pipeline(table, 10);
  ClientStatements client;
  ServerStatements server;
  std::string to_server;
  std::string ignored;
  const auto bind = [&] {
    to_server.clear();
    const std::string body = bind_to("s").substr(Header::kBytes);
    pipeline.client_says('B', static_cast<std::uint32_t>(body.size() + 4), body, client, server,
                         to_server, ignored);
    pipeline.client_says('S', {}, &client, server);
    return to_server.front();
  };
  client.set("s", table.intern(text("one"), ""));
  server.add(client.find("s"), ServerStatements::kProven);
  EXPECT_EQ(bind(), 'B');
  pipeline.doubt_next(server);
  for (const char type : {'E', 'Z'})
    pipeline.server_says(type, {}, &client, server, ignored);
  EXPECT_EQ(bind(), 'C') << "closed, parsed and bound";
  for (const char type : {'3', '1', '2', 'Z'})
    pipeline.server_says(type, {}, &client, server, ignored);
  EXPECT_EQ(bind(), 'B');
}

TEST(Prepared, AreOnlySoMany) {
  Pooled pooled(1, 3);
  ClientStatements client;
  for (int i = 0; i < 20; ++i)
    pooled.say(0, client, parse("s" + std::to_string(i), "q" + std::to_string(i)) + sync(), 9);
  EXPECT_EQ(pooled.known(0), 3U);
  EXPECT_EQ(pooled.say(0, client, bind_to("s0") + execute() + sync(), 9),
            message('2', "") + message('D', text("q0")) + message('C', text("SELECT 1")) +
                message('Z', "I"));
}

TEST(Prepared, ATableForgetsWhatNobodyHas) {
  StatementTable table;
  const StatementPtr kept = table.intern("kept", "");
  for (int i = 0; i < 5000; ++i)
    table.intern(std::to_string(i), "");
  EXPECT_LT(table.size(), 2000U);
  EXPECT_EQ(table.intern("kept", ""), kept);
  for (int i = 0; i < 500; ++i)
    table.intern(std::to_string(i) + std::string(262'144, ' '), "");
  EXPECT_LT(table.size(), 100U) << "they are few, but 16 MiB of them are many";
  EXPECT_EQ(table.intern("kept", ""), kept);
}

/// A text that does not parse is found so in the first batch that needs it, a name that is taken
/// before its text: where one's own server says either, the other will do.
std::string one_error(std::string heard, std::initializer_list<std::string_view> others) {
  for (const std::string_view other : others) {
    for (std::size_t at = 0; (at = heard.find(other, at)) != std::string::npos;)
      heard.replace(at, other.size(), "42601");
  }
  return heard;
}

/// Whatever a client says, it hears what it would hear from a server of its own.
TEST(Prepared, SayWhatAServerOfOnesOwnWouldSay) {
  std::mt19937 random(4711);
  const auto pick = [&](std::size_t count) { return random() % count; };
  for (int round = 0; round < 500; ++round) {
    constexpr std::size_t kClients = 3;
    Pooled pooled(2, 1 + pick(4));
    std::deque<ClientStatements> clients(kClients);
    std::deque<Server> own(kClients);
    for (int exchange = 0; exchange < 12; ++exchange) {
      const std::size_t who = pick(kClients);
      const std::size_t server = pick(2);
      std::string said;
      std::set<std::string> parsed; // Once each: a second one is not told apart from the first.
      // What is bound at once is not kept for later: so one client does that, the others never.
      const bool binds_at_once = who == 0;
      bool may_bind = !binds_at_once;
      std::set<std::string> unsure; // Said in a batch whose end is not known: prepared.h says why.
      for (std::size_t left = pick(12); left > 0; --left) {
        const std::string name = "s" + std::to_string(pick(4));
        const std::string sql = pick(8) == 0   ? "bad"
                                : pick(8) == 0 ? "fails"
                                               : "q" + std::to_string(pick(3));
        if (unsure.contains(name)) continue;
        switch (pick(10)) {
        case 0:
        case 1:
          if (parsed.insert(name).second) said += parse(name, sql);
          break;
        case 2:
        case 3:
          said += bind_to(name) + execute();
          break;
        case 4:
          said += describe(name);
          break;
        case 5:
          said += close_of(name);
          parsed.insert(name);
          break;
        case 6:
          if (binds_at_once) said += parse("", sql) + bind_to("") + execute();
          break;
        case 7:
          if (binds_at_once) break;
          said += parse("", sql) + (pick(2) == 0 ? describe("") : std::string()) + sync();
          unsure = parsed;
          may_bind = false;
          break;
        case 8:
          if (may_bind) said += bind_to("") + execute();
          break;
        default:
          said += sync();
          unsure = parsed;
          if (pick(4) != 0) break;
          said += query("DISCARD ALL");
          parsed.clear();
          unsure.clear();
          break;
        }
      }
      said += sync();
      if (pick(6) == 0) said += query(pick(3) == 0 ? "fails" : "plain");
      const std::string direct = own[who].say(said);
      const std::string heard = pooled.say(server, clients[who], said, 1 + pick(5));
      const bool is_wrong_text = heard.find("42601") != std::string::npos;
      const auto in_one = [&](const std::string& each) {
        return is_wrong_text ? one_error(each, {"42P05", "26000"}) : one_error(each, {"42P05"});
      };
      EXPECT_EQ(in_one(heard), in_one(direct)) << "round " << round << ", exchange " << exchange;
      if (testing::Test::HasFailure()) return;
    }
  }
}

} // namespace
} // namespace pgkeep::wire
