#include "wire/prepared.h"

#include <algorithm>
#include <utility>

#include "wire/bytes.h"

namespace pgkeep::wire {
namespace {

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

bool PreparedPipeline::forgets_all(std::string_view tag) {
  const std::string_view words = tag.substr(0, tag.find('\0'));
  return words == "DEALLOCATE ALL" || words == "DISCARD ALL";
}

bool PreparedPipeline::may_forget_all(std::string_view sql) {
  const auto takes = [&](std::string_view word) {
    sql.remove_prefix(std::min(sql.find_first_not_of(" \t\r\n;"), sql.size()));
    const bool is_next = std::ranges::equal(sql.substr(0, word.size()), word, {}, [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    if (is_next) sql.remove_prefix(word.size());
    return is_next;
  };
  if (takes("DISCARD")) return takes("ALL");
  if (!takes("DEALLOCATE")) return false;
  static_cast<void>(takes("PREPARE"));
  return takes("ALL");
}

PreparedPipeline::Outcome
PreparedPipeline::client_says(char type, std::uint32_t length, std::string_view body,
                              ClientStatements& client, ServerStatements& server,
                              std::string& to_server, std::string& to_client) {
  if (is_passed_over_) return {}; // By the server, too.
  switch (type) {
  case from_client::kParse:
    return parse(length, body, client, server, to_server, to_client);
  case from_client::kBind:
    return bind(length, body, client, server, to_server);
  case from_client::kDescribe:
    return describe(body, client, server, to_server);
  default:
    return close(body, client, server, to_client);
  }
}

void PreparedPipeline::client_says(char type, std::string_view body, ClientStatements* client,
                                   ServerStatements& server) {
  if (type == from_client::kSync) {
    if (client != nullptr && !last_unnamed_.is_bound && last_unnamed_.mark == client->unnamed())
      keep_unnamed(*client);
    is_passed_over_ = false;
    if (++batch_ == ServerStatements::kDoubted) batch_ = ServerStatements::kProven + 1;
  }
  if (is_passed_over_) return;
  switch (type) {
  case from_client::kExecute:
    has_ended_data_ = false;
    expect(Answer::execute);
    break;
  case from_client::kSync:
    // One that comes once the server reads data is passed over as that is which was there before.
    if (!is_copying_in_) expected_.push({.answer = Answer::sync, .ends_data = has_ended_data_});
    break;
  case from_client::kCopyDone:
  case from_client::kCopyFail:
    has_ended_data_ = true;
    is_copying_in_ = false;
    break;
  case from_client::kQuery: {
    Change query{
        .answer = Answer::query, .may_forget = may_forget_all(body), .is_of_unnamed = true};
    apply(query, client, server);
    expect(std::move(query));
    break;
  }
  case from_client::kFunctionCall:
    expect(Answer::query);
    break;
  default: // Flush, and the data of COPY: nothing answers them.
    break;
  }
}

PreparedPipeline::Outcome PreparedPipeline::parse(std::uint32_t length, std::string_view body,
                                                  ClientStatements& client,
                                                  ServerStatements& server, std::string& to_server,
                                                  std::string& to_client) {
  Reader reader(body);
  const std::string_view name = reader.text();
  if (reader.failed()) return {.is_broken = true};
  if (name.empty()) return parse_unnamed(length, reader.rest(), client, server);
  const Outcome replaced{.goes_as_is = false, .body_from = body.size()};
  StatementPtr taken = client.find(name);
  if (taken != nullptr && !is_awaited(name)) {
    // The server says so: it has the name, and gets it once more. Where it has forgotten it in the
    // meantime, unseen, what is bound next is of the text that is said now.
    taken = make_ready(name, client, server, to_server);
    MessageWriter(to_server, from_client::kParse).text(taken->name).bytes(reader.rest());
    expect(Change{.answer = Answer::parse_again,
                  .statement = std::move(taken),
                  .again = std::make_unique<Again>(
                      std::string(name), table_.intern(reader.rest(), client.settings()))});
    return replaced;
  }
  Change change{.answer = Answer::parse,
                .statement = table_.intern(reader.rest(), client.settings()),
                .before = std::move(taken)};
  client.set(name, change.statement);
  if (server.use(change.statement->number, batch_)) {
    change.answer = Answer::made_parse;
    answer_here(std::move(change), name, to_client);
  } else {
    prepare(std::move(change), name, server, to_server);
  }
  return replaced;
}

/// Whether the answer to a Parse of that name has not come yet.
bool PreparedPipeline::is_awaited(std::string_view name) const {
  const auto found = names_.find(name);
  return found != names_.end() && found->second.parses > 0;
}

/// The statement of that name, if the client has one: what is said next finds it on the server.
StatementPtr PreparedPipeline::make_ready(std::string_view name, ClientStatements& client,
                                          ServerStatements& server, std::string& to_server) {
  StatementPtr statement = client.find(name);
  if (statement == nullptr || server.use(statement->number, batch_)) return statement;
  if (statement->settings != client.settings()) {
    // The server would read it by what the client has now: so it must not be taken for the other.
    statement = table_.intern(statement->parse, client.settings());
    client.set(name, statement);
    if (server.use(statement->number, batch_)) return statement;
  }
  prepare({.answer = Answer::our_parse, .statement = statement}, {}, server, to_server);
  return statement;
}

PreparedPipeline::Outcome PreparedPipeline::bind(std::uint32_t length, std::string_view body,
                                                 ClientStatements& client, ServerStatements& server,
                                                 std::string& to_server) {
  Reader reader(body);
  const std::string_view portal = reader.text();
  const std::string_view name = reader.text();
  if (reader.failed()) return {.is_broken = true};
  if (name.empty()) {
    const StatementPtr kept = make_unnamed_ready(client, server, to_server);
    if (last_unnamed_.mark == client.unnamed()) last_unnamed_.is_bound = true;
    expect(Answer::bind);
    return {.bound = kept};
  }
  const StatementPtr statement = make_ready(name, client, server, to_server);
  expect(Answer::bind, statement == nullptr ? 0 : statement->number);
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
                                                     ClientStatements& client,
                                                     ServerStatements& server,
                                                     std::string& to_server) {
  Reader reader(body);
  const auto what = static_cast<char>(reader.byte());
  const std::string_view name = reader.text();
  if (reader.failed()) return {.is_broken = true};
  StatementPtr statement;
  if (what == kOfStatement && name.empty()) {
    static_cast<void>(make_unnamed_ready(client, server, to_server));
  } else if (what == kOfStatement) {
    statement = make_ready(name, client, server, to_server);
  }
  expect(Answer::describe, statement == nullptr ? 0 : statement->number);
  if (statement == nullptr) return {};
  MessageWriter(to_server, from_client::kDescribe).byte(kOfStatement).text(statement->name);
  return {.goes_as_is = false, .body_from = body.size()};
}

/// The server keeps it: others may say the same.
PreparedPipeline::Outcome PreparedPipeline::close(std::string_view body, ClientStatements& client,
                                                  ServerStatements& server,
                                                  std::string& to_client) {
  Reader reader(body);
  const auto what = static_cast<char>(reader.byte());
  const std::string_view name = reader.text();
  if (reader.failed()) return {.is_broken = true};
  if (what != kOfStatement) {
    expect(Answer::close);
    return {};
  }
  if (name.empty()) {
    expect_unnamed(Answer::close_unnamed, kNoUnnamed, &client, server);
    return {};
  }
  Change change{.answer = Answer::made_close, .before = client.find(name)};
  client.set(name, nullptr);
  answer_here(std::move(change), name, to_client);
  return {.goes_as_is = false, .body_from = body.size()};
}

/// Said in a batch that the server may have passed over: it was prepared there, or closed.
bool PreparedPipeline::may_be_there(const PreparedStatement& statement,
                                    const ServerStatements& server) const {
  if (server.has(statement.number)) return true;
  const auto found = of_statements_.find(statement.number);
  if (found == of_statements_.end()) return false;
  const UnderWay& all = found->second;
  return all.closes > (all.close_batch == batch_ ? all.closes_now : 0);
}

/// Says Parse to the server; before it, Close to one that makes room, and to the same where the
/// server may or may not have it.
void PreparedPipeline::prepare(Change change, std::string_view name, ServerStatements& server,
                               std::string& to_server) {
  const auto close_first = [&](StatementPtr old) {
    append_close(to_server, *old);
    Change closed{.answer = Answer::our_close, .batch = batch_, .statement = std::move(old)};
    apply(closed, nullptr, server);
    expect(std::move(closed));
  };
  if (may_be_there(*change.statement, server)) {
    close_first(change.statement);
  } else if (StatementPtr old = server.oldest(statements_max_)) {
    close_first(std::move(old));
  }
  append_parse(to_server, *change.statement);
  ++prepares_;
  change.batch = batch_;
  server.add(change.statement, batch_);
  expect(std::move(change), name);
}

void PreparedPipeline::expect(Answer answer, std::uint64_t number) {
  expected_.push({.answer = answer, .number = number});
}

void PreparedPipeline::expect(Change change, std::string_view name) {
  enter(change, name);
  made_count_ += is_made(change.answer) ? 1 : 0;
  expected_.push({.answer = change.answer, .has_change = true});
  changes_.push(std::move(change));
}

/// At once where nothing is awaited before it, else in its place.
void PreparedPipeline::answer_here(Change change, std::string_view name, std::string& to_client) {
  if (has_next() || is_half_way_) {
    expect(std::move(change), name);
    return;
  }
  append_empty(to_client, change.answer == Answer::made_parse ? from_server::kParseComplete
                                                              : from_server::kCloseComplete);
}

/// Of the next answer. Its change stays.
PreparedPipeline::Expected PreparedPipeline::pop() {
  const Expected first = expected_.pop();
  made_count_ -= is_made(first.answer) ? 1 : 0;
  return first;
}

/// What the server passes over is as it was before.
void PreparedPipeline::drop_until_sync(ClientStatements* client, ServerStatements& server) {
  const Answer failed = expected_.front().answer;
  std::size_t count = 0;
  while (has_next() && expected_.front().answer != Answer::sync)
    count += pop().has_change ? 1 : 0;
  is_passed_over_ = !has_next();
  // A text that does not parse takes the one before it along.
  if (failed == Answer::unnamed) changes_[0].client_unnamed = kNoUnnamed;
  if (failed == Answer::unnamed || failed == Answer::our_unnamed)
    changes_[0].server_unnamed = kNoUnnamed;
  undo_first(count, client, server);
  for (; count > 0; --count)
    static_cast<void>(leave());
}

/// A server that reads data passes over each Sync until they end: not the one behind them.
void PreparedPipeline::copy_begins() {
  std::size_t end = 1;
  while (end < expected_.size() && expected_[end].answer == Answer::sync &&
         !expected_[end].ends_data)
    ++end;
  is_copying_in_ = end == expected_.size() && !has_ended_data_;
  expected_.remove_behind_first(end - 1);
}

bool PreparedPipeline::ends(Answer answer, char type) {
  switch (answer) {
  case Answer::parse:
  case Answer::parse_again:
  case Answer::our_parse:
  case Answer::unnamed:
  case Answer::our_unnamed:
    return type == from_server::kParseComplete;
  case Answer::our_close:
  case Answer::close:
  case Answer::close_unnamed:
  case Answer::our_close_unnamed:
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

/// Of an answer that a text was parsed.
void PreparedPipeline::parsed(const Change& answered, ClientStatements* client,
                              ServerStatements& server) {
  if (answered.is_of_unnamed) {
    server.prove_unnamed(answered.unnamed);
    if (client != nullptr && answered.statement != nullptr)
      client->keep_unnamed(answered.unnamed, answered.statement);
    return;
  }
  if (answered.answer != Answer::parse_again) {
    server.prove(answered.statement->number);
    return;
  }
  // A name that was said to be taken, and is not: now it is, by that text.
  const auto& [name, statement] = *answered.again;
  const bool is_same = statement == answered.statement;
  server.add(answered.statement, is_same ? ServerStatements::kProven : ServerStatements::kDoubted);
  if (client != nullptr && !names_.contains(name)) client->set(name, statement);
}

bool PreparedPipeline::server_says(char type, std::string_view tag, ClientStatements* client,
                                   ServerStatements& server, std::string& behind) {
  if (type == from_server::kCommandComplete && forgets_all(tag)) forget_all(client, server);
  if (type == from_server::kError || type == from_server::kCommandComplete) is_copying_in_ = false;
  if (!has_next()) {
    // Of a Sync that is not awaited, and the server did not pass over: COPY has failed.
    if (type == from_server::kReadyForQuery) is_passed_over_ = false;
    return true;
  }
  const Answer next = expected_.front().answer;
  if (type == from_server::kError && next != Answer::query && next != Answer::sync) {
    drop_until_sync(client, server);
    return true;
  }
  if (type == from_server::kCopyIn && next == Answer::execute) copy_begins();
  bool is_theirs = true;
  if (ends(next, type)) {
    is_theirs = next != Answer::our_parse && next != Answer::our_close &&
                next != Answer::our_unnamed && next != Answer::our_close_unnamed;
    if (pop().has_change) {
      const Change answered = leave();
      if (type == from_server::kParseComplete) parsed(answered, client, server);
      if (answered.forgotten != nullptr) { // It did not succeed.
        take_back_from(0, client, server);
        if (client != nullptr) client->put_names(std::move(*answered.forgotten));
        apply_from(0, client, server);
      }
    }
    if (client != nullptr && !has_next()) client->drop_stale_unnamed();
  }
  while (has_next()) {
    const Answer made = expected_.front().answer;
    if (!is_made(made)) break;
    append_empty(behind, made == Answer::made_parse ? from_server::kParseComplete
                                                    : from_server::kCloseComplete);
    static_cast<void>(pop());
    static_cast<void>(leave());
  }
  return is_theirs;
}

void PreparedPipeline::doubt_next(ServerStatements& server) const {
  if (has_next() && expected_.front().number != 0) server.doubt(expected_.front().number);
}

} // namespace pgkeep::wire
