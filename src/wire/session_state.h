/// What a client leaves in its server beyond a transaction: settings, which another server can be
/// given as well, and what keeps the client where it is (session advisory locks, temporary tables,
/// cursors WITH HOLD, statements of SQL's PREPARE).
///
/// Nobody reads SQL for that. A word in a text, or the tag of a command, is no more than a hint;
/// where there is one, the server is asked at the end of the transaction, and its answer counts. A
/// hint too many costs one question; what a function does that no hint tells of is not seen. It is
/// not taken for that of another client who is asked about something else.
///
/// Pure: no sockets. Threads: plain values. Source: PostgreSQL manual, view-pg-settings,
/// view-pg-locks, view-pg-cursors, view-pg-prepared-statements, catalog-pg-db-role-setting,
/// sql-set-session-authorization; protocol-message-formats (DataRow), protocol-flow
/// (ParameterStatus).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::wire {

/// What may have changed. A set of bits.
using SessionHints = unsigned;
inline constexpr SessionHints kHintSettings = 1;
inline constexpr SessionHints kHintUser = 2;  ///< Role, or user of the session.
inline constexpr SessionHints kHintLetGo = 4; ///< Something that was held.
/// A setting whose name nobody can ask for: it was not read.
inline constexpr SessionHints kHintUnknown = 8;
/// Something may be held from now on: in the order of kHoldNames.
inline constexpr SessionHints kHintAdvisoryLock = 16;
inline constexpr SessionHints kHintTemporaryTable = 32;
inline constexpr SessionHints kHintCursor = 64;
inline constexpr SessionHints kHintPreparedStatement = 128;
inline constexpr SessionHints kHintTakes =
    kHintAdvisoryLock | kHintTemporaryTable | kHintCursor | kHintPreparedStatement;
inline constexpr SessionHints kHintHolds = kHintLetGo | kHintTakes;

/// What a client holds that is in its server. A set of bits, in the order of their names.
using Holds = unsigned;
inline constexpr std::array<std::string_view, 4> kHoldNames = {"advisory lock", "temporary table",
                                                               "cursor", "prepared statement"};
/// "advisory lock, cursor"; empty: nothing.
std::string text_of_holds(Holds holds);

/// Of a text that is to be run.
SessionHints hints_in(std::string_view sql);
/// Whether a part of a text may be of one that sets something: it has the word, or ends in it.
bool may_set(std::string_view part);
/// Of a CommandComplete, its body.
SessionHints hints_of_tag(std::string_view tag);
/// Of a ParameterStatus: servers report session_authorization and is_superuser, whoever set them.
SessionHints hints_of_parameter(std::string_view name);
/// What may be the client's of that which its server holds.
Holds holds_hinted_at(SessionHints hints);
/// Said in front of a text with these hints, so that what is found afterwards is its own: lets go
/// of what nobody was seen to take. Empty: nothing.
std::string clean_ground_of(SessionHints hints);

/// Names with a prefix ("app.user") that the text sets or resets: no catalog lists them, so that
/// they have to be asked for by name. Where one cannot be read (it comes as a parameter, or from
/// an expression), hints_in() says kHintUnknown.
std::vector<std::string> custom_settings_in(std::string_view sql);

/// Settings of a session by name, "role" and "session_authorization" among them. Values in the
/// encoding of the database, whatever that of a client, and of ASCII alone: see escaped().
using SessionSettings = std::map<std::string, std::string, std::less<>>;

/// As encode(..., 'escape') has it: bytes beyond ASCII as \\ooo, a backslash twice.
std::string escaped(std::string_view value);

/// Whether it says whose rights count. Names in lower case, as the server's answers have them.
bool is_of_user(std::string_view name);

/// How a session begins. Views of what the server and the files say.
struct SessionOrigin {
  std::string_view user = {}; ///< Who logged in.
  std::string_view connect_query = {};
};

/// The question, for what the hints are of. `tracked`: settings that others look after; `custom`:
/// names with a prefix that may have a value.
std::string question_of(SessionHints hints, const std::vector<std::string>& tracked,
                        const std::set<std::string>& custom, const SessionOrigin& origin);

/// What tells a server that has the one to have the other; empty: nothing. Where something is
/// reset, the connect query is run again.
std::string change_of(const SessionSettings& wanted, const SessionSettings& has,
                      const SessionOrigin& origin);

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
