// What is typed into the console, command by command, with PgBouncer's words.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/console_rows.h"
#include "pool/control.h"
#include "pool/loop.h"
#include "pool/micros.h"
#include "pool/pool.h"

namespace pgkeep::pool {

const Control::Command Control::kCommands[] = {
    {.name = "disable", .run = &Control::disable},
    {.name = "enable", .run = &Control::enable},
    {.name = "kill", .run = &Control::kill},
    {.name = "kill_client", .run = &Control::kill_client},
    {.name = "pause", .run = &Control::pause},
    {.name = "reconnect", .run = &Control::reconnect},
    {.name = "reload", .run = &Control::reload, .may_have_argument = false},
    {.name = "resume", .run = &Control::resume},
    {.name = "select", .run = &Control::show, .needs_admin = false},
    {.name = "show", .run = &Control::show, .needs_admin = false},
    {.name = "shutdown", .run = &Control::shutdown, .needs_admin = false}, // It looks by itself.
    {.name = "suspend", .run = &Control::suspend, .may_have_argument = false},
    {.name = "wait_close", .run = &Control::wait_close},
};

void Control::answer(const ConsoleAsker& who, std::string bytes) {
  shared_.loops[static_cast<std::size_t>(who.loop)]->post_always(
      ConsoleReply{.who = who, .bytes = std::move(bytes)});
}

void Control::done(const ConsoleQuery& query, std::string_view tag) {
  answer(query.who, ConsoleAnswer().done(tag));
}

void Control::fail(const ConsoleQuery& query, std::string_view text, std::string_view sqlstate) {
  shared_.log.error(text);
  if (files_->settings().log_pooler_errors)
    shared_.log.warning(fmt::format("{} pooler error: {}", query.label, text));
  answer(query.who, ConsoleAnswer::error(text, sqlstate));
}

void Control::log_command(std::string_view name, const std::string& argument) {
  shared_.log.info(argument.empty() ? fmt::format("{} command issued", name)
                                    : fmt::format("{} '{}' command issued", name, argument));
}

void Control::take_query(const ConsoleQuery& query) {
  if (files_->settings().verbose > 0)
    shared_.log.debug(fmt::format("{} got admin query: {}", query.label, query.text));
  const ConsoleCommand command = console_command_of(query.text);
  if (command.kind == ConsoleCommand::Kind::bad_arguments) {
    fail(query, "bad arguments");
    return;
  }
  if (command.kind == ConsoleCommand::Kind::set) {
    set(query, command);
    return;
  }
  const auto* found = std::ranges::find(kCommands, command.name, &Command::name);
  if (found == std::end(kCommands) || (!command.argument.empty() && !found->may_have_argument)) {
    fail(query, fmt::format("invalid command '{}', use SHOW HELP;", query.text));
  } else if (found->needs_admin && !query.is_admin) {
    fail(query, "admin access needed");
  } else {
    (this->*found->run)(query, command.argument);
  }
}

void Control::set(const ConsoleQuery& query, const ConsoleCommand& command) {
  if (shown_parameter(base::to_lower(command.name))) {
    ConsoleAnswer answer_now;
    answer_now.notice("SET ignored");
    answer(query.who, std::move(answer_now).done("SET"));
    return;
  }
  if (!query.is_admin) {
    fail(query, "admin access needed");
    return;
  }
  auto files = with_setting(*files_, command.name, command.argument);
  if (!files) {
    shared_.log.error(log_text_of(files.error()));
    fail(query, "SET failed");
    return;
  }
  spread(std::make_shared<const Directory>(*std::move(files)));
  after_orders_.push_back({.who = query.who,
                           .tag = fmt::format("SET {}={}", command.name, command.argument),
                           .number = last_number_});
}

void Control::show(const ConsoleQuery& query, const std::string& argument) {
  const std::string what = base::to_lower(argument);
  if (auto parameter = shown_parameter(what)) {
    answer(query.who, *std::move(parameter));
  } else if (is_for_admins(what) && !query.is_admin) {
    fail(query, "admin access needed");
  } else {
    count({.with_sockets = shows_sockets(what)}, [this, query, what](const Picture& picture) {
      auto text = shown(picture, what);
      if (text) {
        answer(query.who, *std::move(text));
      } else {
        fail(query, fmt::format("invalid command '{}', use SHOW HELP;", query.text));
      }
    });
  }
}

void Control::reload(const ConsoleQuery& query, const std::string& /*argument*/) {
  shared_.log.info("RELOAD command issued");
  if (!reload()) {
    shared_.log.error("RELOAD Failed, see logs for more details");
    fail(query, "RELOAD failed, see logs for additional details", "F0000");
    return;
  }
  after_orders_.push_back({.who = query.who, .tag = "RELOAD", .number = last_number_});
}

/// Whether there is such a database for a command; the console is told if not. `is_made`: one that
/// "*" would make counts.
bool Control::is_database(const ConsoleQuery& query, const std::string& name, std::string_view verb,
                          bool is_made) {
  if (name == kConsoleName) {
    fail(query, fmt::format("cannot {} admin db: {}", verb, name));
    return false;
  }
  const DatabaseDefinition* found = files_->configuration.database(name);
  const bool is_known = found != nullptr && (is_made || found->name == name ||
                                             (regime_.marks && regime_.marks->contains(name)));
  if (!is_known) fail(query, fmt::format("no such database: {}", name));
  return is_known;
}

void Control::pause(const ConsoleQuery& query, const std::string& argument) {
  if (regime_.pause != PauseMode::none) {
    fail(query, "already suspended/paused");
    return;
  }
  log_command("PAUSE", argument);
  if (argument.empty()) {
    Regime regime = regime_;
    regime.pause = PauseMode::pause;
    spread(std::move(regime));
  } else if (is_database(query, argument, "pause", true)) {
    mark(argument, [](DatabaseMarks& marks) { marks.is_paused = true; });
  } else {
    return;
  }
  pauses_.push_back(
      {.who = query.who, .tag = "PAUSE", .number = last_number_, .database = argument});
}

void Control::resume(const ConsoleQuery& query, const std::string& argument) {
  log_command("RESUME", argument);
  if (argument.empty()) {
    if (regime_.shutdown != Shutdown::none) {
      fail(query, "pooler is shutting down");
      return;
    }
    if (regime_.pause == PauseMode::none) {
      fail(query, "pooler is not paused/suspended");
      return;
    }
    Regime regime = regime_;
    regime.pause = PauseMode::none;
    spread(std::move(regime));
  } else if (argument != kConsoleName && !is_database(query, argument, "resume", false)) {
    return;
  } else if (!regime_.marks_of(argument).is_paused) {
    fail(query, fmt::format("database {} is not paused", argument));
    return;
  } else {
    mark(argument, [](DatabaseMarks& marks) { marks.is_paused = marks.is_killed = false; });
  }
  after_orders_.push_back({.who = query.who, .tag = "RESUME", .number = last_number_});
}

void Control::suspend(const ConsoleQuery& query, const std::string& /*argument*/) {
  if (regime_.pause != PauseMode::none) {
    fail(query, "already suspended/paused");
    return;
  }
  const bool is_any_paused =
      regime_.marks &&
      std::ranges::any_of(*regime_.marks, [](const auto& each) { return each.second.is_paused; });
  if (is_any_paused) {
    fail(query, "cannot suspend with paused databases");
    return;
  }
  shared_.log.info("SUSPEND command issued");
  Regime regime = regime_;
  regime.pause = PauseMode::suspend;
  const std::int64_t longest = files_->settings().suspend_timeout.count();
  regime.suspend_until_us = longest > 0 ? micros_now() + longest : 0;
  spread(std::move(regime));
  suspensions_.push_back({.who = query.who, .tag = "SUSPEND", .number = last_number_});
}

void Control::disable(const ConsoleQuery& query, const std::string& argument) {
  if (argument.empty()) {
    fail(query, "a database is required");
    return;
  }
  log_command("DISABLE", argument);
  if (!is_database(query, argument, "disable", true)) return;
  mark(argument, [](DatabaseMarks& marks) { marks.is_disabled = true; });
  after_orders_.push_back({.who = query.who, .tag = "DISABLE", .number = last_number_});
}

void Control::enable(const ConsoleQuery& query, const std::string& argument) {
  if (argument.empty()) {
    fail(query, "a database is required");
    return;
  }
  log_command("ENABLE", argument);
  if (!is_database(query, argument, "enable", false)) return;
  mark(argument, [](DatabaseMarks& marks) { marks.is_disabled = false; });
  after_orders_.push_back({.who = query.who, .tag = "ENABLE", .number = last_number_});
}

void Control::reconnect(const ConsoleQuery& query, const std::string& argument) {
  log_command("RECONNECT", argument);
  if (!argument.empty() && !is_database(query, argument, "reconnect", true)) return;
  for (const auto& pool : shared_.pools.all()) {
    if (argument.empty() || pool->name() == argument) pool->reconnect();
  }
  spread(regime_); // Loops close what nobody works with.
  after_orders_.push_back({.who = query.who, .tag = "RECONNECT", .number = last_number_});
}

void Control::kill(const ConsoleQuery& query, const std::string& argument) {
  if (regime_.pause != PauseMode::none) {
    fail(query, "already suspended/paused");
    return;
  }
  log_command("KILL", argument);
  if (!argument.empty() && !is_database(query, argument, "kill", true)) return;
  const auto killed = [](DatabaseMarks& marks) { marks.is_paused = marks.is_killed = true; };
  if (argument.empty()) {
    for (const auto& pool : shared_.pools.all())
      mark(pool->name(), killed);
  } else {
    mark(argument, killed);
  }
  ++last_number_;
  for (const auto& loop : shared_.loops)
    loop->post_always(KillDatabase{.name = argument, .number = last_number_});
  after_orders_.push_back({.who = query.who, .tag = "KILL", .number = last_number_});
}

void Control::kill_client(const ConsoleQuery& query, const std::string& argument) {
  std::uint64_t id = 0;
  const char* const end = argument.data() + argument.size();
  if (std::from_chars(argument.data(), end, id).ec != std::errc()) {
    fail(query, "invalid client pointer supplied");
    return;
  }
  if (id == 0) {
    fail(query, "client not found");
    return;
  }
  count({.kill_client = id}, [this, query](const Picture& picture) {
    if (picture.has_killed) {
      done(query, "KILL_CLIENT");
    } else {
      fail(query, "client not found");
    }
  });
}

void Control::wait_close(const ConsoleQuery& query, const std::string& argument) {
  log_command("WAIT_CLOSE", argument);
  if (!argument.empty() && !is_database(query, argument, "wait in", true)) return;
  closings_.push_back({.who = query.who, .tag = "WAIT_CLOSE", .database = argument});
}

void Control::shutdown(const ConsoleQuery& query, const std::string& argument) {
  const std::string mode = base::to_lower(argument);
  if (!mode.empty() && mode != "wait_for_servers" && mode != "wait_for_clients") {
    fail(query, fmt::format("invalid command '{}', use SHOW HELP;", query.text));
  } else if (!query.is_admin) {
    fail(query, "admin access needed");
  } else if (mode.empty()) {
    shared_.log.info("SHUTDOWN command issued");
    is_over_ = true; // The end of the connection is the answer.
  } else if (mode == "wait_for_servers") {
    shared_.log.info("SHUTDOWN WAIT_FOR_SERVERS command issued");
    begin_shutdown(Shutdown::wait_for_servers);
    done(query, "SHUTDOWN");
  } else {
    shared_.log.info("SHUTDOWN WAIT_FOR_CLIENTS command issued");
    begin_shutdown(Shutdown::wait_for_clients);
    done(query, "SHUTDOWN");
  }
}

int Control::servers_of(const std::string& database) const {
  int servers = 0;
  for (const auto& pool : shared_.pools.all()) {
    if (database.empty() || pool->name() == database) servers += pool->servers();
  }
  return servers;
}

void Control::look_after_pending() {
  const std::uint64_t taken = taken_by_all();
  std::erase_if(after_orders_, [&](const Pending& pending) {
    if (pending.number > taken) return false;
    answer(pending.who, ConsoleAnswer().done(pending.tag));
    return true;
  });
  std::erase_if(pauses_, [&](const Pending& pending) {
    if (pending.number > taken || servers_of(pending.database) > 0) {
      const bool is_paused =
          regime_.pause == PauseMode::pause || regime_.marks_of(pending.database).is_paused;
      if (is_paused) return false;
      answer(pending.who, ConsoleAnswer::error("resumed before all servers were released"));
      return true;
    }
    answer(pending.who, ConsoleAnswer().done(pending.tag));
    return true;
  });
  std::erase_if(suspensions_, [&](const Pending& pending) {
    if (regime_.pause == PauseMode::suspend) return false;
    answer(pending.who, ConsoleAnswer::error("resumed before all was suspended"));
    return true;
  });
  look_at_servers();
}

/// One count answers all who wait for what loops see of their servers.
void Control::look_at_servers() {
  if (is_looking_) return;
  const std::uint64_t taken = taken_by_all();
  for (Pending& pending : closings_)
    is_looking_ = pending.is_looked_at = true;
  for (Pending& pending : suspensions_) {
    if (pending.number <= taken) is_looking_ = pending.is_looked_at = true;
  }
  if (!is_looking_) return;
  count({}, [this](const Picture& picture) {
    is_looking_ = false;
    answer_closings(picture);
    answer_suspensions(picture);
  });
}

/// ^C of somebody who waits: what was ordered is taken back where it is for all, as in PgBouncer.
void Control::cancel(const ConsoleCancel& wish) {
  const auto is_asker = [&](const Pending& pending) { return pending.who.id == wish.who.id; };
  if (regime_.shutdown == Shutdown::none && regime_.pause != PauseMode::none &&
      (std::ranges::any_of(pauses_, is_asker) || std::ranges::any_of(suspensions_, is_asker))) {
    Regime regime = regime_;
    regime.pause = PauseMode::none;
    spread(std::move(regime));
  }
  std::erase_if(pauses_, is_asker);
  std::erase_if(suspensions_, is_asker);
  std::erase_if(closings_, is_asker);
  answer(wish.who, ConsoleAnswer::error("canceling statement due to user request", "57014"));
}

/// Nobody is there for an answer. What was ordered stays so.
void Control::forget(const ConsoleGone& gone) {
  const auto is_asker = [&](const Pending& pending) { return pending.who.id == gone.who.id; };
  for (auto* list : {&after_orders_, &pauses_, &closings_, &suspensions_})
    std::erase_if(*list, is_asker);
}

/// Until no server is left that is to be closed.
void Control::answer_closings(const Picture& picture) {
  std::erase_if(closings_, [&](const Pending& pending) {
    if (!pending.is_looked_at) return false;
    int left = 0;
    for (const PoolCensus& pool : picture.pools) {
      if (pending.database.empty() || pool.pool->name() == pending.database)
        left += pool.servers_outdated;
    }
    if (left > 0) return false;
    answer(pending.who, ConsoleAnswer().done(pending.tag));
    return true;
  });
}

/// Until nothing is half-way any more.
void Control::answer_suspensions(const Picture& picture) {
  std::erase_if(suspensions_, [&](const Pending& pending) {
    if (!pending.is_looked_at || picture.restless > 0) return false;
    answer(pending.who, ConsoleAnswer().done(pending.tag));
    return true;
  });
}

} // namespace pgkeep::pool
