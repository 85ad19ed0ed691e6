"""Stands in for the repository's app.py: a stack of real AWS resources, each of which would be doubled or refused if a
run forgot that it had made it. `plan.json` beside this file says how they are called.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

HERE = {"access_key": "test", "secret_key": "test", "skip_credentials_validation": True}
ROLE = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def ground(name: str) -> dict[str, dict[str, Any]]:
    """What AWS numbers: nothing but its tags tells one from another."""
    zones = {f"zone_{number}": number for number in range(2)}
    of_vpc = {"vpc_id": "${aws_vpc.main.id}"}
    return {
        "aws_vpc": {"main": {"cidr_block": "10.0.0.0/16", "tags": {"Name": name}}},
        "aws_subnet": {
            zone: {**of_vpc, "cidr_block": f"10.0.{number}.0/24", "tags": {"Name": f"{name}-{number}"}}
            for zone, number in zones.items()
        },
        "aws_route_table": {zone: {**of_vpc, "tags": {"Name": f"{name}-{zone}"}} for zone in zones},
        "aws_route_table_association": {
            zone: {"subnet_id": f"${{aws_subnet.{zone}.id}}", "route_table_id": f"${{aws_route_table.{zone}.id}}"}
            for zone in zones
        },
        "aws_security_group": {"main": {**of_vpc, "name": name, "description": "Killed", "tags": {"Name": name}}},
        "aws_kms_key": {"main": {"description": name, "deletion_window_in_days": 7}},
        "aws_kms_alias": {"main": {"name": f"alias/{name}", "target_key_id": "${aws_kms_key.main.key_id}"}},
    }


def store(name: str) -> dict[str, dict[str, Any]]:
    """What we name: AWS refuses it the second time."""
    policy = {"Version": "2012-10-17", "Statement": [ROLE]}
    reading = {"Version": "2012-10-17", "Statement": [READ]}
    return {
        "aws_s3_bucket": {"main": {"bucket": name, "force_destroy": True}},
        "aws_s3_bucket_versioning": {
            "main": {"bucket": "${aws_s3_bucket.main.id}", "versioning_configuration": {"status": "Enabled"}}
        },
        "aws_ssm_parameter": {f"p{n}": {"name": f"/{name}/{n}", "type": "String", "value": "v"} for n in range(4)},
        "aws_cloudwatch_log_group": {f"g{n}": {"name": f"/{name}/{n}"} for n in range(4)},
        "aws_iam_role": {"main": {"name": name, "assume_role_policy": json.dumps(policy)}},
        "aws_iam_role_policy": {
            "main": {"name": name, "role": "${aws_iam_role.main.name}", "policy": json.dumps(reading)}
        },
    }


def stack(environment: str, resources: dict[str, Any]) -> dict[str, Any]:
    backend = {"bucket": "groundplan-local-state", "key": f"{environment}/us-east-1/all.tfstate", **HERE}
    backend |= {"region": "us-east-1", "use_path_style": True, "use_lockfile": True, "skip_metadata_api_check": True}
    provider = {"region": "us-east-1", **HERE, "skip_metadata_api_check": "true", "s3_use_path_style": True}
    provider["default_tags"] = [{"tags": {"environment": environment, "component": "all"}}]
    return {
        "terraform": {
            "backend": {"s3": backend},
            "required_providers": {"aws": {"source": "hashicorp/aws", "version": "5.100.0"}},
        },
        "provider": {"aws": [provider]},
        "resource": resources,
    }


def main(environment: str, out: Path) -> None:
    name = json.loads((Path(__file__).parent / "plan.json").read_text())["name"]
    id = f"{environment}-us-east-1-all"
    folder = out / "stacks" / id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cdk.tf.json").write_text(json.dumps(stack(environment, ground(name) | store(name))))
    manifest = {id: {"name": id, "workingDirectory": f"stacks/{id}", "dependencies": []}}
    (out / "manifest.json").write_text(json.dumps({"version": "0.21.0", "stacks": manifest}))


if __name__ == "__main__":
    main(sys.argv[1], Path(os.environ["CDKTF_OUTDIR"]))
