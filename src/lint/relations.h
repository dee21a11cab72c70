/// How relations hang together, from the text's schema and, where there is one, the database.
/// Private to src/lint. Pure.
#pragma once

#include <string>
#include <vector>

#include "lint/context.h"
#include "lint/relation_name.h"

namespace pgkeep::lint {

/// Of the database; null where there is none or it has no such relation.
const catalog::Relation* relation_in(const Context& context, const RelationName& name);
/// Of the database: partitions of the table, the default one left out.
std::vector<RelationName> partitions_of(const Context& context, const RelationName& parent);
/// Of the database; no name where there is none.
RelationName default_partition_of(const Context& context, const RelationName& parent);
RelationName parent_of(const Context& context, const RelationName& partition);

/// Tables that the foreign keys of a table point at.
std::vector<RelationName> referenced_by(const Context& context, const RelationName& table);
/// Tables whose foreign keys point at a table.
std::vector<RelationName> referencing(const Context& context, const RelationName& table);
/// Tables with a column of the domain.
std::vector<RelationName> users_of_type(const Context& context, const RelationName& type);

} // namespace pgkeep::lint
