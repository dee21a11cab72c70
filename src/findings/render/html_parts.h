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
/// Code as a page can show it: control characters other than line ends and tabs are visible
/// escapes.
std::string printable_code(std::string_view code);
/// A block of code with a button that copies it, or with a note instead where it had to be escaped.
std::string code_block(std::string_view code, bool is_one_line);
/// The findings, area by area, each rule a card that opens.
std::string findings_section(const Report& report, const std::vector<AreaGroup>& areas);

} // namespace pgkeep::findings
