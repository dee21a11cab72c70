/// The objects of a database of the sandbox, each with the text that makes it: what pg_dump writes,
/// cut at its own headings, in an order in which it can be made.
///
/// Without owners, subscriptions (they hold passwords), security labels and tablespaces: none of
/// them is of the schema, or can be made elsewhere.
/// Threads: plain functions. Errors: unsupported where no pg_dump here is new enough, those of the
/// server. Source: PostgreSQL manual, app-pgdump; src/bin/pg_dump/pg_backup_archiver.c
/// (_printTocEntry).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/sandbox.h"

namespace pgkeep::sandbox {

struct Content {
  std::string type;   ///< "TABLE", "FK CONSTRAINT", "INDEX ATTACH", ...: pg_dump's words.
  std::string schema; ///< Empty: it is in none.
  std::string name;   ///< As pg_dump tells things apart: "orders orders_pkey", "f(integer)".
  std::uint32_t class_id = 0; ///< With `oid`, as in pg_depend; 0: it is no object of its own.
  std::uint32_t oid = 0;
  std::vector<std::string> statements = {}; ///< Without semicolons.
};

base::Result<std::vector<Content>> read_contents(const Sandbox& server,
                                                 const std::string& database);

/// Of what `pg_dump --verbose` wrote. Pure.
std::vector<Content> contents_of_dump(std::string_view dump);

} // namespace pgkeep::sandbox
