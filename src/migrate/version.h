/// The version of a migration, as file names write it: "001", "1.2", "20261121101500".
///
/// Parts are compared as numbers, so "2" stands before "010", and "1" and "001" are the same.
/// A plain value.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::migrate {

class Version {
public:
  Version() = default;
  /// Digits, with '.' or '_' between parts; nullopt for anything else.
  static std::optional<Version> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; } ///< As written.
  /// Without zeros in front: equal for versions that are the same.
  [[nodiscard]] std::string key() const;
  /// 14 digits that could be a time, as YYYYMMDDhhmmss.
  [[nodiscard]] bool is_timestamp() const;
  /// The next one of the same form: 009 -> 010.
  [[nodiscard]] std::string next() const;

  friend std::strong_ordering operator<=>(const Version& a, const Version& b);
  friend bool operator==(const Version& a, const Version& b) { return (a <=> b) == 0; }

private:
  std::string text_;
  std::vector<std::uint64_t> parts_;
};

} // namespace pgkeep::migrate
