/// The file of `auth_file`: a user and its password or secret in each line, both in double quotes.
///
/// Threads: pure functions. Source: PgBouncer's manual, config (Authentication file format).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "pool/file_problems.h"

namespace pgkeep::pool {

/// A password, "md5...", or SCRAM's secret of each.
using ListedUsers = std::map<std::string, base::Secret, std::less<>>;

struct UserList {
  ListedUsers users; ///< Of one name the last counts.
  /// Never with what stands in the line. A line that does not begin with a user ends the list, as
  /// in PgBouncer; what has no password of its own, which PgBouncer takes from the next line, does
  /// not.
  std::vector<LineProblem> skipped;
  std::optional<LineProblem> end;
};
UserList users_in(std::string_view text);

} // namespace pgkeep::pool
