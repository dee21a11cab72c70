/// auth_query: what a server stores of a user, asked for in the extended protocol with the user's
/// name bound, and how the answer is read.
///
/// Pure: no sockets. Threads: one object, one thread at a time. Source: PgBouncer's manual, config
/// (auth_user, auth_query); PostgreSQL manual, protocol-flow (Extended Query). Reasons of failures
/// are in PgBouncer's words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "wire/message.h"

namespace pgkeep::pool {

/// Parse, Bind, Describe, Execute and Sync.
std::string auth_question(std::string_view query, std::string_view user);

/// What the query says of a user that exists.
struct StoredUser {
  std::string name = {};
  std::optional<base::Secret> secret = {}; ///< None: it has none that would do.
};

class AuthAnswer {
public:
  enum class State : std::uint8_t { more, done, failed };
  /// Longer messages are no answer to such a question.
  static constexpr std::size_t kMessageBytesMax = 65'536;

  State feed(std::string_view bytes);

  /// Once it is done. None: there is no such user.
  [[nodiscard]] const std::optional<StoredUser>& user() const { return user_; }
  [[nodiscard]] wire::TransactionStatus status() const { return status_; }
  /// What the query changed in the server.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& parameters() const {
    return parameters_;
  }
  /// Once it failed: why the server is closed.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// And what the server said about it, with its severity; empty: it is no error of its.
  [[nodiscard]] const std::string& server_error() const { return server_error_; }

private:
  State message(char type, std::string_view body);
  State row(std::string_view body);
  State fail(std::string problem);

  std::string received_;
  std::optional<StoredUser> user_;
  wire::TransactionStatus status_ = wire::TransactionStatus::idle;
  std::vector<std::pair<std::string, std::string>> parameters_;
  std::string problem_;
  std::string server_error_;
};

} // namespace pgkeep::pool
