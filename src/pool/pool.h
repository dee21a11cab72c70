/// The connection pooler: many clients share few server connections.
///
/// It reads PgBouncer's files and behaves as PgBouncer does (words of its errors and its log
/// included), on as many threads as there are cores, with one limit a pool over all of them. It
/// never links libpq, and can be used without the rest of pgkeep. Not here: the protocol's bytes
/// (src/wire) and the command line. Threads: run() starts its own and returns when they are done;
/// it takes SIGINT, SIGTERM, SIGQUIT and SIGHUP for the process. Source: PgBouncer's manual, usage
/// and config.
#pragma once

#include <string>

#include "base/result.h"

namespace pgkeep::pool {

struct RunOptions {
  std::string ini;
  int loops = 0; ///< Threads that serve; 0: as many as there are cores.
  std::string version = {};
  std::string user = {};   ///< To become this one; goes before the file's.
  bool is_daemon = false;  ///< In the background: returns once it serves there.
  bool is_quiet = false;   ///< Nothing of the log to standard error.
  int verbosity = 0;       ///< Added to the file's.
  bool takes_over = false; ///< From the one that runs, if one does: its sockets, then its clients.
};
inline constexpr int kLoopsMax = 64;

/// Serves until it is told to stop. Errors: Code::config (file and line), Code::unsupported (what
/// is not built yet), Code::refused (another one runs), Code::io.
base::Result<> run(const RunOptions& options);

/// An error's text as the log has it: of a file's line in PgBouncer's words (`... in configuration
/// (FILE:LINE)`), and what more is known.
std::string log_text_of(const base::Error& error);

} // namespace pgkeep::pool
