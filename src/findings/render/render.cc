#include "findings/render.h"

#include "findings/render/renderers.h"

namespace pgkeep::findings {

namespace {

bool is_about_files(const Report& report) {
  return report.target.find("files") != nullptr;
}

} // namespace

std::string render(const Report& report, Format format, const RenderOptions& options) {
  switch (format) {
  case Format::text:
    return is_about_files(report) ? render_places(report, options) : render_text(report, options);
  case Format::json: {
    std::string text;
    render_json(report, [&](std::string_view piece) { text += piece; });
    return text;
  }
  case Format::sarif:
    return render_sarif(report);
  case Format::junit:
    return render_junit(report);
  case Format::markdown:
    return render_markdown(report, options);
  case Format::html:
    return render_html(report);
  case Format::github:
    return render_github(report);
  }
  return render_text(report, options);
}

void render_to(const Report& report, Format format, const RenderOptions& options,
               base::FunctionRef<void(std::string_view)> write) {
  if (format == Format::json) return render_json(report, write);
  write(render(report, format, options));
}

} // namespace pgkeep::findings
