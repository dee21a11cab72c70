/// Errors of the operating system as Error: private to base.
/// `what` is the system's words in lower case, `hint` what usually helps. Thread-safe.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace pgkeep::base {

/// "no space left on device".
std::string system_words(int error_number);
/// `hint` stands where the number itself suggests nothing better.
Error io_error(int error_number, const std::filesystem::path& path, std::string hint = {});

} // namespace pgkeep::base
