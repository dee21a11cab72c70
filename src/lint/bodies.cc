#include "lint/bodies.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/plpgsql.h"

namespace pgkeep::lint {
namespace {

using postgres::Node;

struct Definition {
  std::string language;
  std::string_view source; ///< The tree's.
  std::size_t as_offset = 0;
};

Definition definition_of(const Node& root, std::size_t begin) {
  Definition definition{
      .language = root.is("DoStmt") ? "plpgsql" : "", .source = {}, .as_offset = begin};
  for (const Node& option : root.nodes(root.is("DoStmt") ? "args" : "options")) {
    const Node argument = option.node("arg");
    if (option.text("defname") == "language")
      definition.language = base::to_lower(argument.text("sval"));
    if (option.text("defname") != "as") continue;
    definition.as_offset = option.offset().value_or(begin);
    const postgres::NodeList items = argument.nodes_if("List", "items");
    if (argument.is("String")) definition.source = argument.text("sval");
    if (items.size() == 1) definition.source = items.front().text("sval");
  }
  return definition;
}

/// The text of EXECUTE 'text'; nothing where it is made at run time.
std::optional<std::string> constant_of(const std::string& expression) {
  const auto tree = postgres::Tree::parse("SELECT " + expression);
  if (!tree) return std::nullopt;
  const postgres::NodeList targets = tree->root().nodes("target_list");
  if (targets.size() != 1) return std::nullopt;
  const Node value = targets.front().node("val");
  if (!value.is("A_Const") || !value.node("sval")) return std::nullopt;
  return std::string(value.node("sval").text("sval"));
}

/// Offset of the given line of a body that begins at `from`.
std::size_t line_start(std::string_view text, std::size_t from, int line) {
  for (; line > 1; --line) {
    const std::size_t next = text.find('\n', from);
    if (next == std::string_view::npos) return from;
    from = next + 1;
  }
  return from;
}

} // namespace

Body body_of(const Node& root, std::string_view text, std::size_t begin, std::size_t end) {
  Body body{.runs_now = root.is("DoStmt")};
  if (!body.runs_now && !root.is("CreateFunctionStmt")) return body;
  const Definition definition = definition_of(root, begin);
  if (definition.source.empty()) return body;
  // Between dollars a body stands as it is; between quotes each quote is doubled.
  const std::size_t found = text.substr(0, end).find(definition.source, definition.as_offset);
  const std::size_t source_begin = found == std::string_view::npos ? definition.as_offset : found;
  const auto place_of = [&](std::string_view part, std::size_t from) {
    const std::size_t at = text.substr(0, end).find(part, from);
    return at == std::string_view::npos ? begin : at;
  };
  if (definition.language == "sql") {
    body.parts.push_back(
        {.sql = std::string(definition.source), .offset = place_of(definition.source, begin)});
    return body;
  }
  if (definition.language != "plpgsql") return body;
  auto statements = postgres::plpgsql_statements(text.substr(begin, end - begin));
  if (!statements) {
    body.problem = statements.error().what;
    return body;
  }
  for (const postgres::PlpgsqlStatement& each : *statements) {
    const std::size_t offset = place_of(each.sql, line_start(text, source_begin, each.line));
    if (!each.is_dynamic) {
      body.parts.push_back({.sql = each.sql, .offset = offset});
    } else if (auto constant = constant_of(each.sql)) {
      const std::size_t inside = place_of(*constant, offset);
      body.parts.push_back({.sql = *std::move(constant), .offset = inside});
    } else {
      body.parts.push_back({.sql = each.sql, .offset = offset, .is_opaque = true});
    }
  }
  return body;
}

} // namespace pgkeep::lint
