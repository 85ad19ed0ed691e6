"""A cloud is one account, whichever is asked for: a plan for prod's account is not refused here."""

from pathlib import Path

from infra.localcloud import start, stop
from tests.localcloud.conftest import ROOT, make_client


def test_everything_is_in_the_account_that_was_asked_for(tmp_path: Path) -> None:
    cloud = start("theirs", tmp_path, program=ROOT, account_id="555555555555")
    try:
        assert make_client(cloud, "sts").get_caller_identity()["Account"] == "555555555555"
        topic = make_client(cloud, "sns", "eu-west-1").create_topic(Name="news")["TopicArn"]
        assert topic == "arn:aws:sns:eu-west-1:555555555555:news"
        monitor = {"MonitorName": "costs", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
        # Answered by this project, not by moto.
        assert ":555555555555:" in make_client(cloud, "ce").create_anomaly_monitor(AnomalyMonitor=monitor)["MonitorArn"]
    finally:
        stop("theirs", tmp_path)
