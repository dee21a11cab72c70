/// A finding: what is wrong, the figures that prove it, and the SQL that mends it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace pgkeep::findings {

/// error = data can be lost, the site can stop, or a stranger can get in, at the sizes at hand;
/// warning = will become one; info = advice.
enum class Severity : std::uint8_t { info, warning, error };
std::string_view name_of(Severity severity) noexcept;

/// What applying the fix does to a running application.
enum class Safety : std::uint8_t {
  online,        ///< No lock that makes reads or writes wait longer than an instant.
  blocks_writes, ///< Writes wait while it works.
  blocks_all,    ///< Reads and writes wait while it works.
  manual,        ///< No statement can do it; `note` says why and what a person does.
};
std::string_view
name_of(Safety safety) noexcept; ///< "online", "blocks-writes", "blocks-all", "manual".

/// The order in which written fixes are applied.
enum class Phase : std::uint8_t {
  settings,    ///< ALTER SYSTEM, ALTER DATABASE SET.
  roles,       ///< Roles, grants, policies.
  repair,      ///< Sequences, disabled triggers: what is broken now.
  types,       ///< Columns change type.
  keys,        ///< Primary keys, constraints.
  index_build, ///< New or rebuilt indexes.
  index_drop,  ///< After their replacements exist.
  maintenance, ///< VACUUM, ANALYZE, REINDEX: last, as they measure what the rest left.
};

struct Fix {
  Safety safety = Safety::manual;
  Phase phase = Phase::keys;
  std::vector<std::string> sql =
      {}; ///< Complete statements without the final semicolon. For manual: what helps, or empty.
  std::vector<std::string> undo =
      {}; ///< The way back; empty where there is none (the down file says so).
  std::string note =
      {}; ///< Manual: why no statement can do it and what to do. Others: what to know before.

  bool operator==(const Fix&) const = default;
};

struct Finding {
  std::string rule = {};                 ///< Filled by the Sink.
  std::optional<Severity> severity = {}; ///< Where it differs from the rule's own.
  std::string object =
      {}; ///< "public.posts.author_id", "role app", "setting fsync"; empty = the server as a whole.
  std::string message = {}; ///< One sentence with the figures, no full stop.
  base::Json evidence =
      {}; ///< An object: the figures or rows that prove it. Never a secret, never user data.
  std::optional<Fix> fix = {};
  std::string file = {}; ///< Where a text was judged.
  int line = 0;
  int column = 0;
  std::string source_line = {}; ///< The line of the text, for a person to see.
};

/// Stable identity of a finding for baselines and SARIF: hash of rule and object (not of figures).
/// 16 hexadecimal digits.
std::string fingerprint(const Finding& finding);

} // namespace pgkeep::findings
