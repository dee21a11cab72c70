/// The only ways to put a name or a value into SQL text.
/// Source: PostgreSQL manual, sql-syntax-lexical; rules of quote_ident() and quote_literal().
#pragma once

#include <string>
#include <string_view>

namespace pgkeep::postgres {

/// `orders` stays, `Order "x"` becomes "Order ""x""", keywords that need quotes get them.
std::string quote_identifier(std::string_view name);
/// schema.name, each quoted where needed.
std::string quote_qualified(std::string_view schema, std::string_view name);
/// 'it''s'; a backslash makes it E'...'. NUL bytes must not be in the value.
std::string quote_literal(std::string_view value);

} // namespace pgkeep::postgres
