"""The endpoints of a cloud."""

from infra.localcloud.machines.site import Site


class Hosting:
    """Every endpoint's model servers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def warm(self) -> int:
        """How many endpoints have a model server that runs."""
        return 0

    def stop(self) -> None:
        """End every model server."""
