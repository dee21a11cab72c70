#include "migrate/version.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::migrate {

std::optional<Version> Version::parse(std::string_view text) {
  Version version;
  version.text_ = text;
  for (const std::string& part : base::split(base::replace_all(version.text_, "_", "."), '.')) {
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (part.empty() || error != std::errc{} || stop != part.data() + part.size()) return {};
    version.parts_.push_back(number);
  }
  return version;
}

std::string Version::key() const {
  std::string key;
  for (const std::uint64_t part : parts_)
    key += fmt::format("{}{}", key.empty() ? "" : ".", part);
  while (key.ends_with(".0"))
    key.resize(key.size() - 2);
  return key;
}

bool Version::is_timestamp() const {
  return parts_.size() == 1 && text_.size() == 14 && (text_.starts_with("20"));
}

std::string Version::next() const {
  const std::uint64_t last = parts_.empty() ? 1 : parts_.back() + 1;
  const std::size_t separator = text_.find_last_of("._");
  const std::string front = separator == std::string::npos ? "" : text_.substr(0, separator + 1);
  return fmt::format("{}{:0{}}", front, last, text_.size() - front.size());
}

std::strong_ordering operator<=>(const Version& a, const Version& b) {
  const std::size_t count = std::max(a.parts_.size(), b.parts_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t left = i < a.parts_.size() ? a.parts_[i] : 0;
    const std::uint64_t right = i < b.parts_.size() ? b.parts_[i] : 0;
    if (left != right) return left <=> right;
  }
  return std::strong_ordering::equal;
}

} // namespace pgkeep::migrate
