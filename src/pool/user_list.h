/// The file of `auth_file`: a user and its password or secret in each line, both in double quotes.
///
/// Threads: pure functions. Source: PgBouncer's manual, config (Authentication file format).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace pgkeep::pool {

struct ListedUser {
  std::string name;
  base::Secret stored; ///< A password, "md5...", or SCRAM's secret.
};

/// Of one name the last counts. `path` is for errors. Errors: Code::config with file and line;
/// never with what stands in the line.
base::Result<std::vector<ListedUser>> users_in(std::string_view text, std::string_view path);

} // namespace pgkeep::pool
