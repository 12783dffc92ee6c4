#!/usr/bin/env python3
"""A site that pays people: shows the bank's widget, and publishes a payout command for what it gives back.

Python's standard library, the gateway (`payoutd run --role gateway`), and the `payoutd` program to publish and to
look, on whichever backend its settings name. All settings are environment variables: see README.md.

A sample: the people and sums it owes stand in ORDERS, where a real site has its database and asks who is signed in.
Who gave a recipient for an order first is kept in a file.
"""

import hashlib
import html
import http.client
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

HERE = Path(__file__).resolve().parent
LISTEN = os.environ.get("SHOP_LISTEN", "127.0.0.1:8134")
GATEWAY = os.environ.get("SHOP_GATEWAY", "http://127.0.0.1:8133")
KEY_FILE = os.environ.get("SHOP_GATEWAY_KEY_FILE", "gateway.key")
WIDGET = os.environ.get("SHOP_WIDGET", "http://127.0.0.1:8132/widget/tokenize.js")
PAYOUTD = os.environ.get("SHOP_PAYOUTD", "payoutd")
# To whom each order goes, as digests: the first recipient of an order stays the only one, also after a restart.
RECIPIENTS_FILE = os.environ.get("SHOP_RECIPIENTS_FILE", "recipients.sqlite")
# The address that people see; behind a TLS proxy it is https://….
ORIGIN = os.environ.get("SHOP_ORIGIN", f"http://{LISTEN}")

# What is owed to whom. Sums are never taken from the browser.
ORDERS = {
    "1001": {
        "kind": "card",
        "title": "Courier's fee for November",
        "amount": 12500,
        "full_name": "Ivanov Ivan Ivanovich",
    },
    "1002": {
        "kind": "account",
        "title": "Invoice 1002 of Vector LLC",
        "amount": 300000,
        "full_name": "Vector LLC",
        "description": "Payment of invoice 1002. VAT exempt",
        "sender_account": "40702810300200000013",
    },
}

BODY_BYTES_MAX = 4096  # a hash and an order number
BODY_SECONDS_MAX = 10
CALL_SECONDS_MAX = 30  # more than payoutd gives the bank (bank.timeout)
IN_HAND = threading.BoundedSemaphore(8)  # calls of the gateway and of payoutd
CONNECTIONS = threading.BoundedSemaphore(64)  # each has a thread
SECRET = re.compile(r"[!-~]{1,512}")

PAGE_POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src 'self' {WIDGET}",
        f"frame-src {'{0.scheme}://{0.netloc}'.format(urlsplit(WIDGET))}",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


class Refused(Exception):
    """What the browser is told: a status and a sentence."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


BUSY = "Too busy. Try again."
TAKEN = "This order is paid to another card or account, which was entered before. Ask us if that was not you."
UNAVAILABLE = "This does not work just now. Try again in a minute."


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# The key goes to the gateway and nowhere else: through no proxy of the environment, and after no redirect.
GATEWAY_ONLY = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects)


def key():
    """The gateway's key. Read for each call, so that it can be changed while the site runs."""
    words = Path(KEY_FILE).read_text(encoding="ascii").split()
    if not words:
        raise ValueError(f"{KEY_FILE} holds no key")
    return words[0]


def gateway(path, body):
    """Asks the gateway. The key stays on this side."""
    headers = {"Authorization": f"Bearer {key()}", "Content-Type": "application/json"}
    request = urllib.request.Request(GATEWAY + path, json.dumps(body).encode(), headers, method="POST")
    try:
        with GATEWAY_ONLY.open(request, timeout=CALL_SECONDS_MAX) as answer:
            value = json.load(answer)
            if isinstance(value, dict):
                return value
            print("the gateway's answer is no JSON object", file=sys.stderr)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 422:
                raise Refused(422, "The bank does not know this recipient. Enter the number again.") from None
            print(f"the gateway answers {error.code}", file=sys.stderr)
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"the gateway cannot be asked: {type(error).__name__}", file=sys.stderr)
    raise Refused(503, UNAVAILABLE)


