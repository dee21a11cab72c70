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
/// Of what is awaited, each answer takes a few bytes; only what has to be undone where it fails
/// takes more. It is found by its name and its statement, so that an error undoes what was passed
/// over and touches nothing of what was said behind it.
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
#include <unordered_map>

#include "wire/fifo.h"
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
  [[nodiscard]] bool is_idle() const { return !has_next() && !is_passed_over_; }
  /// So many answers are awaited, or so much text of what they are of, that what the client says
  /// next should wait until some have come.
  [[nodiscard]] bool is_full() const {
    return expected_.size() > kAnswersMax || text_bytes_ > kTextBytesMax;
  }
  /// Answers come though the client says no more: without a Sync a server keeps back no more than
  /// its buffer holds.
  [[nodiscard]] bool is_sure_of_answers() const {
    return expected_.size() - made_count_ > kKeptBackMax;
  }
  static constexpr std::size_t kAnswersMax = 65'536;
  static constexpr std::size_t kTextBytesMax = 32UZ << 20U;
  /// Of what is awaited: memory, but for the texts.
  [[nodiscard]] std::size_t bytes() const { return expected_.bytes() + changes_.bytes(); }
  /// So many steps were taken to undo something, or to have it hold again.
  [[nodiscard]] std::uint64_t undo_steps() const { return undo_steps_; }

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
  /// It is about to say that what it was asked to bind or describe is not there, or has another
  /// plan: it is prepared anew for whoever comes next.
  void doubt_next(ServerStatements& server) const;

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
    bool has_change = false;  ///< The next of changes_ is its.
    bool ends_data = false;   ///< Of sync: CopyDone or CopyFail stood between it and the Execute.
    std::uint64_t number = 0; ///< Of what bind and describe are of.
  };
  /// Changes of one name, or of one statement of the server, that are under way.
  struct UnderWay {
    std::size_t count = 0;
    std::uint64_t last = 0;     ///< Its number.
    std::size_t parses = 0;     ///< Of a name: the answer to so many has not come yet.
    std::size_t closes = 0;     ///< Of a statement: by us.
    std::size_t closes_now = 0; ///< Of those, in the batch of the last one.
    ServerStatements::Batch close_batch = 0;
  };
  using Names = std::unordered_map<std::string, UnderWay, NameHash, std::equal_to<>>;
  /// Of a name that is taken: who says it again, and as what.
  struct Again {
    std::string name;
    StatementPtr statement;
  };
  /// What was taken for done before the server said so.
  struct Change {
    Answer answer = Answer::sync;
    bool was_there = false;  ///< On the server, until then.
    bool may_forget = false; ///< See may_forget_all().
    bool is_of_unnamed = false;
    ServerStatements::Batch batch = 0;
    StatementPtr statement = nullptr;  ///< What is made or closed; none of the unnamed one.
    StatementPtr before = nullptr;     ///< What the client called so until then.
    Names::value_type* name = nullptr; ///< The client's for it.
    std::uint64_t next_of_name = 0;    ///< The next change of the same; of the unnamed one as well.
    std::uint64_t next_of_statement = 0;
    UnnamedMark unnamed = kNoUnnamed;        ///< What both have then.
    UnnamedMark client_unnamed = kNoUnnamed; ///< What they had before.
    UnnamedMark server_unnamed = kNoUnnamed;
    std::unique_ptr<ClientStatements::Names> forgotten = nullptr; ///< Until it has succeeded.
    std::unique_ptr<Again> again = nullptr;                       ///< Of Answer::parse_again.
  };
  /// What the client parsed last without a name, as long as nobody else did on this server.
  struct LastUnnamed {
    UnnamedMark mark = kNoUnnamed;
    ServerStatements::Batch batch = 0;
    bool is_whole = false; ///< parse is all of it.
    bool is_bound = false;
    bool is_kept = false; ///< Its text, where nobody bound it in its batch.
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
  void prepare(Change change, std::string_view name, ServerStatements& server,
               std::string& to_server);
  void expect(Answer answer, std::uint64_t number = 0);
  void expect(Change change, std::string_view name = {});
  void answer_here(Change change, std::string_view name, std::string& to_client);
  void enter(Change& change, std::string_view name);
  Change leave();
  void link(UnderWay& under_way, std::uint64_t Change::* next);
  void drop_until_sync(ClientStatements* client, ServerStatements& server);
  void undo_first(std::size_t count, ClientStatements* client, ServerStatements& server);
  void undo(Change& change, ClientStatements* client, ServerStatements& server);
  void forget_all(ClientStatements* client, ServerStatements& server);
  void take_back_from(std::size_t first, ClientStatements* client, ServerStatements& server);
  void apply_from(std::size_t first, ClientStatements* client, ServerStatements& server);
  void parsed(const Change& answered, ClientStatements* client, ServerStatements& server);
  static void apply(Change& change, ClientStatements* client, ServerStatements& server);
  static void take_back(Change& change, ClientStatements* client, ServerStatements& server);
  static std::size_t text_bytes_of(const Change& change);
  [[nodiscard]] bool is_awaited(std::string_view name) const;
  [[nodiscard]] bool may_be_there(const PreparedStatement& statement,
                                  const ServerStatements& server) const;
  void copy_begins();
  static bool ends(Answer answer, char type);
  static bool is_made(Answer answer) {
    return answer == Answer::made_parse || answer == Answer::made_close;
  }
  static bool is_of_server(Answer answer) {
    return answer == Answer::parse || answer == Answer::our_parse || answer == Answer::our_close;
  }
  Expected pop();
  [[nodiscard]] bool has_next() const { return !expected_.empty(); }
  [[nodiscard]] Change& change_of(std::uint64_t number) {
    return changes_[static_cast<std::size_t>(number - first_change_)];
  }

  /// PostgreSQL's buffer holds 8 KiB, and no answer is shorter than a header.
  static constexpr std::size_t kKeptBackMax = 8192 / Header::kBytes + 1;

  StatementTable& table_;
  const std::size_t statements_max_;
  Fifo<Expected> expected_;
  Fifo<Change> changes_;           ///< Of those that have one.
  std::uint64_t first_change_ = 1; ///< The number of the first of them.
  Names names_;                    ///< Of changes under way.
  UnderWay unnamed_;               ///< The same, of the unnamed statement.
  std::unordered_map<std::uint64_t, UnderWay> of_statements_; ///< And of those on the server.
  std::size_t made_count_ = 0;   ///< So many answers are made here, in their place.
  std::size_t forget_count_ = 0; ///< So many changes may forget all.
  std::size_t text_bytes_ = 0;   ///< Of changes under way.
  std::uint64_t undo_steps_ = 0;
  LastUnnamed last_unnamed_;
  std::uint64_t prepares_ = 0;
  ServerStatements::Batch batch_ = 1; ///< Of what the client says now: up to its next Sync.
  bool is_half_way_ = false;
  bool is_passed_over_ = false; ///< After an error the server reads on to a Sync that is to come.
  bool is_copying_in_ = false;  ///< The server reads data, and the client has not ended them.
  bool has_ended_data_ = false; ///< Since its last Execute the client has.
};

} // namespace pgkeep::wire
