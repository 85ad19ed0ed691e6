"""EC2 launch templates: moto mixes the template's own tags with those of what it launches."""

from infra.localcloud.operations import Context, Payload, after


@after("ec2", "DescribeLaunchTemplateVersions")
def leave_own_tags_out(params: Payload, answer: Payload, context: Context) -> Payload:
    """A version says how instances, volumes and requests are tagged; the template's tags are not part of it."""
    for version in answer.get("LaunchTemplateVersions", ()):
        data = version["LaunchTemplateData"]
        if specifications := data.get("TagSpecifications"):
            launched = [one for one in specifications if one["ResourceType"] != "launch-template"]
            data["TagSpecifications"] = launched
    return answer
