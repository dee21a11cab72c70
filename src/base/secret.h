/// A text that must not be seen: prints as ***, and is wiped when it goes.
#pragma once

#include <string>
#include <utility>

#include <fmt/core.h>

namespace pgkeep::base {

class Secret {
public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) noexcept = default;
  Secret& operator=(const Secret&) = default;
  Secret& operator=(Secret&&) noexcept = default;
  ~Secret();
  /// The text itself: for the one call that needs it, never for a log or an argument vector.
  [[nodiscard]] const std::string& reveal() const noexcept { return value_; }
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }
  /// 24 random bytes from the kernel as 32 characters of [A-Za-z0-9_-] (192 bits).
  static Secret random();

private:
  std::string value_;
};

inline const char* format_as(const Secret&) {
  return "***";
}

} // namespace pgkeep::base

/// fmt 9 takes format_as for whole numbers only.
template <>
struct fmt::formatter<pgkeep::base::Secret> : fmt::formatter<const char*> {
  template <typename Context>
  auto format(const pgkeep::base::Secret& secret, Context& context) const {
    return fmt::formatter<const char*>::format(pgkeep::base::format_as(secret), context);
  }
};
