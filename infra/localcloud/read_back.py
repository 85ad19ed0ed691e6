"""What moto forgets of a resource that it keeps: remembered when it is created, laid over what moto reads back."""

from infra.localcloud.operations import Context, Payload, after


def read_back(service: str, kind: str, name: str) -> None:
    """Let `Describe{kind}` tell whatever `Create{kind}` was given. `name` is the parameter that names the resource.

    Only members that AWS's own answer has are sent: the serializer leaves the others out.
    """

    @after(service, f"Create{kind}")
    def remember(params: Payload, answer: Payload, context: Context) -> Payload:
        context.notes(kind)[params[name]] = params
        return answer

    @after(service, f"Describe{kind}")
    def tell(params: Payload, answer: Payload, context: Context) -> Payload:
        return {**answer, **context.notes(kind).get(params[name], {})}

    @after(service, f"Delete{kind}")
    def forget(params: Payload, answer: Payload, context: Context) -> Payload:
        context.notes(kind).pop(params[name], None)
        return answer
