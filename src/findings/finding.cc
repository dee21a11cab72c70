#include "findings/finding.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "base/result.h"

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
  std::string identity = finding.rule;
  identity.push_back('\0');
  identity += finding.object;
  if (!finding.file.empty()) {
    identity.push_back('\0');
    identity += finding.file;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int digest_bytes = 0;
  const int hashed = EVP_Digest(identity.data(), identity.size(), digest.data(), &digest_bytes,
                                EVP_sha256(), nullptr);
  PGKEEP_ASSERT(hashed == 1 && digest_bytes >= kFingerprintBytes);
  std::string text;
  for (std::size_t i = 0; i < kFingerprintBytes; ++i)
    text += fmt::format("{:02x}", digest[i]);
  return text;
}

} // namespace pgkeep::findings
