// Statements are sent asynchronously, so that a server that stopped answering (frozen, not dead:
// TCP still acknowledges) ends in an error as well: statement_timeout is the server's limit, ours
// comes some time after it. Behind a pooler the settings are local to transactions
// (session_settings.h): read-only connections run each statement in a transaction of its own,
// others get the settings in transactions that the caller begins.

#include "postgres/conn.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <climits>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "postgres/connect.h"
#include "postgres/session_settings.h"

namespace pgkeep::postgres {
namespace {

using ResultPtr = std::unique_ptr<PGresult, base::Release<PQclear>>;
using CancelPtr = std::unique_ptr<PGcancel, base::Release<PQfreeCancel>>;
using Parameters = std::span<const std::optional<std::string>>;
using Steady = std::chrono::steady_clock;

/// How long after statement_timeout the server may still take to say so.
constexpr std::chrono::milliseconds kAnswerGrace{30'000};
constexpr std::size_t kCopyPiece = 64UZ * 1024;
/// A connection whose other side vanished is noticed within about a minute. Units: libpq's
/// (seconds; milliseconds for the last).
constexpr std::pair<std::string_view, std::string_view> kTcpDefaults[] = {
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "60000"}};

/// libpq takes C strings: what lies behind the NUL byte would silently be left out.
bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

/// What ends a wait for the server.
enum class Wait : std::uint8_t { ready, late };

Wait wait_for_answer(int socket, bool has_output, std::optional<Steady::time_point> deadline) {
  const auto events = static_cast<short>(has_output ? POLLIN | POLLOUT : POLLIN);
  while (true) {
    int pause = -1;
    if (deadline) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*deadline - Steady::now()).count();
      if (left <= 0) return Wait::late;
      pause = static_cast<int>(std::min<std::int64_t>(left, INT_MAX));
    }
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    // Any failure but an interruption shows up again, and better told, when libpq reads.
    if (const int ready = ::poll(&entry, 1, pause); ready > 0 || (ready < 0 && errno != EINTR))
      return Wait::ready;
  }
}

} // namespace

struct Rows::Impl {
  ResultPtr result;
};

Rows::Rows() = default;
Rows::Rows(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Rows::Rows(Rows&&) noexcept = default;
Rows& Rows::operator=(Rows&&) noexcept = default;
Rows::~Rows() = default;

// libpq answers null pointers and numbers out of range with 0 or a null pointer; a Rows without a
// result has no rows.
int Rows::count() const {
  return impl_ ? PQntuples(impl_->result.get()) : 0;
}
int Rows::column_count() const {
  return impl_ ? PQnfields(impl_->result.get()) : 0;
}
std::string_view Rows::column_name(int column) const {
  PGKEEP_ASSERT(column >= 0 && column < column_count());
  return PQfname(impl_->result.get(), column);
}
int Rows::column_index(std::string_view name) const {
  // Not PQfnumber(): it folds to lower case and reads quotes.
  for (int column = 0; column < column_count(); ++column) {
    if (column_name(column) == name) return column;
  }
  return -1;
}
bool Rows::is_null(int row, int column) const {
  PGKEEP_ASSERT(row >= 0 && row < count() && column >= 0 && column < column_count());
  return PQgetisnull(impl_->result.get(), row, column) == 1;
}
std::string_view Rows::text(int row, int column) const {
  PGKEEP_ASSERT(row >= 0 && row < count() && column >= 0 && column < column_count());
  return {PQgetvalue(impl_->result.get(), row, column),
          static_cast<std::size_t>(PQgetlength(impl_->result.get(), row, column))};
}
std::string_view Rows::command_tag() const {
  return impl_ ? PQcmdStatus(impl_->result.get()) : "";
}

struct Connection::Impl {
  PgConnection connection;
  CancelPtr cancel;  // Immutable once open; PQcancel() may be called from any thread.
  Conninfo conninfo; // As given: may hold a password.
  ConnectOptions options;
  std::string label;
  std::vector<Setting> settings;
  std::atomic<bool> is_cancel_asked = false;
  bool is_pooled = false;
  int error_position = 0;                    // Of the last failure.
  std::optional<std::string_view> copy_data; // What the running statement may read.

  [[nodiscard]] PGconn* get() const { return connection.get(); }
  [[nodiscard]] bool is_idle() const { return PQtransactionStatus(get()) == PQTRANS_IDLE; }

  static base::Result<std::unique_ptr<Impl>> open(Conninfo conninfo, const ConnectOptions& options);
  base::Result<ResultPtr> run(const std::string& sql, const Parameters* parameters);
  base::Result<ResultPtr> run_guarded(const std::string& sql, const Parameters* parameters);
  base::Result<int> prepare(const std::string& sql);
  base::Result<> prepare_session();

private:
  static void pass_notice(void* impl, const PGresult* notice);
  base::Result<> send(const std::string& sql, const Parameters* parameters);
  base::Result<ResultPtr> next_result(std::optional<Steady::time_point> deadline);
  base::Result<ResultPtr> last_result(std::optional<Steady::time_point> deadline);
  [[nodiscard]] base::Error nul_byte() const;
  bool put_copy_data(ExecStatusType status);
  bool end_copy(ExecStatusType status);
  base::Error lost(std::string_view message);
  base::Error failure(const PGresult* result);
};

base::Error Connection::Impl::lost(std::string_view message) {
  base::Error error{
      .code = base::Code::unreachable,
      .what = "the connection was lost",
      .where = label,
      .hint =
          "See the server's log; whether a statement that was writing got through is not known."};
  // The first line says why; the others guess at what that may mean.
  const std::string_view line = message.substr(0, message.find('\n'));
  const auto words = server_words(line);
  if (words) error.sqlstate = words->sqlstate;
  const std::string reason =
      clean_message(words ? std::string_view(words->text) : line, {text_or_empty(PQpass(get()))});
  if (!reason.empty()) error.what += ": " + reason;
  return error;
}

base::Error Connection::Impl::failure(const PGresult* result) {
  const std::string sqlstate = text_or_empty(PQresultErrorField(result, PG_DIAG_SQLSTATE));
  const std::string position =
      text_or_empty(PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
  error_position = 0;
  std::from_chars(position.data(), position.data() + position.size(), error_position);
  // Without a SQLSTATE it was libpq itself, and the cause is the connection.
  if (sqlstate.empty()) return lost(PQresultErrorMessage(result));
  base::Error error{.code = base::Code::sql,
                    .what = text_or_empty(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)),
                    .where = label,
                    .hint = text_or_empty(PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)),
                    .sqlstate = sqlstate};
  if (sqlstate == "57014") { // query_canceled: statement_timeout or somebody's wish.
    const bool is_wish = is_cancel_asked || error.what.find("user request") != std::string::npos;
    error.code = is_wish ? base::Code::cancelled : base::Code::timeout;
  } else if (sqlstate == "57P01" || sqlstate == "57P02") { // admin_shutdown, crash_shutdown.
    error.code = base::Code::unreachable;
  }
  return error;
}

