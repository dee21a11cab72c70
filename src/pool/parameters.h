/// Startup parameters that follow a client from server to server: client_encoding, DateStyle,
/// TimeZone, standard_conforming_strings, application_name and those of track_extra_parameters.
///
/// A server reports the value that it has of each (ParameterStatus). A client keeps what it last
/// saw, and a server that has something else is told by SET before it answers. Threads: plain
/// values. Source: PgBouncer's manual, config (track_extra_parameters, ignore_startup_parameters).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/session_state.h"

namespace pgkeep::pool {

class TrackedNames {
public:
  static constexpr std::size_t kMax = 32;
  static constexpr std::size_t kClientEncoding = 0; ///< The index of one that is always there.

  TrackedNames() : TrackedNames("") {}
  /// `extra`: names separated by commas. No more than kMax in all: see is_too_long().
  explicit TrackedNames(std::string_view extra);
  /// Case does not count, as in the server.
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view name) const;
  [[nodiscard]] const std::string& name(std::size_t index) const { return names_[index]; }
  [[nodiscard]] std::size_t count() const { return names_.size(); }
  [[nodiscard]] bool is_too_long() const { return is_too_long_; }

private:
  std::vector<std::string> names_;
  bool is_too_long_ = false;
};

/// One value, or none, of each tracked name. Packed into one text, so that the usual question (are
/// they the same?) is one comparison, and thousands of idle clients cost little.
class ParameterValues {
public:
  [[nodiscard]] std::optional<std::string_view> get(std::size_t index) const;
  void set(std::size_t index, std::string_view value);
  /// Takes every value that the other one has.
  void take_from(const ParameterValues& other, std::size_t count);
  /// Takes the values that it has none of.
  void fill_from(const ParameterValues& other, std::size_t count);
  friend bool operator==(const ParameterValues&, const ParameterValues&) = default;

private:
  std::string packed_; ///< '=', the value and NUL of each; '?' and NUL of one that is not known.
};

/// Whether a client that gives this value at its start says something by it. One that is empty
/// ("PGTZ=") says nothing, but where a server takes it: application_name and lists of names.
bool is_said_at_start(std::string_view name, std::string_view value);

/// Of what to tell a server that has `has`: "SET a='x';SET b='y';". Empty where all is as wanted;
/// what either of them does not know is left out. `indexes`: a bit for each index that is set.
struct ParameterChange {
  std::string encoding; ///< Before the others, and apart: a text is read in what is set before it.
  std::string sql;
  std::uint32_t indexes = 0;
};
ParameterChange change_of(const TrackedNames& names, const ParameterValues& wanted,
                          const ParameterValues& has);

/// By what a text is read when it is prepared: the values of a client, but for those that have no
/// part in that (its name, timeouts, names with a prefix) or that a server minds itself when it
/// runs a statement (the role). search_path is none of them: a statement that finds other tables
/// when it is run is refused. Two with the same text read every text alike.
std::string settings_of_parse(const TrackedNames& names, const ParameterValues& values,
                              const wire::SessionSettings* session);

} // namespace pgkeep::pool
