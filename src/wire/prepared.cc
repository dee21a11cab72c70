#include "wire/prepared.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "wire/bytes.h"

namespace pgkeep::wire {
namespace {

constexpr char kOfStatement = 'S'; ///< Of Describe and Close; 'P' is a portal.
constexpr std::string_view kServerNamePrefix = "PGKEEP_"; ///< Of the names that servers know.

void append_parse(std::string& out, const PreparedStatement& statement) {
  MessageWriter(out, from_client::kParse).text(statement.name).bytes(statement.parse);
}

void append_close(std::string& out, const PreparedStatement& statement) {
  MessageWriter(out, from_client::kClose).byte(kOfStatement).text(statement.name);
}

} // namespace

void append_prepare_again(std::string& out, const PreparedStatement& statement) {
  append_close(out, statement);
  append_parse(out, statement);
  append_empty(out, from_client::kSync);
}

StatementPtr StatementTable::intern(std::string_view parse) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_text_.find(parse); found != by_text_.end()) return found->second;
  if (by_text_.size() >= sweep_at_ || bytes_ >= sweep_at_bytes_) sweep();
  auto statement = std::make_shared<PreparedStatement>();
  statement->number = next_number_++;
  statement->name = std::string(kServerNamePrefix) + std::to_string(statement->number);
  statement->parse = parse;
  const std::string_view sql = parse.substr(0, parse.find('\0'));
  statement->hints = hints_in(sql);
  statement->custom_settings = custom_settings_in(sql);
  by_text_.emplace(statement->parse, statement);
  bytes_ += parse.size();
  return statement;
}

/// Those that nobody has any more go: where the table has the only one, nobody can make another.
void StatementTable::sweep() {
  std::erase_if(by_text_, [](const auto& each) { return each.second.use_count() == 1; });
  bytes_ = 0;
  for (const auto& [text, statement] : by_text_)
    bytes_ += text.size();
  sweep_at_ = std::max(kFirstSweep, 2 * by_text_.size());
  sweep_at_bytes_ = std::max(kFirstSweepBytes, 2 * bytes_);
}

std::size_t StatementTable::size() const {
  const std::lock_guard lock(mutex_);
  return by_text_.size();
}

StatementPtr ClientStatements::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void ClientStatements::set(std::string_view name, StatementPtr statement) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) bytes_ -= bytes_of(name, *found->second);
  if (statement != nullptr) bytes_ += bytes_of(name, *statement);
  if (statement == nullptr) {
    if (found != by_name_.end()) by_name_.erase(found);
  } else if (found != by_name_.end()) {
    found->second = std::move(statement);
  } else {
    by_name_.emplace(name, std::move(statement));
  }
}

void ClientStatements::clear() {
  by_name_.clear();
  bytes_ = 0;
}

bool ServerStatements::use(std::uint64_t number, Batch batch) {
  const auto found = places_.find(number);
  if (found == places_.end()) return false;
  order_.splice(order_.begin(), order_, found->second);
  return found->second->batch == kProven || found->second->batch == batch;
}

void ServerStatements::add(StatementPtr statement, Batch batch) {
  const std::uint64_t number = statement->number;
  if (has(number)) remove(number);
  order_.push_front({.statement = std::move(statement), .batch = batch});
  places_.emplace(number, order_.begin());
}

void ServerStatements::prove(std::uint64_t number) {
  if (const auto found = places_.find(number); found != places_.end())
    found->second->batch = kProven;
}

StatementPtr ServerStatements::find(std::string_view name) const {
  if (!name.starts_with(kServerNamePrefix)) return nullptr;
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, failure] = std::from_chars(name.data() + kServerNamePrefix.size(), end, number);
  const auto found = places_.find(number);
  const bool is_one = failure == std::errc() && stop == end && found != places_.end();
  return is_one ? found->second->statement : nullptr;
}

void ServerStatements::remove(std::uint64_t number) {
  const auto found = places_.find(number);
  if (found == places_.end()) return;
  order_.erase(found->second);
  places_.erase(found);
}

StatementPtr ServerStatements::oldest(std::size_t most) const {
  return order_.size() < most || order_.empty() ? nullptr : order_.back().statement;
}

