"""pgkeep pool: which test is about which key, option or command, so that none has no test: of each, one where something else happens because of it.

Whether that test is a good one is for its readers to say; that it is there, and uses the key elsewhere than in its docstring, is looked at here.
"""
import ast
import importlib
import inspect
import re
import textwrap
import types

from pooler import Console, Pooler
from support import TOP, folder

# What the pooler takes and does nothing with: there is nothing for it to do here. docs/pool.md says why.
WITHOUT_EFFECT = {"pkt_buf", "sbuf_loopcnt", "service_name", "job_name"}

# Of section [pgbouncer].
SETTINGS = {
    "auth": {
        "test_a_server_is_asked_for_secrets": "auth_query auth_user",
        "test_where_the_question_is_asked": "auth_dbname",
        "test_ldap": "auth_ldap_options"},
    "beyond": {
        "test_healing_can_be_switched_off": "heal_cached_plans",
        "test_what_is_never_tried_again": "retry_serialization_failures"},
    "console": {
        "test_who_may_do_what": "admin_users stats_users",
        "test_suspend": "suspend_timeout"},
    "entries": {
        "test_modes": "pool_mode"},
    "faults": {
        "test_a_cancel_request_that_nobody_takes": "cancel_wait_timeout",
        "test_waiting_and_its_end": "query_wait_timeout",
        "test_what_takes_too_long": "query_timeout idle_transaction_timeout client_idle_timeout transaction_timeout",
        "test_slow_clients_are_cut_off_by_a_timeout": "client_login_timeout",
        "test_servers_come_and_go_by_their_time": "server_idle_timeout"},
    "hosts": {
        "test_a_name_gets_another_address": "dns_max_ttl resolv_conf",
        "test_a_name_that_comes_late": "dns_nxdomain_ttl",
        "test_a_zone_gets_another_serial": "dns_zone_check_period"},
    "keys": {
        "test_no_simple_queries": "disable_pqexec",
        "test_what_clients_are_told_beside_their_answers": "login_notify_message query_wait_notify",
        "test_the_address_in_application_name": "application_name_add_host",
        "test_options_of_sockets":
            "tcp_keepalive tcp_keepcnt tcp_keepidle tcp_keepintvl tcp_user_timeout tcp_socket_buffer tcp_defer_accept listen_backlog",
        "test_two_poolers_at_one_port": "so_reuseport listen_port",
        "test_where_it_listens": "listen_addr",
        "test_a_socket_without_a_file": "unix_socket_dir",
        "test_the_socket_in_a_folder": "unix_socket_mode",
        "test_which_idle_server_is_taken": "server_round_robin",
        "test_sizes_of_buffers_change_nothing_that_is_seen": "pkt_buf sbuf_loopcnt max_packet_size",
        "test_what_the_log_says": "log_connections log_disconnections log_pooler_errors job_name service_name",
        "test_more_in_the_log": "verbose",
        "test_another_file": "conffile",
        "test_the_log_in_a_file_and_the_file_of_the_process": "logfile pidfile",
        "test_startup_parameters": "ignore_startup_parameters track_extra_parameters",
        "test_queries_between_clients": "server_reset_query server_reset_query_always server_check_query server_check_delay",
        "test_a_server_that_does_not_answer": "server_connect_timeout",
        "test_a_server_that_lets_nobody_in": "server_login_retry",
        "test_a_server_that_is_old": "server_lifetime",
        "test_iterations_of_scram": "scram_iterations",
        "test_a_pool_that_is_forgotten": "pool_idle_timeout",
        "test_sessions_leave_a_server_that_is_outdated": "server_fast_close"},
    "listening": {
        "test_listeners_share_one_connection": "share_listen",
        "test_a_listener_that_does_not_read_costs_no_more_than_its_queue": "listen_queue_size"},
    "pins": {
        "test_pinned_while_it_holds_something": "pin_sessions"},
    "sessions": {
        "test_settings_follow_their_client": "keep_session_settings"},
    "limits": {
        "test_an_idle_server_of_the_same_database_or_user_gives_way": "max_db_connections max_user_connections",
        "test_too_many_clients_of_a_database_or_a_user": "max_db_client_connections max_user_client_connections",
        "test_reserve_pool": "reserve_pool_size reserve_pool_timeout",
        "test_min_pool_size": "min_pool_size",
        "test_pools_that_nobody_uses_are_forgotten": "autodb_idle_timeout",
        "test_all_servers_are_shared_fairly": "max_server_connections"},
    "login": {
        "test_passwords_of_every_kind": "auth_type",
        "test_refusals_in_the_same_words": "max_client_conn"},
    "prepared": {
        "test_programs": "max_prepared_statements",
        "test_statements_of_a_client_have_a_limit": "client_statements_size"},
    "process": {
        "test_account": "user",
        "test_unix_socket_group_and_mode": "unix_socket_group",
        "test_syslog": "syslog syslog_facility syslog_ident",
        "test_peers_pass_cancel_requests_on": "peer_id"},
    "reload": {
        "test_sizes_modes_and_limits": "default_pool_size",
        "test_users_of_auth_file": "auth_file"},
    "stats": {
        "test_averages_and_the_log": "log_stats stats_period",
        "test_metrics": "metrics_listen"},
    "tls": {
        "test_clients_in_every_mode": "client_tls_sslmode client_tls_ca_file client_tls_cert_file client_tls_key_file",
        "test_servers_in_every_mode": "server_tls_sslmode server_tls_ca_file",
        "test_certificates_open_servers_and_poolers": "server_tls_cert_file server_tls_key_file",
        "test_hba_knows_tls_maps_and_accounts": "auth_hba_file auth_ident_file"},
    "tls_keys": {f"test_{key}": key for key in (
        "client_tls_protocols", "client_tls_ciphers", "client_tls13_ciphers", "client_tls_ecdhcurve", "client_tls_dheparams",
        "server_tls_protocols", "server_tls_ciphers", "server_tls13_ciphers")},
}

