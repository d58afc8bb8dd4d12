"""State handed over between Airbyte's own Auth0 connector and ours, both ways, without a user lost."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.sources.streams.concurrent.cursor import CursorField
from airbyte_cdk.sources.streams.concurrent.state_converters.datetime_stream_state_converter import (
    CustomFormatConcurrentStreamStateConverter,
)

from connector import OURS, Message, incumbent, keys_of, read_users
from tenant import Tenant

# How long before the saved cursor our read begins, unless the configuration says otherwise.
LOOKBACK = timedelta(seconds=180)
# The format in which the connector's manifest has the CDK write times.
CDK_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass
class Handover:
    """Where the incumbent stopped, and what has changed since."""

    config: dict[str, Any]
    state: Message
    cursor: str
    changed: set[str]


@pytest.fixture(scope="module")
def handover(tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Handover:
    """
    The incumbent reads all users; then five change, one of them at the very time of its cursor, and one at a time
    shortly before that the search shows only now.
    """
    config = tenant.token_config()
    timed = tenant.timed_users()
    output = read_users(incumbent(), tmp_path_factory.mktemp("incumbent"), config, [])
    assert keys_of(output.records("users")) == keys_of(timed)
    state = output.last_state("users")
    cursor: str = state["stream"]["stream_state"]["updated_at"]
    assert cursor == timed[-1]["updated_at"]
    changed = [user["user_id"] for user in timed[10:15]]
    late = write_time(read_time(cursor) - timedelta(seconds=60))
    patches = [{"updated_at": cursor}, {"updated_at": late}, {}, {}, {}]
    tenant.mutate(
        *(
            {"type": "updateUser", "user_id": key, "patch": patch}
            for key, patch in zip(changed, patches, strict=True)
        )
    )
    return Handover(config, state, cursor, set(changed))


def read_time(text: str) -> datetime:
    return datetime.strptime(text, CDK_FORMAT).replace(tzinfo=timezone.utc)


def write_time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def as_incumbent_wrote_it(handover: Handover) -> Any:
    return [handover.state]


def in_six_digits(handover: Handover) -> Any:
    """As the connector's manifest has newer CDKs write it."""
    return users_state({"updated_at": read_time(handover.cursor).strftime(CDK_FORMAT)})


def in_slices(handover: Handover) -> Any:
    """As newer CDKs keep it while they read, written by one."""
    converter = CustomFormatConcurrentStreamStateConverter(CDK_FORMAT, is_sequential_state=False)
    field = CursorField("updated_at")
    begun = converter.parse_timestamp("2020-01-01T00:00:00.000Z")
    _, slices = converter.convert_from_sequential_state(field, {"updated_at": handover.cursor}, begun)
    return users_state(converter.convert_to_state_message(field, slices))


def by_partition(handover: Handover) -> Any:
    """As CDKs write it for a stream that is read by partitions."""
    partition = {"partition": {}, "cursor": {"updated_at": handover.cursor}}
    whole = {"state": {"updated_at": handover.cursor}, "lookback_window": 1, "use_global_cursor": False}
    return users_state({**whole, "states": [partition]})


def with_nulls(handover: Handover) -> Any:
    """As PyAirbyte writes it out of its cache."""
    (state,) = users_state({"updated_at": handover.cursor})
    state["stream"]["stream_descriptor"]["namespace"] = None
    return [{**state, "global": None, "data": None, "sourceStats": None, "destinationStats": None}]


def by_name_alone(handover: Handover) -> Any:
    """As platforms kept it before states had types, the time of the Python releases 0.1 to 0.3."""
    return {"users": {"updated_at": handover.cursor}}


def users_state(state: Any) -> list[dict[str, Any]]:
    return [{"type": "STREAM", "stream": {"stream_descriptor": {"name": "users"}, "stream_state": state}}]


@pytest.mark.parametrize(
    "form", [as_incumbent_wrote_it, in_six_digits, in_slices, by_partition, with_nulls, by_name_alone]
)
def test_ours_goes_on_from_the_incumbents_state(
    tenant: Tenant, handover: Handover, tmp_path: Path, form: Any
) -> None:
    read = read_users(OURS, tmp_path, handover.config, form(handover)).records("users")
    begin = write_time(read_time(handover.cursor) - LOOKBACK)
    due = [user for user in tenant.timed_users() if user["updated_at"] >= begin]
    assert handover.changed <= {user["user_id"] for user in read}
    assert keys_of(read) == sorted([*(user["user_id"] for user in due), *tenant.untimed_users()])


def test_ours_reads_everything_from_a_mark_without_a_cursor(tenant: Tenant, tmp_path: Path) -> None:
    mark = users_state({"__ab_no_cursor_state_message": True})
    read = read_users(OURS, tmp_path, tenant.token_config(), mark).records("users")
    assert keys_of(read) == sorted(tenant.users())


def test_the_incumbent_goes_on_from_ours(tenant: Tenant, tmp_path: Path) -> None:
    config = tenant.token_config()
    state = read_users(OURS, tmp_path, config, []).last_state("users")
    kept = state["stream"]["stream_state"]
    assert set(kept) == {"updated_at", "rollcall"}
    wait_until_after(kept["updated_at"])
    changed = [user["user_id"] for user in tenant.timed_users()[200:205]]
    tenant.mutate(*({"type": "updateUser", "user_id": key} for key in changed))
    output = read_users(incumbent(), tmp_path, config, [state])
    assert keys_of(output.records("users")) == sorted(changed)
    newest = max(user["updated_at"] for user in output.records("users"))
    assert output.last_state("users")["stream"]["stream_state"]["updated_at"] == newest


def wait_until_after(cursor: str) -> None:
    """
    Our cursor is the end of the second in which the read began: Auth0's clock is known in whole seconds. What changes
    in the rest of it is what our look-back brings; the incumbent has none.
    """
    left = (read_time(cursor) - datetime.now(timezone.utc)).total_seconds()
    assert left < 1
    time.sleep(max(0.0, left) + 0.002)
