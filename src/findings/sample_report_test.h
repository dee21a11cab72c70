/// One rich report for the tests of this folder: several areas, severities and safety classes,
/// checklists, and names that attack whoever prints them. The report points at rules with static
/// lifetime.
#pragma once

#include "findings/report.h"

namespace pgkeep::findings {

/// What a stranger can call a table: markup, quotes, terminal escapes, a line break, wide
/// characters, and 300 columns of it.
inline constexpr const char* kHostileName = "public.\"; <script>alert(1)</script>";
inline constexpr const char* kEscapeName = "public.\x1b[31mred\x1b[0m\nDROP TABLE users; --";
inline constexpr const char* kWideName =
    "public.データベースの表\xF0\x9F\x90\x98`code`|@everyone#1";

Report sample_report();
/// The same rules, nothing found.
Report clean_report();

} // namespace pgkeep::findings