void ServerStatements::clear() {
  order_.clear();
  places_.clear();
}

bool PreparedPipeline::forgets_all(std::string_view tag) {
  const std::string_view words = tag.substr(0, tag.find('\0'));
  return words == "DEALLOCATE ALL" || words == "DISCARD ALL";
}

PreparedPipeline::Outcome
PreparedPipeline::client_says(char type, std::uint32_t length, std::string_view body,
                              ClientStatements& client, ServerStatements& server,
                              std::string& to_server, std::string& to_client) {
  if (is_passed_over_) return {}; // By the server, too.
  switch (type) {
  case from_client::kParse:
    return parse(body, client, server, to_server, to_client);
  case from_client::kBind:
    return bind(length, body, client, server, to_server);
  case from_client::kDescribe:
    return describe(body, client, server, to_server);
  default:
    return close(body, client, to_client);
  }
}

void PreparedPipeline::client_says(char type) {
  if (type == from_client::kSync) {
    is_passed_over_ = false;
    if (++batch_ == ServerStatements::kProven) ++batch_;
  }
  if (is_passed_over_) return;
  switch (type) {
  case from_client::kExecute:
    expect({.answer = Answer::execute});
    break;
  case from_client::kSync:
    expect({.answer = Answer::sync});
    break;
  case from_client::kQuery:
  case from_client::kFunctionCall:
    expect({.answer = Answer::query});
    break;
  default: // Flush, and the data of COPY: nothing answers them.
    break;
  }
}

PreparedPipeline::Outcome PreparedPipeline::parse(std::string_view body, ClientStatements& client,
                                                  ServerStatements& server, std::string& to_server,
                                                  std::string& to_client) {
  Reader reader(body);
  const std::string_view name = reader.text();
  if (reader.failed()) return {.is_broken = true};
  if (name.empty()) {
    expect({.answer = Answer::parse});
    return {};
  }
  const Outcome replaced{.goes_as_is = false, .body_from = body.size()};
  StatementPtr taken = client.find(name);
  if (taken != nullptr && !is_awaited(name)) {
    // The server says so: it has the name, and gets it once more, with the text that belongs to it.
    if (!server.use(taken->number, batch_))
      prepare({.answer = Answer::our_parse, .statement = taken}, server, to_server);
    append_parse(to_server, *taken);
    expect({.answer = Answer::parse_again, .statement = std::move(taken)});
    return replaced;
  }
  Expected expected{.answer = Answer::parse,
                    .statement = table_.intern(reader.rest()),
                    .name = std::string(name),
                    .before = std::move(taken)};
  client.set(name, expected.statement);
  if (server.use(expected.statement->number, batch_)) {
    expected.answer = Answer::made_parse;
    answer_here(std::move(expected), to_client);
  } else {
    prepare(std::move(expected), server, to_server);
  }
  return replaced;
}

/// Whether the answer to a Parse of that name has not come yet.
bool PreparedPipeline::is_awaited(std::string_view name) const {
  return std::any_of(expected_.begin() + static_cast<std::ptrdiff_t>(head_), expected_.end(),
                     [&](const Expected& each) {
                       return each.name == name &&
                              (each.answer == Answer::parse || each.answer == Answer::made_parse);
                     });
}

PreparedPipeline::Outcome PreparedPipeline::bind(std::uint32_t length, std::string_view body,
                                                 const ClientStatements& client,
                                                 ServerStatements& server, std::string& to_server) {
  Reader reader(body);
  const std::string_view portal = reader.text();
  const std::string_view name = reader.text();
  if (reader.failed()) return {.is_broken = true};
  const StatementPtr statement = name.empty() ? nullptr : client.find(name);
  if (statement != nullptr && !server.use(statement->number, batch_))
    prepare({.answer = Answer::our_parse, .statement = statement}, server, to_server);
  expect({.answer = Answer::bind});
  if (statement == nullptr) return {};
  const std::size_t names = body.size() - reader.rest().size();
  const std::size_t fresh = portal.size() + 1 + statement->name.size() + 1;
  to_server.push_back(from_client::kBind);
  append_uint32(to_server, static_cast<std::uint32_t>(length - names + fresh));
  to_server.append(portal).push_back('\0');
  to_server.append(statement->name).push_back('\0');
  return {.goes_as_is = false, .body_from = names, .bound = statement};
}

