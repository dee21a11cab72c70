/// Renderers: a Report as text, JSON, SARIF, JUnit, Markdown, GitHub annotations or one
/// self-contained HTML page.
///
/// Pure functions of the report. Everything that comes from a database is data: control characters
/// are made visible in text, markup is escaped in HTML, XML and Markdown.
#pragma once

#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "findings/report.h"

namespace pgkeep::findings {

enum class Format : std::uint8_t { text, json, sarif, junit, markdown, html, github };

struct RenderOptions {
  bool colour = false;
  bool verbose = false; ///< All evidence, all fixes, what passed and what was skipped.
  int columns = 80;
};

std::string render(const Report& report, Format format, const RenderOptions& options = {});

/// The same in pieces, each given to `write` in turn: JSON may be too large to hold. Several
/// threads make them; `write` is called from this one.
void render_to(const Report& report, Format format, const RenderOptions& options,
               base::FunctionRef<void(std::string_view)> write);

/// One rule in full, for --explain.
std::string explain_rule(const Rule& rule, const std::vector<std::string>& sql_read,
                         const RenderOptions& options);

} // namespace pgkeep::findings
