#include "pool/account.h"

#include <pwd.h>

#include <cerrno>
#include <vector>

namespace pgkeep::pool {
namespace {

constexpr std::size_t kEntryBytes = 1024;
constexpr std::size_t kEntryBytesMax = 1U << 20U;

} // namespace

std::optional<std::string> account_name(std::uint32_t number) {
  for (std::size_t bytes = kEntryBytes; bytes <= kEntryBytesMax; bytes *= 4) {
    std::vector<char> buffer(bytes);
    passwd entry{};
    passwd* found = nullptr;
    const int problem = ::getpwuid_r(number, &entry, buffer.data(), buffer.size(), &found);
    if (problem == ERANGE) continue;
    if (problem != 0 || found == nullptr) return std::nullopt;
    return found->pw_name;
  }
  return std::nullopt;
}

} // namespace pgkeep::pool