base::Error Connection::Impl::nul_byte() const {
  return {.code = base::Code::sql,
          .what = "a statement or its parameter holds a NUL byte",
          .where = label,
          .expected = "text without NUL bytes"};
}

base::Result<> Connection::Impl::send(const std::string& sql, const Parameters* parameters) {
  const auto is_bad = [](const std::optional<std::string>& value) {
    return value && has_nul(*value);
  };
  if (has_nul(sql) || (parameters != nullptr && std::ranges::any_of(*parameters, is_bad)))
    return nul_byte();
  is_cancel_asked = false;
  int is_sent = 0;
  if (parameters == nullptr) {
    is_sent = PQsendQuery(get(), sql.c_str());
  } else {
    std::vector<const char*> values;
    values.reserve(parameters->size());
    for (const auto& value : *parameters)
      values.push_back(value ? value->c_str() : nullptr);
    if (values.size() > INT_MAX)
      return base::Error{.code = base::Code::sql, .what = "too many parameters", .where = label};
    is_sent = PQsendQueryParams(get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                values.data(), nullptr, nullptr, 0);
  }
  if (is_sent != 1) return lost(PQerrorMessage(get()));
  return {};
}

/// The next result of the statements sent, null after the last.
base::Result<ResultPtr> Connection::Impl::next_result(std::optional<Steady::time_point> deadline) {
  while (PQisBusy(get()) == 1) {
    const bool has_output = PQflush(get()) == 1;
    if (wait_for_answer(PQsocket(get()), has_output, deadline) == Wait::late) {
      // Nothing more can be learnt from this connection, and a cancel request could hang as well.
      ::shutdown(PQsocket(get()), SHUT_RDWR);
      return base::Error{
          .code = base::Code::timeout,
          .what = "the server did not answer, long after statement_timeout",
          .where = label,
          .hint = "Check whether the server or its disk is stuck; the connection was closed."};
    }
    if (PQconsumeInput(get()) != 1) return lost(PQerrorMessage(get()));
  }
  return ResultPtr(PQgetResult(get()));
}