def recipient_of(order, body):
    """What the widget gave back, in the gateway's words. The order says of which kind it has to be."""
    name = "number_hash" if order["kind"] == "card" else "token"
    secret = body.get(name)
    if not isinstance(secret, str) or not SECRET.fullmatch(secret):
        raise Refused(400, "The widget's result is missing.")
    return {"card" if order["kind"] == "card" else "bank_account": {name: secret}}


def payout_id(number):
    """The order's own: however often the form is sent, and from wherever, payoutd pays it once."""
    return f"order-{number}"


def command_for(number, order, recipient):
    """The payout command. Of the browser's only the recipient's hash or token is in it."""
    command = {
        "type": "payout.create",
        "payout_id": payout_id(number),
        "amount_details": {"amount": order["amount"], "currency": "rub"},
        "metadata": {"order": number},
    }
    if order["kind"] == "account":
        account = {"full_name": order["full_name"], "description": order["description"], **recipient["bank_account"]}
        command["account"] = "settlement"
        command["payment_method"] = {
            "type": "bank_account",
            "bank_account": {"system_type": "ru", "ru": account},
        }
        command["participant_details"] = {"sender": {"account": order["sender_account"]}}
        return command
    command["payment_method"] = {
        "type": "card",
        "card": {"type": "encrypted_card", "encrypted_card": recipient["card"]},
    }
    command["participant_details"] = {"recipient": {"full_name": order["full_name"]}}
    # Asked anew, not taken from the browser: payoutd confirms only if the bank pays to these digits.
    shown = gateway("/v1/token-info", recipient)
    command["expected"] = {name: shown[name] for name in ("last4", "bin") if name in shown}
    return command


def claim(number, recipient):
    """The first recipient of an order stays the only one: payoutd would not pay another either, and tell it as a
    payout.conflict, which the page does not see. Kept before anything is published: what came of that is not sure."""
    digest = hashlib.sha256(json.dumps(recipient, sort_keys=True).encode()).hexdigest()
    with closing(sqlite3.connect(RECIPIENTS_FILE, timeout=CALL_SECONDS_MAX)) as file, file:
        file.execute("CREATE TABLE IF NOT EXISTS recipients (number TEXT PRIMARY KEY, digest TEXT NOT NULL)")
        file.execute("INSERT OR IGNORE INTO recipients VALUES (?, ?)", (number, digest))
        (first,) = file.execute("SELECT digest FROM recipients WHERE number = ?", (number,)).fetchone()
    if first != digest:
        raise Refused(409, TAKEN)


def payoutd(*args, given=None):
    try:
        return subprocess.run(
            [PAYOUTD, *args], input=given, capture_output=True, timeout=CALL_SECONDS_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"payoutd {args[0]}: {type(error).__name__}", file=sys.stderr)
        raise Refused(503, UNAVAILABLE) from None


def publish(command):
    """Returns when the queue has the command for good."""
    done = payoutd("publish", "-", given=json.dumps(command).encode())
    if done.returncode != 0:
        print(f"payoutd publish: {done.returncode}: {done.stderr.decode()}", file=sys.stderr)
        raise Refused(503, "The payout could not be ordered. Try again in a minute.")


def state_of(number):
    done = payoutd("show", "--json", payout_id(number))
    # 2: there is no such payout, or not yet.
    if done.returncode == 2:
        return {"state": "none"}
    if done.returncode != 0:
        raise Refused(503, "The payout cannot be looked at just now.")
    return {"state": json.loads(done.stdout)["state"]}


def widget_token(_number, _order, _body):
    return gateway("/v1/widget-tokens", {})


def recipient(_number, order, body):
    return gateway("/v1/token-info", recipient_of(order, body))


def payout(number, order, body):
    recipient = recipient_of(order, body)
    command = command_for(number, order, recipient)
    claim(number, recipient)
    publish(command)
    return {"payout_id": payout_id(number)}


POSTS = {"/widget-token": widget_token, "/recipient": recipient, "/payout": payout}
FILES = {"/page.js": "text/javascript", "/page.css": "text/css"}


