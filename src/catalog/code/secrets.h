/// Finds secrets in source files: passwords in URLs, SQL, container and environment files; keys by
/// their shape. Says where, never what.
///
/// One finding a line at most. Placeholders (${VAR}, <password>, {{ x }}, %s, ***) are none;
/// example words (password, changeme) are none in documentation and example files, and are secrets
/// everywhere else: they work. Private to src/catalog. Thread-safety: pure functions. Sources:
/// libpq-connect (URIs, PGPASSWORD), libpq-pgpass, sql-createrole (PASSWORD) of the PostgreSQL
/// manual; Dockerfile and Compose references (ENV, ARG, environment); the issuers' published key
/// formats.
#pragma once

#include <vector>

#include "catalog/code/source_file.h"
#include "catalog/host.h"

namespace pgkeep::catalog::code {

std::vector<SecretInCode> find_secrets(const SourceFile& file);

} // namespace pgkeep::catalog::code
