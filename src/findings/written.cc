#include "findings/written.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <sys/mman.h>

#include "findings/lookup.h"
#include "findings/render/json_finding.h"

namespace pgkeep::findings {

namespace {

constexpr std::size_t kLargePage = std::size_t{2} * 1024 * 1024;

/// Memory that is written once, from its beginning to its end: in pages of the usual size half of
/// what that costs are page faults. Without effect where the system has no large ones. The block is
/// a large page longer than `bytes`, which begin where one does.
char* in_large_pages(char* block, std::size_t bytes) {
  void* at = block;
  std::size_t room = bytes + kLargePage;
  std::align(kLargePage, bytes, at, room);
  ::madvise(at, bytes, MADV_HUGEPAGE);
  return static_cast<char*>(at);
}

} // namespace

FindingWriter::FindingWriter() : place_(writer_in_list()), out_(place_) {}

WrittenFinding FindingWriter::write(const Finding& finding, const Rule* rule) {
  const Severity severity = severity_of(finding, rule);
  WrittenFinding written;
  if (rule != nullptr) {
    const base::JsonWriter& beginning = beginning_of(severity, *rule);
    written.beginning = beginning.written();
    out_.go_on_from(beginning);
  } else {
    out_.go_on_from(place_);
    begin_finding(out_, finding.rule, severity, rule);
  }
  end_finding(out_, finding);
  written.rest = keep(out_.written());
  return written;
}

const base::JsonWriter& FindingWriter::beginning_of(Severity severity, const Rule& rule) {
  auto& beginning = beginnings_[&rule][std::to_underlying(severity)];
  if (!beginning) begin_finding(beginning.emplace(place_), rule.id, severity, &rule);
  return *beginning;
}

std::string_view FindingWriter::keep(std::string_view bytes) {
  // As many as there are already, for few as for many findings.
  constexpr std::size_t kBlockMin = std::size_t{64} * 1024;
  constexpr std::size_t kBlockMax = std::size_t{16} * 1024 * 1024;
  if (bytes.size() > left_) {
    left_ = std::max(bytes.size(), std::clamp(kept_, kBlockMin, kBlockMax));
    kept_ += left_;
    const bool is_large = left_ >= kLargePage;
    const std::size_t spare = is_large ? kLargePage : 0;
    next_ = blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(left_ + spare)).get();
    if (is_large) next_ = in_large_pages(next_, left_);
  }
  const char* const kept = std::exchange(next_, next_ + bytes.size());
  bytes.copy(next_ - bytes.size(), bytes.size());
  left_ -= bytes.size();
  return {kept, bytes.size()};
}

} // namespace pgkeep::findings
