"""Sources as executables: what they are given in files, and the lines that they write."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenant import ROOT

SECONDS = 90
Message = dict[str, Any]

OURS = [str(ROOT / "bin" / "source-auth0")]


def incumbent() -> list[str]:
    """Airbyte's own connector, in the environment made for it."""
    return [os.environ["ROLLCALL_INCUMBENT_PYTHON"], str(Path(__file__).parent / "incumbent.py")]


@dataclass(frozen=True)
class Output:
    """What a source wrote in a run that ended with exit code 0."""

    lines: list[str]

    def messages(self, kind: str) -> list[Message]:
        parsed = [json.loads(line) for line in self.lines]
        return [message[BODIES[kind]] for message in parsed if message["type"] == kind]

    def records(self, stream: str) -> list[Message]:
        return [record["data"] for record in self.messages("RECORD") if record["stream"] == stream]

    def last_state(self, stream: str) -> Message:
        """The newest state message of the stream, as a caller would save it."""
        states = [state for state in self.messages("STATE") if name_of(state) == stream]
        assert states, f"no state of {stream}"
        return states[-1]


BODIES = {"RECORD": "record", "STATE": "state", "CONNECTION_STATUS": "connectionStatus", "CATALOG": "catalog"}


def name_of(state: Message) -> str:
    name: str = state["stream"]["stream_descriptor"]["name"]
    return name


def run(command: list[str], verb: str, folder: Path, **files: Any) -> Output:
    """Runs a verb with the files that it is to be given (`config`, `catalog`, `state`) as JSON."""
    arguments = [verb]
    for name, content in files.items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps(content))
        arguments += [f"--{name}", str(file)]
    ended = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ended.returncode == 0, (
        f"{verb} ended with {ended.returncode}:\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
    )
    return Output(ended.stdout.splitlines())


def users_catalog() -> dict[str, Any]:
    """Users alone, to be read incrementally."""
    stream = {"name": "users", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]}
    modes = {"sync_mode": "incremental", "destination_sync_mode": "append_dedup"}
    return {
        "streams": [{"stream": stream, **modes, "cursor_field": ["updated_at"], "primary_key": [["user_id"]]}]
    }


def read_users(command: list[str], folder: Path, config: dict[str, Any], state: Any) -> Output:
    return run(command, "read", folder, config=config, catalog=users_catalog(), state=state)


def keys_of(users: list[Message]) -> list[str]:
    return sorted(user["user_id"] for user in users)
