#include "postgres/server_grammar.h"

#include <string>

#include <fmt/format.h>

namespace pgkeep::postgres {

bool server_parses(Connection& server, std::string_view sql) {
  std::string tag = "pgkeep";
  while (sql.find(tag) != std::string_view::npos)
    tag += 'x';
  return server
      .execute(fmt::format("DO LANGUAGE plpgsql ${}$ BEGIN IF false THEN {}; END IF; END ${}$", tag,
                           sql, tag))
      .has_value();
}

} // namespace pgkeep::postgres
