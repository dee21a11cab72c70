// The part of PreparedPipeline that knows what was taken for done, and undoes it. Changes of one
// name are chained, and so are those of one statement of the server: where one that was passed over
// has another of the same behind it, only that one learns what was there before it.
#include <utility>

#include "wire/prepared.h"

namespace pgkeep::wire {
namespace {

constexpr std::size_t kBucketsMax = 512; ///< Are kept for what comes next.

template <typename Map>
void shrink(Map& map) {
  if (map.empty() && map.bucket_count() > kBucketsMax) map = {};
}

} // namespace

/// Texts that it keeps alive. One counts for each.
std::size_t PreparedPipeline::text_bytes_of(const Change& change) {
  return (change.name == nullptr ? 0 : change.name->first.size()) +
         (change.statement == nullptr ? 0 : change.statement->parse.size()) +
         (change.again == nullptr ? 0 : change.again->statement->parse.size());
}

/// The change that is about to be the last one.
void PreparedPipeline::link(UnderWay& under_way, std::uint64_t Change::* next) {
  const std::uint64_t number = first_change_ + changes_.size();
  if (under_way.count > 0) change_of(under_way.last).*next = number;
  under_way.last = number;
  ++under_way.count;
}

void PreparedPipeline::enter(Change& change, std::string_view name) {
  if (!name.empty()) {
    change.name = &*names_.try_emplace(std::string(name)).first;
    link(change.name->second, &Change::next_of_name);
    if (change.answer != Answer::made_close) ++change.name->second.parses;
  } else if (change.is_of_unnamed) {
    link(unnamed_, &Change::next_of_name);
  }
  if (is_of_server(change.answer)) {
    UnderWay& all = of_statements_[change.statement->number];
    link(all, &Change::next_of_statement);
    if (change.answer == Answer::our_close) {
      ++all.closes;
      all.closes_now = all.close_batch == change.batch ? all.closes_now + 1 : 1;
      all.close_batch = change.batch;
    }
  }
  forget_count_ += change.may_forget ? 1 : 0;
  text_bytes_ += text_bytes_of(change);
}

/// The first change: what is to be done about it is done.
PreparedPipeline::Change PreparedPipeline::leave() {
  Change change = changes_.pop();
  ++first_change_;
  forget_count_ -= change.may_forget ? 1 : 0;
  text_bytes_ -= text_bytes_of(change);
  if (Names::value_type* const name = std::exchange(change.name, nullptr); name != nullptr) {
    if (change.answer != Answer::made_close) --name->second.parses;
    if (--name->second.count == 0) names_.erase(names_.find(name->first));
    shrink(names_);
  } else if (change.is_of_unnamed) {
    --unnamed_.count;
  }
  if (!is_of_server(change.answer)) return change;
  const auto found = of_statements_.find(change.statement->number);
  UnderWay& all = found->second;
  if (change.answer == Answer::our_close && --all.closes < all.closes_now) --all.closes_now;
  if (--all.count == 0) of_statements_.erase(found);
  shrink(of_statements_);
  return change;
}

/// Those that were passed over. Where all may be forgotten, too, what was said later is taken back
/// first, and holds again when that is done.
void PreparedPipeline::undo_first(std::size_t count, ClientStatements* client,
                                  ServerStatements& server) {
  if (forget_count_ > 0) {
    take_back_from(0, client, server);
    apply_from(count, client, server);
    return;
  }
  for (std::size_t at = 0; at < count; ++at)
    undo(changes_[at], client, server);
}

/// All before it is undone, or was never done.
void PreparedPipeline::undo(Change& change, ClientStatements* client, ServerStatements& server) {
  ++undo_steps_;
  if (is_of_server(change.answer)) {
    if (change.next_of_statement != 0) {
      change_of(change.next_of_statement).was_there = change.was_there;
    } else if (change.was_there) {
      server.add(change.statement, ServerStatements::kProven);
    } else {
      server.remove(change.statement->number);
    }
  }
  Change* const next = change.next_of_name == 0 ? nullptr : &change_of(change.next_of_name);
  if (change.is_of_unnamed && next != nullptr) {
    next->server_unnamed = change.server_unnamed;
    next->client_unnamed = change.client_unnamed;
  } else if (change.is_of_unnamed) {
    // What it was before is proven: all that is not was said later, or is undone as well.
    server.set_unnamed(change.server_unnamed, ServerStatements::kProven);
    if (client != nullptr) client->set_unnamed(change.client_unnamed);
  } else if (change.name != nullptr && next != nullptr) {
    next->before = std::move(change.before);
  } else if (change.name != nullptr && client != nullptr) {
    client->set(change.name->first, std::move(change.before));
  }
}

/// The server has forgotten all, and hears next what was said behind that.
void PreparedPipeline::forget_all(ClientStatements* client, ServerStatements& server) {
  const std::size_t behind = has_next() && expected_.front().has_change ? 1 : 0;
  take_back_from(behind, client, server);
  if (behind > 0) changes_[0].forgotten = nullptr;
  if (client != nullptr) client->clear();
  server.clear();
  apply_from(behind, client, server);
}

void PreparedPipeline::take_back_from(std::size_t first, ClientStatements* client,
                                      ServerStatements& server) {
  for (std::size_t at = changes_.size(); at > first; --at, ++undo_steps_)
    take_back(changes_[at - 1], client, server);
}

void PreparedPipeline::apply_from(std::size_t first, ClientStatements* client,
                                  ServerStatements& server) {
  for (std::size_t at = first; at < changes_.size(); ++at, ++undo_steps_)
    apply(changes_[at], client, server);
}

void PreparedPipeline::apply(Change& change, ClientStatements* client, ServerStatements& server) {
  if (is_of_server(change.answer)) {
    change.was_there = server.has(change.statement->number);
    if (change.answer == Answer::our_close) {
      server.remove(change.statement->number);
    } else {
      server.add(change.statement, change.batch);
    }
  }
  if (change.is_of_unnamed) {
    change.server_unnamed = server.unnamed();
    server.set_unnamed(change.unnamed, change.batch);
  }
  if (change.may_forget) server.doubt_all();
  if (client == nullptr) return;
  if (change.is_of_unnamed) {
    change.client_unnamed = client->unnamed();
    client->set_unnamed(change.unnamed);
  }
  if (change.may_forget)
    change.forgotten = std::make_unique<ClientStatements::Names>(client->take_names());
  if (change.name == nullptr) return;
  change.before = client->find(change.name->first);
  client->set(change.name->first, change.statement);
}

void PreparedPipeline::take_back(Change& change, ClientStatements* client,
                                 ServerStatements& server) {
  if (is_of_server(change.answer)) {
    if (change.was_there) {
      server.add(change.statement, ServerStatements::kProven);
    } else {
      server.remove(change.statement->number);
    }
  }
  // What it was before is proven: all that is not was said later, and is taken back as well.
  if (change.is_of_unnamed) server.set_unnamed(change.server_unnamed, ServerStatements::kProven);
  if (client == nullptr) return;
  if (change.is_of_unnamed) client->set_unnamed(change.client_unnamed);
  if (change.forgotten != nullptr) client->put_names(std::move(*change.forgotten));
  change.forgotten = nullptr;
  if (change.name != nullptr) client->set(change.name->first, change.before);
}

} // namespace pgkeep::wire
