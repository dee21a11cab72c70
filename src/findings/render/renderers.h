/// One function a format. Private to findings: everybody else calls render().
#pragma once

#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "findings/render.h"
#include "findings/report.h"

namespace pgkeep::findings {

std::string render_text(const Report& report, const RenderOptions& options);
/// The same for a report about files: place by place.
std::string render_places(const Report& report, const RenderOptions& options);
/// In pieces, each given to `write` from this thread.
void render_json(const Report& report, base::FunctionRef<void(std::string_view)> write);
std::string render_sarif(const Report& report);
std::string render_junit(const Report& report);
std::string render_markdown(const Report& report, const RenderOptions& options);
std::string render_html(const Report& report);
std::string render_github(const Report& report);

} // namespace pgkeep::findings
