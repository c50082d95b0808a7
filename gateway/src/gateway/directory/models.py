"""Who is in the directory, and what a code in an address may look like."""

from gateway.configuration.models import Service, is_code, is_namespace


def fault(instance: str | None = None, member_class: str | None = None, *codes: str) -> str | None:
    """Say what is wrong with the parts of an address; None when they are well-formed."""
    if instance is not None and not is_namespace(instance):
        return "The instance is not valid: it begins with a letter"
    if member_class is not None and not is_namespace(member_class):
        return "The member class is not valid: it begins with a letter"
    if not all(is_code(code) for code in codes):
        return "A code is not valid: it begins with a letter or a digit"
    return None


def document_url(service: Service) -> str:
    """Return where a service's OpenAPI document is; empty when it has none."""
    if service.block:
        return f"{service.service_url}/openapi.json"
    return service.spec_url
