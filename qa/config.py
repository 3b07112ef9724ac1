"""Opcit's settings: the only place that reads the environment and `opcit.toml`.

Each setting can be given as `OPCIT_NAME` in the environment or as `name = value` in an
`opcit.toml` in the present folder; the environment wins, and the command line wins over both.
"""

import json
import os
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from index import ConfigError

_FILE = "opcit.toml"


def _names(given: object) -> object:
    """A list as the environment holds it: with commas, or as JSON."""
    if not isinstance(given, str):
        return given
    if given.startswith("["):
        return json.loads(given)
    return [name for part in given.split(",") if (name := part.strip())]


class Config(BaseSettings):
    """The settings, with what each is when nobody says otherwise."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="OPCIT_",
        toml_file=_FILE,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        env_ignore_empty=True,
    )

    index: Path = Field(Path(".opcit"), description="the index folder")
    model: str | None = Field(None, description="an encoder's folder or hub name")
    max_file_mb: float = Field(50, gt=0, description="larger files are left out")
    passage_characters: int = Field(900, ge=200, le=5000, description="length of a passage")
    max_question_characters: int = Field(2000, ge=10, description="longer questions are refused")
    max_upload_files: int = Field(200, ge=1, description="documents that a session may add")
    keep_uploads_days: float = Field(
        30, gt=0, le=36_500, description="what a session added is removed when unused for so long"
    )
    host: str = Field("127.0.0.1", description="the address the chat listens on")
    port: int = Field(7860, ge=1, le=65535, description="the port the chat listens on")
    host_names: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="other names the chat is reached by"
    )
    auth: str | None = Field(None, description="USER:PASSWORD_FILE, who may use the chat")
    no_auth: bool = Field(False, description="let other machines in without a password")
    shared_library: bool = Field(False, description="show what one session adds to all")
    mcp: bool = Field(False, description="offer asking and searching as MCP tools")

    @field_validator("index", "model", mode="before")
    @classmethod
    def _at_home(cls, given: object) -> object:
        """With the person's folder for a "~", as shells write it on a command line."""
        # Path.expanduser fails where there is none.
        return os.path.expanduser(given) if isinstance(given, str | Path) else given  # noqa: PTH111

    @property
    def max_file_bytes(self) -> int:
        """The size limit of a file, in bytes."""
        return int(self.max_file_mb * 1_000_000)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the hook's signature)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_config(**given: object) -> Config:
    """The settings as they stand, but for those given.

    Raises ConfigError, naming the setting and what is wrong.
    """
    try:
        return Config(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"The setting {name} is not valid ({first['msg']}); mend OPCIT_{name.upper()} or"
            f" {_FILE}."
        ) from error
    except (ValueError, OSError) as error:  # tomllib's errors are ValueErrors
        raise ConfigError(f"{_FILE} cannot be read ({error}).") from error