DATABASES = {
    "auth": {
        "test_a_server_is_asked_for_secrets": "auth_user",
        "test_where_the_question_is_asked": "auth_dbname auth_query"},
    "entries": {
        "test_what_a_database_asks_of_its_servers": "client_encoding datestyle timezone application_name",
        "test_a_query_for_each_new_server": "connect_query",
        "test_modes": "pool_mode",
        "test_how_long_servers_of_a_database_live": "server_lifetime",
        "test_how_long_clients_of_a_database_wait": "query_wait_timeout"},
    "hosts": {
        "test_hosts_take_turns_or_not": "host load_balance_hosts",
        "test_what_a_server_must_be": "target_session_attrs"},
    "keys": {
        "test_a_socket_without_a_file": "port"},
    "limits": {
        "test_an_idle_server_of_the_same_database_or_user_gives_way": "max_db_connections",
        "test_too_many_clients_of_a_database_or_a_user": "max_db_client_connections",
        "test_reserve_pool": "pool_size reserve_pool_size reserve_pool",
        "test_min_pool_size": "min_pool_size"},
    "login": {
        "test_passwords_of_every_kind": "user password"},
    "reload": {
        "test_another_connection_string": "dbname"},
}

USERS = {
    "entries": {
        "test_modes": "pool_mode",
        "test_timeouts_of_a_user": "query_timeout query_wait_timeout idle_transaction_timeout transaction_timeout client_idle_timeout"},
    "limits": {
        "test_an_idle_server_of_the_same_database_or_user_gives_way": "max_user_connections",
        "test_too_many_clients_of_a_database_or_a_user": "max_user_client_connections",
        "test_reserve_pool": "pool_size reserve_pool_size"},
}

PEERS = {"process": {"test_a_peer_has_a_pool_for_cancel_requests": "host port pool_size"}}

COMMANDS = {
    "console": {
        "test_pause_and_resume": "PAUSE RESUME",
        "test_disable_and_enable": "DISABLE ENABLE",
        "test_reconnect_and_wait_close": "RECONNECT WAIT_CLOSE",
        "test_kill": "KILL",
        "test_kill_client": "KILL_CLIENT",
        "test_set": "SET",
        "test_reload": "RELOAD",
        "test_suspend": "SUSPEND",
        "test_shutdown": "SHUTDOWN"},
    "stats": {
        "test_what_else_is_shown": "SHOW SELECT"},
}

