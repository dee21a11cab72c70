#include "findings/rule.h"

#include <utility>

#include "base/text.h"

namespace pgkeep::findings {

std::string_view title_of(Area area) noexcept {
  switch (area) {
  case Area::schema:
    return "Schema and keys";
  case Area::types:
    return "Types";
  case Area::indexes:
    return "Indexes";
  case Area::queries:
    return "Queries";
  case Area::transactions:
    return "Transactions and locks";
  case Area::vacuum:
    return "Vacuum and wraparound";
  case Area::configuration:
    return "Configuration";
  case Area::connections:
    return "Connections";
  case Area::replication:
    return "Replication";
  case Area::backups:
    return "WAL and backups";
  case Area::roles:
    return "Roles and privileges";
  case Area::authentication:
    return "Authentication and TLS";
  case Area::extensions:
    return "Extensions";
  case Area::capacity:
    return "Capacity";
  }
  return "Schema and keys";
}

std::string_view name_of(Area area) noexcept {
  switch (area) {
  case Area::schema:
    return "schema";
  case Area::types:
    return "types";
  case Area::indexes:
    return "indexes";
  case Area::queries:
    return "queries";
  case Area::transactions:
    return "transactions";
  case Area::vacuum:
    return "vacuum";
  case Area::configuration:
    return "configuration";
  case Area::connections:
    return "connections";
  case Area::replication:
    return "replication";
  case Area::backups:
    return "backups";
  case Area::roles:
    return "roles";
  case Area::authentication:
    return "authentication";
  case Area::extensions:
    return "extensions";
  case Area::capacity:
    return "capacity";
  }
  return "schema";
}

void Sink::add(Finding finding) {
  finding.rule = std::string(rule_->id);
  if (!finding.severity) finding.severity = rule_->severity;
  found_.push_back(std::move(finding));
}

void Sink::skip(std::string reason) {
  skipped_.push_back(std::move(reason));
}

const Rule* find_rule(std::span<const Rule* const> rules, std::string_view id) {
  // An id wins over an alias: an alias of one rule may be the id that another one has today.
  for (const Rule* rule : rules) {
    if (rule->id == id) return rule;
  }
  for (const Rule* rule : rules) {
    for (const std::string& alias : base::split_words(rule->aliases)) {
      if (alias == id) return rule;
    }
  }
  return nullptr;
}

} // namespace pgkeep::findings
