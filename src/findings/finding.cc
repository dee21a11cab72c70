#include "findings/finding.h"

#include <fmt/format.h>

#include "base/hash.h"

namespace pgkeep::findings {
namespace {

constexpr std::size_t kFingerprintBytes = 8;

} // namespace

std::string_view name_of(Severity severity) noexcept {
  switch (severity) {
  case Severity::info:
    return "info";
  case Severity::warning:
    return "warning";
  case Severity::error:
    return "error";
  }
  return "info";
}

std::string_view name_of(Safety safety) noexcept {
  switch (safety) {
  case Safety::online:
    return "online";
  case Safety::blocks_writes:
    return "blocks-writes";
  case Safety::blocks_all:
    return "blocks-all";
  case Safety::manual:
    return "manual";
  }
  return "manual";
}

std::string fingerprint(const Finding& finding) {
  // A zero byte cannot be part of a rule's id or of a name, so no two findings share one text. The
  // file counts where a text was judged, the line does not: code moves.
  fmt::memory_buffer identity;
  const auto add = [&](std::string_view part) {
    identity.append(part.data(), part.data() + part.size());
  };
  add(finding.rule);
  identity.push_back('\0');
  add(finding.object);
  if (!finding.file.empty()) {
    identity.push_back('\0');
    add(finding.file);
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto digest = base::sha256({identity.data(), identity.size()});
  std::string digits(2 * kFingerprintBytes, '0');
  for (std::size_t i = 0; i < kFingerprintBytes; ++i) {
    digits[2 * i] = kDigits[digest[i] >> 4U];
    digits[2 * i + 1] = kDigits[digest[i] & 15U];
  }
  return digits;
}

} // namespace pgkeep::findings
