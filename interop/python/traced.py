"""The app of app.py, followed by opentelemetry-instrumentation-celery. Each span is a JSON line; run as a script, it calls
the tasks that its arguments name, in a span called `request`."""

import json
import sys

from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from app import app


class Lines(SpanExporter):
    def export(self, spans):
        for span in spans:
            # A worker turns what is printed to sys.stdout into lines of its log.
            print(json.dumps(told(span)), file=sys.__stdout__, flush=True)
        return SpanExportResult.SUCCESS


def told(span):
    return {
        "span": span.name,
        "kind": span.kind.name,
        "trace": format(span.context.trace_id, "032x"),
        "id": format(span.context.span_id, "016x"),
        "parent": None if span.parent is None else format(span.parent.span_id, "016x"),
        "status": span.status.status_code.name,
        "description": span.status.description,
        "attributes": dict(span.attributes),
        "events": [dict(event.attributes) for event in span.events],
    }


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(Lines()))
trace.set_tracer_provider(provider)
CeleryInstrumentor().instrument()


@app.task(name="py.add")
def add(x, y):
    return x + y


@app.task(name="py.raise")
def fail():
    raise ValueError("no")


@app.task(name="py.relay", ignore_result=True)
def relay(name, queue):
    app.send_task(name, queue=queue)


if __name__ == "__main__":
    with trace.get_tracer("test").start_as_current_span("request"):
        queue, *names = sys.argv[1:]
        for name in names:
            app.signature(name, app=app).apply_async(queue=queue)
