/// Releases of PostgreSQL as known on kVersionTableDate: newest minors, end-of-life dates, and the
/// releases that mended corruption or a security hole.
///
/// To bring it up to date: change the date and all three tables in one commit. Nothing here is
/// fetched: an audit works without a network, and prints the date it judged by.
/// Source: PostgreSQL Versioning Policy (dates), release announcements and release notes (minors,
/// vulnerabilities). Only what is certain stands here. Thread-safety: constants.
#pragma once

#include <array>
#include <string_view>

namespace pgkeep::audit {

inline constexpr std::string_view kVersionTableDate = "2026-05-14";

struct MajorVersion {
  int major;
  int newest_minor; ///< -1: out of support before the table's date.
  std::string_view end_of_life;
};
inline constexpr auto kMajorVersions = std::to_array<MajorVersion>({
    {13, -1, "2025-11-13"},
    {14, 23, "2026-11-12"},
    {15, 18, "2027-11-11"},
    {16, 14, "2028-11-09"},
    {17, 10, "2029-11-08"},
    {18, 4, "2030-11-14"},
});

/// A minor release that mends damage or a vulnerability, for servers older than it.
struct MendedBy {
  int major;
  int minor;
  std::string_view what;
};
inline constexpr std::string_view kMay2026 =
    "CVE-2026-6473 (undersized allocations, memory is overwritten)";
inline constexpr std::string_view kFebruary2026 = "code execution through pgcrypto and intarray";
inline constexpr std::string_view kNovember2025 =
    "CVE-2025-12818 (libpq allocates too little), CVE-2025-12817";
inline constexpr std::string_view kAugust2025 =
    "CVE-2025-8714 and CVE-2025-8715 (a dump runs code at restore)";
inline constexpr std::string_view kMay2025 =
    "CVE-2025-4207 (a read beyond the end of GB18030 text)";
inline constexpr std::string_view kFebruary2025 =
    "CVE-2025-1094 (quoting functions let SQL through)";
inline constexpr std::string_view kNovember2024 =
    "CVE-2024-10979 (PL/Perl changes the environment and runs code)";
inline constexpr std::string_view kAugust2024 =
    "CVE-2024-7348 (code runs as superuser during pg_dump)";
inline constexpr std::string_view kMay2024 =
    "CVE-2024-4317 (statistics of other users can be read)";
inline constexpr std::string_view kFebruary2024 =
    "CVE-2024-0985 (REFRESH CONCURRENTLY runs foreign code)";
inline constexpr std::string_view kNovember2023 =
    "CVE-2023-5869 (array modification overwrites memory)";
inline constexpr std::string_view kAugust2023 =
    "CVE-2023-39417 (extension scripts let SQL through)";
inline constexpr std::string_view kMay2023 = "CVE-2023-2454 (CREATE SCHEMA runs code as superuser)";
inline constexpr std::string_view kFebruary2023 =
    "CVE-2022-41862 (libpq shows memory to a false server)";
inline constexpr std::string_view kAugust2022 =
    "CVE-2022-2625 (extension scripts replace foreign objects)";
inline constexpr std::string_view kConcurrentBuild =
    "CREATE INDEX CONCURRENTLY makes corrupt indexes";
inline constexpr std::string_view kMay2022 =
    "CVE-2022-1552 (maintenance commands run code as superuser)";
inline constexpr std::string_view kNovember2021 =
    "CVE-2021-23214 (a man in the middle injects SQL)";

/// Newest first within a major version.
inline constexpr auto kMendedBy = std::to_array<MendedBy>({
    {14, 23, kMay2026},        {14, 21, kFebruary2026}, {14, 20, kNovember2025},
    {14, 19, kAugust2025},     {14, 18, kMay2025},      {14, 16, kFebruary2025},
    {14, 14, kNovember2024},   {14, 13, kAugust2024},   {14, 12, kMay2024},
    {14, 11, kFebruary2024},   {14, 10, kNovember2023}, {14, 9, kAugust2023},
    {14, 8, kMay2023},         {14, 7, kFebruary2023},  {14, 5, kAugust2022},
    {14, 4, kConcurrentBuild}, {14, 3, kMay2022},       {14, 1, kNovember2021},
    {15, 18, kMay2026},        {15, 16, kFebruary2026}, {15, 15, kNovember2025},
    {15, 14, kAugust2025},     {15, 13, kMay2025},      {15, 11, kFebruary2025},
    {15, 9, kNovember2024},    {15, 8, kAugust2024},    {15, 7, kMay2024},
    {15, 6, kFebruary2024},    {15, 5, kNovember2023},  {15, 4, kAugust2023},
    {15, 3, kMay2023},         {15, 2, kFebruary2023},  {16, 14, kMay2026},
    {16, 12, kFebruary2026},   {16, 11, kNovember2025}, {16, 10, kAugust2025},
    {16, 9, kMay2025},         {16, 7, kFebruary2025},  {16, 5, kNovember2024},
    {16, 4, kAugust2024},      {16, 3, kMay2024},       {16, 2, kFebruary2024},
    {16, 1, kNovember2023},    {17, 10, kMay2026},      {17, 8, kFebruary2026},
    {17, 7, kNovember2025},    {17, 6, kAugust2025},    {17, 5, kMay2025},
    {17, 3, kFebruary2025},    {17, 1, kNovember2024},  {18, 4, kMay2026},
    {18, 2, kFebruary2026},    {18, 1, kNovember2025},
});

} // namespace pgkeep::audit
