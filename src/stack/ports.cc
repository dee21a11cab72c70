#include "stack/ports.h"

#include <fmt/format.h>

#include <string_view>

#include "base/process.h"
#include "postgres/cluster.h"
#include "stack/pooler.h"
#include "stack/supervisor.h"

namespace pgkeep::stack {
namespace {

constexpr int kFirstPort = 5432;
constexpr int kFirstDemoPort = 5532;
constexpr int kDirectPortAbove = 10'000;
/// Of the pooler above the server, in stacks of an older pgkeep.
constexpr int kOlderPoolPortAbove = 1000;
constexpr int kPortMax = 65'535;

base::Result<int> free_port_beside(int port, int above) {
  return postgres::free_port(port + above > kPortMax ? port - above : port + above);
}

base::Result<Ports> demo_ports(const std::optional<State>& known, const WantedPorts& wanted) {
  Ports ports{.server = known ? known->port : 0};
  if (ports.server != 0) return ports;
  PGKEEP_TRY(ports.server,
             postgres::free_port(wanted.application ? *wanted.application + 1 : kFirstDemoPort));
  return ports;
}

base::Result<Ports> older_ports(const State& known, const WantedPorts& wanted) {
  Ports ports{.server = wanted.application.value_or(known.port), .pooler = known.pool_port};
  if (ports.pooler != 0 && ports.pooler != ports.server) return ports;
  PGKEEP_TRY(ports.pooler, free_port_beside(ports.server, kOlderPoolPortAbove));
  return ports;
}

base::Result<> require_free(int port, std::string_view flag) {
  PGKEEP_TRY(const int free, postgres::free_port(port));
  if (free == port) return {};
  const std::string other = fmt::format(", or use another one: {} {}", flag, free);
  return base::Error{.code = base::Code::io,
                     .what = fmt::format("port {} is in use by another program", port),
                     .where = fmt::format("localhost:{}", port),
                     .hint = fmt::format("Stop it{}.", flag.empty() ? "" : other)};
}

base::Error runs_elsewhere(const Layout& layout, std::string_view who, int now, int wanted) {
  return {.code = base::Code::usage,
          .what = fmt::format("the {} runs on port {} and was asked for on {}", who, now, wanted),
          .where = layout.directory.string(),
          .hint = fmt::format("Stop it first: pgkeep down --dir '{}'; then the same call again.",
                              layout.directory.string())};
}

/// By what its supervisor wrote, or because it answers: a supervisor that was killed may not have
/// come to write.
base::Result<bool> pooler_runs(const Layout& layout, int port) {
  PGKEEP_TRY(const auto record, read_supervisor_record(layout.directory));
  if (record && record->pooler && base::is_running(*record->pooler)) return true;
  return pooler_answers(layout, port);
}

} // namespace

Ports ports_of(const State& state) {
  return {.server = state.port,
          .pooler = state.pool_port,
          .pooler_has_app_port = state.pooler_has_app_port};
}

base::Result<Ports> choose_ports(const std::optional<State>& known, const WantedPorts& wanted) {
  if (wanted.is_demo) return demo_ports(known, wanted);
  const Ports recorded = known ? ports_of(*known) : Ports{};
  const bool is_older = recorded.server != 0 && !recorded.pooler_has_app_port;
  if (is_older && !wanted.direct) return older_ports(*known, wanted);
  Ports ports{.server = is_older ? 0 : recorded.server,
              .pooler = wanted.application.value_or(is_older ? recorded.server : recorded.pooler),
              .pooler_has_app_port = true};
  if (ports.pooler == 0) {
    PGKEEP_TRY(ports.pooler, postgres::free_port(kFirstPort));
  }
  if (wanted.direct) {
    ports.server = *wanted.direct;
  } else if (ports.server == 0 || ports.server == ports.pooler) {
    PGKEEP_TRY(ports.server, free_port_beside(ports.pooler, kDirectPortAbove));
  }
  if (ports.server == ports.pooler) {
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("port {} is the application's", ports.pooler),
                       .where = "--direct-port",
                       .expected = "another port than that of --port"};
  }
  return ports;
}

base::Result<> require_ports(const Layout& layout, const std::optional<State>& known,
                             const Ports& ports) {
  PGKEEP_TRY(const auto server, postgres::running_postmaster(layout.data()));
  if (server && server->port != ports.server)
    return runs_elsewhere(layout, "server", server->port, ports.server);
  if (!server) {
    const std::string_view own_flag = ports.pooler_has_app_port ? "--direct-port" : "--port";
    PGKEEP_CHECK(require_free(ports.server, layout.is_demo ? "" : own_flag));
  }
  if (ports.pooler == 0) return {};
  PGKEEP_TRY(const bool runs, pooler_runs(layout, known ? known->pool_port : ports.pooler));
  if (!runs) return require_free(ports.pooler, ports.pooler_has_app_port ? "--port" : "");
  if (known && known->pool_port != ports.pooler)
    return runs_elsewhere(layout, "pooler", known->pool_port, ports.pooler);
  return {};
}

} // namespace pgkeep::stack
