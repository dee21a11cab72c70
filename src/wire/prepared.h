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
/// The unnamed statement is passed on as it is: whoever binds it has just parsed it. Errors (no
/// such statement, a name that is taken) are left to the server, so that all that follows up to the
/// Sync is passed over as the protocol says.
///
/// Pure: no sockets. Threads: StatementTable any; the others one at a time. Source: PostgreSQL
/// manual, protocol-flow (Extended Query, Pipelining), protocol-message-formats; PgBouncer's
/// manual, config (max_prepared_statements).
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "wire/message.h"
#include "wire/session_state.h"

namespace pgkeep::wire {

/// A text that somebody prepared. Immutable.
struct PreparedStatement {
  std::uint64_t number = 0;
  std::string name;       ///< "PGKEEP_17": what servers know it by.
  std::string parse;      ///< The body of Parse behind the name: query and types of parameters.
  SessionHints hints = 0; ///< Of the query, as the next one.
  std::vector<std::string> custom_settings;
};
/// Of the table, of clients that prepared it, and of servers that know it.
using StatementPtr = std::shared_ptr<const PreparedStatement>;

/// A server prepares it anew, as a batch of its own: for one whose result is no longer what it was.
void append_prepare_again(std::string& out, const PreparedStatement& statement);

/// Every statement that a client or a server has, each text once.
class StatementTable {
public:
  StatementPtr intern(std::string_view parse);
  [[nodiscard]] std::size_t size() const;

private:
  static constexpr std::size_t kFirstSweep = 1024;
  static constexpr std::size_t kFirstSweepBytes = 16'777'216;
  void sweep();
  mutable std::mutex mutex_;                                   // guards the rest
  std::unordered_map<std::string_view, StatementPtr> by_text_; ///< Keys are the statements' own.
  std::uint64_t next_number_ = 1;
  std::size_t sweep_at_ = kFirstSweep;
  std::size_t bytes_ = 0; ///< Of the texts.
  std::size_t sweep_at_bytes_ = kFirstSweepBytes;
};

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const {
    return std::hash<std::string_view>()(name);
  }
};

/// The names that one client gave.
class ClientStatements {
public:
  [[nodiscard]] StatementPtr find(std::string_view name) const;
  void set(std::string_view name, StatementPtr statement); ///< Null: takes the name away.
  void clear();
  [[nodiscard]] std::size_t size() const { return by_name_.size(); }
  /// `visit(name, statement)`, in any order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, statement] : by_name_)
      visit(name, statement);
  }
  /// Of names and texts, with what it takes to keep them. A text counts for each who has it.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
  static constexpr std::size_t kBytesBeside = 256; ///< Of a statement, about.
  static std::size_t bytes_of(std::string_view name, const PreparedStatement& statement) {
    return kBytesBeside + name.size() + statement.parse.size();
  }

  std::size_t bytes_ = 0;
  std::unordered_map<std::string, StatementPtr, NameHash, std::equal_to<>> by_name_;
};

/// What one server has prepared, the one used last first. What it has not confirmed yet is known
/// with the batch in which it was said: up to the Sync all of it is done or passed over together.
class ServerStatements {
public:
  using Batch = std::uint32_t;
  static constexpr Batch kProven = 0;

  [[nodiscard]] bool has(std::uint64_t number) const { return places_.contains(number); }
  /// Whether what is said in the batch finds it there. It counts as used.
  bool use(std::uint64_t number, Batch batch);
  void add(StatementPtr statement, Batch batch);
  void prove(std::uint64_t number);
  [[nodiscard]] StatementPtr find(std::string_view name) const; ///< As servers know it.
  void remove(std::uint64_t number);
  /// The least lately used one, where there are `most` or more.
  [[nodiscard]] StatementPtr oldest(std::size_t most) const;
  void clear();
  [[nodiscard]] std::size_t size() const { return order_.size(); }

private:
  struct Entry {
    StatementPtr statement;
    Batch batch = kProven;
  };
  using Order = std::list<Entry>;
  Order order_;
  std::unordered_map<std::uint64_t, Order::iterator> places_;
};

/// One client and one server that work together: it is told of every message in both directions.
class PreparedPipeline {
public:
  PreparedPipeline(StatementTable& table, std::size_t statements_max)
      : table_(table), statements_max_(statements_max) {}

  /// A message of the server is half-way to the client: nothing may be put into it.
  void set_half_way(bool is_half_way) { is_half_way_ = is_half_way; }
  /// Of CommandComplete, its body: what takes every statement of a session away.
  static bool forgets_all(std::string_view tag);

  /// How often a server was told a named statement, in all.
  [[nodiscard]] std::uint64_t prepares() const { return prepares_; }
  /// Nothing is under way: both may go to somebody else.
  [[nodiscard]] bool is_idle() const { return head_ == expected_.size() && !is_passed_over_; }

  /// Whose body is needed before the message may go on: all of Parse, Describe and Close, of Bind
  /// the two names.
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
  /// Every other message of the client.
  void client_says(char type);

  /// What becomes of a message of the server, once it has come as a whole: whether it is the
  /// client's, and what is put behind it. `tag`: of CommandComplete, its body.
  bool server_says(char type, std::string_view tag, ClientStatements* client,
                   ServerStatements& server, std::string& behind);

private:
  /// What the server (or we) will say next.
  enum class Answer : std::uint8_t {
    parse,       ///< ParseComplete, the client's.
    parse_again, ///< The same, of a name that it has: an error, and no loss.
    our_parse,   ///< ParseComplete, ours.
    our_close,   ///< CloseComplete, ours.
    made_parse,  ///< ParseComplete, made here.
    made_close,  ///< CloseComplete, made here.
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
    bool was_there = true; ///< What our_close closes.
  };

  Outcome parse(std::string_view body, ClientStatements& client, ServerStatements& server,
                std::string& to_server, std::string& to_client);
  Outcome bind(std::uint32_t length, std::string_view body, const ClientStatements& client,
               ServerStatements& server, std::string& to_server);
  Outcome describe(std::string_view body, const ClientStatements& client, ServerStatements& server,
                   std::string& to_server);
  Outcome close(std::string_view body, ClientStatements& client, std::string& to_client);
  void prepare(Expected expected, ServerStatements& server, std::string& to_server);
  void expect(Expected expected);
  void answer_here(Expected expected, std::string& to_client);
  void drop_until_sync(ClientStatements* client, ServerStatements& server);
  static void apply(Expected& expected, ClientStatements* client, ServerStatements& server);
  static void take_back(const Expected& expected, ClientStatements* client,
                        ServerStatements& server);
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
  std::uint64_t prepares_ = 0;
  ServerStatements::Batch batch_ = 1; ///< Of what the client says now: up to its next Sync.
  bool is_half_way_ = false;
  bool is_passed_over_ = false; ///< After an error the server reads on to a Sync that is to come.
};

} // namespace pgkeep::wire
