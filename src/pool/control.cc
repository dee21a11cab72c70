#include "pool/control.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pool/loop.h"

namespace pgkeep::pool {
namespace {

constexpr int kMsBetweenLooks = 100;
constexpr std::array kSignals = {SIGINT, SIGTERM, SIGQUIT, SIGHUP};

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

Control::Control(Shared& shared, DirectoryPtr files, ReadText read, const Signals& signals,
                 std::unique_ptr<Handover> handover, std::function<void()> let_go)
    : shared_(shared), files_(std::move(files)), read_(std::move(read)), signals_(signals),
      handover_(std::move(handover)), let_go_(std::move(let_go)) {}

void Control::run() {
  while (!is_over_) {
    wait();
    for (int number = signals_.next(); number != 0 && !is_over_; number = signals_.next())
      take_signal(number);
    take_mail();
    look_at_handover();
    look_for_the_end();
  }
}

void Control::wait() const {
  // A descriptor below zero is passed over.
  const int handover = handover_ ? handover_->fd() : -1;
  std::array<pollfd, 3> sources = {pollfd{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = mailbox_.fd(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = handover, .events = POLLIN, .revents = 0}};
  ::poll(sources.data(), sources.size(), kMsBetweenLooks);
}

void Control::take_signal(int number) {
  const bool is_draining = shared_.is_draining.load();
  switch (number) {
  case SIGINT:
    if (is_draining) {
      shared_.log.info("got SIGINT while shutting down, fast exit");
      is_over_ = true;
      return;
    }
    shared_.log.info("got SIGINT, shutting down");
    shared_.manager.stopping();
    shared_.is_draining.store(true);
    for (const auto& loop : shared_.loops)
      loop->post_always(Order::drain);
    break;
  case SIGTERM:
    shared_.log.info("got SIGTERM, fast exit");
    is_over_ = true;
    break;
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
  default:
    break;
  }
}

void Control::take_mail() {
  for (const ControlMessage& message : mailbox_.take()) {
    if (const auto* taken = std::get_if<FilesTaken>(&message)) {
      if (taken->number != files_number_) continue;
      if (++loops_done_ == shared_.loops.size()) shared_.pools.forget_former_files();
    }
  }
}

bool Control::reload() {
  auto again = reread_directory(*files_, read_);
  if (!again) {
    shared_.log.error(base::to_line(again.error()));
    shared_.log.warning("config file loading failed");
    return false;
  }
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
    shared_.log.error(base::to_line(targets.error()));
  }
}

void Control::spread(DirectoryPtr files) {
  files_ = std::move(files);
  ++files_number_;
  loops_done_ = 0;
  set_log();
  shared_.pools.take_files(files_);
  for (const auto& loop : shared_.loops)
    loop->post_always(NewFiles{.directory = files_, .number = files_number_});
}

void Control::look_at_handover() {
  const std::optional<int> process = handover_ ? handover_->look() : std::nullopt;
  if (!process) return;
  shared_.log.info(
      fmt::format("process {} takes over, waiting for all clients to disconnect", *process));
  is_retired_ = true;
  for (const auto& loop : shared_.loops)
    loop->post_always(Order::retire);
  shared_.manager.main_process(*process);
  let_go_();
  handover_->finish();
  handover_.reset();
}

/// Those that were accepted last are counted when every loop has said that it accepts none.
bool Control::is_left() const {
  if (!is_retired_ || shared_.retired.load() < shared_.loops.size()) return false;
  return std::ranges::all_of(shared_.loops, [](const auto& loop) { return loop->clients() == 0; });
}

void Control::look_for_the_end() {
  if (is_left()) {
    shared_.log.info("all clients disconnected, exiting");
    is_over_ = true;
    return;
  }
  if (!shared_.is_draining.load() || shared_.pools.servers() > 0) return;
  shared_.log.info("server connections dropped, exiting");
  is_over_ = true;
}

} // namespace pgkeep::pool
