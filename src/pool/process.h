/// What a pooler makes of its process before it serves: the account that it runs as, its pid file,
/// its life in the background.
///
/// Private to src/pool. Threads: all of it is for the start, before there are any. Source:
/// PgBouncer's manual, usage (-d, -u) and config (pidfile, user); messages of PgBouncer 1.18.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/files.h"
#include "base/result.h"

namespace pgkeep::pool {

/// Errors: Code::config where there is no such account.
base::Result<base::Account> account_of(const std::string& name);
/// Becomes that account for good: its group, its supplementary groups, its id; nothing where it is
/// us already. Errors: Code::config (no such account), Code::io (not allowed).
base::Result<> become_account(const std::string& name);
/// Errors: Code::config where this process is root's.
base::Result<> refuse_root();

/// The file that holds our process id, gone when this goes.
class PidFile {
public:
  PidFile() = default;
  PidFile(PidFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), target_(std::exchange(other.target_, {})) {}
  PidFile& operator=(PidFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(target_, other.target_);
    return *this;
  }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile();

  /// An empty path needs none. Errors: Code::io.
  static base::Result<PidFile> write(const std::string& path);
  /// Beside that of a process that serves still. Errors: Code::io.
  static base::Result<PidFile> write_beside(const std::string& path);
  /// Then in its place. Errors: Code::io.
  base::Result<> take_place();
  /// Takes away one that a dead process left; true where it did. Errors: Code::refused where its
  /// process lives, or nobody can tell.
  static base::Result<bool> remove_stale(const std::string& path);
  /// It is another's now: it stays.
  void leave() { path_.clear(); }

private:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
  std::string target_; ///< Where it is to be, until it is there.
};

/// Runs `serve` in a process of its own that belongs to no terminal and has /dev/null for its
/// standard files. It calls what it is given once it serves; from then on nobody hears of its
/// errors but by the log. Returns in the first process alone, once the other one serves or has
/// failed, with the error of that one. Errors: those of `serve`; Code::io.
using Started = std::function<void()>;
base::Result<> run_in_background(const std::function<base::Result<>(const Started&)>& serve);

} // namespace pgkeep::pool
