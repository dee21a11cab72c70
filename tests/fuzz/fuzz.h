/// What the fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput: it gives bytes
/// from outside to a parser and checks what a user relies on; `tools/fuzz` runs them all.
///
/// libFuzzer's interface: https://llvm.org/docs/LibFuzzer.html
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace pgkeep::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the program, so that libFuzzer keeps the input.
inline void must(bool holds, std::string_view what) {
  if (holds) return;
  fmt::print(stderr, "pgkeep fuzz: {} does not hold\n", what);
  std::abort();
}

} // namespace pgkeep::fuzz
