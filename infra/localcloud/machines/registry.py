"""The machines of one cloud, made once and found from any of its operations."""

import threading
from weakref import WeakKeyDictionary

from infra.localcloud.cloud import Cloud
from infra.localcloud.machines.alarm_watch import AlarmWatch
from infra.localcloud.machines.async_inference import AsyncInference
from infra.localcloud.machines.autoscaler import Autoscaler
from infra.localcloud.machines.batch_jobs import BatchJobs
from infra.localcloud.machines.budget_watch import BudgetWatch
from infra.localcloud.machines.functions import Functions
from infra.localcloud.machines.gauges import Gauges
from infra.localcloud.machines.hosting import Hosting
from infra.localcloud.machines.leash import Leashes
from infra.localcloud.machines.metering import Meter
from infra.localcloud.machines.metrics import MetricBuffer
from infra.localcloud.machines.reclaims import Reclaims
from infra.localcloud.machines.scheduled_scaling import ScheduledScaling
from infra.localcloud.machines.schedules import Schedules
from infra.localcloud.machines.settings import Settings
from infra.localcloud.machines.site import Site
from infra.localcloud.machines.ticker import Ticker
from infra.localcloud.machines.training_jobs import TrainingJobs


class Machines:
    """What runs in `cloud`, and what it counts."""

    def __init__(self, cloud: Cloud) -> None:
        self.meter = Meter(cloud.log)
        metrics = MetricBuffer(cloud.client)
        ticker = Ticker(cloud.log)
        ticker.add(metrics.flush)
        leashes = Leashes()
        site = Site(cloud, Settings.of(cloud.folder), self.meter, metrics, ticker, leashes)
        self.training = TrainingJobs(site)
        self.batch = BatchJobs(site)
        self.reclaims = Reclaims(site, self.batch.warn, self.batch.lose)
        self.hosting = Hosting(site)
        self.queues = AsyncInference(site, self.hosting)
        self.scheduled_scaling = ScheduledScaling(site)
        self.autoscaler = Autoscaler(site, self.hosting, self.queues)
        cloud.gauge("jobs_running", lambda: self.training.running() + self.batch.running())
        self.functions = Functions(site)
        self.schedules = Schedules(site)
        self.budgets = BudgetWatch(site)
        self.gauges = Gauges(site)
        self.alarms = AlarmWatch(site)
        cloud.gauge("functions_running", self.functions.running)
        cloud.gauge("endpoints_warm", self.hosting.warm)
        cloud.on_stop("processes", leashes.end_all)
        cloud.on_stop("ticker", ticker.stop)
        cloud.on_stop("reclaims", self.reclaims.stop)


_installed: WeakKeyDictionary[Cloud, Machines] = WeakKeyDictionary()
_lock = threading.Lock()


def machines_of(cloud: Cloud) -> Machines:
    """The machines of `cloud`; the first call makes them."""
    with _lock:
        if cloud not in _installed:
            _installed[cloud] = Machines(cloud)
        return _installed[cloud]
