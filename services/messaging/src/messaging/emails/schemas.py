"""E-mails on the wire, in GovStack's spelling."""

import json
from typing import Annotated, Any, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from kit.problems import FieldError
from kit.web import Text
from messaging.emails import models
from messaging.emails.models import EmailInvalid, MessageType, read_base64

ACCEPTED = "Request successfully accepted. Use requestUid to track its status."


class CallbackSender(BaseModel):
    """Where the sender would take replies."""

    URI: Text = Field(
        default="",
        description="Checked to be an http or https address; nothing is sent to it yet",
        examples=["https://example.com/callback/emails"],
    )


class SenderInfo(BaseModel):
    """Who sends. The envelope and the address in From are the block's own."""

    organisationName: Text = Field(
        default="",
        description="Shown as the sender, after the name",
        examples=["Lakeside Health Centre"],
    )
    organisationRegNr: Text = Field(
        default="",
        description="If given, it must be the caller's own: member code, member class and code "
        "together, or the whole member identifier",
        examples=["GOV10001"],
    )
    onBehalfOfName: Text = Field(
        default="", description="For whom the sender acts", examples=["Ministry of Health"]
    )
    onBehalfOfRegNr: Text = Field(
        default="", description="Its registration number", examples=["GOV10001"]
    )
    email: Text = Field(
        default="",
        description="Becomes Reply-To where replyTo is not given",
        examples=["clinic@example.org"],
    )
    replyTo: Text = Field(default="", description="Where answers go", examples=["desk@example.org"])
    name: Text = Field(default="", description="Shown as the sender", examples=["Dr. Amara Okello"])


class RecipientInfo(BaseModel):
    """One recipient; one address in each field."""

    email: Text = Field(default="", description="The recipient", examples=["mother@example.org"])
    emailCC: Text = Field(default="", description="A copy", examples=["partner@example.org"])
    emailBCC: Text = Field(
        default="", description="A copy nobody sees", examples=["log@example.org"]
    )
    name: Text = Field(default="", description="Shown in To", examples=["Ana Silva"])


class Recipients(RecipientInfo):
    """One recipient, or a batch of them; either endpoint takes either."""

    batchEmailAsBase64: Text | None = Field(
        default=None,
        description='A JSON list of {"recipientInfo": {"email": …}} in base64; each becomes a '
        "message of its own",
        examples=["W3sicmVjaXBpZW50SW5mbyI6IHsiZW1haWwiOiAibW90aGVyQGV4YW1wbGUub3JnIn19XQ=="],
    )


class EmailContent(BaseModel):
    """What is said."""

    encoding: Text = Field(default="UTF-8", description="UTF-8", examples=["UTF-8"])
    title: Text = Field(description="The subject, one line", examples=["Your child is registered"])
    content: Text = Field(description="The text", examples=["The registration number is 4711."])


class Email(BaseModel):
    """A request to send."""

    model_config = ConfigDict(populate_by_name=True)

    callback: CallbackSender = Field(
        default_factory=CallbackSender,
        validation_alias=AliasChoices("callback", "callbackURI"),
        description="Also taken as callbackURI",
    )
    senderInfo: SenderInfo = Field(default_factory=SenderInfo)
    recipientInfo: Recipients
    emailContent: EmailContent
    transactionId: Text = Field(
        default="",
        description="The sender's own id: repeated with the same body within 24 hours it is the "
        "same request, with another body it is refused",
        examples=["birth-4711"],
    )
    messageType: MessageType = Field(
        default=MessageType.NORMAL, description="An emergency goes before everything that waits"
    )
    priority: Annotated[int, Field(ge=0, le=9)] = Field(
        default=0, description="Among messages of one type the higher goes first", examples=[0]
    )


class RequestAccepted(BaseModel):
    """The answer to a request."""

    response: str = Field(examples=[ACCEPTED])
    requestUid: str = Field(
        description="Names the request in the status", examples=["UfQK-CPju-Ea5B-6y7X-8A72-VqU5"]
    )
    requestUID: str = Field(
        description="The same, as release 1.0 spells it", examples=["UfQK-CPju-Ea5B-6y7X-8A72-VqU5"]
    )


class RequestStatus(BaseModel):
    """How many messages of a request are in each state that was asked for."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]  # pyright: ignore[reportIncompatibleVariableOverride]  Pydantic wants it so

    scheduled: int | None = Field(default=None, description="Waiting for the first attempt")
    processing: int | None = Field(default=None, description="Being handed over")
    deferred: int | None = Field(default=None, description="To be tried again")
    bounced: int | None = Field(default=None, description="Refused for good by the mail server")
    notSent: int | None = Field(
        default=None, description="Given up: no usable address, or 24 hours without success"
    )
    delivered: int | None = Field(default=None, description="Accepted by the next mail server")


def read_email(email: Email) -> models.Email:
    """Return the e-mail a body asks for, or raise EmailInvalid."""
    who, what = email.senderInfo, email.emailContent
    batch = email.recipientInfo.batchEmailAsBase64
    sender = models.Sender(
        name=who.name.strip(),
        organisation=who.organisationName.strip(),
        organisation_number=who.organisationRegNr.strip(),
        email=who.email.strip(" "),
        reply_to=who.replyTo.strip(" "),
    )
    return models.Email(
        letter=models.Letter(sender, what.title, what.content, what.encoding),
        recipients=(_recipient(email.recipientInfo),) if batch is None else _read_batch(batch),
        is_batch=batch is not None,
        callback=email.callback.URI,
        transaction=email.transactionId,
        message_type=email.messageType,
        priority=email.priority,
    )


def _recipient(info: RecipientInfo) -> models.Recipient:
    return models.Recipient(
        info.email.strip(" "), info.emailCC.strip(" "), info.emailBCC.strip(" "), info.name
    )


def _read_batch(text: str) -> tuple[models.Recipient, ...]:
    """Return the recipients of a batch; one that cannot be read has no address and fails alone."""
    said = read_base64(text)
    try:
        items: object = None if said is None else json.loads(said)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        reason = "this is not a JSON list in base64"
        pointer = "#/recipientInfo/batchEmailAsBase64"
        raise EmailInvalid(
            f"recipientInfo/batchEmailAsBase64: {reason}", errors=[FieldError(pointer, reason)]
        )
    return tuple(_read_item(item) for item in cast("list[object]", items))


def _read_item(item: object) -> models.Recipient:
    info: Any = (
        cast("dict[str, Any]", item).get("recipientInfo", item) if isinstance(item, dict) else item
    )
    try:
        return _recipient(RecipientInfo.model_validate(info))
    except ValidationError:
        return models.Recipient("")
