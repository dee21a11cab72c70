#include "wire/saslprep.h"

#include <stringprep.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace pgkeep::wire {
namespace {

struct Free {
  void operator()(void* memory) const noexcept { std::free(memory); } // NOLINT(*-no-malloc)
};

} // namespace

std::string saslprep(std::string_view password) {
  std::string text(password);
  const bool is_ascii =
      std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (is_ascii) return text;
  char* made = nullptr;
  const int code = ::stringprep_profile(text.c_str(), &made, "SASLprep", STRINGPREP_NO_UNASSIGNED);
  const std::unique_ptr<char, Free> owner(made);
  if (code != STRINGPREP_OK || made == nullptr || *made == '\0') return text;
  return made;
}

} // namespace pgkeep::wire
