/// Texts that servers leave: the answer of --version, postmaster.pid, the end of a log. Pure but
/// for what takes a path. Private to this folder. Source: PostgreSQL manual, storage-file-layout;
/// src/include/utils/pidfile.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/cluster.h"

namespace pgkeep::postgres {

/// "postgres (PostgreSQL) 15.18 (Debian ...)" is 150018.
std::optional<ServerVersion> parse_program_version(std::string_view output);

/// The process's start is not in the file: `process` has the number only. A file that is still
/// being written has fewer lines; nullopt where not even the first is a process's number. A
/// single-user server writes its number negated.
std::optional<PostmasterPid> parse_postmaster_pid(std::string_view text);

/// The last lines of the log from that byte on, as one line.
std::string log_tail(const std::filesystem::path& log_file, std::uintmax_t from_bytes);

} // namespace pgkeep::postgres
