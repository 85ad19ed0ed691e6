"""What workflows tell on GitHub: one comment on a pull request, one issue, each found again by the mark in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ci.changes.markdown import MOST_OF_A_COMMENT
from ci.changes.shortened import shortened
from ci.errors import CommandError
from ci.result import Result

PAGE = 100
# Who writes by a workflow's own token. Anybody may write our mark into a comment: only this user's are ours.
AUTHOR = "github-actions[bot]"


class Told(Result):
    """Where something is told."""

    about: str
    url: str


@dataclass(frozen=True)
class GitHub:
    """A repository on GitHub, or on a server with the same API; the token is GitHub's own, for this workflow."""

    api_url: str
    repository: str
    token: str

    def __post_init__(self) -> None:
        """Refuse what GitHub could not be asked with."""
        for option, value in (("--repository", self.repository), ("--token", self.token)):
            if not value:
                raise CommandError(
                    thing="GitHub",
                    value=option,
                    rule="has no value",
                    fix="in a workflow give the step `GITHUB_TOKEN: ${{ github.token }}`; GITHUB_REPOSITORY is there",
                )

    def comment(self, pull_request: int, about: str, body: str) -> Told:
        """Write the one comment about something on a pull request, anew or in its place."""
        place = f"issues/{pull_request}/comments"
        found = next(self._marked(place, about), None)
        where = ("PATCH", f"issues/comments/{found['id']}") if found else ("POST", place)
        return Told(about=about, url=self._ask(*where, {"body": _marked(about, body)})["html_url"])

    def issue(self, about: str, title: str, body: str | None) -> Told | None:
        """Keep the one open issue about something as it is now, or close it where `body` is None."""
        found = next(self._marked("issues?state=open", about), None)
        if body is None:
            if found:
                self._ask("PATCH", f"issues/{found['number']}", {"state": "closed", "state_reason": "completed"})
            return None
        where = ("PATCH", f"issues/{found['number']}") if found else ("POST", "issues")
        return Told(about=about, url=self._ask(*where, {"title": title, "body": _marked(about, body)})["html_url"])

    def _marked(self, place: str, about: str) -> Iterator[dict[str, Any]]:
        number = 1
        while found := self._ask("GET", f"{place}{'&' if '?' in place else '?'}per_page={PAGE}&page={number}"):
            ours = (one for one in found if (one["user"] or {}).get("login") == AUTHOR)
            yield from (one for one in ours if (one["body"] or "").startswith(_mark(about)))
            if len(found) < PAGE:
                return
            number += 1

    def _ask(self, method: str, place: str, content: dict[str, str] | None = None) -> Any:
        import httpx

        answer = httpx.request(
            method,
            f"{self.api_url}/repos/{self.repository}/{place}",
            json=content,
            headers={"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"},
            timeout=30,
        )
        if answer.is_error:
            raise CommandError(
                thing=f"GitHub repository {self.repository!r}",
                value=f"{method} {place.partition('?')[0]}",
                rule=f"was answered {answer.status_code}: {answer.text[:200]}",
                fix="give the workflow's job `pull-requests: write` or `issues: write`, and GITHUB_TOKEN to the step",
            )
        return answer.json()


def _mark(about: str) -> str:
    return f"<!-- groundplan: {about} -->"


def _marked(about: str, body: str) -> str:
    """The body with its mark; what is too long for GitHub ends with a word about that."""
    return f"{_mark(about)}\n{shortened(body, MOST_OF_A_COMMENT)}"
