/// Named prepared statements of clients that share servers: which name a server knows a statement
/// by, what must be said to it first, and which answers are not the client's.
///
/// A client prepares "s1" once and may be answered by another server each time. So its text gets a
/// name of ours, the same for every client that says the same, and is prepared on a server when the
/// first Bind or Describe for it comes there. A server keeps so many; the one that was used least
/// lately makes room. What we say is answered to us: those answers are swallowed, and where nothing
/// had to be said the client's answer is made here, in its place among the others.
///
/// Where an error makes the server pass over what follows, all that was taken for done there is
/// undone here as well; a later batch that was said in the belief that a statement is there says it
/// once more. A name that is parsed twice before the first answer came is taken as a new one; one
/// that was parsed in a batch which failed, and is used in the next before that is known, runs its
/// text, where a server of its own would not know it.
///
/// A statement keeps the constants of its own Parse while a server has it. Where it has to be
/// prepared anew and its client's settings have changed since, it becomes another one, read by the
/// settings of now: a server has no others to read it by.
///
/// A Parse without a name is passed on as it is. A Bind that follows in the same batch finds its
/// text; any other is passed on only while the server still has the unnamed statement of this very
/// Parse. Else the text is parsed there once more, if it was kept: where a batch ended before it
/// was bound, or it is bound in a second batch while nobody else on the server has parsed another.
/// A text that was not kept is as if it had not been: the server says 26000, and never runs what
/// another client left there.
///
/// DEALLOCATE ALL and DISCARD ALL are undone in the same way where they fail. What is prepared
/// behind them before they are answered is said for certain, and closed first; a name of before
/// that is prepared behind a failed one is taken as a new one.
///
/// Errors (no such statement, a name that is taken) are left to the server, so that all that
/// follows up to the Sync is passed over as the protocol says.
///
/// Pure: no sockets. Threads: StatementTable any; the others one at a time. Source: PostgreSQL
/// manual, protocol-flow (Extended Query, Pipelining), protocol-message-formats; PgBouncer's
/// manual, config (max_prepared_statements).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/message.h"
#include "wire/statements.h"

namespace pgkeep::wire {

/// A server prepares it anew, as a batch of its own: for one whose result is no longer what it was.
void append_prepare_again(std::string& out, const PreparedStatement& statement);

/// One client and one server that work together: it is told of every message in both directions.
class PreparedPipeline {
public:
  PreparedPipeline(StatementTable& table, std::size_t statements_max)
      : table_(table), statements_max_(statements_max) {}

  /// A message of the server is half-way to the client: nothing may be put into it.
  void set_half_way(bool is_half_way) { is_half_way_ = is_half_way; }
  /// Of CommandComplete, its body: what takes every statement of a session away.
  static bool forgets_all(std::string_view tag);
  /// Of Query, its body: it may be about to do that.
  static bool may_forget_all(std::string_view sql);
  /// A text without a name that is longer is not kept for a later Bind.
  static constexpr std::size_t kUnnamedBytesMax = 1UZ << 20U;

  /// How often a server was told a statement, in all.
  [[nodiscard]] std::uint64_t prepares() const { return prepares_; }
  /// Nothing is under way: both may go to somebody else.
  [[nodiscard]] bool is_idle() const { return head_ == expected_.size() && !is_passed_over_; }

  /// Whose body is needed before the message may go on: all of Parse, Describe and Close, of Bind
  /// the two names, of a Parse that is not kept that it has none.
  static bool is_about_statements(char type) {
    return type == from_client::kParse || type == from_client::kBind ||
           type == from_client::kDescribe || type == from_client::kClose;
  }

  /// What goes to the server: what was appended to `to_server`, then the message itself where it
  /// `goes_as_is`, else its body from `body_from` on.
  struct Outcome {
    bool goes_as_is = true;
    std::size_t body_from = 0;
    StatementPtr bound = nullptr; ///< The named one that Bind is about to run.
    bool is_broken = false;       ///< The body is none of that type.
  };
  /// For types of is_about_statements(). `length` as in the header. `to_client`: an answer that is
  /// due at once.
  Outcome client_says(char type, std::uint32_t length, std::string_view body,
                      ClientStatements& client, ServerStatements& server, std::string& to_server,
                      std::string& to_client);
  /// Every other message of the client. `body`: as much as has come.
  void client_says(char type, std::string_view body, ClientStatements* client,
                   ServerStatements& server);

