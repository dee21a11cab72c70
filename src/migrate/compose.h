/// A migration's file as the server gets it: values in place of `${name}` and psql's variables,
/// included files in place of `\i` and `\ir`, and psql's commands that only print left out.
///
/// Nothing is shown of a value: places, titles and the history have the name. What cannot be
/// carried out stays as it is and is in `refused`, for whoever runs the file.
/// Threads: any. Sources: PostgreSQL manual, app-psql (`\i`, `\ir`, `\set`, SQL Interpolation);
/// Flyway's documentation on placeholders.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lint/origins.h"

namespace pgkeep::migrate {

/// By name. Where there are none, `${` stands for itself.
using Values = std::map<std::string, std::string, std::less<>>;

/// "schema=app", or "password=env:APP_PASSWORD" for what should not be seen. Errors: config.
base::Result<Values> values_from(const std::vector<std::string>& settings, std::string_view where);

struct Composed {
  std::string text;
  std::shared_ptr<const lint::Origins> origins; ///< Null where the text is the file's own.
  std::vector<base::Error> refused = {};        ///< With their places.
  bool has_values = false;
};
/// `folder`: `\i` begins there, and nothing outside of it is included.
Composed compose(const std::string& path, std::string text, const std::filesystem::path& folder,
                 const Values& values);

} // namespace pgkeep::migrate
