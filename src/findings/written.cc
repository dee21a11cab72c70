#include "findings/written.h"

#include <algorithm>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/large_pages.h"
#include "findings/lookup.h"
#include "findings/render/json_finding.h"

namespace pgkeep::findings {

namespace {

using base::kLargePageBytes;

/// The block is a large page longer than `bytes`, which begin where one does.
char* in_large_pages(char* block, std::size_t bytes) {
  void* at = block;
  std::size_t room = bytes + kLargePageBytes;
  std::align(kLargePageBytes, bytes, at, room);
  base::ask_for_large_pages(at, bytes);
  return static_cast<char*>(at);
}

} // namespace

FindingWriter::FindingWriter()
    : place_(writer_in_list()), out_(place_), of_no_rule_{.beginning = place_} {}

const WrittenFinding* FindingWriter::write(const Finding& finding, const Rule* rule) {
  const Severity severity = severity_of(finding, rule);
  Shared& shared = rule != nullptr ? shared_by(severity, *rule) : of_no_rule_;
  out_.go_on_from(shared.beginning);
  if (rule == nullptr) begin_finding(out_, finding.rule, severity, rule);
  write_what(out_, finding);
  const std::size_t before_fix = out_.written().size();
  const bool has_that_fix = finding.fix && shared.fix == finding.fix;
  if (finding.fix && !has_that_fix) write_fix(out_, *finding.fix);
  const std::size_t after_fix = out_.written().size();
  end_finding(out_, finding);

  const std::string_view own = out_.written();
  char* const bytes = take(sizeof(WrittenFinding) + own.size());
  char* const kept_at = bytes + sizeof(WrittenFinding);
  own.copy(kept_at, own.size());
  const std::string_view kept(kept_at, own.size());
  std::string_view fix = kept.substr(before_fix, after_fix - before_fix);
  if (has_that_fix) {
    fix = shared.written_fix;
  } else if (finding.fix && rule != nullptr) {
    shared.fix = finding.fix;
    shared.written_fix = fix;
  }
  return new (bytes) WrittenFinding{
      {shared.beginning.written(), kept.substr(0, before_fix), fix, kept.substr(after_fix)}};
}

FindingWriter::Shared& FindingWriter::shared_by(Severity severity, const Rule& rule) {
  auto& shared = shared_[&rule][std::to_underlying(severity)];
  if (!shared) {
    shared.emplace(Shared{.beginning = place_});
    begin_finding(shared->beginning, rule.id, severity, &rule);
  }
  return *shared;
}

char* FindingWriter::take(std::size_t bytes) {
  static_assert(std::is_trivially_destructible_v<WrittenFinding>);
  // As many as there are already, for few as for many findings.
  constexpr std::size_t kBlockMin = std::size_t{64} * 1024;
  constexpr std::size_t kBlockMax = std::size_t{16} * 1024 * 1024;
  constexpr std::size_t kAlignment = alignof(WrittenFinding);
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (bytes > left_) {
    left_ = std::max(bytes, std::clamp(kept_, kBlockMin, kBlockMax));
    kept_ += left_;
    const bool is_large = left_ >= kLargePageBytes;
    const std::size_t spare = is_large ? kLargePageBytes : 0;
    next_ = blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(left_ + spare)).get();
    if (is_large) next_ = in_large_pages(next_, left_);
  }
  left_ -= bytes;
  return std::exchange(next_, next_ + bytes);
}

} // namespace pgkeep::findings
