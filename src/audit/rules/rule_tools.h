/// Shorthands that most families use. Private to audit/rules.
#pragma once

#include <fmt/format.h>

#include <string>

#include "base/text.h"
#include "base/units.h"
#include "catalog/name_words.h"
#include "catalog/snapshot.h"
#include "findings/rule.h"
#include "postgres/quote.h"

namespace pgkeep::audit {

using base::human_bytes;
using base::human_count;
using base::human_percent;
using base::Json;
using catalog::any_word;
using catalog::Facts;
using catalog::is_one_of;
using catalog::NameWords;
using catalog::Snapshot;
using findings::Area;
using findings::Finding;
using findings::Fix;
using findings::Limits;
using findings::Phase;
using findings::Rule;
using findings::Safety;
using findings::Severity;
using findings::Sink;

/// "3 h" of a number of seconds.
inline std::string human_seconds(double seconds) {
  return base::human_duration(
      std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(seconds)));
}
inline double seconds_of(base::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// ALTER SYSTEM SET ... with reload; the undo resets to what was there. For settings of context
/// sighup and below. Settings of context postmaster need a restart: then the class is manual, the
/// SQL is given, and the note says so.
Fix alter_system(const Snapshot& db, std::string_view setting, std::string_view value);
/// ALTER ROLE r SET name = 'value'; undo resets.
Fix alter_role_set(std::string_view role, std::string_view setting, std::string_view value);

} // namespace pgkeep::audit
