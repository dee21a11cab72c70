/// Recognises migration files by the conventions of the usual tools and tells whether they can be
/// undone.
///
/// Known: pgkeep and Flyway (V1__x.sql with V1__x.down.sql or U1__x.sql), golang-migrate and sqlx
/// (.up.sql/.down.sql), dbmate, goose and sql-migrate (markers), Liquibase SQL, Prisma, plain
/// numbered SQL, Rails, Django, Alembic, Knex, Sequelize, TypeORM, node-pg-migrate. Private to
/// src/catalog. Thread-safety: pure functions. Sources: the manuals of the tools named above, on
/// rolling back.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "catalog/code/source_file.h"
#include "catalog/host.h"

namespace pgkeep::catalog::code {

/// Every path of the folder, sorted.
using Paths = std::set<std::string, std::less<>>;

/// Nothing where the file is no migration, or is the undo file of one.
std::optional<MigrationFile> recognise_migration(const SourceFile& file, const Paths& all);

} // namespace pgkeep::catalog::code
