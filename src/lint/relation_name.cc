#include "lint/relation_name.h"

#include "postgres/quote.h"

namespace pgkeep::lint {

std::string RelationName::text() const {
  return schema.empty() ? postgres::quote_identifier(name)
                        : postgres::quote_qualified(schema, name);
}

RelationName relation_of(const postgres::Node& range) {
  if (!range) return {};
  return {.schema = std::string(range.text("schemaname")),
          .name = std::string(range.text("relname"))};
}

RelationName relation_of(const std::vector<postgres::Node>& parts, std::size_t skipped) {
  std::vector<std::string> names = postgres::strings_of(parts);
  if (names.size() <= skipped) return {};
  names.resize(names.size() - skipped);
  RelationName relation{.schema = {}, .name = std::move(names.back())};
  if (names.size() > 1) relation.schema = std::move(names[names.size() - 2]);
  return relation;
}

} // namespace pgkeep::lint
