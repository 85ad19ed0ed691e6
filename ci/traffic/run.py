"""Keeps a release going until it is out or back; any number of commands may, and any may die at any moment."""

import time
from collections.abc import Callable

from ci.errors import BusyError, CommandError, WorkError
from ci.progress import QUIET, Progress
from ci.s3_record import ChangedError, S3Record
from ci.site import Site
from ci.traffic.controller import Seen, decide
from ci.traffic.endpoint import Endpoint
from ci.traffic.state import Phase, Rollout
from infra.spec.contract import ServingContract

# Between two looks at an endpoint that is changing.
POLL_SECONDS = 0.5
Watcher = Callable[[Rollout, Seen], None]


def nobody(state: Rollout, seen: Seen) -> None:
    """Watch nothing."""


class Releases:
    """The releases to one endpoint: what is known of the last one, and the way on."""

    def __init__(
        self,
        site: Site,
        region: str,
        contract: ServingContract,
        *,
        progress: Progress = QUIET,
        watcher: Watcher = nobody,
    ) -> None:
        self._site, self._contract, self._progress, self._watcher = site, contract, progress, watcher
        # Where there are several, who goes on must name the one.
        self._where = f" --region {region}" if len(site.environment.regions) > 1 else ""
        self._endpoint = Endpoint(site, region, contract)
        key = f"rollouts/{contract.endpoint_name}/state.json"
        self._record = S3Record(site.client("s3", region), contract.artifact_bucket, key, Rollout)

    def known(self) -> Rollout | None:
        """Return the last release to the endpoint, whether it is over or not; None before the first."""
        return self._record.find()[0]

    def seen(self, state: Rollout) -> Seen:
        """Return how the endpoint is."""
        return self._endpoint.look(state)

    def under_way(self, version: str) -> Rollout | None:
        """Return the release of this version that somebody began and nobody ended; raise where it is another one."""
        state = self.known()
        if state is None or state.is_over:
            return None
        if state.version == version and state.phase is Phase.FORWARD:
            return state
        raise BusyError(
            thing=f"endpoint {state.endpoint!r}",
            value=f"version {state.version}",
            rule=f"is {state.phase}",
            fix=f"see it, or go on with it: {self._command('status')}; {self._command('resume')}",
        )

    def go_on(self) -> Rollout:
        """Follow a release whose command was stopped; raise `CommandError` where none is on its way."""
        state = self.known()
        if state is None or state.is_over:
            raise self.nothing_to_turn(state)
        return self.follow()

    def begin(self, state: Rollout) -> None:
        """Write a new release down; raise `BusyError` where somebody else did so meanwhile."""
        self.under_way(state.version)
        _, version = self._record.find()
        try:
            self._record.write(state, version)
        except ChangedError as error:
            raise BusyError(
                thing=f"endpoint {state.endpoint!r}",
                value="another release",
                rule="was begun a moment ago",
                fix=f"see it: {self._command('status')}",
            ) from error

    def follow(self) -> Rollout:
        """Look, decide, write down, act, until the release is out; return it, or raise `WorkError` if it went back.

        Ctrl-C leaves it as it is, and says how to go on.
        """
        return self._arrived(self._follow())

    def turn(self, *, forward: bool) -> Rollout:
        """Take a release all the way by hand: out, whatever it still had to prove, or back, also when it is out.

        Raises `CommandError` where there is none that can.
        """
        while True:
            state, version = self._record.find()
            if state is None or state.phase is Phase.ROLLED_BACK or (forward and state.phase is not Phase.FORWARD):
                raise self.nothing_to_turn(state)
            now, changes = time.time(), {"baking_since": None, "asked": "", "asks": 0}
            if forward:
                turned = state.telling(now, "promoted by hand", position=len(state.stages), **changes)
            else:
                turned = state.telling(
                    now, "rolled back by hand", phase=Phase.BACK, reason="somebody wanted it back", **changes
                )
            try:
                self._record.write(turned, version)
            except ChangedError:
                continue
            return self._arrived(self._follow()) if forward else self._follow()

    def _follow(self) -> Rollout:
        try:
            return self._until_over()
        except KeyboardInterrupt:
            self._progress.say(f"It stays as it is. Go on: {self._command('resume')}")
            self._progress.say(f"Or go back: {self._command('rollback')}")
            raise

    def _arrived(self, state: Rollout) -> Rollout:
        if state.phase is Phase.ROLLED_BACK:
            raise WorkError(
                thing=f"endpoint {state.endpoint!r}",
                value=f"version {state.version}",
                rule=f"went back: {state.reason}",
                fix=f"what served before serves again; see why: groundplan logs {self._site.name} {self._name}",
            )
        return state

    def _until_over(self) -> Rollout:
        told: int | None = None
        while True:
            state, version = self._record.find()
            assert state is not None
            # From here on also what other commands decide, such as that it goes back by hand.
            told = len(state.told) if told is None else told
            seen = self._endpoint.look(state)
            self._watcher(state, seen)
            following, act = decide(state, seen, time.time())
            try:
                # Also before an act of which nothing is noted: only who knows the last word may act.
                if act or following != state:
                    self._record.write(following, version)
            except ChangedError:
                continue  # Another command was quicker; the next look sees what it did.
            for moment in following.told[told:]:
                self._progress.say(f"{following.endpoint}: {moment.what}.")
            told = len(following.told)
            if following.is_over:
                return following
            if act:
                self._endpoint.do(act)
            is_baking = act is None and following.baking_since is not None
            time.sleep(following.patience.look_seconds if is_baking else POLL_SECONDS)

    def nothing_to_turn(self, state: Rollout | None) -> CommandError:
        """Return the error of who asks for a release that is not on its way."""
        return CommandError(
            thing=f"endpoint {self._contract.endpoint_name!r}",
            value=f"version {state.version}" if state else "no release",
            rule=f"is {state.phase}: there is nothing to go on with" if state else "came to it yet",
            fix=f"release to it: groundplan release start {self._site.name} {self._contract.model}",
        )

    def _command(self, verb: str) -> str:
        return f"groundplan release {verb} {self._site.name} {self._name}{self._where}"

    @property
    def _name(self) -> str:
        """The endpoint as its environment's file names it."""
        environment = self._site.environment
        return self._contract.endpoint_name.removeprefix(f"{environment.project}-{environment.name}-")
