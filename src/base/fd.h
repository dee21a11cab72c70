/// Owner of a file descriptor: move-only, closes once.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace pgkeep::base {

class Fd {
public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  void reset() noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

private:
  int fd_ = -1;
};

/// std::unique_ptr<PGresult, Release<PQclear>>: the size of a pointer.
template <auto Free>
struct Release {
  void operator()(auto* resource) const noexcept { Free(resource); }
};

} // namespace pgkeep::base
