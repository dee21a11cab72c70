/// What to say when OpenSSL refuses a step that does not depend on input. Private to src/roles.
#pragma once

#include <string_view>

#include <fmt/format.h>

#include "base/error.h"

namespace pgkeep::roles {

inline base::Error crypto_failed(std::string_view step) {
  return {.code = base::Code::io,
          .what = fmt::format("the cryptographic library failed at {}", step),
          .hint = "Check the OpenSSL installation of this machine."};
}

} // namespace pgkeep::roles
