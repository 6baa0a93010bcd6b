from __future__ import annotations

import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pytest_llmupgrade import ModelRouter
from pytest_llmupgrade.errors import UsageError
from tests.rollout.making import changed

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCT = """
import sys
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from pytest_llmupgrade import ModelRouter

meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(sys.argv[1] + "/v1/metrics"))])
metrics.set_meter_provider(meters)
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(sys.argv[1] + "/v1/traces")))
trace.set_tracer_provider(tracers)

def new(messages):
    raise TimeoutError

def old(messages):
    return {"usage": {"prompt_tokens": 100, "completion_tokens": 20}}

router = ModelRouter.from_file(sys.argv[2], old=old, new=new)
with trace.get_tracer("product").start_as_current_span("request"):
    router.call(["a secret"], unit="u")
router.rate(router.last.call_id, good=True)
router.close()
meters.shutdown()
tracers.shutdown()
"""

SCRAPED = """
import sys, urllib.request
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server
from pytest_llmupgrade import ModelRouter

metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))
server, thread = start_http_server(0, addr="127.0.0.1")

def new(messages):
    yield "a"
    yield {"usage": {"prompt_tokens": 100, "completion_tokens": 20}}

router = ModelRouter.from_file(sys.argv[1], old=new, new=new)
list(router.stream(["a secret"], unit="u"))
router.rate(router.last.call_id, good=False)
router.close()
print(urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics").read().decode())
server.shutdown()
"""


class _Receiver(BaseHTTPRequestHandler):
    """The collector's side of OTLP over HTTP."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))  # type: ignore[attr-defined]  # the fixture's list
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[HTTPServer]:
    """Run a receiver on the loopback; `received` holds paths and bodies."""
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    server.received = []  # type: ignore[attr-defined]  # read by the handler and the test
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def test_a_collector_receives_the_genai_names(collector: HTTPServer, tmp_path: Path) -> None:
    """With `otel: true` a real OTLP receiver gets duration, tokens, cost and arm by their current names, no text."""
    path = tmp_path / "rollout.yaml"
    path.write_text(changed(("percent: 5\n", "percent: 100\n"), ("max_age: 1h", "max_age: 1h\notel: true")))
    address = f"http://127.0.0.1:{collector.server_port}"
    done = subprocess.run(  # noqa: S603  our own interpreter and script
        [sys.executable, "-c", PRODUCT, address, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    received: list[tuple[str, bytes]] = collector.received  # type: ignore[attr-defined]  # see the fixture
    assert all(b"secret" not in body for _, body in received)
    metrics = {
        metric.name: metric
        for where, body in received
        if where == "/v1/metrics"
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert {name: metric.unit for name, metric in metrics.items()} == {
        "gen_ai.client.operation.duration": "s",
        "gen_ai.client.token.usage": "{token}",
        "llmupgrade.cost": "{USD}",
        "llmupgrade.ratings": "{rating}",
    }
    (point,) = metrics["gen_ai.client.operation.duration"].histogram.data_points
    assert list(point.explicit_bounds)[:3] == [0.01, 0.02, 0.04]
    assert _plain(point.attributes) == {
        "feature_flag.key": "gpt-4o-2026-11",
        "feature_flag.result.variant": "new",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-3.5-turbo",
        "error.type": "timeout",
    }
    tokens = metrics["gen_ai.client.token.usage"].histogram.data_points
    assert {_plain(each.attributes)["gen_ai.token.type"]: each.sum for each in tokens} == {
        "input": 100,
        "output": 20,
    }
    (cost,) = metrics["llmupgrade.cost"].sum.data_points
    assert cost.as_double == pytest.approx(8e-5)
    (span,) = [
        span
        for where, body in received
        if where == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert _plain(span.attributes)["feature_flag.result.variant"] == "new"


def test_prometheus_shows_the_names_of_the_page(tmp_path: Path) -> None:
    """A real Prometheus exporter, scraped over HTTP, shows exactly the metrics that docs/rollout-hosts.md lists."""
    path = tmp_path / "rollout.yaml"
    path.write_text(changed(("percent: 5\n", "percent: 100\n"), ("max_age: 1h", "max_age: 1h\notel: true")))
    done = subprocess.run(  # noqa: S603  our own interpreter and script
        [sys.executable, "-c", SCRAPED, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    shown = set(re.findall(r"^((?:gen_ai|llmupgrade)_\w+)\{", done.stdout, re.MULTILINE))
    page = (Path(__file__).parents[2] / "docs" / "rollout-hosts.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in shown} == listed
    labels = set(re.findall(r"(\w+)=\"", done.stdout))
    assert set(re.findall(r"`(\w+_\w+)`", page.partition("Labels:")[2].partition("\n\n")[0])) <= labels
    assert "secret" not in done.stdout


def test_without_the_extra_the_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`otel: true` without OpenTelemetry says what to install, at the start."""
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    path = tmp_path / "rollout.yaml"
    path.write_text(changed(("max_age: 1h", "max_age: 1h\notel: true")))
    with pytest.raises(UsageError, match=r"pip install 'pytest-llmupgrade\[otel\]'"):
        ModelRouter.from_file(path)
