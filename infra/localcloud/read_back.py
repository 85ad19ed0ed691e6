"""What moto forgets of a resource that it keeps: remembered when it is created, told when it is read back."""

from infra.localcloud.operations import Context, Payload, after


def read_back(service: str, kind: str, *, name: str, made: tuple[str, ...]) -> None:
    """Let `Describe{kind}` tell just what `Create{kind}` was given, as AWS does for what never changes.

    `name` is the parameter that names the resource; `made` are the members that the cloud adds, taken from moto's
    answer. Other members of moto's answer are guesses, which Terraform would report as drift.
    """

    @after(service, f"Create{kind}")
    def remember(params: Payload, answer: Payload, context: Context) -> Payload:
        context.notes(kind)[params[name]] = params
        return answer

    @after(service, f"Describe{kind}")
    def tell(params: Payload, answer: Payload, context: Context) -> Payload:
        given = context.notes(kind).get(params[name])
        return answer if given is None else {member: answer[member] for member in made if member in answer} | given

    @after(service, f"Delete{kind}")
    def forget(params: Payload, answer: Payload, context: Context) -> Payload:
        context.notes(kind).pop(params[name], None)
        return answer