  /// What becomes of a message of the server, once it has come as a whole: whether it is the
  /// client's, and what is put behind it. `tag`: of CommandComplete, its body.
  bool server_says(char type, std::string_view tag, ClientStatements* client,
                   ServerStatements& server, std::string& behind);
  /// It is about to say that the plan of what it was asked to bind or describe has changed.
  void plan_changed(ServerStatements& server) const;

private:
  /// What the server (or we) will say next.
  enum class Answer : std::uint8_t {
    parse,       ///< ParseComplete, the client's.
    parse_again, ///< The same, of a name that it has: an error, and no loss.
    our_parse,   ///< ParseComplete, ours.
    our_close,   ///< CloseComplete, ours.
    unnamed,     ///< ParseComplete, the client's.
    our_unnamed, ///< The same, ours.
    close_unnamed,
    our_close_unnamed,
    made_parse, ///< ParseComplete, made here.
    made_close, ///< CloseComplete, made here.
    bind,
    describe,
    execute,
    close,
    sync,
    query, ///< Whatever comes until ReadyForQuery.
  };
  struct Expected {
    Answer answer = Answer::sync;
    StatementPtr statement = nullptr; ///< What is made or closed; none of the unnamed one.
    std::string name = {};            ///< The client's for it.
    StatementPtr before = nullptr;    ///< What the client called so until then.
    ServerStatements::Batch batch = 0;
    std::uint64_t number = 0; ///< Of what bind and describe are of.
    bool was_there = true;    ///< What our_close closes.
    bool may_forget = false;  ///< See may_forget_all().
    bool is_of_unnamed = false;
    UnnamedMark unnamed = kNoUnnamed;        ///< What both have then.
    UnnamedMark client_unnamed = kNoUnnamed; ///< What they had before.
    UnnamedMark server_unnamed = kNoUnnamed;
    std::unique_ptr<ClientStatements::Names> forgotten = nullptr; ///< Until it has succeeded.
  };
  /// What the client parsed last without a name, as long as nobody else did on this server.
  struct LastUnnamed {
    UnnamedMark mark = kNoUnnamed;
    ServerStatements::Batch batch = 0;
    bool is_whole = false; ///< parse is all of it.
    bool is_bound = false;
    std::string parse;
  };

  Outcome parse(std::uint32_t length, std::string_view body, ClientStatements& client,
                ServerStatements& server, std::string& to_server, std::string& to_client);
  Outcome parse_unnamed(std::uint32_t length, std::string_view body, ClientStatements& client,
                        ServerStatements& server);
  Outcome bind(std::uint32_t length, std::string_view body, ClientStatements& client,
               ServerStatements& server, std::string& to_server);
  Outcome describe(std::string_view body, ClientStatements& client, ServerStatements& server,
                   std::string& to_server);
  Outcome close(std::string_view body, ClientStatements& client, ServerStatements& server,
                std::string& to_client);
  StatementPtr make_ready(std::string_view name, ClientStatements& client, ServerStatements& server,
                          std::string& to_server);
  StatementPtr make_unnamed_ready(ClientStatements& client, ServerStatements& server,
                                  std::string& to_server);
  void keep_unnamed(ClientStatements& client);
  void expect_unnamed(Answer answer, UnnamedMark mark, ClientStatements* client,
                      ServerStatements& server);
  void prepare(Expected expected, ServerStatements& server, std::string& to_server);
  void expect(Expected expected);
  void answer_here(Expected expected, std::string& to_client);
  void drop_until_sync(ClientStatements* client, ServerStatements& server);
  void forget_all(ClientStatements* client, ServerStatements& server);
  void take_back_from(std::size_t first, ClientStatements* client, ServerStatements& server);
  void apply_from(std::size_t first, ClientStatements* client, ServerStatements& server);
  void parsed(const Expected& answered, ClientStatements* client, ServerStatements& server);
  static void apply(Expected& expected, ClientStatements* client, ServerStatements& server);
  static void take_back(Expected& expected, ClientStatements* client, ServerStatements& server);
  [[nodiscard]] bool is_awaited(std::string_view name) const;
  [[nodiscard]] bool may_be_there(const PreparedStatement& statement,
                                  const ServerStatements& server) const;
  void copy_begins();
  static bool ends(Answer answer, char type);
  Expected pop();
  [[nodiscard]] bool has_next() const { return head_ < expected_.size(); }

  StatementTable& table_;
  const std::size_t statements_max_;
  std::vector<Expected> expected_; ///< From head_ on; its room is used again.
  std::size_t head_ = 0;
  LastUnnamed last_unnamed_;
  std::uint64_t prepares_ = 0;
  ServerStatements::Batch batch_ = 1; ///< Of what the client says now: up to its next Sync.
  bool is_half_way_ = false;
  bool is_passed_over_ = false; ///< After an error the server reads on to a Sync that is to come.
};

} // namespace pgkeep::wire
