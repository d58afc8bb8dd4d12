"""The models of Airbyte's Python CDK over the lines that the source writes, as the CDK's own test tools apply them."""

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteStateMessageSerializer,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    Status,
    SyncMode,
)
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput
from jsonschema import Draft7Validator

from connector import OURS, Output, run
from tenant import PRIMARY_KEYS, Tenant

# Fields that a record has beyond what the API returns.
ADDED = {"organization_members": ["org_id"], "organization_member_roles": ["org_id", "user_id"]}

# What identity providers and rules add to the roots of some users; no documentation of Auth0's can list it.
UNDECLARED = {"users": {"groups", "https://example.com/claims/tier", "locale", "upn"}}


def parse(output: Output, folder: Path) -> EntrypointOutput:
    """A line that the models refuse becomes a LOG here; so each must keep the type that it has on the wire."""
    file = folder / "messages.jsonl"
    file.write_text("".join(f"{line}\n" for line in output.lines))
    parsed = EntrypointOutput(message_file=file)
    taken = [message.type.value for message in parsed.get_message_iterator()]
    assert taken == [json.loads(line)["type"] for line in output.lines]
    return parsed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cdk")


@pytest.fixture(scope="module")
def catalog(tenant: Tenant, folder: Path) -> AirbyteCatalog:
    found: AirbyteCatalog = parse(
        run(OURS, "discover", folder, config=tenant.config()), folder
    ).catalog.catalog
    return found


def configure(catalog: AirbyteCatalog) -> Any:
    """The catalog as the CDK's models write it: a null for everything that is not set."""
    configured = ConfiguredAirbyteCatalog(
        streams=[
            ConfiguredAirbyteStream(
                stream=stream,
                sync_mode=stream.supported_sync_modes[-1],
                destination_sync_mode=DestinationSyncMode.append_dedup,
            )
            for stream in catalog.streams
        ]
    )
    return json.loads(orjson.dumps(ConfiguredAirbyteCatalogSerializer.dump(configured)))


@pytest.fixture(scope="module")
def output(tenant: Tenant, catalog: AirbyteCatalog, folder: Path) -> EntrypointOutput:
    written = run(OURS, "read", folder, config=tenant.config(), catalog=configure(catalog), state=[])
    return parse(written, folder)


def records_of(output: EntrypointOutput, stream: str) -> list[dict[str, Any]]:
    return [message.record.data for message in output.records if message.record.stream == stream]


def test_spec_and_check_answer_once(tenant: Tenant, folder: Path) -> None:
    (spec,) = parse(run(OURS, "spec", folder), folder).spec_messages
    Draft7Validator.check_schema(spec.spec.connectionSpecification)
    Draft7Validator(spec.spec.connectionSpecification).validate(tenant.config())
    (status,) = parse(run(OURS, "check", folder, config=tenant.config()), folder).connection_status_messages
    assert status.connectionStatus.status == Status.SUCCEEDED


def test_the_catalog_has_the_five_streams_with_their_keys(catalog: AirbyteCatalog) -> None:
    keys = {stream.name: stream.source_defined_primary_key for stream in catalog.streams}
    assert keys == {name: [[part] for part in key] for name, key in PRIMARY_KEYS.items()}
    modes = {stream.name: stream.supported_sync_modes for stream in catalog.streams}
    assert modes.pop("users") == [SyncMode.full_refresh, SyncMode.incremental]
    assert list(modes.values()) == [[SyncMode.full_refresh]] * 4


def test_no_error_and_no_warning_is_told(output: EntrypointOutput) -> None:
    assert output.errors == []
    assert [log.log for log in output.logs if log.log.level.value not in ("INFO", "DEBUG")] == []


@pytest.mark.parametrize("stream", PRIMARY_KEYS)
def test_records_hold_what_the_tenant_holds(tenant: Tenant, output: EntrypointOutput, stream: str) -> None:
    read = [(key_of(stream, data), content_hash(stream, data)) for data in records_of(output, stream)]
    assert dict(read) == tenant.truth()[stream]
    assert len(read) == len(dict(read)) > 0


