/// What is known of prepared statements: each text once, what a client calls its own, and what a
/// server has.
///
/// Two clients share a statement where they say the same and what PostgreSQL reads a text by is the
/// same for both: literals of dates, times and intervals, escapes and the encoding become constants
/// when a text is parsed. What that is of a client's settings is for others to say; here it is a
/// text that is compared.
///
/// The unnamed statement is nobody's name. A server has one, of whoever parsed it last; a mark
/// tells which one that was.
///
/// Pure: no sockets. Threads: StatementTable any; the others one at a time. Source: PostgreSQL
/// manual, protocol-flow (Extended Query).
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "wire/session_state.h"

namespace pgkeep::wire {

/// A text that somebody prepared. Immutable.
struct PreparedStatement {
  std::uint64_t number = 0;
  std::string name;       ///< "PGKEEP_17": what servers know it by.
  std::string parse;      ///< The body of Parse behind the name: query and types of parameters.
  std::string settings;   ///< Of who prepared it, as far as a text is read by them.
  SessionHints hints = 0; ///< Of the query, as the next one.
  std::vector<std::string> custom_settings;
};
/// Of the table, of clients that prepared it, and of servers that know it.
using StatementPtr = std::shared_ptr<const PreparedStatement>;

/// Which text a client parsed without a name: the client's number and a count of its own.
using UnnamedMark = std::uint64_t;
inline constexpr UnnamedMark kNoUnnamed = 0;

/// Every statement that a client or a server has, each text once for the same settings.
class StatementTable {
public:
  StatementPtr intern(std::string_view parse, std::string_view settings);
  [[nodiscard]] std::size_t size() const;
  /// For the marks of one client: no other has it (of the last four billion).
  std::uint32_t next_client();

private:
  static constexpr std::size_t kFirstSweep = 1024;
  static constexpr std::size_t kFirstSweepBytes = 16'777'216;
  struct Key { ///< Views of the statement's own.
    std::string_view parse;
    std::string_view settings;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      const std::hash<std::string_view> hash;
      return hash(key.parse) ^ (hash(key.settings) << 1U);
    }
  };
  void sweep();

  mutable std::mutex mutex_; // guards the rest
  std::unordered_map<Key, StatementPtr, KeyHash> by_text_;
  std::uint64_t next_number_ = 1;
  std::uint32_t next_client_ = 1;
  std::size_t bytes_ = 0; ///< Of the texts.
  std::size_t sweep_at_ = kFirstSweep;
  std::size_t sweep_at_bytes_ = kFirstSweepBytes;
};

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const {
    return std::hash<std::string_view>()(name);
  }
};

/// The names that one client gave, and its unnamed statement.
class ClientStatements {
public:
  struct Names {
    std::size_t bytes = 0; ///< See bytes().
    std::unordered_map<std::string, StatementPtr, NameHash, std::equal_to<>> statements;
  };

  [[nodiscard]] StatementPtr find(std::string_view name) const;
  void set(std::string_view name, StatementPtr statement); ///< Null: takes the name away.
  void clear() { names_ = {}; }                            ///< Of names: as DEALLOCATE ALL.
  [[nodiscard]] Names take_names() { return std::exchange(names_, {}); }
  void put_names(Names names) { names_ = std::move(names); }
  [[nodiscard]] std::size_t size() const { return names_.statements.size(); }
  /// `visit(name, statement)`, in any order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, statement] : names_.statements)
      visit(name, statement);
  }
  /// Of names and texts, with what it takes to keep them. A text counts for each who has it.
  [[nodiscard]] std::size_t bytes() const {
    return names_.bytes + (kept_ == nullptr ? 0 : bytes_of({}, *kept_));
  }

  /// What its texts are read by now.
  [[nodiscard]] const std::string& settings() const { return settings_; }
  void set_settings(std::string settings) { settings_ = std::move(settings); }

  /// The unnamed statement that a session of its own would have.
  [[nodiscard]] UnnamedMark unnamed() const { return unnamed_; }
  void set_unnamed(UnnamedMark mark) { unnamed_ = mark; }
  UnnamedMark next_unnamed(StatementTable& table);
  /// Its text, where that may be needed later.
  void keep_unnamed(UnnamedMark mark, StatementPtr statement);
  [[nodiscard]] StatementPtr kept_unnamed() const;
  /// Of another one than it has.
  void drop_stale_unnamed() {
    if (kept_ != nullptr && kept_mark_ != unnamed_) kept_ = nullptr;
  }

private:
  static constexpr std::size_t kBytesBeside = 256; ///< Of a statement, about.
  static std::size_t bytes_of(std::string_view name, const PreparedStatement& statement) {
    return kBytesBeside + name.size() + statement.parse.size();
  }

  Names names_;
  std::string settings_;
  UnnamedMark unnamed_ = kNoUnnamed;
  UnnamedMark kept_mark_ = kNoUnnamed;
  StatementPtr kept_;
  std::uint32_t number_ = 0; ///< Of the table, once it parsed without a name.
  std::uint32_t unnamed_count_ = 0;
};

/// What one server has prepared, the one used last first. What it has not confirmed yet is known
/// with the batch in which it was said: up to the Sync all of it is done or passed over together.
class ServerStatements {
public:
  using Batch = std::uint32_t;
  static constexpr Batch kProven = 0;
  /// It may be gone, or of no use as it is: it is closed and prepared anew before it is used.
  static constexpr Batch kDoubted = UINT32_MAX;

  [[nodiscard]] bool has(std::uint64_t number) const { return places_.contains(number); }
  /// Whether what is said in the batch finds it there. It counts as used.
  bool use(std::uint64_t number, Batch batch);
  void add(StatementPtr statement, Batch batch);
  void prove(std::uint64_t number);
  void doubt(std::uint64_t number);
  void doubt_all();
  [[nodiscard]] StatementPtr find(std::string_view name) const; ///< As servers know it.
  void remove(std::uint64_t number);
  /// The least lately used one, where there are `most` or more.
  [[nodiscard]] StatementPtr oldest(std::size_t most) const;
  void clear(); ///< Of names: as DEALLOCATE ALL.
  [[nodiscard]] std::size_t size() const { return order_.size(); }

  /// Whether what is said in the batch finds this unnamed statement there.
  [[nodiscard]] bool has_unnamed(UnnamedMark mark, Batch batch) const {
    return mark != kNoUnnamed && unnamed_ == mark &&
           (unnamed_batch_ == kProven || unnamed_batch_ == batch);
  }
  [[nodiscard]] UnnamedMark unnamed() const { return unnamed_; }
  void set_unnamed(UnnamedMark mark, Batch batch) {
    unnamed_ = mark;
    unnamed_batch_ = batch;
  }
  void prove_unnamed(UnnamedMark mark) {
    if (unnamed_ == mark) unnamed_batch_ = kProven;
  }

private:
  struct Entry {
    StatementPtr statement;
    Batch batch = kProven;
  };
  using Order = std::list<Entry>;
  Order order_;
  std::unordered_map<std::uint64_t, Order::iterator> places_;
  UnnamedMark unnamed_ = kNoUnnamed; ///< None: none, or nobody knows whose.
  Batch unnamed_batch_ = kProven;
};

} // namespace pgkeep::wire