class Site(BaseHTTPRequestHandler):
    timeout = BODY_SECONDS_MAX
    server_version = "shop"
    sys_version = ""

    def do_GET(self):
        self.answer_with(self.get)

    def do_POST(self):
        self.answer_with(self.post)

    def answer_with(self, handle):
        try:
            handle()
        except Refused as refused:
            self.send_json(refused.status, {"error": str(refused)})
        except Exception as error:  # the browser is told something, whatever it is
            print(f"{self.command}: {type(error).__name__}", file=sys.stderr)
            self.send_json(500, {"error": UNAVAILABLE})

    def call(self, handle, *args):
        """Whatever takes long: so many at a time."""
        if not IN_HAND.acquire(blocking=False):
            raise Refused(503, BUSY)
        try:
            return handle(*args)
        finally:
            IN_HAND.release()

    def get(self):
        # A name that somebody else points at this address (DNS rebinding) is not ours.
        if self.headers.get("Host") != urlsplit(ORIGIN).netloc:
            raise Refused(421, "Unknown host.")
        url = urlsplit(self.path)
        number = parse_qs(url.query).get("order", ["1001"])[0]
        if url.path == "/":
            order = order_named(number)
            page = (HERE / "index.html").read_text(encoding="utf-8")
            amount = f"{order['amount'] // 100}.{order['amount'] % 100:02d} RUB"
            values = {**order, "widget": WIDGET, "order": number, "amount": amount}
            page = re.sub(r"\{\{(\w+)\}\}", lambda found: html.escape(str(values[found[1]])), page)
            self.send(200, "text/html", page.encode())
        elif url.path in FILES:
            self.send(200, FILES[url.path], (HERE / url.path[1:]).read_bytes())
        elif url.path == "/payout":
            order_named(number)
            self.send_json(200, self.call(state_of, number))
        else:
            raise Refused(404, "There is no such page.")

    def post(self):
        # Browsers say which page sends: only our own may.
        if self.headers.get("Origin") != ORIGIN:
            raise Refused(403, "Not from another site.")
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "JSON is needed.")
        handle = POSTS.get(self.path)
        if handle is None:
            raise Refused(404, "There is no such address.")
        body = self.body()
        number = body.get("order")
        self.send_json(200, self.call(handle, number, order_named(number), body))

    def body(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Refused(411, "A length is needed.")
        if len(length) > 9 or int(length) > BODY_BYTES_MAX:
            raise Refused(413, "Too large.")
        try:
            body = json.loads(self.read(int(length)))
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise Refused(400, "No JSON object.")
        return body

    def read(self, length):
        """The body, as a whole in time: a socket's own limit is for each piece."""
        ends = time.monotonic() + BODY_SECONDS_MAX
        body = b""
        while len(body) < length:
            self.connection.settimeout(max(ends - time.monotonic(), 0.001))
            try:
                piece = self.rfile.read1(length - len(body))
            except TimeoutError:
                raise Refused(408, "Too slow.") from None
            if not piece:
                raise Refused(400, "The body ends too soon.")
            body += piece
        self.connection.settimeout(BODY_SECONDS_MAX)
        return body

    def send_json(self, status, value):
        self.send(status, "application/json", json.dumps(value).encode())

    def send(self, status, kind, content):
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(content)),
            "Content-Security-Policy": PAGE_POLICY,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        """Says nothing: addresses hold order numbers."""


def order_named(number):
    order = ORDERS.get(number) if isinstance(number, str) else None
    if order is None:
        raise Refused(404, "There is no such order.")
    return order


class Server(ThreadingHTTPServer):
    """So many connections at once; more are closed. In front of it stands a web server that knows the slow ones."""

    def process_request(self, request, client_address):
        if not CONNECTIONS.acquire(blocking=False):
            return self.shutdown_request(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            CONNECTIONS.release()


def main():
    try:
        key()
    except (OSError, ValueError) as error:
        sys.exit(f"SHOP_GATEWAY_KEY_FILE: {error}; name the file that gateway.key_file names")
    host, _, port = LISTEN.rpartition(":")
    with Server((host, int(port)), Site) as server:
        print(f"the site is on {ORIGIN}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
