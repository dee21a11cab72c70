#include "base/groups.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>

namespace pgkeep::base {

namespace {

constexpr std::size_t kGroupBytesMax = 1 << 20;
constexpr int kGroupsMax = 65'536; // NGROUPS_MAX of Linux.

} // namespace

std::vector<gid_t> groups_of(const Account& account) {
  if (account.name.empty()) return {account.gid};
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) < 0) {
    if (groups.size() >= kGroupsMax) return {account.gid};
    count = std::max(count, static_cast<int>(groups.size()) * 2);
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

std::string home_of(const Account& account) {
  std::string buffer(4096, '\0');
  struct passwd entry{};
  struct passwd* found = nullptr;
  int failure = ::getpwuid_r(account.uid, &entry, buffer.data(), buffer.size(), &found);
  while (failure == ERANGE && buffer.size() < kGroupBytesMax) {
    buffer.resize(buffer.size() * 2);
    failure = ::getpwuid_r(account.uid, &entry, buffer.data(), buffer.size(), &found);
  }
  if (failure != 0 || found == nullptr || entry.pw_dir == nullptr || entry.pw_dir[0] != '/')
    return "/";
  return entry.pw_dir;
}

} // namespace pgkeep::base
