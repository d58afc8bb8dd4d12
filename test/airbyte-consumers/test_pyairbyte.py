"""PyAirbyte as a user has it: check, discover, and two reads into a DuckDB file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import airbyte as ab
import duckdb
import pytest

from connector import OURS
from tenant import PRIMARY_KEYS, Tenant

# Of every kind of column that the schemas declare, those that a reader of the tables would look at first.
COLUMN_TYPES = {
    ("clients", "client_id"): "VARCHAR",
    ("clients", "is_first_party"): "BOOLEAN",
    ("clients", "par_request_expiry"): "BIGINT",
    ("clients", "jwt_configuration"): "JSON",
    ("clients", "grant_types"): "JSON",
    ("users", "user_id"): "VARCHAR",
    ("users", "created_at"): "TIMESTAMP",
    ("users", "updated_at"): "TIMESTAMP",
    ("users", "last_login"): "TIMESTAMP",
    ("users", "last_password_reset"): "TIMESTAMP",
    ("users", "multifactor_last_modified"): "TIMESTAMP",
    ("users", "email_verified"): "BOOLEAN",
    ("users", "blocked"): "BOOLEAN",
    ("users", "logins_count"): "BIGINT",
    ("users", "identities"): "JSON",
    ("users", "app_metadata"): "JSON",
    ("users", "user_metadata"): "JSON",
    ("organizations", "id"): "VARCHAR",
    ("organizations", "branding"): "JSON",
    ("organizations", "metadata"): "JSON",
    ("organization_members", "org_id"): "VARCHAR",
    ("organization_members", "user_id"): "VARCHAR",
    ("organization_members", "email"): "VARCHAR",
    ("organization_member_roles", "org_id"): "VARCHAR",
    ("organization_member_roles", "user_id"): "VARCHAR",
    ("organization_member_roles", "id"): "VARCHAR",
    ("organization_member_roles", "description"): "VARCHAR",
}


@dataclass
class Reading:
    """What a read added to the tables, and how they and the tenant stood after it."""

    counts: dict[str, int]
    keys: dict[str, set[str]]
    truth: dict[str, dict[str, str]]
    fresh: dict[str, set[str]]
    users: dict[str, dict[str, Any]]


class Copy:
    """A DuckDB file that PyAirbyte fills; it is looked into without PyAirbyte."""

    def __init__(self, tenant: Tenant, folder: Path) -> None:
        self.tenant = tenant
        self.source = ab.get_source("source-auth0", config=tenant.config(), local_executable=OURS[0])
        self.source.select_all_streams()
        self.cache = ab.new_local_cache("copy", cache_dir=folder)

    def read(self) -> Reading:
        since = datetime.now(timezone.utc).replace(tzinfo=None)
        self.source.read(cache=self.cache)
        self.cache.close()
        return Reading(
            counts={stream: self.rows(f"select count(*) from {stream}")[0][0] for stream in PRIMARY_KEYS},
            keys={stream: self.keys(stream) for stream in PRIMARY_KEYS},
            truth=self.tenant.truth(),
            fresh={stream: self.keys(stream, since) for stream in PRIMARY_KEYS},
            users=self.tenant.users(),
        )

    def keys(self, stream: str, since: datetime = datetime.min) -> set[str]:
        """Distinct keys of the rows that were extracted since then."""
        key = f"concat_ws(',', {', '.join(PRIMARY_KEYS[stream])})"
        query = f"select distinct {key} from {stream} where _airbyte_extracted_at >= ?"
        return {key for (key,) in self.rows(query, since)}

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.cache.db_path), read_only=True) as connection:
            return connection.execute(query, values).fetchall()


@pytest.fixture(scope="module")
def copy(tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    yield Copy(tenant, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def first(copy: Copy) -> Reading:
    return copy.read()


@dataclass
class Changes:
    users: set[str]
    others: dict[str, set[str]]


@pytest.fixture(scope="module")
def changes(tenant: Tenant, first: Reading) -> Changes:
    """Some of everything changes, after the first read."""
    changed = [user["user_id"] for user in tenant.timed_users()[100:107]]
    created = tenant.mutate({"type": "createUser"}, {"type": "createUser"})
    tenant.mutate(
        *({"type": "updateUser", "user_id": key, "patch": {"nickname": "changed"}} for key in changed)
    )
    client, organization = tenant.mutate({"type": "createClient"}, {"type": "createOrganization"})
    role = next(iter(tenant.truth()["organization_member_roles"])).split(",")[2]
    org_id = organization["id"]
    tenant.mutate({"type": "addMember", "org_id": org_id, "user_id": changed[0], "roles": [role]})
    others = {
        "clients": {client["client_id"]},
        "organizations": {org_id},
        "organization_members": {f"{org_id},{changed[0]}"},
        "organization_member_roles": {f"{org_id},{changed[0]},{role}"},
    }
    return Changes({*changed, *(user["user_id"] for user in created)}, others)


@pytest.fixture(scope="module")
def second(copy: Copy, changes: Changes) -> Reading:
    return copy.read()


def test_the_tenant_is_checked(copy: Copy) -> None:
    copy.source.check()


def test_the_five_streams_are_discovered(copy: Copy) -> None:
    assert sorted(copy.source.get_available_streams()) == sorted(PRIMARY_KEYS)


def test_columns_have_the_types_of_what_they_hold(copy: Copy, first: Reading) -> None:
    described = copy.rows("select table_name, column_name, data_type from information_schema.columns")
    types = {(table, column): kind for table, column, kind in described}
    assert {column: types.get(column) for column in COLUMN_TYPES} == COLUMN_TYPES


@pytest.mark.parametrize("stream", PRIMARY_KEYS)
def test_a_first_read_brings_every_record_once(first: Reading, stream: str) -> None:
    truth = first.truth[stream]
    assert first.keys[stream] == set(truth)
    assert first.counts[stream] == len(truth) > 0


def test_values_arrive_as_the_tenant_holds_them(copy: Copy, first: Reading) -> None:
    rows = copy.rows("select user_id, created_at, updated_at, email_verified, logins_count, email from users")
    held = {
        user["user_id"]: (
            instant(user.get("created_at")),
            instant(user.get("updated_at")),
            user.get("email_verified"),
            user.get("logins_count"),
            user.get("email"),
        )
        for user in first.users.values()
    }
    assert {key: tuple(values) for key, *values in rows} == held


def instant(text: str | None) -> datetime | None:
    """DuckDB's TIMESTAMP is one of UTC without saying so."""
    return None if text is None else datetime.fromisoformat(text.removesuffix("Z"))


def test_a_second_read_brings_exactly_the_users_that_changed(
    tenant: Tenant, changes: Changes, second: Reading
) -> None:
    assert second.fresh["users"] - tenant.untimed_users() == changes.users


@pytest.mark.parametrize("stream", [stream for stream in PRIMARY_KEYS if stream != "users"])
def test_a_second_read_reads_lists_again(changes: Changes, second: Reading, stream: str) -> None:
    assert changes.others[stream] <= second.fresh[stream]
    assert second.fresh[stream] == set(second.truth[stream])


@pytest.mark.parametrize("stream", PRIMARY_KEYS)
def test_after_a_second_read_every_record_is_there_once(second: Reading, stream: str) -> None:
    truth = second.truth[stream]
    assert second.keys[stream] == set(truth)
    assert second.counts[stream] == len(truth)


def test_a_changed_user_has_its_new_values(copy: Copy, changes: Changes, second: Reading) -> None:
    rows = copy.rows("select user_id, nickname from users where nickname = 'changed'")
    expected = {key for key, user in second.users.items() if user.get("nickname") == "changed"}
    assert {key for key, _ in rows} == expected <= changes.users
    assert len(expected) == 7
