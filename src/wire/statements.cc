#include "wire/statements.h"

#include <algorithm>
#include <charconv>

namespace pgkeep::wire {
namespace {

constexpr std::string_view kServerNamePrefix = "PGKEEP_"; ///< Of the names that servers know.

} // namespace

StatementPtr StatementTable::intern(std::string_view parse, std::string_view settings) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_text_.find({.parse = parse, .settings = settings});
      found != by_text_.end())
    return found->second;
  if (by_text_.size() >= sweep_at_ || bytes_ >= sweep_at_bytes_) sweep();
  auto statement = std::make_shared<PreparedStatement>();
  statement->number = next_number_++;
  statement->name = std::string(kServerNamePrefix) + std::to_string(statement->number);
  statement->parse = parse;
  statement->settings = settings;
  const std::string_view sql = parse.substr(0, parse.find('\0'));
  statement->hints = hints_in(sql);
  statement->custom_settings = custom_settings_in(sql);
  by_text_.emplace(Key{.parse = statement->parse, .settings = statement->settings}, statement);
  bytes_ += parse.size();
  return statement;
}

/// Those that nobody has any more go: where the table has the only one, nobody can make another.
void StatementTable::sweep() {
  std::erase_if(by_text_, [](const auto& each) { return each.second.use_count() == 1; });
  bytes_ = 0;
  for (const auto& [key, statement] : by_text_)
    bytes_ += key.parse.size();
  sweep_at_ = std::max(kFirstSweep, 2 * by_text_.size());
  sweep_at_bytes_ = std::max(kFirstSweepBytes, 2 * bytes_);
}

std::size_t StatementTable::size() const {
  const std::lock_guard lock(mutex_);
  return by_text_.size();
}

std::uint32_t StatementTable::next_client() {
  const std::lock_guard lock(mutex_);
  if (next_client_ == 0) ++next_client_;
  return next_client_++;
}

StatementPtr ClientStatements::find(std::string_view name) const {
  const auto found = names_.statements.find(name);
  return found == names_.statements.end() ? nullptr : found->second;
}

void ClientStatements::set(std::string_view name, StatementPtr statement) {
  auto& [bytes, statements] = names_;
  const auto found = statements.find(name);
  if (found != statements.end()) bytes -= bytes_of(name, *found->second);
  if (statement != nullptr) bytes += bytes_of(name, *statement);
  if (statement == nullptr) {
    if (found != statements.end()) statements.erase(found);
  } else if (found != statements.end()) {
    found->second = std::move(statement);
  } else {
    statements.emplace(name, std::move(statement));
  }
}

UnnamedMark ClientStatements::next_unnamed(StatementTable& table) {
  constexpr unsigned kCountBits = 32;
  if (number_ == 0) number_ = table.next_client();
  return UnnamedMark{number_} << kCountBits | ++unnamed_count_;
}

void ClientStatements::keep_unnamed(UnnamedMark mark, StatementPtr statement) {
  kept_mark_ = mark;
  kept_ = std::move(statement);
}

StatementPtr ClientStatements::kept_unnamed() const {
  return unnamed_ != kNoUnnamed && kept_mark_ == unnamed_ ? kept_ : nullptr;
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
  const auto found = places_.find(number);
  if (found != places_.end() && found->second->batch != kDoubted) found->second->batch = kProven;
}

void ServerStatements::doubt(std::uint64_t number) {
  if (const auto found = places_.find(number); found != places_.end())
    found->second->batch = kDoubted;
}

void ServerStatements::doubt_all() {
  for (Entry& each : order_)
    each.batch = kDoubted;
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

} // namespace pgkeep::wire
