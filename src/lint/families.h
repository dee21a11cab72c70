/// The one list of families: each file of rules/ defines one span. Private to this folder.
#pragma once

#include <span>

#include "lint/text_rule.h"

namespace pgkeep::lint {

extern const std::span<const TextRule> syntax_rules;
extern const std::span<const TextRule> drop_rules;
extern const std::span<const TextRule> rename_rules;
extern const std::span<const TextRule> row_rules;
extern const std::span<const TextRule> type_rules;
extern const std::span<const TextRule> reference_rules;
extern const std::span<const TextRule> key_rules;
extern const std::span<const TextRule> timeout_rules;
extern const std::span<const TextRule> transaction_rules;
extern const std::span<const TextRule> schema_constraint_rules;
extern const std::span<const TextRule> schema_index_rules;
extern const std::span<const TextRule> object_rules;
extern const std::span<const TextRule> value_rules;
extern const std::span<const TextRule> right_rules;
extern const std::span<const TextRule> file_rules;
extern const std::span<const TextRule> column_rules;
extern const std::span<const TextRule> constraint_rules;
extern const std::span<const TextRule> index_rules;
extern const std::span<const TextRule> partition_rules;
extern const std::span<const TextRule> rewrite_rules;
extern const std::span<const TextRule> query_rules;
extern const std::span<const TextRule> predicate_rules;
extern const std::span<const TextRule> join_rules;
extern const std::span<const TextRule> unknown_name_rules;
extern const std::span<const TextRule> secret_rules;
extern const std::span<const TextRule> race_rules;
extern const std::span<const TextRule> expression_rules;
extern const std::span<const TextRule> table_shape_rules;
extern const std::span<const TextRule> comparison_rules;
extern const std::span<const TextRule> arithmetic_rules;
extern const std::span<const TextRule> runner_rules;
extern const std::span<const TextRule> pattern_rules;
extern const std::span<const TextRule> house_rules;
extern const std::span<const TextRule> lock_order_rules;
extern const std::span<const TextRule> query_size_rules;
extern const std::span<const TextRule> prepared_rules;
extern const std::span<const TextRule> query_index_rules;

} // namespace pgkeep::lint