PreparedPipeline::Outcome PreparedPipeline::describe(std::string_view body,
                                                     const ClientStatements& client,
                                                     ServerStatements& server,
                                                     std::string& to_server) {
  Reader reader(body);
  const auto what = static_cast<char>(reader.byte());
  const std::string_view name = reader.text();
  if (reader.failed()) return {.is_broken = true};
  const bool is_named = what == kOfStatement && !name.empty();
  const StatementPtr statement = is_named ? client.find(name) : nullptr;
  if (statement != nullptr && !server.use(statement->number, batch_))
    prepare({.answer = Answer::our_parse, .statement = statement}, server, to_server);
  expect({.answer = Answer::describe});
  if (statement == nullptr) return {};
  MessageWriter(to_server, from_client::kDescribe).byte(kOfStatement).text(statement->name);
  return {.goes_as_is = false, .body_from = body.size()};
}

/// The server keeps it: others may say the same.
PreparedPipeline::Outcome PreparedPipeline::close(std::string_view body, ClientStatements& client,
                                                  std::string& to_client) {
  Reader reader(body);
  const auto what = static_cast<char>(reader.byte());
  const std::string_view name = reader.text();
  if (reader.failed()) return {.is_broken = true};
  if (what != kOfStatement || name.empty()) {
    expect({.answer = Answer::close});
    return {};
  }
  Expected expected{
      .answer = Answer::made_close, .name = std::string(name), .before = client.find(name)};
  client.set(name, nullptr);
  answer_here(std::move(expected), to_client);
  return {.goes_as_is = false, .body_from = body.size()};
}

/// Said in a batch that the server may have passed over: it was prepared there, or closed.
bool PreparedPipeline::may_be_there(const PreparedStatement& statement,
                                    const ServerStatements& server) const {
  return server.has(statement.number) ||
         std::any_of(expected_.begin() + static_cast<std::ptrdiff_t>(head_), expected_.end(),
                     [&](const Expected& each) {
                       return each.answer == Answer::our_close && each.batch != batch_ &&
                              each.statement->number == statement.number;
                     });
}

/// Says Parse to the server; before it, Close to one that makes room, and to the same where the
/// server may or may not have it.
void PreparedPipeline::prepare(Expected expected, ServerStatements& server,
                               std::string& to_server) {
  const auto close_first = [&](StatementPtr old) {
    append_close(to_server, *old);
    Expected closed{.answer = Answer::our_close, .statement = std::move(old), .batch = batch_};
    apply(closed, nullptr, server);
    expect(std::move(closed));
  };
  if (may_be_there(*expected.statement, server)) {
    close_first(expected.statement);
  } else if (StatementPtr old = server.oldest(statements_max_)) {
    close_first(std::move(old));
  }
  append_parse(to_server, *expected.statement);
  ++prepares_;
  expected.batch = batch_;
  server.add(expected.statement, batch_);
  expect(std::move(expected));
}

void PreparedPipeline::expect(Expected expected) {
  if (head_ == expected_.size()) {
    expected_.clear();
    head_ = 0;
  }
  expected_.push_back(std::move(expected));
}

/// At once where nothing is awaited before it, else in its place.
void PreparedPipeline::answer_here(Expected expected, std::string& to_client) {
  if (has_next() || is_half_way_) {
    expect(std::move(expected));
    return;
  }
  append_empty(to_client, expected.answer == Answer::made_parse ? from_server::kParseComplete
                                                                : from_server::kCloseComplete);
}

PreparedPipeline::Expected PreparedPipeline::pop() {
  return std::exchange(expected_[head_++], {});
}