def key_of(stream: str, data: dict[str, Any]) -> str:
    return ",".join(data[part] for part in PRIMARY_KEYS[stream])


def content_hash(stream: str, data: dict[str, Any]) -> str:
    """The hash that the emulator's truth has (see src/emulator/truth.ts): of JSON with sorted keys and no blanks."""
    content = {name: value for name, value in data.items() if name not in ADDED.get(stream, [])}
    return hashlib.sha256(write_canonically(content).encode()).hexdigest()


def write_canonically(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{quote(name)}:{write_canonically(value[name])}" for name in sorted(value)) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(write_canonically, value)) + "]"
    # JavaScript writes the exponent of a number without leading zeros.
    return re.sub(r"e([+-])0+", r"e\1", repr(value)) if isinstance(value, float) else quote(value)


def quote(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("stream", PRIMARY_KEYS)
def test_records_are_as_their_schema_says(
    output: EntrypointOutput, catalog: AirbyteCatalog, stream: str
) -> None:
    (schema,) = [each.json_schema for each in catalog.streams if each.name == stream]
    validator = Draft7Validator(schema)
    wrong = [error.message for data in records_of(output, stream) for error in validator.iter_errors(data)]
    assert wrong == []
    undeclared = {name for data in records_of(output, stream) for name in data} - set(schema["properties"])
    assert undeclared == UNDECLARED.get(stream, set())


@pytest.mark.parametrize("stream", PRIMARY_KEYS)
def test_statuses_come_in_their_order(output: EntrypointOutput, stream: str) -> None:
    expected = [AirbyteStreamStatus.STARTED, AirbyteStreamStatus.RUNNING, AirbyteStreamStatus.COMPLETE]
    assert output.get_stream_statuses(stream) == expected


@pytest.mark.parametrize("stream", PRIMARY_KEYS)
def test_a_last_state_covers_all_records_and_completion_follows_it(
    output: EntrypointOutput, stream: str
) -> None:
    steps = [step for step in map(step_of, output.get_message_iterator()) if step and step[0] == stream]
    kinds = [kind for _, kind in steps]
    assert kinds[-2:] == ["STATE", "COMPLETE"]
    assert kinds[:2] == ["STARTED", "RUNNING"]
    assert Counter(kinds)["COMPLETE"] == 1


def step_of(message: Any) -> tuple[str, str] | None:
    """Which stream a message is of, and what it is: RECORD, STATE, or a status."""
    if message.record:
        return message.record.stream, "RECORD"
    if message.state:
        return message.state.stream.stream_descriptor.name, "STATE"
    if message.trace and message.trace.stream_status:
        return message.trace.stream_status.stream_descriptor.name, message.trace.stream_status.status.value
    return None


@pytest.mark.parametrize("stream", PRIMARY_KEYS)
def test_states_count_the_records_since_the_one_before(output: EntrypointOutput, stream: str) -> None:
    since = 0
    for message in output.records_and_state_messages:
        if message.record and message.record.stream == stream:
            since += 1
        if message.state and message.state.stream.stream_descriptor.name == stream:
            assert message.state.sourceStats.recordCount == since
            since = 0
    assert since == 0


def test_a_state_that_the_models_have_written_is_carried_on(
    tenant: Tenant, catalog: AirbyteCatalog, output: EntrypointOutput, folder: Path
) -> None:
    state = [AirbyteStateMessageSerializer.dump(message.state) for message in output.state_messages]
    given = json.loads(orjson.dumps(state))
    users = AirbyteCatalog(streams=[stream for stream in catalog.streams if stream.name == "users"])
    written = run(OURS, "read", folder, config=tenant.config(), catalog=configure(users), state=given)
    read = {data["user_id"] for data in records_of(parse(written, folder), "users")}
    assert read == tenant.untimed_users()
