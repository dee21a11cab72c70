/// What happens to the pooler as a whole: signals, and reading its files again.
///
/// One thread, which serves no clients, so that reading files and waiting for all loops never keeps
/// a query waiting. It tells loops by their mailboxes, and they answer by its own. Private to
/// src/pool. Threads: run() of the thread that made it; post() any. Source: PgBouncer's manual,
/// usage (Signals, Process controlling commands).
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <variant>

#include "base/fd.h"
#include "pool/directory.h"
#include "pool/mailbox.h"
#include "pool/takeover.h"

namespace pgkeep::pool {

struct Shared;

/// A loop works with the files of that number, and is through with those before.
struct FilesTaken {
  std::uint64_t number = 0;
};
using ControlMessage = std::variant<FilesTaken>;

/// Blocked for as long as it lives, in the threads that are made meanwhile, too.
class Signals {
public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals(Signals&&) = delete;
  Signals& operator=(const Signals&) = delete;
  Signals& operator=(Signals&&) = delete;
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// 0: there is none.
  [[nodiscard]] int next() const;

private:
  sigset_t set_{};
  sigset_t before_{};
  base::Fd fd_;
};

class Control {
public:
  /// `handover` may be null; `let_go`: of the files that another process has then.
  Control(Shared& shared, DirectoryPtr files, ReadText read, const Signals& signals,
          std::unique_ptr<Handover> handover, std::function<void()> let_go);

  /// Until the loops are to end.
  void run();
  void post(ControlMessage message) { mailbox_.post_always(message); }

private:
  void wait() const;
  void take_signal(int number);
  void take_mail();
  /// Whether it was done; the log says why not.
  bool reload();
  void set_log();
  void spread(DirectoryPtr files);
  void look_at_handover();
  void look_for_the_end();
  [[nodiscard]] bool is_left() const;

  Shared& shared_;
  DirectoryPtr files_;
  const ReadText read_;
  const Signals& signals_;
  std::unique_ptr<Handover> handover_; ///< Null: nobody can take over, or somebody did.
  const std::function<void()> let_go_;
  bool is_retired_ = false; ///< Another process accepts clients; ours stay until they leave.
  Mailbox<ControlMessage> mailbox_;
  std::uint64_t files_number_ = 0;
  std::size_t loops_done_ = 0; ///< With the newest files.
  bool is_over_ = false;
};

} // namespace pgkeep::pool
