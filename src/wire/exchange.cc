#include "wire/exchange.h"

namespace pgkeep::wire {

bool Exchange::client_sent(char type) {
  if (early_sync_ != EarlySync::none) behind_early_sync(type);
  if (is_copying_in_) {
    in_copy(type);
    return true;
  }
  switch (type) {
  case from_client::kQuery:
  case from_client::kFunctionCall:
    owe(true);
    return true;
  case from_client::kSync:
    has_open_batch_ = false;
    owe(false);
    return true;
  case from_client::kExecute:
    has_ended_data_ = false;
    [[fallthrough]];
  case from_client::kParse:
  case from_client::kBind:
  case from_client::kDescribe:
  case from_client::kClose:
    has_open_batch_ = true;
    return true;
  case from_client::kCopyDone: // Without waiting for the server, or after an error of COPY.
  case from_client::kCopyFail:
    has_ended_data_ = has_ended_data_ || has_open_batch_;
    return true;
  case from_client::kCopyData:
  case from_client::kFlush: // Of its own it begins nothing.
    return true;
  default:
    return false;
  }
}

void Exchange::owe(bool is_query) {
  if (owed_ == 0) {
    is_query_ = is_query;
  } else if (is_query_ != is_query) {
    is_mixed_ = true;
  }
  // A Query ends the batch before it, or is passed over with it: then its answer never comes.
  if (is_query && has_open_batch_) {
    is_mixed_ = true;
    has_open_batch_ = false;
  }
  ++owed_;
}

void Exchange::copy_began() {
  is_copying_in_ = true;
  has_data_ = false;
  // What was sent behind the message that began it is read as data, or passed over.
  if (is_mixed_ || owed_ > 1 || (has_open_batch_ && owed_ > 0)) {
    is_sure_ = false;
    return;
  }
  if (has_ended_data_) { // It came behind the data: they are read, or passed over, up to it.
    is_copying_in_ = false;
    return;
  }
  has_open_batch_ = false;
  if (owed_ == 0 || is_query_) return;
  owed_ = 0;
  early_sync_ = EarlySync::passed_over;
  is_plain_ = true;
}

void Exchange::copy_ended(bool has_failed) {
  if (is_copying_in_) {
    is_copying_in_ = false;
    // Begun by Execute: the server passes over everything up to a Sync.
    if (owed_ == 0) has_open_batch_ = true;
  }
  if (early_sync_ != EarlySync::passed_over) return;
  early_sync_ = has_failed ? EarlySync::doubtful : EarlySync::none;
  if (has_failed && !is_plain_) is_sure_ = false;
}

/// ReadyForQuery came that is not owed, or may not be what is owed.
void Exchange::early_sync_answered() {
  if (owed_ == 0) {
    if (early_sync_ == EarlySync::none) is_sure_ = false; // Whose it was nobody knows.
    early_sync_ = EarlySync::none;
    has_open_batch_ = false;
  } else if (owed_ == 1) {
    early_sync_ = early_sync_ == EarlySync::doubtful ? EarlySync::one_answer : EarlySync::none;
  }
}

/// What is done with it depends on whether the early one is answered.
void Exchange::behind_early_sync(char type) {
  switch (type) {
  case from_client::kCopyData:
  case from_client::kCopyDone:
  case from_client::kCopyFail:
  case from_client::kFlush:
    return;
  default:
    if (type == from_client::kSync && owed_ == 0 && early_sync_ != EarlySync::one_answer) return;
    is_plain_ = false;
    if (early_sync_ != EarlySync::passed_over) is_sure_ = false;
  }
}

void Exchange::in_copy(char type) {
  switch (type) {
  case from_client::kCopyData:
    has_data_ = true;
    return;
  case from_client::kFlush:
    return;
  case from_client::kSync: // That of the Execute, which came later than the server took to begin.
    if (has_data_ || owed_ > 0 || early_sync_ != EarlySync::none) break;
    early_sync_ = EarlySync::passed_over;
    is_plain_ = true;
    return;
  case from_client::kCopyDone:
  case from_client::kCopyFail:
    is_copying_in_ = false;
    // By Execute: a Sync must follow.
    if (owed_ == 0) has_open_batch_ = true;
    return;
  default:
    break;
  }
  is_sure_ = false; // Passed over, or the end of COPY, as far as the server has come.
}

} // namespace pgkeep::wire