/// False: the statement reads nothing, or there is nothing for it. What goes wrong is in the next
/// result.
bool Connection::Impl::put_copy_data(ExecStatusType status) {
  if (status != PGRES_COPY_IN || !copy_data) return false;
  std::string_view rest = *std::exchange(copy_data, std::nullopt);
  int state = 0; // 0: the output's buffer is full.
  const auto wait = [&] {
    const int left = PQflush(get());
    if (left == 1) wait_for_answer(PQsocket(get()), true, std::nullopt);
    return left >= 0 && PQconsumeInput(get()) == 1;
  };
  while (!rest.empty()) {
    const std::string_view piece = rest.substr(0, kCopyPiece);
    state = PQputCopyData(get(), piece.data(), static_cast<int>(piece.size()));
    if (state < 0 || (state == 0 && !wait())) return true;
    if (state == 1) rest.remove_prefix(piece.size());
  }
  do
    state = PQputCopyEnd(get(), nullptr);
  while (state == 0 && wait());
  return true;
}

/// Ends a COPY that a statement began, and says whether it was one.
bool Connection::Impl::end_copy(ExecStatusType status) {
  if (status == PGRES_COPY_IN || status == PGRES_COPY_BOTH)
    PQputCopyEnd(get(), "not possible on this connection");
  if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
    char* row = nullptr;
    while (PQgetCopyData(get(), &row, 0) > 0)
      PQfreemem(std::exchange(row, nullptr));
  }
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/// Sends and reads all results: the first error, else the last result. parameters null: simple
/// query.
base::Result<ResultPtr> Connection::Impl::run(const std::string& sql,
                                              const Parameters* parameters) {
  PGKEEP_CHECK(send(sql, parameters));
  // A script may hold many statements, each with its own limit, or change the limit: the server's
  // limit alone holds there.
  std::optional<Steady::time_point> deadline;
  if (parameters != nullptr && options.statement_limit)
    deadline = Steady::now() + *options.statement_limit + kAnswerGrace;
  return last_result(deadline);
}

base::Result<ResultPtr> Connection::Impl::last_result(std::optional<Steady::time_point> deadline) {
  std::optional<base::Error> error;
  ResultPtr last;
  while (true) {
    PGKEEP_TRY(ResultPtr result, next_result(deadline));
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (put_copy_data(status)) continue;
    if (end_copy(status)) {
      if (!error)
        error = base::Error{.code = base::Code::unsupported,
                            .what = "COPY from or to the client is not possible here",
                            .where = label};
    } else if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
               status == PGRES_EMPTY_QUERY) {
      last = std::move(result);
    } else if (!error) {
      error = failure(result.get());
    }
    if (PQstatus(get()) == CONNECTION_BAD) break;
  }
  if (error) return *std::move(error);
  if (last == nullptr) return lost(PQerrorMessage(get()));
  return last;
}

base::Result<int> Connection::Impl::prepare(const std::string& sql) {
  if (has_nul(sql)) return nul_byte();
  std::optional<Steady::time_point> deadline;
  if (options.statement_limit) deadline = Steady::now() + *options.statement_limit + kAnswerGrace;
  is_cancel_asked = false;
  if (PQsendPrepare(get(), "", sql.c_str(), 0, nullptr) != 1) return lost(PQerrorMessage(get()));
  PGKEEP_CHECK(last_result(deadline));
  if (PQsendDescribePrepared(get(), "") != 1) return lost(PQerrorMessage(get()));
  PGKEEP_TRY(const ResultPtr described, last_result(deadline));
  return PQnparams(described.get());
}

base::Result<ResultPtr> Connection::Impl::run_guarded(const std::string& sql,
                                                      const Parameters* parameters) {
  if (!is_pooled || !is_idle()) return run(sql, parameters);
  const bool is_begin = begins_transaction(sql);
  if (!is_begin && !options.read_only) return run(sql, parameters);
  if (is_begin) {
    auto result = run(sql, parameters);
    if (result && PQtransactionStatus(get()) == PQTRANS_INTRANS)
      PGKEEP_CHECK(run(local_statements(settings), nullptr));
    return result;
  }
  PGKEEP_CHECK(run("BEGIN READ ONLY;" + local_statements(settings), nullptr));
  auto result = run(sql, parameters);
  const auto ended = run(result ? "COMMIT" : "ROLLBACK", nullptr);
  if (result && !ended) return ended.error();
  return result;
}

void Connection::Impl::pass_notice(void* impl, const PGresult* notice) {
  const auto& listener = static_cast<const Impl*>(impl)->options.on_notice;
  listener(text_or_empty(PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED)),
           text_or_empty(PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY)));
}

base::Result<> Connection::Impl::prepare_session() {
  settings = settings_for(options);
  PGKEEP_TRY(const ResultPtr result,
             run(session_statement(settings, PQbackendPID(get())), nullptr));
  is_pooled =
      PQntuples(result.get()) == 1 && std::string_view(PQgetvalue(result.get(), 0, 0)) == "t";
  return {};
}

