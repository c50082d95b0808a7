"""Services on the wire."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from kit.web import Text, gathered

ServiceName = Annotated[
    Text,
    Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$",
        description="Name under which it answers",
        examples=["short"],
    ),
]


@dataclass(frozen=True)
class Chosen:
    """The service an address names."""

    id: Annotated[int, Path(ge=0, le=(1 << 63) - 1, description="Id of the database")]
    service: Annotated[
        int, Path(alias="serviceId", ge=0, le=(1 << 31) - 1, description="Number of the service")
    ]


ChosenService = Annotated[Chosen, gathered(Chosen)]


class Service(BaseModel):
    """A service of a database."""

    serviceId: int = Field(description="Number, never given twice", examples=[4])
    name: str = Field(examples=["data-read"])
    type: Literal["generic", "copy", "view"] = Field(description="Generated, a copy, or a view")
    of: str | None = Field(
        default=None, description="What is copied, or the view", examples=["data-read"]
    )
    isVisible: bool = Field(description="Whether it answers and is described")
    method: str = Field(examples=["POST"])
    path: str = Field(
        description="Where it answers behind registry and version", examples=["/read"]
    )
    fields: list[str] | None = Field(
        default=None, description="The only fields it reads and writes"
    )
    description: str | None = None


class ServiceList(BaseModel):
    """What a database offers."""

    services: list[Service]


class WantedService(BaseModel):
    """One service that shall be offered."""

    serviceId: int = Field(ge=0, le=(1 << 31) - 1, examples=[1])
    isVisible: bool = Field(default=True, description="Whether it answers")


class WantedServices(BaseModel):
    """All services that shall be offered; what is not named here is deleted."""

    services: list[WantedService] = Field(max_length=1000)


class ServiceChange(BaseModel):
    """What to change about a service."""

    isVisible: bool = Field(description="Whether it answers and is described")


class Copy(BaseModel):
    """A service under another name."""

    name: ServiceName
    fields: list[Text] | None = Field(
        None,
        max_length=2000,
        description="The only fields it reads and writes; all of them when not given",
        examples=[["village"]],
    )
    description: Annotated[Text, Field(max_length=2000)] = Field("", description="What it is for")


class NewService(BaseModel):
    """A view that is offered as a service."""

    type: Literal["view"]
    viewName: Text | None = Field(None, description="Name of the view", examples=["open"])
    viewId: Text | None = Field(None, description="Id of the view, in place of its name")
    name: ServiceName | None = Field(None, description="Name of the service; the view's if none")
    description: Annotated[Text, Field(max_length=2000)] = Field("", description="What it is for")
