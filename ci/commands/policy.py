"""policy: what a security review would say of an environment's stacks."""

from ci.commands.options import AsJson, EnvironmentName, Home, workspace


def policy(environment: EnvironmentName, json: AsJson = False, home: Home = None) -> None:
    """Review an environment's stacks with checkov and the rules for IAM; each skipped check tells its reason.

    Example: groundplan policy prod
    """
    import environments
    from ci import console
    from ci.policy.review import review

    result = review(environments.load(environment), workspace(home))
    reasons: dict[tuple[str, str], int] = {}
    for one in result.skipped:
        key = (f"{one.check} {one.title}", one.reason or "")
        reasons[key] = reasons.get(key, 0) + 1
    title = f"{environment}: {result.resources} resources in {result.stacks} stacks, {result.passed} checks passed, "
    title += f"{len(result.skipped)} skipped, {len(result.failed)} failed"
    rows = [(count, check, reason) for (check, reason), count in sorted(reasons.items())]
    console.show(result, json, console.table("times>", "skipped", "because", rows=rows, title=title))
    result.check()
