/// The SQL inside PL/pgSQL: what a DO block or a function runs, by the server's own PL/pgSQL parser
/// (libpg_query).
///
/// Thread-safe. Errors: Code::unsupported where the body does not parse.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgkeep::postgres {

struct PlpgsqlStatement {
  std::string sql; ///< A statement; of EXECUTE the expression that makes it: "'DROP TABLE ' || t".
  int line = 1;    ///< Within the body, from 1.
  bool is_dynamic = false; ///< EXECUTE.
};

/// `definition`: a whole DO or CREATE FUNCTION ... LANGUAGE plpgsql statement. In the order of the
/// text; expressions (conditions, assignments) are left out.
base::Result<std::vector<PlpgsqlStatement>> plpgsql_statements(std::string_view definition);

} // namespace pgkeep::postgres
