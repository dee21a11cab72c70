/// The order in which actions run, found by running them on a throwaway database: what the server
/// refuses is tried again behind what comes after it, for only the server knows what a body of SQL
/// or a default needs.
///
/// Private to src/migrate/declare. Threads: one. Errors: of the connection; a statement that never
/// runs is no error but a failure of the result.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/declare/action.h"
#include "postgres/conn.h"

namespace pgkeep::migrate::declaring {

struct Trial {
  Actions done; ///< In an order in which they ran, each in the form that ran.
  struct Failure {
    Action action;
    std::string why = {};       ///< The server's words.
    std::size_t done_count = 0; ///< Pieces that ran before the one that did not.
  };
  std::vector<Failure> failures;
};

base::Result<Trial> run_trial(postgres::Connection& database, Actions actions);

} // namespace pgkeep::migrate::declaring
