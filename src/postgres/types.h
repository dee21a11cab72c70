/// PostgreSQL's own scalar types, strong so that they do not mix: Oid, Lsn, ServerVersion.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgkeep::postgres {

enum class Oid : std::uint32_t {};

/// A position in the WAL. Source: PostgreSQL manual, datatype-pg-lsn.
struct Lsn {
  std::uint64_t value = 0;
  friend auto operator<=>(const Lsn&, const Lsn&) = default;
};
std::string to_text(Lsn lsn); ///< "16/B374D848".
base::Result<Lsn> parse_lsn(std::string_view text);

/// server_version_num: 150018 is 15.18, 180004 is 18.4.
struct ServerVersion {
  std::int32_t number = 0;
  [[nodiscard]] int major() const { return number / 10000; }
  [[nodiscard]] int minor() const { return number % 10000; }
  friend auto operator<=>(const ServerVersion&, const ServerVersion&) = default;
};
std::string to_text(ServerVersion version); ///< "15.18".

/// Source: design.md, "Supported servers".
inline constexpr int kOldestMajor = 14;
inline constexpr int kNewestMajor = 18;

} // namespace pgkeep::postgres
