"""pgkeep pool: startup parameters that follow their client (those that PgBouncer tracks always, and track_extra_parameters), where their values are of
an unusual form.
"""
from pooler import Client, each_kind, errors_in
from support import wait_for


def test_the_log_says_why_a_value_was_refused():
    for _, pooler in each_kind():
        for name, value in (("DateStyle", "foo"), ("TimeZone", "Nowhere/Land"), ("client_encoding", "nope")):
            with Client(pooler, "app", parameters={name: value}) as client:
                assert errors_in(client.query("SELECT 1")) == ["invalid server parameter"], (pooler.kind, name)
            text = f'ERROR varcache_apply failed: ERROR: invalid value for parameter "{name}": "{value}"\n'
            wait_for(lambda: text in pooler.log(), f"{pooler.kind} says so: {text}")
