/// What happens to the pooler as a whole: signals, reading its files again, the console's commands,
/// periods of statistics.
///
/// One thread, which serves no clients, so that reading files and waiting for all loops never keeps
/// a query waiting. It tells loops by their mailboxes, and they answer by its own. What the console
/// shows is asked of every loop and answered when all have told. Private to src/pool. Threads:
/// run() of the thread that made it; post() any. Source: PgBouncer's manual, usage (Admin console,
/// Signals); words of its admin.c and main.c.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "pool/census.h"
#include "pool/console_command.h"
#include "pool/console_show.h"
#include "pool/console_talk.h"
#include "pool/directory.h"
#include "pool/heir.h"
#include "pool/mailbox.h"
#include "pool/metrics.h"
#include "pool/regime.h"
#include "pool/statistics.h"
#include "pool/takeover.h"

namespace pgkeep::pool {

struct Shared;

using ControlMessage =
    std::variant<Taken, ConsoleQuery, ConsoleCancel, ConsoleGone, CancelOfFormer, Counted>;

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
  struct Start {
    DirectoryPtr files;
    ReadText read;
    std::string version; ///< Of pgkeep.
    MetricsServer metrics;
    std::unique_ptr<Handover> handover = {}; ///< Null: nobody can take over.
    std::function<void()> let_go = {};       ///< Of the files that another process has then.
    base::Fd former = {};                    ///< The way to the process before this one.
  };
  Control(Shared& shared, Start start, const Signals& signals);

  /// Until the loops are to end.
  void run();
  void post(ControlMessage message) { mailbox_.post_always(message); }

private:
  using Counts = std::vector<std::unique_ptr<Census>>;
  using Then = std::move_only_function<void(const Picture&)>;
  struct Counting {
    Counts counts;
    Then then;
  };
  /// Somebody at the console who is answered later.
  struct Pending {
    ConsoleAsker who;
    std::string tag;
    std::uint64_t number = 0;  ///< After this order.
    std::string database = {}; ///< Of PAUSE and WAIT_CLOSE; empty: of all.
    bool is_looked_at = false; ///< Loops count for it, since after it was said.
  };

  // control.cc
  void wait() const;
  void take_signal(int number);
  void begin_shutdown(Shutdown kind);
  void pause_by_signal();
  void resume_by_signal();
  void resume_for_nobody();
  void take_mail();
  bool reload();
  void set_log();
  void spread(DirectoryPtr files);
  std::uint64_t spread(Regime regime);
  void mark(const std::string& database, const std::function<void(DatabaseMarks&)>& change);
  [[nodiscard]] std::uint64_t taken_by_all() const;
  void look_around();
  [[nodiscard]] std::string objection() const;
  void look_at_handover();
  void hear_heir();
  void hear_former();
  void make_room();
  void stop_taking();
  [[nodiscard]] bool is_left() const;
  void look_for_the_end();
  void count(CountWish wish, Then then);
  void take_count(Counted counted);
  void turn_averages();

  // commands.cc
  using Run = void (Control::*)(const ConsoleQuery& query, const std::string& argument);
  struct Command {
    std::string_view name;
    Run run;
    bool may_have_argument = true;
    bool needs_admin = true;
  };
  static const Command kCommands[];
  void take_query(const ConsoleQuery& query);
  void set(const ConsoleQuery& query, const ConsoleCommand& command);
  void show(const ConsoleQuery& query, const std::string& argument);
  void reload(const ConsoleQuery& query, const std::string& argument);
  void pause(const ConsoleQuery& query, const std::string& argument);
  void resume(const ConsoleQuery& query, const std::string& argument);
  void suspend(const ConsoleQuery& query, const std::string& argument);
  void disable(const ConsoleQuery& query, const std::string& argument);
  void enable(const ConsoleQuery& query, const std::string& argument);
  void reconnect(const ConsoleQuery& query, const std::string& argument);
  void kill(const ConsoleQuery& query, const std::string& argument);
  void kill_client(const ConsoleQuery& query, const std::string& argument);
  void wait_close(const ConsoleQuery& query, const std::string& argument);
  void shutdown(const ConsoleQuery& query, const std::string& argument);
  bool is_database(const ConsoleQuery& query, const std::string& name, std::string_view verb,
                   bool is_made);
  void log_command(std::string_view name, const std::string& argument);
  void answer(const ConsoleAsker& who, std::string bytes);
  void done(const ConsoleQuery& query, std::string_view tag);
  void fail(const ConsoleQuery& query, std::string_view text, std::string_view sqlstate = "08P01");
  void look_after_pending();
  void cancel(const ConsoleCancel& wish);
  void forget(const ConsoleGone& gone);
  void look_at_servers();
  void answer_closings(const Picture& picture);
  void answer_suspensions(const Picture& picture);
  [[nodiscard]] int servers_of(const std::string& database) const;

  Shared& shared_;
  DirectoryPtr files_;
  const ReadText read_;
  const std::string version_;
  const Signals& signals_;
  std::unique_ptr<Handover> handover_; ///< Null: nobody can take over, or somebody did.
  const std::function<void()> let_go_;
  bool is_retired_ = false;    ///< Another process accepts clients; ours go there, or leave.
  std::shared_ptr<Heir> heir_; ///< That process.
  base::Fd former_;            ///< The way to the process before; closed: there is none.
  Reserve reserve_;            ///< For clients from there.
  std::size_t expected_ = 0;   ///< Of them, that it was told there is room for.
  bool is_taking_ = true;      ///< More of them, if there are.
  bool has_room_ = true;       ///< For the next one, when it was looked at last.
  std::size_t came_over_ = 0;
  Mailbox<ControlMessage> mailbox_;
  bool is_over_ = false;
  Regime regime_;
  std::uint64_t last_number_ = 0;    ///< Of an order to all loops.
  std::uint64_t files_number_ = 0;   ///< Of the newest files; 0: all loops have them.
  std::vector<std::uint64_t> taken_; ///< By each loop.
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, Counting> countings_;
  std::vector<Pending> after_orders_; ///< Answered when all loops have done what was ordered.
  std::vector<Pending> pauses_;       ///< And no server is left.
  std::vector<Pending> closings_;     ///< And none is left that is to be closed.
  std::vector<Pending> suspensions_;  ///< And all is quiet.
  bool is_looking_ = false;           ///< Loops count for closings_ and suspensions_.
  Averages averages_;
  MetricsServer metrics_;
  bool is_turning_ = false; ///< A period is over, and loops are asked.
};

} // namespace pgkeep::pool
