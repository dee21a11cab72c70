/// Pieces of the HTML report that more than one file writes. Private to findings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "findings/lookup.h"

namespace pgkeep::findings {

/// Text or an attribute's value: control characters visible, markup escaped.
std::string html(std::string_view text);
/// "t-error": the class that colours by severity.
std::string_view tone_of(Severity severity);
/// A block of code with a button that copies it.
std::string code_block(std::string_view code, bool is_one_line);
/// The findings, area by area, each rule a card that opens.
std::string findings_section(const Report& report, const std::vector<AreaGroup>& areas);

} // namespace pgkeep::findings
