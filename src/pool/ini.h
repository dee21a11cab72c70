/// Files in the form of PgBouncer's: sections, `key = value` lines, `%include`.
///
/// A value is the rest of its line without the blanks around it; a line that begins with ; or # is
/// a comment; a name may stand in double quotes (two of them are one). What the keys mean is not
/// known here. Threads: pure functions, but for reading files. Source: PgBouncer's manual, config
/// (Description, Include directive); what 1.18 does where that is silent.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgkeep::pool {

struct IniLine {
  std::string section;
  std::string key;
  std::string value;
  std::string where; ///< "pgbouncer.ini:12".
};

/// The text of a file, by its name.
using ReadText = std::function<base::Result<std::string>(const std::string& path)>;

inline constexpr int kIncludesDeepMax = 10;

/// In the order of the text; what is included stands where its directive does. A file's name counts
/// from the working directory, as PgBouncer's does. Errors: Code::config with file and line.
base::Result<std::vector<IniLine>> read_ini(const std::string& path, const ReadText& read);

/// `key=value key='value with ''quotes'''`: what stands behind a database's, a user's or a peer's
/// name. Errors: Code::config without a place.
struct IniOption {
  std::string key;
  std::string value;
};
base::Result<std::vector<IniOption>> options_in(std::string_view text);

} // namespace pgkeep::pool
