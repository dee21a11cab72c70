/// Online restart: a new process takes the listening sockets of the one that runs, which then
/// serves the clients that it has until they leave.
///
/// The sockets go over a Unix socket beside the clients' (SCM_RIGHTS), mode 0600 and for our own
/// account alone: the same kernel objects are then in both, so that no connection is refused or
/// lost in between. The way: the new one connects and gets them; once it can serve it says so; the
/// old one stops accepting, lets go of its files and answers; the new one goes on. If either dies
/// before that, the old one goes on as it was. Private to src/pool. Threads: a Handover belongs to
/// the control thread, the rest is for the start. Source: unix(7), cmsg(3); PgBouncer's manual,
/// usage (-R).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "pool/listeners.h"

namespace pgkeep::pool {

/// Of the process that runs.
class Handover {
public:
  /// Offers the sockets, of which it keeps copies; null where there is no folder for its own.
  /// Errors: Code::io.
  static base::Result<std::unique_ptr<Handover>> offer(const Settings& settings,
                                                       const std::vector<ListeningSocket>& sockets);
  ~Handover();
  Handover(const Handover&) = delete;
  Handover(Handover&&) = delete;
  Handover& operator=(const Handover&) = delete;
  Handover& operator=(Handover&&) = delete;

  /// Readable: look() has something to do.
  [[nodiscard]] int fd() const { return peer_.is_open() ? peer_.get() : listener_.get(); }
  /// True where another process serves: its id.
  std::optional<int> look();
  /// Lets go of everything, and tells the other one.
  void finish();

private:
  Handover() = default;
  bool send_sockets();

  std::string path_;
  base::Fd listener_;
  base::Fd peer_;
  int peer_process_ = 0;
  std::string description_; ///< A line a socket: kind, name, path.
  std::vector<base::Fd> sockets_;
};

/// Of the new process.
struct TakenOver {
  std::vector<ListeningSocket> sockets;
  base::Fd peer;
};
/// None where no process is there. Errors: Code::config (no folder to find one in), Code::io.
base::Result<std::optional<TakenOver>> take_over(const Settings& settings);
/// When it can serve: returns once the old process has let go. Errors: Code::io.
base::Result<> finish(TakenOver taken);

} // namespace pgkeep::pool
