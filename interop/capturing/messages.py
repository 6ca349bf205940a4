"""Task messages: what each call publishes."""

from celery import chain, chord, group

from . import frozen
from .golden_app import make_app, noted

ID = "11111111-1111-4111-8111-111111111111"


def scenario(means, act):
    with noted() as found:
        act()
    return {"means": means, "messages": found}


def calls(app):
    add, total, failed = (app.tasks[f"golden.{name}"] for name in ("add", "total", "failed"))
    rich = dict(
        task_id=ID,
        countdown=10,
        expires=60,
        priority=5,
        headers={"x-custom": 1},
        shadow="shadow.name",
        time_limit=30,
        soft_time_limit=20,
        ignore_result=True,
        link=total.s(),
        link_error=failed.s(),
    )
    return {
        "plain": ("delay(2, 3)", lambda: add.apply_async((2, 3), task_id=ID)),
        "keywords": ("keyword arguments and text", lambda: add.apply_async(("zażółć 🐇",), {"y": "it's"}, task_id=ID)),
        "rich": ("every option at once; expiration is whole milliseconds", lambda: add.apply_async((2, 3), **rich)),
        "by name": ("send_task of a name nobody registered", lambda: app.send_task("golden.unknown", (1,), task_id=ID)),
    }


def protocol_2():
    app = make_app()
    add, again = app.tasks["golden.add"], app.tasks["golden.again"]
    found = {name: scenario(*call) for name, call in calls(app).items()}
    found["big integer"] = scenario(
        "an argument and a header beyond 2^31: py-amqp tags it L",
        lambda: add.apply_async((2**70, 2**53), headers={"ms": 1767323045678}, task_id=ID),
    )
    if hasattr(add.s(), "stamp"):
        stamped = add.s(2, 3)
        stamped.stamp(tenant="blue", numbers=[1, 2])
        found["stamped"] = scenario("stamps travel as headers", lambda: stamped.apply_async(task_id=ID))
    found["retry"] = scenario("a task's second attempt", lambda: retry(again))
    return found


def retry(task):
    task.push_request(
        id=ID,
        args=[1],
        kwargs={"y": 2},
        called_directly=False,
        retries=0,
        is_eager=False,
        delivery_info={"exchange": "", "routing_key": "celery", "priority": 4},
        root_id=ID,
        origin="gen1@elsewhere",
        reply_to="reply",
        headers={"x-custom": 1},
        errbacks=None,
    )
    try:
        task.retry(exc=ValueError("later"), countdown=3, throw=False)
    finally:
        task.pop_request()


def protocol_1():
    app = make_app(task_protocol=1)
    add = app.tasks["golden.add"]
    found = {name: scenario(*call) for name, call in calls(app).items()}
    found["chain"] = scenario(
        "the rest of a chain is a link within a link",
        lambda: chain(add.s(1, 2), add.s(3), add.s(4)).apply_async(),
    )
    found["group"] = scenario("each member names the group twice", lambda: group(add.s(1, 2), add.s(3, 4)).apply_async())
    return found


def canvas():
    app = make_app(backend="cache+memory://")
    add, total = app.tasks["golden.add"], app.tasks["golden.total"]
    return {
        "chain": scenario("the rest lies in embed.chain, reversed", lambda: chain(add.s(1, 2), add.s(3), add.s(4)).apply_async()),
        "group": scenario("one message per member", lambda: group(add.s(1, 2), add.s(3, 4)).apply_async()),
        "chord": scenario("each member carries the body", lambda: chord([add.s(1, 2), add.s(3, 4)], total.s()).apply_async()),
        "chord in a chain": scenario(
            "a group becomes the header of a chord with what follows",
            lambda: (add.s(1, 2) | group(add.s(3), add.s(4)) | total.s()).apply_async(),
        ),
        "immutable link": scenario("a callback that takes no result", lambda: add.apply_async((1, 2), link=add.si(5, 6))),
        "map": scenario("a built-in that calls a task per item", lambda: add.map([1, 2]).apply_async()),
    }
