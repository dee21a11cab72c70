// What clients say that shares servers with others: requests that may be said again, LISTEN, words
// that hint at what is left in a session; and the answers to them. The first byte chooses.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "wire/attempt.h"
#include "wire/deallocate.h"
#include "wire/listen.h"
#include "wire/session_state.h"

namespace {

using pgkeep::fuzz::must;
namespace wire = pgkeep::wire;

bool is_inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void read_request(std::string_view bytes) {
  const auto request = wire::request_of(bytes);
  if (!request) return;
  must(is_inside(request->sql, bytes) && is_inside(request->statement, bytes) &&
           is_inside(request->parse, bytes),
       "views of it");
  must(!wire::request_of(std::string(bytes) + "X"), "a request is all that was said");
  static_cast<void>(wire::may_run_again(request->sql));
}

void read_text(std::string_view sql) {
  if (const auto command = wire::listen_command_of(sql); command && !command->channel.empty()) {
    const auto again =
        wire::listen_command_of(wire::listen_sql(command->is_listen, command->channel));
    must(again && again->channel == command->channel && again->is_listen == command->is_listen,
         "a command is read as it is written");
  }
  if (const auto command = wire::deallocate_of(sql))
    must(!command->name.empty() && wire::may_be_deallocate(sql), "its front tells");
  static_cast<void>(wire::hints_in(sql));
  for (const std::string& name : wire::custom_settings_in(sql))
    must(name.find('.') != std::string::npos, "a prefix");
}

/// In parts of so many bytes: what was held is all that came, or nothing of it.
void hear_answers(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::size_t part = 1 + static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  wire::Attempt attempt;
  attempt.begin("request", "s", {.changed_plan = true, .conflicts_max = 2});
  std::string since;
  while (attempt.is_open() && !bytes.empty()) {
    const std::string_view next = bytes.substr(0, part);
    bytes.remove_prefix(next.size());
    since.append(next);
    switch (attempt.server_says(next)) {
    case wire::Attempt::Next::pass:
      must(attempt.held().empty() || attempt.is_between() || since.ends_with(attempt.held()) ||
               since.starts_with(attempt.held()),
           "what was said goes on");
      attempt.close();
      break;
    case wire::Attempt::Next::hold:
      must(since.size() <= wire::Attempt::kHeldMax + part || attempt.held().size() < since.size(),
           "no more is held than may be");
      break;
    case wire::Attempt::Next::again:
      attempt.said_again();
      since.clear();
      break;
    case wire::Attempt::Next::prepare_first:
      break;
    case wire::Attempt::Next::broken:
      return;
    }
  }
}

void read_rows(std::string_view bytes) {
  wire::SessionAnswer answer;
  while (!bytes.empty()) {
    const std::size_t count =
        std::min<std::size_t>(bytes.size(), static_cast<unsigned char>(bytes.front()) + 1UZ);
    if (!answer.take_row(bytes.substr(1, count - 1), count % 2 == 0)) return;
    bytes.remove_prefix(count);
  }
  const std::string change = wire::change_of(answer.settings(), {}, {});
  must(answer.settings().empty() == change.empty(), "each setting is set");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = pgkeep::fuzz::text_of(data, size).substr(1);
  switch (data[0] % 4) {
  case 0:
    read_request(bytes);
    break;
  case 1:
    read_text(bytes);
    break;
  case 2:
    hear_answers(bytes);
    break;
  default:
    read_rows(bytes);
    break;
  }
  return 0;
}
