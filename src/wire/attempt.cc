#include "wire/attempt.h"

#include <algorithm>
#include <array>

#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/message.h"
#include "wire/sql_blank.h"

namespace pgkeep::wire {
namespace {

constexpr std::string_view kChangedPlan = "RevalidateCachedQuery";
constexpr std::string_view kChangedPlanState = "0A000"; ///< feature_not_supported
constexpr std::array<std::string_view, 2> kConflicts = {"40001", "40P01"};
constexpr std::array<std::string_view, 8> kRepeatable = {"SELECT", "INSERT", "UPDATE", "DELETE",
                                                         "MERGE",  "WITH",   "VALUES", "TABLE"};

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// Whether rows or the end of a statement may still turn out to be an error behind such a message.
bool comes_before_rows(char type) {
  switch (type) {
  case from_server::kParseComplete:
  case from_server::kBindComplete:
  case from_server::kRowDescription:
  case from_server::kNoData:
    return true;
  default:
    return false;
  }
}

/// The messages of the extended protocol that make one statement, in their order.
struct Batch {
  std::optional<SingleRequest> take(char type, std::string_view body) {
    Reader reader(body);
    switch (type) {
    case from_client::kParse:
      if (step != 0) return fail();
      request.statement = reader.text();
      request.parse = reader.rest();
      request.sql = reader.text();
      request.is_parsed = true;
      step = 1;
      break;
    case from_client::kBind: {
      if (step > 1 || !reader.text().empty()) return fail(); // A portal with a name may go on.
      const std::string_view name = reader.text();
      if (step == 1 && name != request.statement) return fail();
      request.statement = name;
      request.is_extended = true;
      step = 2;
      break;
    }
    case from_client::kDescribe:
      if (step == 1 && !request.is_statement_described) {
        request.is_statement_described =
            static_cast<char>(reader.byte()) == kOfStatement && reader.text() == request.statement;
        if (!request.is_statement_described) return fail();
        break;
      }
      if (step != 2 || static_cast<char>(reader.byte()) != kOfPortal || !reader.text().empty())
        return fail();
      request.is_described = true;
      break;
    case from_client::kExecute:
      // A portal that is read in parts goes on behind its first answer.
      if (step != 2 || !reader.text().empty() || reader.uint32() != 0) return fail();
      step = 3;
      break;
    case from_client::kSync:
      if (step == 3) return request;
      return fail();
    default:
      return fail();
    }
    if (reader.failed()) return fail();
    return std::nullopt;
  }
  std::optional<SingleRequest> fail() {
    has_failed = true;
    return std::nullopt;
  }

