/// A database of the sandbox made like a live one: its schema by pg_dump, the roles that it names.
/// No row of the live database is read; of its statistics here only figures about columns (average
/// width, share of nulls). All of them are carried over by statistics.h, settings by
/// live_settings.h.
///
/// The schema runs here as the superuser of a throwaway server: whoever may change the live schema
/// decides what that is. Threads: plain functions; connections as usual. Errors: unsupported where
/// no pg_dump here is new enough, those of the live server, Code::sql of the sandbox.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/conn.h"
#include "sandbox/sandbox.h"

namespace pgkeep::sandbox {

struct LiveTable {
  std::string schema;
  std::string name;
  double rows = -1; ///< Estimated; -1 = not known.
  std::int64_t pages = 0;
};
struct LiveColumn {
  int average_width = 0;
  double null_fraction = 0;
};
/// What is to be known of the live database.
struct Live {
  std::string label; ///< "10.0.0.5:5432/shop".
  int major = 0;
  std::vector<LiveTable> tables = {};
  std::map<std::string, LiveColumn> columns =
      {}; ///< "schema.table.column", as the catalog has them.
  std::vector<std::string> roles = {};
  std::string search_path = {}; ///< ALTER DATABASE ... SET search_path; empty = not set.

  /// -1 where it is not known.
  [[nodiscard]] double rows_of(const std::string& schema, const std::string& name) const;
};
base::Result<Live> read_live(postgres::Connection& server);

/// Those that are missing, without login.
base::Result<> create_roles(const std::vector<std::string>& roles, const Sandbox& sandbox);

/// Runs what may name roles that a sandbox has not: each is made there, without login, and the work
/// is run again. Threads: one at a time. The sandbox must outlive it.
class MissingRoles {
public:
  static constexpr std::size_t kRolesMax = 100; ///< Then the error is the work's.

  explicit MissingRoles(const Sandbox& sandbox) : sandbox_(sandbox) {}

  /// What `work` returns, a base::Result; a role that cannot be made is its error as well.
  template <typename Work>
  auto run(Work&& work) {
    auto done = work();
    while (!done) {
      const std::string role = missing_in(done.error());
      if (role.empty()) break;
      if (auto is_made = make(role); !is_made) return decltype(done)(std::move(is_made).error());
      done = work();
    }
    return done;
  }
  [[nodiscard]] const std::vector<std::string>& made() const { return made_; }

private:
  /// Empty: the error is another one, or making that role did not help.
  [[nodiscard]] std::string missing_in(const base::Error& error) const;
  base::Result<> make(const std::string& role);

  const Sandbox& sandbox_;
  std::vector<std::string> made_;
};

/// Runs pg_dump on the target that `live` is connected to, and what it says in the (empty)
/// database. Returns what could not be made here, a line each.
base::Result<std::vector<std::string>> copy_schema(const std::string& target,
                                                   const postgres::Connection& live,
                                                   const Live& facts, const Sandbox& sandbox,
                                                   const std::string& database);

} // namespace pgkeep::sandbox
