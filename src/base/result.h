/// Result<T>: a value or an Error, the only way in which a function of ours says that the world
/// failed.
///
/// Source: style.md section 3. g++ 12's std::expected has no and_then; PGKEEP_TRY and PGKEEP_CHECK
/// are the only flow macros.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <expected>
#include <utility>

#include "base/error.h"

namespace pgkeep::base {

template <typename T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
public:
  using std::expected<T, Error>::expected;
  Result(Error error)
      : std::expected<T, Error>(std::unexpected<Error>(std::move(error))) {
  } // NOLINT(google-explicit-constructor): returning an Error is the idiom.
};

/// Ends the process when an invariant of ours is broken; never used on bytes that came from
/// outside.
[[noreturn]] inline void assert_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "pgkeep: broken invariant: %s at %s:%d\n", condition, file, line);
  std::abort();
}

/// Adds the place to an error that has none yet.
inline Error with_where(Error error, std::string where) {
  if (error.where.empty()) error.where = std::move(where);
  return error;
}

/// Adds what state was left, for errors after something was changed.
inline Error with_left(Error error, std::string left) {
  if (error.left.empty()) error.left = std::move(left);
  return error;
}

} // namespace pgkeep::base

#define PGKEEP_CONCAT_INNER(a, b) a##b
#define PGKEEP_CONCAT(a, b) PGKEEP_CONCAT_INNER(a, b)
#define PGKEEP_TRY_INNER(result, declaration, expression)                                          \
  auto result = (expression);                                                                      \
  if (!result) return std::move(result).error();                                                   \
  declaration = std::move(*result)
/// PGKEEP_TRY(const std::string text, read_file(path)); returns the error from the enclosing
/// function, or declares the value.
#define PGKEEP_TRY(declaration, expression)                                                        \
  PGKEEP_TRY_INNER(PGKEEP_CONCAT(result_, __LINE__), declaration, expression)
/// PGKEEP_CHECK(step()); returns the error from the enclosing function, or goes on.
#define PGKEEP_CHECK(expression)                                                                   \
  do {                                                                                             \
    if (auto checked = (expression); !checked) return std::move(checked).error();                  \
  } while (false)
/// On in release too: a wrong answer is worse than none.
#define PGKEEP_ASSERT(condition)                                                                   \
  (static_cast<bool>(condition) ? void(0)                                                          \
                                : ::pgkeep::base::assert_failed(#condition, __FILE__, __LINE__))
