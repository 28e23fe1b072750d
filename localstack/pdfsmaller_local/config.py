"""Where a local stack lives and which ports it takes. All of it can be set, so that several stacks run side by side."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pdfsmaller_local.problems import Problem
from pdfsmaller_local.template import parameters_by_variable

ROOT = Path(__file__).resolve().parents[2]

TEMPLATE = ROOT / "template.yaml"


@dataclass(frozen=True)
class Config:
    """One local stack.

    Attributes:
        state: the folder for everything that the stack keeps: data, logs, process ids, the secret key.
        emulator: which emulator runs it (``emulators.choose``).
        emulator_port: where the emulator answers.
        host: the address that the web server binds.
        port: where the web server answers.
        region: the AWS region that the emulator plays.
        stack_name: the CloudFormation stack's name.
        parameters: template parameters that differ from the template's defaults.
        environ: the settings that the user made, for what is no template parameter (WORKERS, DEBUG …).
        enforce_policies: have the emulator refuse what IAM policies do not allow, where it can.
    """

    state: Path
    emulator: str = "localstack"
    emulator_port: int = 4566
    host: str = "127.0.0.1"
    port: int = 8080
    region: str = "us-east-1"
    stack_name: str = "pdfsmaller"
    parameters: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    enforce_policies: bool = False

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def endpoint(self) -> str:
        """Where the emulator answers."""
        if self.emulator == "external":
            return self.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
        return f"http://127.0.0.1:{self.emulator_port}"

    @property
    def public_url(self) -> str:
        return f"http://localhost:{self.port}"

    def all_parameters(self) -> dict[str, str]:
        """The template parameters of this stack that are not the template's defaults, and why.

        Settings of the environment and of ``.env`` reach the parameters that make the same variables for the functions.
        """
        set_here = parameters_by_variable(TEMPLATE).items()
        return {
            # Nobody else's buckets are here, so the names can be short ones.
            "UniqueBucketNames": "false",
            # The page and the bucket are on ports of their own, so the bucket must be told of the page.
            "AllowedOrigins": f"{self.public_url},http://127.0.0.1:{self.port}",
            # What the functions take for their own address is the emulator's.
            "PublicBaseUrl": self.public_url,
            "S3PublicEndpointUrl": self.endpoint.replace("127.0.0.1", "localhost"),
            # Every worker is a process here, and the machine is not Lambda.
            "MaximumConcurrency": self.environ.get("MAXIMUM_CONCURRENCY") or str(max(2, os.cpu_count() or 2)),
            **{parameter: self.environ[name] for name, parameter in set_here if self.environ.get(name)},
            **self.parameters,
            # The template has no default, and jobs that are queued must open after a restart.
            "SecretKey": self.environ.get("SECRET_KEY") or self._secret_key(),
        }

    def _secret_key(self) -> str:
        """A key of this stack's own, made once: a new one could not open what the old one sealed."""
        path = self.state / "secret-key"
        if not path.exists():
            self.state.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        return path.read_text().strip()


def load(environ: Mapping[str, str] | None = None) -> Config:
    """The stack that the environment (and ``.env`` beneath it) describes.

    Raises:
        Problem: a setting has a value that cannot be.
    """
    settings = {**_dotenv(ROOT / ".env"), **(os.environ if environ is None else environ)}
    return Config(
        state=Path(settings.get("LOCAL_STATE_DIR") or ROOT / ".local").resolve(),
        emulator=settings.get("EMULATOR") or Config.emulator,
        emulator_port=_port(settings, "EMULATOR_PORT", Config.emulator_port),
        host=settings.get("HOST") or Config.host,
        port=_port(settings, "PORT", Config.port),
        region=settings.get("AWS_REGION") or settings.get("AWS_DEFAULT_REGION") or Config.region,
        stack_name=settings.get("STACK_NAME") or Config.stack_name,
        environ=settings,
    )


def check_settings(config: Config) -> None:
    """Have the functions' own settings looked at here, before each function refuses them once it is deployed.

    Raises:
        Problem: naming those that make no sense.
    """
    from pdfsmaller.errors import InvalidSettings
    from pdfsmaller.settings import read_settings

    try:
        read_settings({name: value for name, value in config.environ.items() if value})
    except InvalidSettings as exc:
        _, *wrong, remedy = str(exc).splitlines()
        raise Problem(" ".join(wrong), remedy) from None


def _port(settings: Mapping[str, str], name: str, default: int) -> int:
    text = settings.get(name) or str(default)
    if not re.fullmatch(r"\d+", text) or not 0 < int(text) < 65536:
        raise Problem(f"{name} is {text!r}, which is no port.", f"Set {name} to a number from 1 to 65535.")
    return int(text)


def _dotenv(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(path).items() if value}
