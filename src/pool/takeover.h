/// Online restart: a new process takes the listening sockets of the one that runs, which then
/// gives its clients up one by one: those that can move go to the new process (moved_client.h), the
/// others are served until they leave.
///
/// The sockets go over a Unix socket beside the clients' (SCM_RIGHTS), mode 0600 and for our own
/// account alone, of which each side makes sure (SO_PEERCRED), for clients that come that way are
/// asked for no password: the same kernel objects are then in both, so that no connection is
/// refused or lost in between. The way: the new one connects and gets them; once it can serve it
/// says so; the old one stops accepting, lets go of its files and answers; the new one goes on. If
/// either dies before that, the old one goes on as it was. Private to src/pool. Threads: a Handover
/// belongs to the control thread, the rest is for the start. Source: unix(7), cmsg(3); PgBouncer's
/// manual, usage (-R).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "pool/accept_pause.h"
#include "pool/cancel_key.h"
#include "pool/listeners.h"
#include "pool/reserve.h"

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

  /// Readable: look() has something to do. Below 0: not for a while, accepting has just failed.
  [[nodiscard]] int fd() const;
  /// The id of another process, where that serves now. `objection`: why nothing is handed over at
  /// present, which whoever asks is told; empty: it is.
  std::optional<int> look(const std::string& objection, std::int64_t now_us);
  /// Lets go of everything, and tells the other one. Returns the way there, for clients that move.
  base::Fd finish();

private:
  Handover() = default;
  std::optional<int> hear_peer(const std::string& objection);
  void object(const std::string& objection);
  void accept(const std::string& objection, std::int64_t now_us);
  bool send_sockets();

  std::string path_;
  base::Fd listener_;
  AcceptPause pause_;
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
/// None where no process is there. Errors: Code::config (no folder to find one in), Code::refused
/// (it, or the file of its socket, is somebody else's; it objects), Code::io.
base::Result<std::optional<TakenOver>> take_over(const Settings& settings);
/// When it can serve: returns once the old process has let go: the way on which its clients come.
/// Errors: Code::refused (it objects by now), Code::io.
base::Result<base::Fd> finish(TakenOver taken);

/// Longer ones do not go through the socket.
inline constexpr std::size_t kMovedBytesMax = 100'000;
enum class SendOutcome : std::uint8_t { sent, full, gone };
/// From the old process to the new one. Never waits. Threads: any.
SendOutcome send_client(const base::Fd& way, std::string_view message, int fd);
/// What came from the other process. A cancel request for a client that may be there goes back:
/// without a descriptor. So does a word of how many clients more there is room for. Never waits.
struct Received {
  enum class Kind : std::uint8_t { nothing, message, end, no_room };
  Kind kind = Kind::nothing;
  std::string message = {};
  base::Fd fd = {};
};
Received receive(const base::Fd& way);
/// With a descriptor, of which one is spent for it if none is free. no_room: there was none all the
/// same, and the message stays where it is.
Received receive_client(const base::Fd& way, Reserve& reserve);
/// From the new process to the old one.
void send_cancel(const base::Fd& way, CancelKey key);
std::optional<CancelKey> cancel_in(std::string_view message);
/// The same way. False: it did not go.
bool send_room(const base::Fd& way, std::uint32_t clients);
std::optional<std::uint32_t> room_in(std::string_view message);

} // namespace pgkeep::pool
