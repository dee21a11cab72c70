#include "wire/exchange.h"

namespace pgkeep::wire {

bool Exchange::client_sent(char type) {
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
  case from_client::kParse:
  case from_client::kBind:
  case from_client::kDescribe:
  case from_client::kExecute:
  case from_client::kClose:
  case from_client::kFlush:
    has_open_batch_ = true;
    return true;
  case from_client::kCopyData: // After an error of COPY: the server passes over them.
  case from_client::kCopyDone:
  case from_client::kCopyFail:
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
  ++owed_;
}

void Exchange::copy_began() {
  is_copying_in_ = true;
  // What was sent behind the message that began it is read as data, or passed over.
  if (is_mixed_ || owed_ > 1 || (has_open_batch_ && owed_ > 0)) {
    is_sure_ = false;
    return;
  }
  has_open_batch_ = false;
  if (!is_query_) owed_ = 0;
}

void Exchange::in_copy(char type) {
  switch (type) {
  case from_client::kCopyData:
  case from_client::kFlush:
    return;
  case from_client::kCopyDone:
  case from_client::kCopyFail:
    is_copying_in_ = false;
    // By Execute: a Sync must follow.
    if (owed_ == 0) has_open_batch_ = true;
    return;
  default:
    // Passed over, or the end of COPY, as far as the server has come.
    is_sure_ = false;
  }
}

} // namespace pgkeep::wire
