"""The emulated tenant that is read, and what it holds in truth."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30

PRIMARY_KEYS = {
    "clients": ["client_id"],
    "users": ["user_id"],
    "organizations": ["id"],
    "organization_members": ["org_id", "user_id"],
    "organization_member_roles": ["org_id", "user_id", "id"],
}

# Of the users that the emulator's tenant "small" holds, so many carry no updated_at: no search by it finds them, so
# that every incremental read of ours brings them again.
UNTIMED_USERS = 4


@dataclass(frozen=True)
class Tenant:
    """Its control route and its Management API, over HTTP as any caller sees them."""

    url: str
    credentials: dict[str, str]

    def config(self) -> dict[str, Any]:
        """The configuration of Airbyte's own connector, for an application of machine to machine."""
        return {"base_url": f"{self.url}/", "credentials": self.credentials}

    def token_config(self) -> dict[str, Any]:
        """The same with an access token: the sign-in of Airbyte's own connector is refused by Auth0."""
        credentials = {"auth_type": "oauth2_access_token", "access_token": self.access_token()}
        return {
            "base_url": f"{self.url}/",
            "credentials": credentials,
            "start_date": "2020-01-01T00:00:00.000Z",
        }

    def access_token(self) -> str:
        wanted = {name: self.credentials[name] for name in ("client_id", "client_secret", "audience")}
        form = urllib.parse.urlencode({"grant_type": "client_credentials", **wanted}).encode()
        answer: dict[str, str] = load(urllib.request.Request(f"{self.url}/oauth/token", data=form))
        return answer["access_token"]

    def mutate(self, *changes: dict[str, Any]) -> list[dict[str, Any]]:
        """Carries changes out (see src/emulator/change.ts) and returns the entities as they then are."""
        request = urllib.request.Request(f"{self.url}/_emulator/mutate", data=json.dumps(changes).encode())
        request.add_header("content-type", "application/json")
        changed: list[dict[str, Any]] = load(request)
        return changed

    def truth(self) -> dict[str, dict[str, str]]:
        """Key and hash of the content of each record, by stream (see src/emulator/truth.ts)."""
        truth: dict[str, dict[str, str]] = load(f"{self.url}/_emulator/truth")
        return truth

    def users(self) -> dict[str, dict[str, Any]]:
        """All users by id, as pages of the Management API have them."""
        users: dict[str, dict[str, Any]] = {}
        token = self.access_token()
        for page in range(10):
            request = urllib.request.Request(f"{self.url}/api/v2/users?per_page=100&page={page}")
            request.add_header("authorization", f"Bearer {token}")
            rows: list[dict[str, Any]] = load(request)
            users.update({row["user_id"]: row for row in rows})
            if len(rows) < 100:
                return users
        raise AssertionError("the tenant has more users than the Management API gives by pages")

    def timed_users(self) -> list[dict[str, Any]]:
        """The users that a search by updated_at finds, least recently changed first."""
        timed = [user for user in self.users().values() if "updated_at" in user]
        return sorted(timed, key=lambda user: str(user["updated_at"]))

    def untimed_users(self) -> set[str]:
        untimed = {key for key, user in self.users().items() if "updated_at" not in user}
        assert len(untimed) == UNTIMED_USERS
        return untimed


def load(request: urllib.request.Request | str) -> Any:
    # Without the proxies of the environment: the tenant is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=SECONDS) as answer:
        return json.load(answer)


@contextmanager
def serve_tenant() -> Iterator[Tenant]:
    """Starts the emulator and ends it again. What it says at its start closes with a configuration in JSON."""
    command = [str(ROOT / "bin" / "rollcall"), "emulator", "--scenario", "small"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            config = json.loads(read_config(emulator))
            yield Tenant(url=config["base_url"], credentials=config["credentials"])
        finally:
            emulator.terminate()
            try:
                emulator.wait(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                emulator.kill()


def read_config(emulator: subprocess.Popen[str]) -> str:
    text = ""
    for line in emulator.stdout or ():
        if text or line.startswith("{"):
            text += line
        if line == "}\n":
            return text
    raise AssertionError(
        f"the emulator ended with {emulator.wait(timeout=SECONDS)} before it said how to reach it"
    )
