/// A function to be called back before the call returns that is given it: a view of a lambda,
/// for which nothing is copied or allocated. Not for: keeping (the callable is the caller's).
///
/// Thread-safety: that of the callable.
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace pgkeep::base {

template <typename Signature>
class FunctionRef;

template <typename Return, typename... Arguments>
class FunctionRef<Return(Arguments...)> {
public:
  template <typename Callable>
    requires(!std::is_same_v<std::remove_cvref_t<Callable>, FunctionRef> &&
             std::is_invocable_r_v<Return, Callable&, Arguments...>)
  FunctionRef(Callable&& callable) // NOLINT(google-explicit-constructor): a lambda is passed as is.
      : callable_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* target, Arguments... arguments) -> Return {
          return std::invoke(*static_cast<std::remove_reference_t<Callable>*>(target),
                             std::forward<Arguments>(arguments)...);
        }) {}

  Return operator()(Arguments... arguments) const {
    return call_(callable_, std::forward<Arguments>(arguments)...);
  }

private:
  void* callable_;
  Return (*call_)(void*, Arguments...);
};

} // namespace pgkeep::base