SHOWN = {
    "pins": {
        "test_pins_are_counted_and_shown": "EXTRAS"},
    "shown": {
        "test_columns_of_what_is_shown": "HELP",
        "test_a_script_written_for_pgbouncer": "CLIENTS CONFIG DATABASES LISTS POOLS SERVERS USERS VERSION"},
    "hosts": {
        "test_a_name_gets_another_address": "DNS_HOSTS",
        "test_a_zone_gets_another_serial": "DNS_ZONES"},
    "process": {
        "test_a_peer_has_a_pool_for_cancel_requests": "PEERS PEER_POOLS"},
    "stats": {
        "test_totals": "STATS STATS_TOTALS STATS_AVERAGES TOTALS",
        "test_connections_as_they_are_shown": "SOCKETS ACTIVE_SOCKETS FDS",
        "test_what_else_is_shown": "MEM STATE"},
}


def said_in(function, seen):
    """The text of a function without comments and docstrings, and of what it uses of its module: functions, classes and constants."""
    function = inspect.unwrap(function)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    text = [ast.unparse(tree)]
    names = vars(importlib.import_module(function.__module__))
    for name in sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - seen):
        seen.add(name)
        value = names.get(name)
        if isinstance(value, (str, tuple, list, dict, set)):
            text.append(repr(value))
        elif isinstance(value, (types.FunctionType, type)) and value.__module__ in (function.__module__, "pool_setup") and not name.startswith("test_"):
            text.append(said_in(value, seen))
    return "\n".join(text)


def problems_of(table, wanted, what):
    """table: module, test and its keys; wanted: all keys that there are."""
    found, listed = [], set()
    for stem, tests in table.items():
        module = importlib.import_module(f"test_pool_{stem}")
        for name, keys in tests.items():
            test = getattr(module, name, None)
            if not callable(test) or test.__module__ != module.__name__:
                found.append(f"{what}: there is no {module.__name__}.{name}")
                continue
            text = said_in(test, {name})
            found += [f"{what}: {module.__name__}.{name} does not use {key}" for key in keys.split() if not re.search(rf"\b{key}\b", text)]
            listed |= set(keys.split())
    found += [f"{what}: no test is about {key}" for key in sorted(wanted - listed)]
    return found + [f"{what}: there is no {key}" for key in sorted(listed - wanted)]


def names_in(path, begin, least):
    """The first string of each row of a table of our source."""
    text = (TOP / path).read_text()
    table = text[text.index(begin):]
    names = re.findall(r'\{(?:\.name = )?"([a-z0-9_]+)"', table[:table.index("};\n")])
    assert len(names) >= least, (path, begin, names)
    return set(names)


def test_every_key_is_in_a_test():
    with folder() as home, Pooler("ours", home, {"app": ""}, {"admin_users": "postgres"}, '"postgres" ""\n') as pooler, Console(pooler) as console:
        settings = {row["key"] for row in console.rows("SHOW CONFIG")} | {"service_name"}  # That one is shown on Windows only.
    definitions = "src/pool/definitions.cc"
    databases = names_in(definitions, "kDatabaseOptions[] = {", 20) | set(re.findall(
        r'"([a-z_]+)"', re.search(r"kStartupOptions\[\] = \{(.*?)\}", (TOP / definitions).read_text(), re.DOTALL).group(1)))
    commands = {name.upper() for name in names_in("src/pool/commands.cc", "Control::kCommands[] = {", 10)} | {"SET"}
    shown = {name.upper() for name in names_in("src/pool/console_show.cc", "kShown[] = {", 20)}
    problems = problems_of(SETTINGS, settings, "[pgbouncer]") + problems_of(DATABASES, databases, "[databases]")
    problems += problems_of(USERS, names_in(definitions, "kUserOptions[] = {", 10), "[users]")
    problems += problems_of(PEERS, names_in(definitions, "kPeerRows[] = {", 3), "[peers]")
    problems += problems_of(COMMANDS, commands, "console") + problems_of(SHOWN, shown, "SHOW")
    assert len(settings) > 100 and not problems, "\n".join(problems)


def test_keys_without_effect_are_named():
    line = next(line for line in (TOP / "docs/pool.md").read_text().splitlines() if line.startswith("* Taken, and nothing depends on them"))
    assert {name for name in WITHOUT_EFFECT if f"`{name}`" in line} == WITHOUT_EFFECT, line
