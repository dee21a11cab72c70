/// What rules about locks share: who waits, and the steps by which the same is done without.
///
/// Private to src/lint/rules. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lint/text_rule.h"

namespace pgkeep::lint {

/// Whether the change is that row of the lock table and its relation has users who notice.
bool is_row_in_use(const Subject& subject, const Change& change, std::string_view row);

/// "reads and writes of orders (2,000,000 rows) wait".
std::string who_waits(const Context& context, const RelationName& relation, LockMode mode);

/// The same with a capital, where the sentence begins with it.
std::string who_waits_first(const Context& context, const RelationName& relation, LockMode mode);

/// The text of a part of a list, from its first byte to the comma, parenthesis or end behind it.
std::string part_text(const LoneSubject& subject, std::size_t offset);
/// The statement's text with a word put in after the first `after` at or behind `from`.
std::string with_word_after(const LoneSubject& subject, std::string_view after,
                            std::string_view word, std::size_t from = 0);

/// "a, b", quoted where needed.
std::string quoted_list(const std::vector<std::string>& names);
/// "orders_amount_key": as the server would call it.
std::string composed_name(const RelationName& relation, const std::vector<std::string>& columns,
                          std::string_view suffix);

/// Statements that make nobody wait; the note says what lies between or after them.
findings::Fix online_steps(std::vector<std::string> sql, std::string note = {});

/// An option of this name: REINDEX (CONCURRENTLY).
bool has_option(const std::vector<postgres::Node>& options, std::string_view name);

} // namespace pgkeep::lint
