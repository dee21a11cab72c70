// Source files of an application: finders stay within the file. The first byte picks its name.
#include <array>

#include "catalog/code/literals.h"
#include "catalog/code/migrations.h"
#include "catalog/code/queries.h"
#include "catalog/code/secrets.h"
#include "fuzz/fuzz.h"

using namespace pgkeep;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array<std::string_view, 12> kNames = {"a.py",
                                                              "a.js",
                                                              "a.rb",
                                                              "a.php",
                                                              "a.cs",
                                                              "a.kt",
                                                              "a.go",
                                                              "db/migrations/1.sql",
                                                              ".env",
                                                              "Dockerfile",
                                                              "docker-compose.yml",
                                                              "README.md"};
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  const catalog::code::SourceFile file{std::string(kNames[data[0] % kNames.size()]), text};
  const auto lines = 1 + std::ranges::count(text, '\n');
  if (const auto* const language = catalog::code::language_of(file.extension())) {
    std::size_t at = 0;
    for (const catalog::code::Literal& each : catalog::code::find_literals(text, *language)) {
      fuzz::must(each.begin >= at && each.begin < each.end && each.end <= text.size(),
                 "literals in order, within the file");
      at = each.begin;
    }
  }
  for (const auto& each : catalog::code::find_secrets(file))
    fuzz::must(each.line >= 1 && each.line <= lines, "a secret's line");
  for (const auto& each : catalog::code::find_unparameterised(file))
    fuzz::must(each.line >= 1 && each.line <= lines, "a query's line");
  catalog::code::recognise_migration(file, {file.path});
  return 0;
}
