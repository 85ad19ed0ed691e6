"""What watches an account: the answers that this project gives where moto has none."""

from tests.localcloud.conftest import Clients
from tests.localcloud.test_services import code_of


def test_an_account_has_one_analyzer_of_a_type_in_a_region(client: Clients) -> None:
    analyzer = client("accessanalyzer")
    arn = analyzer.create_analyzer(analyzerName="one", type="ACCOUNT", tags={"a": "1"})["arn"]
    second = code_of(analyzer.create_analyzer, analyzerName="two", type="ACCOUNT")
    assert second == "ServiceQuotaExceededException"
    analyzer.tag_resource(resourceArn=arn, tags={"b": "2"})
    analyzer.untag_resource(resourceArn=arn, tagKeys=["a"])
    (found,) = analyzer.list_analyzers()["analyzers"]
    assert (found["status"], found["tags"]) == ("ACTIVE", {"b": "2"})
    assert analyzer.list_findings_v2(analyzerArn=arn)["findings"] == []
    analyzer.delete_analyzer(analyzerName="one")
    assert code_of(analyzer.get_analyzer, analyzerName="one") == "ResourceNotFoundException"


def test_a_feature_of_guardduty_is_changed_without_the_others(client: Clients) -> None:
    guardduty = client("guardduty", "eu-west-1")
    detector = guardduty.create_detector(Enable=True)["DetectorId"]
    for name, status in (("S3_DATA_EVENTS", "DISABLED"), ("RUNTIME_MONITORING", "ENABLED")):
        guardduty.update_detector(DetectorId=detector, Features=[{"Name": name, "Status": status}])
    found = {one["Name"]: one["Status"] for one in guardduty.get_detector(DetectorId=detector)["Features"]}
    assert (found["S3_DATA_EVENTS"], found["RUNTIME_MONITORING"]) == ("DISABLED", "ENABLED")
    assert (found["DNS_LOGS"], found["EKS_RUNTIME_MONITORING"]) == ("ENABLED", "DISABLED")
    guardduty.delete_detector(DetectorId=detector)


def test_a_trail_is_deleted_by_its_arn_too(client: Clients) -> None:
    client("s3").create_bucket(Bucket="trail-records")
    cloudtrail = client("cloudtrail")
    arn = cloudtrail.create_trail(Name="by-arn", S3BucketName="trail-records")["TrailARN"]
    cloudtrail.delete_trail(Name=arn)
    assert cloudtrail.list_trails()["Trails"] == []
