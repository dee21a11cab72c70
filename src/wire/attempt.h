/// A single statement that may be said to its server once more, because nothing of the answer has
/// gone to the client yet: where a plan that the server kept does not fit any more, or where a
/// transaction of one statement lost against another one.
///
/// Whoever sends a request asks request_of() whether it is such a one, begins an Attempt with it,
/// and shows it all that the server says until it is closed. What may still turn out to be an error
/// that another attempt would mend is held back: the messages that come before the first row or the
/// end of the statement, no more than kHeldMax of them. Then all that was held goes on as if it had
/// come just now, or it is forgotten and the request is said again.
///
/// Pure: no sockets, no clock. Threads: one object, one thread. Source: PostgreSQL manual,
/// protocol-flow (Extended Query), mvcc-serialization-failure-handling; RevalidateCachedQuery() of
/// plancache.c.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wire/message.h"

namespace pgkeep::wire {

/// A request that is one statement and nothing else: Query, or one Parse at most, Bind, Execute and
/// Sync. The views are of the bytes that were given.
struct SingleRequest {
  std::string_view statement = {}; ///< The name that Bind says; empty: none, or the unnamed one.
  std::string_view sql = {};       ///< Of Query or Parse; empty where there is but a name.
  std::string_view parse = {};     ///< Of Parse: what stands behind the name.
  /// The client hears what the rows look like: it will understand those of another shape.
  bool is_described = false;
  bool is_extended = false;            ///< Not Query.
  bool is_parsed = false;              ///< Its Parse stands in it.
  bool is_statement_described = false; ///< Behind that, in front of Bind.
  /// It leaves a statement behind that has a name: said once more, that is taken.
  [[nodiscard]] bool has_named() const { return is_parsed && !statement.empty(); }
};
std::optional<SingleRequest> request_of(std::string_view bytes);

/// What a server would answer to one that has no parameters and no rows.
void append_answer(std::string& out, const SingleRequest& request, std::string_view tag,
                   TransactionStatus status);

/// Whether the statement has no effect that outlives its failure: what may commit in the middle
/// (CALL, DO) or stands outside of transactions is left out. By the first word alone.
bool may_run_again(std::string_view sql);

/// "cached plan must not change result type": of an ErrorResponse, its body.
bool is_changed_plan(std::string_view error);

class Attempt {
public:
  /// What a request may cost at most, and what is held of its answer.
  static constexpr std::size_t kRequestMax = 65'536;
  static constexpr std::size_t kHeldMax = 16'384;

  /// What another attempt would mend.
  struct Mends {
    bool changed_plan = false;
    int conflicts_max = 0; ///< Lost serializations and deadlocks: so many attempts more.
  };
  void begin(std::string_view request, std::string_view statement, Mends mends);
  /// The client has what was held, or nobody wants it any more.
  void close();
  [[nodiscard]] bool is_open() const { return is_open_; }
  /// The request is to be said again, or is about to be: it is not known to the server now.
  [[nodiscard]] bool is_between() const { return is_between_; }

  /// It is being prepared anew: whether it is prepared at all is not known.
  [[nodiscard]] bool is_preparing() const { return is_preparing_; }

  enum class Next : std::uint8_t {
    pass, ///< It is closed: held() is the client's, and behind it what the server says from now on.
    hold,
    again,         ///< Say request() again, at once or later, and call said_again().
    broken,        ///< No server says such a thing: it can only be closed.
    prepare_first, ///< Make the server prepare statement() anew, and show what it says to that.
  };
  /// Takes all of the bytes. Where the first bytes of an answer decide it, none are copied: `pass`
  /// with held() empty means that the bytes themselves are the client's.
  Next server_says(std::string_view bytes);
  void said_again() { is_between_ = false; }

  [[nodiscard]] std::string_view request() const { return request_; }
  [[nodiscard]] std::string_view statement() const { return statement_; }
  [[nodiscard]] std::string_view held() const { return held_; }
  [[nodiscard]] int conflicts() const { return conflicts_; } ///< Attempts that were lost.

private:
  enum class Error : std::uint8_t { none, changed_plan, conflict };
  Next answer(std::string_view bytes);
  Next answer_to_prepare(std::string_view bytes);
  [[nodiscard]] Error error_of(std::string_view body) const;
  Next mend(Error error);

  std::string request_;
  std::string statement_;
  std::string held_;
  std::string aside_; ///< What is said to prepare_first.
  Mends mends_;
  int conflicts_ = 0;
  bool is_open_ = false;
  bool is_between_ = false;
  bool is_preparing_ = false;
};

} // namespace pgkeep::wire
