/// README.md beside the written fixes: how to apply them, what each file locks, and what only a
/// person can do. Private to findings.
#pragma once

#include <string>
#include <vector>

#include "findings/fix_files.h"
#include "findings/report.h"

namespace pgkeep::findings {

/// Empty where there is nothing to say: no files and nothing to do by hand.
std::string fix_readme(const Report& report, const std::vector<FixFile>& files);

} // namespace pgkeep::findings