  SingleRequest request;
  int step = 0; ///< 1: parsed, 2: bound, 3: executed.
  bool has_failed = false;
};

} // namespace

std::optional<SingleRequest> request_of(std::string_view bytes) {
  Batch batch;
  while (const auto header = header_of(bytes)) {
    if (!header->is_sound() || header->message_bytes() > bytes.size()) return std::nullopt;
    const std::string_view body =
        bytes.substr(Header::kBytes, header->message_bytes() - Header::kBytes);
    bytes.remove_prefix(header->message_bytes());
    if (header->type == from_client::kQuery) {
      Reader reader(body);
      const SingleRequest request{.sql = reader.text()};
      const bool is_alone = batch.step == 0 && bytes.empty() && !reader.failed();
      return is_alone ? std::optional(request) : std::nullopt;
    }
    const auto request = batch.take(header->type, body);
    if (batch.has_failed) return std::nullopt;
    if (request) return bytes.empty() ? request : std::nullopt;
  }
  return std::nullopt;
}

void append_answer(std::string& out, const SingleRequest& request, std::string_view tag,
                   TransactionStatus status) {
  if (request.is_parsed) append_empty(out, from_server::kParseComplete);
  if (request.is_statement_described) {
    MessageWriter(out, from_server::kParameterDescription).uint16(0);
    append_empty(out, from_server::kNoData);
  }
  if (request.is_extended) append_empty(out, from_server::kBindComplete);
  if (request.is_described) append_empty(out, from_server::kNoData);
  append_command_complete(out, tag);
  append_ready_for_query(out, status);
}

bool may_run_again(std::string_view sql) {
  sql.remove_prefix(std::min(sql.size(), sql.find_first_not_of(kSqlSpace)));
  return std::ranges::any_of(kRepeatable, [&](std::string_view word) {
    if (sql.size() <= word.size() ||
        !std::ranges::equal(sql.substr(0, word.size()), word, {}, upper))
      return false;
    const char next = upper(sql[word.size()]);
    const bool goes_on = (next >= 'A' && next <= 'Z') || (next >= '0' && next <= '9') ||
                         next == '_' || next == '$' || (next & '\x80') != 0;
    return !goes_on;
  });
}

bool is_changed_plan(std::string_view error) {
  const auto fields = error_fields_of(error);
  return fields && fields->sqlstate == kChangedPlanState && fields->routine == kChangedPlan;
}

void Attempt::begin(std::string_view request, std::string_view statement, Mends mends) {
  request_ = request;
  statement_ = statement;
  held_.clear();
  aside_.clear();
  mends_ = mends;
  conflicts_ = 0;
  is_open_ = true;
  is_between_ = is_preparing_ = false;
}

void Attempt::close() {
  is_open_ = is_between_ = is_preparing_ = false;
  held_.clear();
}

Attempt::Next Attempt::server_says(std::string_view bytes) {
  if (is_preparing_) {
    aside_.append(bytes);
    return answer_to_prepare(aside_);
  }
  if (held_.empty()) {
    const Next next = answer(bytes);
    if (next == Next::hold) held_ = bytes;
    // Of one that cannot be prepared anew the client hears the first error.
    if (next == Next::prepare_first) held_ = bytes;
    if (next == Next::pass) is_open_ = false;
    return next;
  }
  held_.append(bytes);
  const Next next = answer(held_);
  if (next == Next::again) held_.clear();
  if (next == Next::pass) is_open_ = false;
  return next;
}

/// Of all that the server said to the request.
Attempt::Next Attempt::answer(std::string_view bytes) {
  Error error = Error::none;
  for (std::string_view rest = bytes;;) {
    if (rest.empty()) break;
    const char type = rest.front();
    const bool is_end = error != Error::none && type == from_server::kReadyForQuery;
    const bool is_error = error == Error::none && type == from_server::kError;
    if (!is_end && !is_error && !(error == Error::none && comes_before_rows(type)))
      return Next::pass;
    const auto header = header_of(rest);
    if (header && !header->is_sound()) return Next::pass;
    if (!header || header->message_bytes() > rest.size()) break;
    const std::string_view body =
        rest.substr(Header::kBytes, header->message_bytes() - Header::kBytes);
    rest.remove_prefix(header->message_bytes());
    if (is_end) {
      const bool is_over = body.size() == 1 && rest.empty() &&
                           body.front() == static_cast<char>(TransactionStatus::idle);
      return is_over ? mend(error) : Next::pass;
    }
    if (!is_error) continue;
    error = error_of(body);
    if (error == Error::none) return Next::pass;
  }
  return bytes.size() > kHeldMax ? Next::pass : Next::hold;
}

Attempt::Error Attempt::error_of(std::string_view body) const {
  if (mends_.changed_plan && is_changed_plan(body)) return Error::changed_plan;
  const auto fields = error_fields_of(body);
  if (!fields) return Error::none;
  const bool is_conflict = std::ranges::find(kConflicts, fields->sqlstate) != kConflicts.end();
  return is_conflict && conflicts_ < mends_.conflicts_max ? Error::conflict : Error::none;
}

Attempt::Next Attempt::mend(Error error) {
  is_between_ = true;
  if (error == Error::conflict) {
    ++conflicts_;
    return Next::again;
  }
  mends_.changed_plan = false; // Once: what does not fit after that is for the client to know.
  is_preparing_ = true;
  aside_.clear();
  return Next::prepare_first;
}

/// CloseComplete, ParseComplete, ReadyForQuery; or an error in their place.
Attempt::Next Attempt::answer_to_prepare(std::string_view bytes) {
  bool has_failed = false;
  std::string_view rest = bytes;
  for (char type = '\0'; type != from_server::kReadyForQuery;) {
    const auto header = header_of(rest);
    if ((header && !header->is_sound()) || bytes.size() > kHeldMax) return Next::broken;
    if (!header || header->message_bytes() > rest.size()) return Next::hold;
    rest.remove_prefix(header->message_bytes());
    type = header->type;
    if (type == from_server::kError) has_failed = true;
  }
  is_preparing_ = false;
  aside_.clear();
  if (has_failed) {
    is_open_ = is_between_ = false;
    return Next::pass;
  }
  held_.clear();
  return Next::again;
}

} // namespace pgkeep::wire