/// What the server passes over is as it was before. All that was said later is taken back first,
/// and holds again when that is done.
void PreparedPipeline::drop_until_sync(ClientStatements* client, ServerStatements& server) {
  const auto begin = expected_.begin() + static_cast<std::ptrdiff_t>(head_);
  const auto sync = std::ranges::find(begin, expected_.end(), Answer::sync, &Expected::answer);
  is_passed_over_ = sync == expected_.end();
  for (auto each = expected_.end(); each != begin;)
    take_back(*--each, client, server);
  for (auto each = sync; each != expected_.end(); ++each)
    apply(*each, client, server);
  std::fill(begin, sync, Expected{});
  head_ = static_cast<std::size_t>(sync - expected_.begin());
}

void PreparedPipeline::apply(Expected& expected, ClientStatements* client,
                             ServerStatements& server) {
  switch (expected.answer) {
  case Answer::parse:
  case Answer::our_parse:
    if (expected.statement != nullptr) server.add(expected.statement, expected.batch);
    break;
  case Answer::our_close:
    expected.was_there = server.has(expected.statement->number);
    server.remove(expected.statement->number);
    break;
  default:
    break;
  }
  if (client == nullptr || expected.name.empty()) return;
  expected.before = client->find(expected.name);
  client->set(expected.name, expected.statement);
}

void PreparedPipeline::take_back(const Expected& expected, ClientStatements* client,
                                 ServerStatements& server) {
  switch (expected.answer) {
  case Answer::parse:
  case Answer::our_parse:
    if (expected.statement != nullptr) server.remove(expected.statement->number);
    break;
  case Answer::our_close:
    if (expected.was_there) server.add(expected.statement, ServerStatements::kProven);
    break;
  default:
    break;
  }
  if (client != nullptr && !expected.name.empty()) client->set(expected.name, expected.before);
}

/// A server that reads data passes over each Sync until they end.
void PreparedPipeline::copy_begins() {
  const auto behind = expected_.begin() + static_cast<std::ptrdiff_t>(head_) + 1;
  expected_.erase(std::remove_if(behind, expected_.end(),
                                 [](const Expected& each) { return each.answer == Answer::sync; }),
                  expected_.end());
}

bool PreparedPipeline::ends(Answer answer, char type) {
  switch (answer) {
  case Answer::parse:
  case Answer::parse_again:
  case Answer::our_parse:
    return type == from_server::kParseComplete;
  case Answer::our_close:
  case Answer::close:
    return type == from_server::kCloseComplete;
  case Answer::bind:
    return type == from_server::kBindComplete;
  case Answer::describe:
    return type == from_server::kRowDescription || type == from_server::kNoData;
  case Answer::execute:
    return type == from_server::kCommandComplete || type == from_server::kEmptyQuery ||
           type == from_server::kPortalSuspended;
  case Answer::sync:
  case Answer::query:
    return type == from_server::kReadyForQuery;
  case Answer::made_parse:
  case Answer::made_close:
    break;
  }
  return false;
}

bool PreparedPipeline::server_says(char type, std::string_view tag, ClientStatements* client,
                                   ServerStatements& server, std::string& behind) {
  if (type == from_server::kCommandComplete && forgets_all(tag)) {
    if (client != nullptr) client->clear();
    server.clear();
  }
  if (!has_next()) return true;
  const Answer next = expected_[head_].answer;
  if (type == from_server::kError && next != Answer::query && next != Answer::sync) {
    drop_until_sync(client, server);
    return true;
  }
  if (type == from_server::kCopyIn && next == Answer::execute) copy_begins();
  bool is_theirs = true;
  if (ends(next, type)) {
    is_theirs = next != Answer::our_parse && next != Answer::our_close;
    const Expected answered = pop();
    const bool is_parse =
        next == Answer::parse || next == Answer::our_parse || next == Answer::parse_again;
    if (is_parse && answered.statement != nullptr) {
      // A name that was said to be taken, and is not: now it is.
      if (next == Answer::parse_again) server.add(answered.statement, ServerStatements::kProven);
      server.prove(answered.statement->number);
    }
  }
  while (has_next()) {
    const Answer made = expected_[head_].answer;
    if (made != Answer::made_parse && made != Answer::made_close) break;
    append_empty(behind, made == Answer::made_parse ? from_server::kParseComplete
                                                    : from_server::kCloseComplete);
    static_cast<void>(pop());
  }
  return is_theirs;
}

} // namespace pgkeep::wire
