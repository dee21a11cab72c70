/// What the settings want of a TCP socket, the clients' and the servers' alike.
///
/// Private to src/pool. Threads: any. Source: tcp(7), socket(7); PgBouncer's manual, config
/// (Low-level network settings).
#pragma once

#include "pool/settings.h"

namespace pgkeep::pool {

/// What a system does not know is left out, as the rest works without. A listening socket's are
/// inherited by each connection that it accepts.
void set_tcp_options(int fd, const Settings& settings);

} // namespace pgkeep::pool
