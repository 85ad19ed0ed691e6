"""Pulumi's engine in this process: enough of it to run a program of ours against an embedded cloud, with real calls.

It proves our launcher and our program: what is declared, in which order, what happens when AWS refuses and what is
left. Plans, diffs and a state that outlives the process are Pulumi's own.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
from botocore.exceptions import ClientError
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)
from semver import VersionInfo

from ci.burst import program
from ci.burst.remains import remove_machines, remove_queue

Properties = dict[str, Any]
# What a resource is made by: it returns its id and what the provider fills in; and what ends it by its id.
Make = Callable[[Properties], tuple[str, Properties]]
End = Callable[[str], object]
ROOT = "pulumi:pulumi:Stack"
SUMMARY = {"kind": "update", "startTime": "2026-01-01T00:00:00.000Z", "message": "", "environment": {}, "config": {}}


class Clients(Protocol):
    """Where the provider gets its boto3 clients from: a site, or a process's own variables."""

    def client(self, service: str) -> Any: ...


class Provider:
    """AWS as far as bursts go: the provider's words turned into those of the API."""

    def __init__(self, site: "Clients") -> None:
        self._batch, self._ec2, self._ssm = site.client("batch"), site.client("ec2"), site.client("ssm")
        self.kinds: dict[str, tuple[Make, End]] = {
            program.RESERVATION: (
                self._hold,
                lambda id: self._ec2.cancel_capacity_reservation(CapacityReservationId=id),
            ),
            program.MACHINES: (self._machines, lambda id: remove_machines(self._batch, id)),
            program.QUEUE: (self._queue, lambda id: remove_queue(self._batch, id)),
            program.PARAMETER: (self._parameter, lambda id: self._ssm.delete_parameter(Name=id)),
        }

    def _hold(self, given: Properties) -> tuple[str, Properties]:
        specification = [{"ResourceType": "capacity-reservation", "Tags": _pairs(given.pop("tags"))}]
        call = {name[0].upper() + name[1:]: value for name, value in given.items()}
        call["InstanceCount"] = int(call["InstanceCount"])
        made = self._ec2.create_capacity_reservation(**call, TagSpecifications=specification)
        return made["CapacityReservation"]["CapacityReservationId"], {}

    def _machines(self, given: Properties) -> tuple[str, Properties]:
        words = {"minVcpus": "minvCpus", "maxVcpus": "maxvCpus", "ec2Configurations": "ec2Configuration"}
        resources = {words.get(name, name): value for name, value in given.pop("computeResources").items()}
        resources |= {name: int(resources[name]) for name in ("minvCpus", "maxvCpus")}
        arn = self._batch.create_compute_environment(
            computeEnvironmentName=given["name"], type=given["type"], computeResources=resources, tags=given["tags"]
        )["computeEnvironmentArn"]
        return arn, {"arn": arn}

    def _queue(self, given: Properties) -> tuple[str, Properties]:
        order = [{**one, "order": int(one["order"])} for one in given["computeEnvironmentOrders"]]
        arn = self._batch.create_job_queue(
            jobQueueName=given["name"],
            state=given["state"],
            priority=int(given["priority"]),
            computeEnvironmentOrder=order,
            tags=given["tags"],
        )["jobQueueArn"]
        return arn, {"arn": arn}

    def _parameter(self, given: Properties) -> tuple[str, Properties]:
        self._ssm.put_parameter(
            Name=given["name"], Type=given["type"], Value=given["value"], Tags=_pairs(given["tags"])
        )
        return given["name"], {}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@dataclass
class Run(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """One `up`: what the program registers is made at once; the stack's state grows with it."""

    provider: Provider
    # (type, id), in the order in which they were made.
    state: list[tuple[str, str]]
    complaints: list[str] = field(default_factory=list)
    root: str = ""
    # Called with the kind of what was made just now; says why nothing more is to be.
    after: Callable[[str], str | None] = lambda _: None

    def SupportsFeature(self, request: Any, context: grpc.ServicerContext) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    def RegisterResource(self, request: Any, context: grpc.ServicerContext) -> Any:
        urn = f"urn:pulumi:{request.type}::{request.name}"
        if request.type == ROOT:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if self.complaints:
            return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)
        given = json_format.MessageToDict(request.object)
        try:
            id, filled = self.provider.kinds[request.type][0](dict(given))
        except ClientError as error:
            # As the AWS provider reports it, code and all.
            self.complaints.append(
                f"error: creating {request.type}: api error {error.response['Error']['Code']}: {error}"
            )
            return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)
        self.state.append((request.type, id))
        if complaint := self.after(request.type):
            self.complaints.append(complaint)
        answer = struct_pb2.Struct()
        answer.update({**given, **filled})
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id, object=answer)

    def RegisterResourceOutputs(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def Log(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.severity == engine_pb2.LogSeverity.ERROR:
            self.complaints.append(request.message)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: grpc.ServicerContext) -> Any:
        return engine_pb2.GetRootResourceResponse(urn=self.root)

    def SetRootResource(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.root = request.urn
        return engine_pb2.SetRootResourceResponse()


class Engine(PulumiCommand):
    """The program `pulumi`, as the Automation API calls it."""

    def __init__(self, site: "Clients", after: Callable[[str], str | None] = lambda _: None) -> None:
        self.command, self.version, self._after = "pulumi", VersionInfo(3, 272), after
        self._provider = Provider(site)
        self.stacks: dict[str, list[tuple[str, str]]] = {}
        self.calls: list[str] = []

    def run(self, args: list[str], cwd: str, additional_env: Mapping[str, str], *_: Any, **__: Any) -> CommandResult:
        words = [word for word in args if not word.startswith("--")]
        self.calls.append(" ".join(args[:2]) if args[0] == "stack" else args[0])
        match args:
            case ["stack", "select", "--stack", name]:
                return _answer("", "" if name in self.stacks else f"error: no stack named '{name}' found")
            case ["stack", "init", name, *_]:
                self.stacks[name] = []
            case ["stack", "rm", *_]:
                assert not self.stacks.pop(words[-1]), "a stack that holds something is not removed"
            case ["stack", "output", *_]:
                return _answer("{}")
            case ["stack", "history", *_]:
                return _answer(json.dumps([{**SUMMARY, "result": "succeeded"}]))
            case ["up", *_]:
                return self._up(args[args.index("--stack") + 1], " ".join(args))
            case ["destroy", *_]:
                state = self.stacks[args[args.index("--stack") + 1]]
                while state:
                    kind, id = state.pop()
                    self._provider.kinds[kind][1](id)
            case _:
                raise NotImplementedError(args)
        return _answer("")

    def _up(self, stack: str, line: str) -> CommandResult:
        client = re.search(r"--client=(\S+)", line)
        assert client, "the program is not inline"
        run = Run(self._provider, self.stacks[stack], after=self._after)
        with _served(run) as address, grpc.insecure_channel(client[1]) as channel:
            asked = language_pb2.RunRequest(
                project="test", stack=stack, monitor_address=address, args=[address], parallel=1
            )
            ended = language_pb2_grpc.LanguageRuntimeStub(channel).Run(asked).error
        return _answer("", "\n".join(run.complaints) or ended)


@contextmanager
def _served(run: Run) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(run, server)
    engine_pb2_grpc.add_EngineServicer_to_server(run, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def _answer(stdout: str, stderr: str = "") -> CommandResult:
    result = CommandResult(stdout, stderr, 255 if stderr else 0)
    if stderr:
        raise create_command_error(result)
    return result