base::Result<std::unique_ptr<Connection::Impl>>
Connection::Impl::open(Conninfo conninfo, const ConnectOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  Conninfo given = conninfo;
  impl->conninfo = std::move(conninfo);
  given.set("application_name", options.application_name);
  given.set("client_encoding", "UTF8");
  for (const auto& [keyword, value] : kTcpDefaults)
    given.set_default(keyword, std::string(value));
  PGKEEP_TRY(impl->connection, connect(given, options.connect_limit));
  impl->label = label_of(impl->get());
  const ServerVersion version{PQserverVersion(impl->get())};
  if (version.major() < kOldestMajor) {
    return base::Error{.code = base::Code::refused,
                       .what =
                           fmt::format("PostgreSQL {} is older than {}, the oldest pgkeep supports",
                                       to_text(version), kOldestMajor),
                       .where = impl->label,
                       .hint = "Upgrade the server to a supported major version."};
  }
  PQsetnonblocking(impl->get(), 1);
  if (options.on_notice) PQsetNoticeReceiver(impl->get(), pass_notice, impl.get());
  impl->cancel.reset(PQgetCancel(impl->get()));
  PGKEEP_CHECK(impl->prepare_session());
  return impl;
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

base::Result<Connection> Connection::open(const std::string& target,
                                          const ConnectOptions& options) {
  PGKEEP_TRY(Conninfo conninfo, parse_conninfo(target));
  PGKEEP_TRY(auto impl, Impl::open(std::move(conninfo), options));
  return Connection(std::move(impl));
}

base::Result<Connection> Connection::open_database(const std::string& database) const {
  Conninfo conninfo = impl_->conninfo;
  // This very server: not another host of the list, nor another address of its name.
  conninfo.set("host", host());
  conninfo.set("hostaddr", text_or_empty(PQhostaddr(impl_->get())));
  conninfo.set("port", text_or_empty(PQport(impl_->get())));
  conninfo.set("user", user());
  // .pgpass may name the password for the first database only.
  if (const std::string password = text_or_empty(PQpass(impl_->get())); !password.empty())
    conninfo.set("password", password);
  conninfo.set("dbname", database);
  PGKEEP_TRY(auto impl, Impl::open(std::move(conninfo), impl_->options));
  return Connection(std::move(impl));
}

base::Result<Rows> Connection::query(const std::string& sql, Parameters parameters) {
  PGKEEP_TRY(ResultPtr result, impl_->run_guarded(sql, &parameters));
  return Rows(std::make_unique<Rows::Impl>(std::move(result)));
}

base::Result<Rows> Connection::copy_in(const std::string& sql, std::string_view data) {
  constexpr Parameters none;
  impl_->copy_data = data;
  auto result = impl_->run_guarded(sql, &none);
  impl_->copy_data.reset();
  if (!result) return std::move(result).error();
  return Rows(std::make_unique<Rows::Impl>(*std::move(result)));
}

base::Result<> Connection::execute(const std::string& sql) {
  PGKEEP_CHECK(impl_->run_guarded(sql, nullptr));
  return {};
}

base::Result<int> Connection::prepare(const std::string& sql) {
  return impl_->prepare(sql);
}

base::Result<> Connection::cancel() {
  std::array<char, 256> message{};
  impl_->is_cancel_asked = true;
  if (impl_->cancel != nullptr &&
      PQcancel(impl_->cancel.get(), message.data(), static_cast<int>(message.size())) == 1)
    return {};
  return base::Error{.code = base::Code::unreachable,
                     .what = "the request to cancel did not get through: " +
                             clean_message(message.data(), {}),
                     .where = impl_->label};
}

ServerVersion Connection::version() const {
  return {PQserverVersion(impl_->get())};
}
const std::string& Connection::label() const {
  return impl_->label;
}
std::string Connection::host() const {
  return text_or_empty(PQhost(impl_->get()));
}
int Connection::port() const {
  const std::string text = text_or_empty(PQport(impl_->get()));
  int number = 5432;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}
std::string Connection::database() const {
  return text_or_empty(PQdb(impl_->get()));
}
std::string Connection::user() const {
  return text_or_empty(PQuser(impl_->get()));
}
bool Connection::is_local_socket() const {
  const std::string at = host();
  return at.starts_with('/') || at.starts_with('@');
}
int Connection::socket() const {
  return PQsocket(impl_->get());
}
int Connection::backend_pid() const {
  return PQbackendPID(impl_->get());
}
bool Connection::is_in_transaction() const {
  const PGTransactionStatusType status = PQtransactionStatus(impl_->get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}
bool Connection::is_pooled() const {
  return impl_->is_pooled;
}
int Connection::last_error_position() const {
  return impl_->error_position;
}
base::Result<> Connection::reset_session() {
  if (impl_->is_pooled) return {};
  PGKEEP_CHECK(impl_->run("DISCARD ALL", nullptr));
  return impl_->prepare_session();
}

} // namespace pgkeep::postgres
