import json
import os
import signal
import sys
from urllib.request import Request, urlopen

from flask import Flask, request

ROUTE_HEADER = "azds-route-as"
NAMES = ["Tent", "Lantern", "Kettle"]

app = Flask(__name__)


def ask(url):
    """The JSON that another service answers, asked in the space of the request at hand."""
    route_as = request.headers.get(ROUTE_HEADER)
    headers = {ROUTE_HEADER: route_as} if route_as else {}
    with urlopen(Request(url, headers=headers), timeout=5) as response:
        return json.load(response)


@app.get("/healthz")
def healthz():
    return "ok"


@app.get("/products")
def products():
    prices = ask("http://prices/")
    who = {"service": "catalog", "space": os.environ["SPACE"]}
    return {
        "products": [{"name": name, "price": prices["prices"][name]} for name in NAMES],
        "answeredBy": [who, *prices["answeredBy"]],
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app.run(host="0.0.0.0", port=int(os.environ["PORT"]), threaded=True)
