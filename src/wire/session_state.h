/// What a client leaves in its server beyond a transaction: settings, which another server can be
/// given as well, and what keeps the client where it is (session advisory locks, temporary tables,
/// cursors WITH HOLD, statements of SQL's PREPARE).
///
/// Nobody reads SQL for that. A word in a text, or the tag of a command, is no more than a hint;
/// where there is one, the server is asked at the end of the transaction, and its answer counts. A
/// hint too many costs one question; what a function does that no hint tells of is not seen.
///
/// Pure: no sockets. Threads: plain values. Source: PostgreSQL manual, view-pg-settings,
/// view-pg-locks, view-pg-cursors, view-pg-prepared-statements; protocol-message-formats (DataRow).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::wire {

/// What may have changed. A set of bits.
using SessionHints = unsigned;
inline constexpr SessionHints kHintSettings = 1;
inline constexpr SessionHints kHintHolds = 2;

/// What a client holds that is in its server. A set of bits, in the order of their names.
using Holds = unsigned;
inline constexpr std::array<std::string_view, 4> kHoldNames = {"advisory lock", "temporary table",
                                                               "cursor", "prepared statement"};
/// "advisory lock, cursor"; empty: nothing.
std::string text_of_holds(Holds holds);

/// Of a text that is to be run.
SessionHints hints_in(std::string_view sql);
/// Of a CommandComplete, its body.
SessionHints hints_of_tag(std::string_view tag);

/// Names with a prefix ("app.user") that the text sets or resets: no catalog lists them, so that
/// they have to be asked for by name. One that comes as a parameter is not found.
std::vector<std::string> custom_settings_in(std::string_view sql);

/// Settings of a session by name, as set_config() takes them; "role" among them.
using SessionSettings = std::map<std::string, std::string>;

/// The question, for what the hints are of. `tracked`: settings that others look after; `custom`:
/// names with a prefix that may have a value.
std::string question_of(SessionHints hints, const std::vector<std::string>& tracked,
                        const std::set<std::string>& custom);

/// What tells a server that has the one to have the other. Empty where they are the same.
std::string change_of(const SessionSettings& wanted, const SessionSettings& has);

/// The answer to the question: shown each DataRow, in parts as they come.
class SessionAnswer {
public:
  static constexpr std::size_t kBytesMax = 1UZ << 20U;

  /// False: the server says what it was not asked, or too much.
  bool take_row(std::string_view part, bool ends);
  [[nodiscard]] const SessionSettings& settings() const { return settings_; }
  [[nodiscard]] Holds holds() const { return holds_; }

private:
  std::string row_;
  std::size_t bytes_ = 0;
  SessionSettings settings_;
  Holds holds_ = 0;
};

} // namespace pgkeep::wire
