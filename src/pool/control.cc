#include "pool/control.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pool/loop.h"
#include "pool/moved_client.h"
#include "pool/pool.h"
#include "wire/bytes.h"

namespace pgkeep::pool {
namespace {

constexpr int kMsBetweenLooks = 100;
constexpr int kMsWhileSomebodyWaits = 10;
constexpr std::array kSignals = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

} // namespace

Signals::Signals() {
  ::sigemptyset(&set_);
  for (const int number : kSignals)
    ::sigaddset(&set_, number);
  ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  fd_ = base::Fd(::signalfd(-1, &set_, SFD_NONBLOCK | SFD_CLOEXEC));
  PGKEEP_ASSERT(fd_.is_open());
}

Signals::~Signals() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int Signals::next() const {
  signalfd_siginfo info{};
  const ssize_t count = ::read(fd_.get(), &info, sizeof(info));
  return count == sizeof(info) ? static_cast<int>(info.ssi_signo) : 0;
}

Control::Control(Shared& shared, Start start, const Signals& signals)
    : shared_(shared), files_(std::move(start.files)), read_(std::move(start.read)),
      version_(std::move(start.version)), signals_(signals), handover_(std::move(start.handover)),
      let_go_(std::move(start.let_go)), former_(std::move(start.former)),
      taken_(shared.loops.size()), averages_(micros_now()), metrics_(std::move(start.metrics)) {}

void Control::run() {
  if (former_.is_open()) make_room();
  while (!is_over_) {
    wait();
    for (int number = signals_.next(); number != 0 && !is_over_; number = signals_.next())
      take_signal(number);
    take_mail();
    look_at_handover();
    if (heir_) hear_heir();
    if (former_.is_open()) hear_former();
    look_around();
  }
}

void Control::wait() const {
  std::vector<pollfd> sources = {{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                                 {.fd = mailbox_.fd(), .events = POLLIN, .revents = 0}};
  if (handover_) sources.push_back({.fd = handover_->fd(), .events = POLLIN, .revents = 0});
  if (heir_) sources.push_back({.fd = heir_->way.get(), .events = POLLIN, .revents = 0});
  if (former_.is_open() && has_room_)
    sources.push_back({.fd = former_.get(), .events = POLLIN, .revents = 0});
  metrics_.add_to(sources);
  const bool is_awaited = !pauses_.empty() || !closings_.empty() || !suspensions_.empty();
  ::poll(sources.data(), sources.size(), is_awaited ? kMsWhileSomebodyWaits : kMsBetweenLooks);
}

void Control::take_signal(int number) {
  switch (number) {
  case SIGINT:
  case SIGTERM: {
    const std::string_view name = number == SIGINT ? "SIGINT" : "SIGTERM";
    if (regime_.shutdown != Shutdown::none || regime_.pause == PauseMode::suspend) {
      shared_.log.info(regime_.pause == PauseMode::suspend
                           ? "suspend was in progress, going down immediately"
                           : fmt::format("got {} while shutting down, fast exit", name));
      is_over_ = true;
      break;
    }
    shared_.log.info(
        number == SIGINT
            ? "got SIGINT, shutting down, waiting for all servers connections to be released"
            : "got SIGTERM, shutting down, waiting for all clients disconnect");
    begin_shutdown(number == SIGINT ? Shutdown::wait_for_servers : Shutdown::wait_for_clients);
    break;
  }
  case SIGQUIT:
    shared_.log.info("got SIGQUIT, fast exit");
    is_over_ = true;
    break;
  case SIGHUP:
    shared_.log.info("got SIGHUP, re-reading config");
    shared_.manager.reloading();
    reload();
    shared_.manager.ready();
    break;
  case SIGUSR1:
    pause_by_signal();
    break;
  case SIGUSR2:
    resume_by_signal();
    break;
  default:
    break;
  }
}

void Control::begin_shutdown(Shutdown kind) {
  shared_.manager.stopping();
  stop_taking();
  handover_.reset(); // It holds the listening sockets, too: nobody could see that they are closed.
  Regime regime = regime_;
  regime.shutdown = kind;
  if (kind == Shutdown::wait_for_servers) regime.pause = PauseMode::pause;
  spread(std::move(regime));
}

void Control::pause_by_signal() {
  if (regime_.pause != PauseMode::none) {
    shared_.log.info("got SIGUSR1, but already paused/suspended");
    return;
  }
  shared_.log.info("got SIGUSR1, pausing all activity");
  Regime regime = regime_;
  regime.pause = PauseMode::pause;
  spread(std::move(regime));
}

void Control::resume_by_signal() {
  if (regime_.shutdown != Shutdown::none) {
    shared_.log.info("got SIGUSR2 while shutting down, ignoring");
    return;
  }
  if (regime_.pause == PauseMode::none) {
    shared_.log.info("got SIGUSR2, but not paused/suspended");
    return;
  }
  shared_.log.info(fmt::format("got SIGUSR2, continuing from {}",
                               regime_.pause == PauseMode::pause ? "PAUSE" : "SUSPEND"));
  Regime regime = regime_;
  regime.pause = PauseMode::none;
  spread(std::move(regime));
}

/// Nobody could come to say RESUME: as PgBouncer does.
void Control::resume_for_nobody() {
  if (regime_.pause != PauseMode::suspend || !suspensions_.empty() ||
      taken_by_all() < last_number_ || shared_.console_clients.load() > 0)
    return;
  shared_.log.info("admin disappeared when suspended, doing RESUME");
  Regime regime = regime_;
  regime.pause = PauseMode::none;
  spread(std::move(regime));
}

void Control::take_mail() {
  for (ControlMessage& message : mailbox_.take()) {
    if (const auto* taken = std::get_if<Taken>(&message)) {
      taken_[taken->loop] = taken->number;
    } else if (const auto* query = std::get_if<ConsoleQuery>(&message)) {
      take_query(*query);
    } else if (const auto* wish = std::get_if<ConsoleCancel>(&message)) {
      cancel(*wish);
    } else if (const auto* gone = std::get_if<ConsoleGone>(&message)) {
      forget(*gone);
    } else if (const auto* of_former = std::get_if<CancelOfFormer>(&message)) {
      if (former_.is_open()) {
        send_cancel(former_, of_former->key);
      } else {
        shared_.log.info("failed cancel request");
      }
    } else if (auto* counted = std::get_if<Counted>(&message)) {
      take_count(std::move(*counted));
    }
  }
}

bool Control::reload() {
  auto again = reread_directory(*files_, read_);
  if (!again) {
    shared_.log.error(log_text_of(again.error()));
    shared_.log.warning("config file loading failed");
    return false;
  }
  tell_problems(shared_.log, again->directory.problems);
  for (const std::string& name : again->kept)
    shared_.log.warning(fmt::format("{} cannot be changed while the pooler runs: it stays \"{}\"",
                                    name, shown(files_->settings(), *find_setting(name))));
  for (const DatabaseDefinition& database : files_->configuration.databases) {
    const DatabaseDefinition* now = again->directory.configuration.database(database.name);
    if (now == nullptr || now->name != database.name)
      shared_.log.warning(fmt::format("dropping database '{}' as it does not exist anymore or "
                                      "inactive auto-database",
                                      database.name));
  }
  spread(std::make_shared<const Directory>(std::move(again->directory)));
  return true;
}

/// A file that was moved away is made anew.
void Control::set_log() {
  const Settings& settings = files_->settings();
  shared_.log.set_verbosity(static_cast<int>(settings.verbose) + shared_.verbosity_added);
  auto targets = log_targets_of(settings, shared_.log.is_quiet());
  if (targets) {
    shared_.log.set_targets(*std::move(targets));
  } else {
    shared_.log.error(log_text_of(targets.error()));
  }
}

void Control::spread(DirectoryPtr files) {
  files_ = std::move(files);
  files_number_ = ++last_number_;
  set_log();
  shared_.pools.take_files(files_);
  for (const auto& loop : shared_.loops)
    loop->post_always(NewFiles{.directory = files_, .number = files_number_});
}

std::uint64_t Control::spread(Regime regime) {
  regime_ = std::move(regime);
  ++last_number_;
  for (const auto& loop : shared_.loops)
    loop->post_always(NewRegime{.regime = regime_, .number = last_number_});
  return last_number_;
}

/// Of a database, also of one that has no pool yet.
void Control::mark(const std::string& database, const std::function<void(DatabaseMarks&)>& change) {
  MarksByDatabase marks = regime_.marks ? *regime_.marks : MarksByDatabase();
  change(marks[database]);
  Regime regime = regime_;
  regime.marks = std::make_shared<const MarksByDatabase>(std::move(marks));
  spread(std::move(regime));
}

std::uint64_t Control::taken_by_all() const {
  return std::ranges::min(taken_);
}

void Control::look_around() {
  if (files_number_ != 0 && taken_by_all() >= files_number_) {
    files_number_ = 0;
    shared_.pools.forget_former_files();
  }
  look_after_pending();
  resume_for_nobody();
  look_for_the_end();
  if (metrics_.try_again(micros_now()))
    shared_.log.info(
        fmt::format("metrics are served at {} now", files_->settings().metrics_listen));
  for (const std::uint64_t connection : metrics_.look(micros_now())) {
    count({}, [this, connection](const Picture& picture) {
      metrics_.answer(connection, metrics_text(picture));
    });
  }
  const std::int64_t period_us = files_->settings().stats_period.count();
  if (!is_turning_ && period_us > 0 && micros_now() - averages_.turned_at_us() >= period_us)
    turn_averages();
}

void Control::look_for_the_end() {
  if (is_left()) {
    shared_.log.info("all clients disconnected, exiting");
    is_over_ = true;
  }
  if (is_over_ || taken_by_all() < last_number_) return;
  if (regime_.shutdown == Shutdown::wait_for_servers && shared_.pools.servers() == 0) {
    shared_.log.info("server connections dropped, exiting");
    is_over_ = true;
  }
  if (regime_.shutdown == Shutdown::wait_for_clients && shared_.clients.load() == 0) {
    shared_.log.info("client connections dropped, exiting");
    is_over_ = true;
  }
}

/// To handing over: another process would serve who is to wait. Empty: there is none.
std::string Control::objection() const {
  if (regime_.pause == PauseMode::pause) return "it is paused";
  if (regime_.pause == PauseMode::suspend) return "it is suspended";
  if (!regime_.marks) return {};
  for (const auto& [database, marks] : *regime_.marks) {
    const std::string_view what = marks.is_killed     ? "killed"
                                  : marks.is_paused   ? "paused"
                                  : marks.is_disabled ? "disabled"
                                                      : "";
    if (!what.empty()) return fmt::format("its database \"{}\" is {}", database, what);
  }
  return {};
}

void Control::look_at_handover() {
  const std::optional<int> process =
      handover_ ? handover_->look(objection(), micros_now()) : std::nullopt;
  if (!process) return;
  shared_.log.info(
      fmt::format("process {} takes over, waiting for all clients to disconnect", *process));
  is_retired_ = true;
  stop_taking();
  shared_.manager.main_process(*process);
  metrics_.stop_listening();
  let_go_();
  heir_ = std::make_shared<Heir>(handover_->finish());
  handover_.reset();
  for (const auto& loop : shared_.loops)
    loop->post_always(Retire{heir_});
}

/// The new process has room for clients, and asks for cancellations of those that it does not have.
void Control::hear_heir() {
  const base::Fd& way = heir_->way;
  for (Received got = receive(way); got.kind != Received::Kind::nothing; got = receive(way)) {
    if (got.kind == Received::Kind::end) {
      heir_.reset();
      return;
    }
    if (const auto room = room_in(got.message)) {
      heir_->places.fetch_add(*room);
      for (const auto& loop : shared_.loops)
        loop->post_always(HeirHasRoom{});
      continue;
    }
    const auto key = cancel_in(got.message);
    if (!key) continue;
    CancelWish wish{.asker = {}, .process = key->process, .key = {}, .may_be_of_former = false};
    wire::append_uint32(wish.key, key->secret);
    shared_.loops.front()->post_always(std::move(wish));
  }
}

/// Clients of the process before this one.
void Control::hear_former() {
  make_room();
  for (;;) {
    Received got = receive_client(former_, reserve_);
    has_room_ = got.kind != Received::Kind::no_room;
    if (got.kind == Received::Kind::nothing || !has_room_) return;
    if (got.kind == Received::Kind::end) {
      former_.reset();
      reserve_.clear();
      shared_.log.info(fmt::format("{} clients of the old process came over", came_over_));
      return;
    }
    expected_ -= std::min<std::size_t>(expected_, 1);
    make_room();
    auto client = moved_client_of(got.message);
    if (!client || !got.fd.is_open()) {
      shared_.log.error("the old process handed over a client in a form that is not known here");
      continue;
    }
    ++came_over_;
    const auto least = std::ranges::min_element(
        shared_.loops, {}, [](const std::unique_ptr<Loop>& loop) { return loop->clients(); });
    (*least)->send_here(*std::move(client), std::move(got.fd));
  }
}

/// The old process is told of as many clients as descriptors are kept free for: it keeps the
/// others.
void Control::make_room() {
  if (!is_taking_ || expected_ > Reserve::kMost / 2 || !reserve_.grow()) return;
  const std::size_t kept = reserve_.size();
  if (kept > expected_ && send_room(former_, static_cast<std::uint32_t>(kept - expected_)))
    expected_ = kept;
}

/// What is on its way still comes; the old process keeps the rest.
void Control::stop_taking() {
  is_taking_ = false;
  if (!former_.is_open()) return;
  ::shutdown(former_.get(), SHUT_RD);
  hear_former();
}

/// Those that were accepted last are counted when every loop has said that it accepts none.
bool Control::is_left() const {
  if (!is_retired_ || former_.is_open() || shared_.retired.load() < shared_.loops.size())
    return false;
  return std::ranges::all_of(shared_.loops, [](const auto& loop) { return loop->clients() == 0; });
}

// ---- counting ----

void Control::count(CountWish wish, Then then) {
  wish.ticket = ++last_ticket_;
  countings_.emplace(wish.ticket, Counting{.counts = {}, .then = std::move(then)});
  for (const auto& loop : shared_.loops)
    loop->post_always(wish);
}

void Control::take_count(Counted counted) {
  const auto found = countings_.find(counted.ticket);
  if (found == countings_.end()) return;
  Counting& counting = found->second;
  counting.counts.push_back(std::move(counted.census));
  if (counting.counts.size() < shared_.loops.size()) return;
  Picture picture{.files = files_,
                  .regime = regime_,
                  .averages = &averages_,
                  .version = version_,
                  .now = micros_now(),
                  .console_clients = shared_.console_clients.load(),
                  .clients = shared_.clients.load(),
                  .hosts = shared_.host_names.hosts(micros_now()),
                  .zones = shared_.host_names.zones()};
  picture.add(counting.counts);
  Then then = std::move(counting.then);
  countings_.erase(found);
  then(picture);
}

/// A period of statistics is over.
void Control::turn_averages() {
  is_turning_ = true;
  count({}, [this](const Picture& picture) {
    Averages::ByDatabase now;
    for (const PoolCensus& pool : picture.pools)
      now[pool.pool->name()].add(pool.traffic);
    now[std::string(kConsoleName)].add(picture.console);
    Traffic all;
    for (const auto& [name, traffic] : now)
      all.add(traffic);
    averages_.turn(std::move(now), picture.now);
    is_turning_ = false;
    if (!files_->settings().log_stats) return;
    const Traffic average = averages_.of_all(all, picture.now);
    shared_.log.info(fmt::format(
        "stats: {} xacts/s, {} queries/s, {} client parses/s, {} server parses/s, {} binds/s, in "
        "{} B/s, out {} B/s, xact {} us, query {} us, wait {} us",
        average.xacts, average.queries, average.client_parses, average.server_parses, average.binds,
        average.received, average.sent, average.xact_us, average.query_us, average.wait_us));
  });
}

} // namespace pgkeep::pool
