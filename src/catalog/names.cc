#include "base/text.h"
#include "catalog/snapshot.h"
#include "postgres/quote.h"

namespace pgkeep::catalog {

std::string qualified_name(const Relation& relation) {
  return postgres::quote_qualified(relation.schema, relation.name);
}

std::string qualified_name(const Index& index) {
  return postgres::quote_qualified(index.schema, index.name);
}

std::string qualified_name(const Sequence& sequence) {
  return postgres::quote_qualified(sequence.schema, sequence.name);
}

std::string column_object(const Relation& relation, const Column& column) {
  return qualified_name(relation) + "." + postgres::quote_identifier(column.name);
}

std::string column_list(const Snapshot& db, OidNumber relation,
                        std::span<const std::int32_t> numbers) {
  std::vector<std::string> names;
  names.reserve(numbers.size());
  for (const std::int32_t number : numbers) {
    const Column* column = db.column(relation, number);
    if (column != nullptr) {
      names.push_back(postgres::quote_identifier(column->name));
    } else {
      // indkey says 0 for an expression; anything else is a system column or one that was not read.
      names.push_back(number == 0 ? "(expression)" : "(column " + std::to_string(number) + ")");
    }
  }
  return base::join(names, ", ");
}

} // namespace pgkeep::catalog
