/// What a server still owes a client: decides when nothing of the one is left in the other, so that
/// the server may answer somebody else.
///
/// Each Query, FunctionCall and Sync is owed one ReadyForQuery. COPY FROM STDIN is the exception: a
/// server that reads the data passes over each Sync until the data end, so the Sync that came along
/// with the Execute, or right behind it, is not answered, if the server has begun to read. Where
/// COPY failed nobody knows whether it had: behind the first answer `is_in_doubt()`, and a question
/// of ours makes it known.
///
/// Where a client mixes messages in a way in which it cannot be known how many answers come, or the
/// server gives one that nobody asked for, `is_sure()` is false for good, and the connection must
/// not go to anybody else: an answer too many is waited for, one too few would reach a stranger.
///
/// Pure: types of messages in, a verdict out. Threads: one object, one thread. Source: PostgreSQL
/// manual, protocol-flow (Extended Query, COPY Operations, Pipelining); CopyGetData of
/// copyfromparse.c and PostgresMain of postgres.c for what is passed over.
#pragma once

#include <cstdint>

#include "wire/message.h"

namespace pgkeep::wire {

class Exchange {
public:
  /// A message whose header went to the server. False: no client sends such a message.
  bool client_sent(char type);
  /// A message that came from the server, but for ReadyForQuery.
  void server_sent(char type) {
    if (type == from_server::kCopyIn) {
      copy_began();
    } else if ((is_copying_in_ || early_sync_ != EarlySync::none) &&
               (type == from_server::kError || type == from_server::kCommandComplete)) {
      copy_ended(type == from_server::kError);
    }
  }
  void server_is_ready() {
    is_copying_in_ = false;
    if (owed_ == 0 || early_sync_ != EarlySync::none) early_sync_answered();
    if (owed_ > 0) --owed_;
    if (owed_ == 0) is_mixed_ = has_ended_data_ = false;
  }

  /// Every message that needs an answer got its last one.
  [[nodiscard]] bool is_settled() const {
    return owed_ == 0 && !has_open_batch_ && !is_copying_in_ && is_sure_ && !is_in_doubt();
  }
  [[nodiscard]] bool is_sure() const { return is_sure_; }
  [[nodiscard]] std::uint32_t owed() const { return owed_; }
  /// One answer came where one or two do. If another comes before that to a question of ours, which
  /// goes out now, it is the second.
  [[nodiscard]] bool is_in_doubt() const { return early_sync_ == EarlySync::one_answer; }
  /// That question is sent.
  void asked() { early_sync_ = EarlySync::none; }

private:
  /// The Sync that was sent with the Execute of a COPY IN, or behind it before any data.
  enum class EarlySync : std::uint8_t {
    none,
    passed_over, ///< If the server has begun to read.
    doubtful,    ///< COPY failed.
    one_answer,  ///< And there is an answer: to this one, or to the Sync behind the data.
  };

  void owe(bool is_query);
  void copy_began();
  void copy_ended(bool has_failed);
  void early_sync_answered();
  void in_copy(char type);
  void behind_early_sync(char type);

  std::uint32_t owed_ = 0;
  bool is_query_ = false;       ///< The first that is owed: Query or FunctionCall, not Sync.
  bool is_mixed_ = false;       ///< Both kinds are owed.
  bool has_open_batch_ = false; ///< Messages of the extended protocol without their Sync yet.
  bool is_copying_in_ = false;  ///< The server reads data, and the client has not ended them.
  bool has_ended_data_ = false; ///< Before the Sync of the batch, maybe before the server began.
  bool has_data_ = false;       ///< Some were sent since the server began to read.
  EarlySync early_sync_ = EarlySync::none;
  bool is_plain_ = true; ///< Nothing but data and one Sync was sent behind that one.
  bool is_sure_ = true;
};

} // namespace pgkeep::wire
