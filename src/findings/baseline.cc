// The baseline file:
// {"pgkeep":"baseline/1","findings":[{"rule":...,"object":...,"fingerprint":...}]}. Rule and object
// are for people who read the diff; the fingerprint decides.
#include <fmt/format.h>

#include <charconv>
#include <unordered_set>
#include <utility>

#include "findings/report.h"

namespace pgkeep::findings {
namespace {

constexpr std::string_view kKind = "baseline/";
constexpr int kVersion = 1;
constexpr std::size_t kFingerprintDigits = 16;
constexpr std::string_view kReason = "known in the baseline ";

base::Error foreign_file(const std::string& path, std::string what) {
  return base::Error{.code = base::Code::corrupt,
                     .what = std::move(what),
                     .where = path,
                     .expected = "a baseline that pgkeep wrote",
                     .hint = "Write the baseline again."};
}

/// The version of a baseline's header text, or nothing.
std::optional<int> version_of(std::string_view header) {
  if (!header.starts_with(kKind)) return std::nullopt;
  const std::string_view digits = header.substr(kKind.size());
  int version = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (error != std::errc{} || end != digits.data() + digits.size() || version < 1)
    return std::nullopt;
  return version;
}

base::Result<> check_header(const base::Json& file, const std::string& path) {
  const base::Json* const kind = file.find("pgkeep");
  if (kind == nullptr || kind->as_string() == nullptr)
    return foreign_file(path, "this is no baseline");
  const std::optional<int> version = version_of(*kind->as_string());
  if (!version)
    return foreign_file(
        path, fmt::format("this is {}, not a baseline", base::json_quote(*kind->as_string())));
  if (*version > kVersion) {
    return base::Error{
        .code = base::Code::unsupported,
        .what = fmt::format("the baseline has version {}, newer than this pgkeep reads", *version),
        .where = path,
        .expected = fmt::format("version {}", kVersion),
        .hint = "Use the pgkeep that wrote it, or write the baseline again."};
  }
  return {};
}

base::Result<std::unordered_set<std::string>> read_fingerprints(const base::Json& file,
                                                                const std::string& path) {
  const base::Json* const entries = file.find("findings");
  if (entries == nullptr || entries->as_array() == nullptr)
    return foreign_file(path, "the baseline has no list of findings");
  std::unordered_set<std::string> known;
  int number = 0;
  for (const base::Json& entry : *entries->as_array()) {
    ++number;
    const base::Json* const print = entry.find("fingerprint");
    if (print == nullptr || print->as_string() == nullptr ||
        print->as_string()->size() != kFingerprintDigits) {
      return foreign_file(path,
                          fmt::format("finding {} of the baseline has no fingerprint", number));
    }
    known.insert(*print->as_string());
  }
  return known;
}

} // namespace

std::string write_baseline(const Report& report) {
  base::Json::Array entries;
  // What the old baseline knew stays known. What an ignore hides does not become known: deleting
  // the ignore brings it back.
  const auto add = [&entries](const Finding& finding) {
    entries.push_back(base::Json{
        {"rule", finding.rule}, {"object", finding.object}, {"fingerprint", fingerprint(finding)}});
  };
  for (const Finding& finding : report.findings)
    add(finding);
  for (const SetAside& aside : report.set_aside) {
    if (aside.reason.starts_with(kReason)) add(aside.finding);
  }
  const base::Json file{{"pgkeep", fmt::format("{}{}", kKind, kVersion)},
                        {"findings", std::move(entries)}};
  return file.dump(true) + "\n";
}

base::Result<> apply_baseline(Report& report, std::string_view text, const std::string& path) {
  auto parsed = base::parse_json(text);
  if (!parsed) {
    base::Error error = std::move(parsed).error();
    error.where = error.where.empty() ? path : fmt::format("{}:{}", path, error.where);
    if (error.hint.empty()) error.hint = "Write the baseline again.";
    return error;
  }
  PGKEEP_CHECK(check_header(*parsed, path));
  PGKEEP_TRY(const auto known, read_fingerprints(*parsed, path));
  std::vector<Finding> kept;
  for (Finding& finding : report.findings) {
    if (known.contains(fingerprint(finding))) {
      report.set_aside.push_back({std::move(finding), std::string(kReason) + path});
    } else {
      kept.push_back(std::move(finding));
    }
  }
  report.findings = std::move(kept);
  return {};
}

} // namespace pgkeep::findings
