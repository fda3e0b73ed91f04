"""`client.py SERVER PORT`: conversations with that server by clients of others. Prints `ok CASE` or `FAIL CASE: why`."""

import hashlib
import os
import queue
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
from email.message import EmailMessage

import greenstalk
import redis
import stomp
from pymemcache.client.base import Client as Memcache

SERVER, PORT = sys.argv[1], int(sys.argv[2])
HOST = "127.0.0.1"
SECONDS_MAX = 60
LARGE = 16 * 1024 * 1024


def program(*argv, text=None):
    return subprocess.run(argv, input=text, capture_output=True, text=True, timeout=SECONDS_MAX, check=True).stdout


def raw(sent, until, in_parts_of=None, pause=0.0):
    """Sends, and reads until the answer ends so."""
    with socket.create_connection((HOST, PORT), SECONDS_MAX) as connection:
        size = in_parts_of or len(sent)
        for at in range(0, len(sent), size):
            connection.sendall(sent[at : at + size])
            time.sleep(pause)
        answer = b""
        while not answer.endswith(until):
            part = connection.recv(65536)
            assert part, f"ended after {answer[-200:]!r}"
            answer += part
        return answer


def equal(found, wanted):
    assert found == wanted, f"{str(found)[:200]!r} instead of {str(wanted)[:200]!r}"


# Redis


def redis_cli(*argv, text=None):
    return program("redis-cli", "-p", str(PORT), *argv, text=text)


def redis_cli_one():
    equal(redis_cli("SET", "one", "a value"), "OK\n")
    equal(redis_cli("GET", "one"), "a value\n")


def redis_cli_many():
    answer = redis_cli(text="MULTI\nINCR count\nINCR count\nEXEC\nGET count\nDEL count\n")
    equal(answer.split(), ["OK", "QUEUED", "QUEUED", "1", "2", "2", "1"])


def redis_mass_insertion():
    text = "".join(f"SET key:{number} {number}\r\n" for number in range(100_000))
    assert "errors: 0, replies: 100000" in redis_cli("--pipe", text=text)
    equal(redis_cli("GET", "key:99999"), "99999\n")


def redis_benchmark():
    program("redis-benchmark", "-p", str(PORT), "-q", "-n", "20000", "-c", "50", "-P", "16", "-t", "get,set,lpush,lrange_100")


def redis_inline():
    equal(raw(b"PING\r\n", b"PONG\r\n"), b"+PONG\r\n")
    equal(raw(b"SET / HTTP\r\nGET /\r\nDEL /\r\n", b":1\r\n"), b"+OK\r\n$4\r\nHTTP\r\n:1\r\n")


def redis_like_http():
    """All but the version of a request line."""
    answer = raw(b"GET / HTTP/2.0\r\nPING\r\n", b"PONG\r\n")
    assert answer.startswith(b"-ERR wrong number of arguments for 'get' command\r\n"), answer
    equal(raw(b"SET / HTTP/1.\r\nGET /\r\nDEL /\r\n", b":1\r\n"), b"+OK\r\n$7\r\nHTTP/1.\r\n:1\r\n")


def redis_slow_typist():
    equal(raw(b"ECHO hello\r\n", b"hello\r\n", in_parts_of=1, pause=0.15), b"$5\r\nhello\r\n")


def redis_large():
    value = os.urandom(LARGE)
    server = redis.Redis(HOST, PORT)
    server.set("large", value)
    equal(hashlib.sha256(server.get("large")).digest(), hashlib.sha256(value).digest())
    server.delete("large")


def redis_pipeline():
    with redis.Redis(HOST, PORT).pipeline(transaction=False) as pipe:
        for number in range(10_000):
            pipe.set(f"p:{number}", number).get(f"p:{number}")
        answers = pipe.execute()
    equal(answers[1::2], [str(number).encode() for number in range(10_000)])


def redis_pub_sub():
    server = redis.Redis(HOST, PORT)
    with server.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe("news")
        subscription.psubscribe("new?")
        # Nothing is said for longer than the first look lasts.
        time.sleep(2)
        subscription.get_message(timeout=1)
        subscription.get_message(timeout=1)
        for number in range(1000):
            equal(server.publish("news", number), 2)
        heard = []
        while len(heard) < 2000:
            message = subscription.get_message(timeout=SECONDS_MAX)
            if message is not None:
                heard.append(int(message["data"]))
        equal(sorted(heard), sorted([*range(1000), *range(1000)]))


def redis_blocking():
    answers = queue.Queue()
    waiting = threading.Thread(target=lambda: answers.put(redis.Redis(HOST, PORT).blpop("list", SECONDS_MAX)))
    waiting.start()
    time.sleep(2)
    redis.Redis(HOST, PORT).rpush("list", "late")
    equal(answers.get(timeout=SECONDS_MAX), (b"list", b"late"))
    waiting.join()


def redis_quits():
    equal(raw(b"PING\r\nQUIT\r\n", b"+OK\r\n"), b"+PONG\r\n+OK\r\n")


# memcached


def memcached_client():
    server = Memcache((HOST, PORT), timeout=SECONDS_MAX)
    server.set("a", "value", noreply=False)
    equal(server.get("a"), b"value")
    value, token = server.gets("a")
    equal(server.cas("a", "other", token), True)
    equal(server.cas("a", "third", token), False)
    server.set("count", "41", noreply=False)
    equal(server.incr("count", 1), 42)
    many = {f"key{number}": f"value {number}".encode() for number in range(500)}
    server.set_many(many, noreply=True)
    equal(server.get_many(list(many)), many)
    value = os.urandom(1_000_000)
    server.set("large", value, noreply=False)
    equal(server.get("large"), value)
    server.quit()


def memcached_raw():
    equal(raw(b"set a 0 0 5\r\nhello\r\nget a\r\n", b"END\r\n"), b"STORED\r\nVALUE a 0 5\r\nhello\r\nEND\r\n")
    equal(raw(b"get / HTTP/1.\r\n", b"END\r\n"), b"END\r\n")
    answer = raw(b"get a\r\n" * 5000 + b"mn\r\n", b"MN\r\n")
    equal(answer.count(b"VALUE a 0 5\r\nhello\r\nEND\r\n"), 5000)


# SMTP


def mail(size):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "hello"
    lines = ["..a line that begins with dots", ".", *("x" * 70 for _ in range(size // 72))]
    message.set_content("\n".join(lines))
    return message


def smtp_send(server, size):
    """The server answers with the digest of what it received."""
    content = mail(size).as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    server.mail("a@example.com")
    server.rcpt("b@example.com")
    code, answer = server.data(content)
    equal((code, answer.decode()), (250, hashlib.sha256(content).hexdigest()))


def smtp_messages():
    with smtplib.SMTP(HOST, PORT, timeout=SECONDS_MAX) as server:
        server.ehlo()
        assert server.has_extn("size")
        for size in (100, 10_000, 5_000_000):
            smtp_send(server, size)
        server.noop()


def smtp_greeting():
    """A client that only listens is greeted."""
    with socket.create_connection((HOST, PORT), SECONDS_MAX) as connection:
        assert connection.recv(1000).startswith(b"220 ")


def smtp_tls():
    with smtplib.SMTP(HOST, PORT, timeout=SECONDS_MAX) as server:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        equal(server.starttls(context=context)[0], 220)
        server.ehlo()
        smtp_send(server, 100_000)


# beanstalkd


def beanstalkd_jobs():
    with greenstalk.Client((HOST, PORT), use="work", watch="work") as producer:
        ids = [producer.put(f"job {number}", priority=number) for number in range(1000)]
        with greenstalk.Client((HOST, PORT), use="work", watch="work") as worker:
            for number in range(1000):
                job = worker.reserve(timeout=SECONDS_MAX)
                equal((job.id, job.body), (ids[number], f"job {number}"))
                worker.delete(job)


def beanstalkd_waits():
    with greenstalk.Client((HOST, PORT), watch="later", use="later") as worker:
        timer = threading.Timer(2, lambda: greenstalk.Client((HOST, PORT), use="later").put("late"))
        timer.start()
        equal(worker.reserve(timeout=SECONDS_MAX).body, "late")


# STOMP


class Listener(stomp.ConnectionListener):
    def __init__(self):
        self.messages, self.receipts = queue.Queue(), queue.Queue()

    def on_message(self, frame):
        self.messages.put(frame.body)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])


def stomp_messages():
    # The broker knows no other virtual host than the name of its machine.
    connection, listener = stomp.Connection12([(HOST, PORT)], vhost=socket.getfqdn()), Listener()
    connection.set_listener("", listener)
    connection.connect(wait=True)
    connection.subscribe("/queue/a", id="1", ack="auto")
    # One at a time: the broker fails at frames that come in pieces.
    for body in (f"message {number}\nof two lines" for number in range(200)):
        connection.send("/queue/a", body)
        equal(listener.messages.get(timeout=SECONDS_MAX), body)
    connection.disconnect(receipt="bye")
    equal(listener.receipts.get(timeout=SECONDS_MAX), "bye")


# MariaDB


def mariadb(*argv, text=None):
    return program("mariadb", "--no-defaults", "--host", HOST, "--port", str(PORT), "--user", "root", "--skip-ssl", "-N", *argv, text=text)


def mariadb_queries():
    equal(mariadb("-e", "SELECT 'hello', 1 + 1"), "hello\t2\n")
    text = "CREATE DATABASE shop; USE shop; CREATE TABLE t (n INT);\n" + "".join(
        f"INSERT INTO t VALUES ({number});\n" for number in range(1000)
    )
    equal(mariadb(text=text + "SELECT SUM(n) FROM t; DROP DATABASE shop;\n"), "499500\n")


def mariadb_large():
    equal(len(mariadb("-e", f"SELECT REPEAT('x', {LARGE - 1024})")), LARGE - 1024 + 1)
    equal(mariadb("mysql", "-e", "SELECT seq FROM seq_1_to_200000").count("\n"), 200_000)


CASES = {
    "redis": {
        "redis-cli, one command": redis_cli_one,
        "redis-cli, a transaction": redis_cli_many,
        "redis-cli --pipe with 100,000 inline commands": redis_mass_insertion,
        "redis-benchmark, 50 connections, 16 commands at once": redis_benchmark,
        "inline commands": redis_inline,
        "inline commands that look like requests but for the version": redis_like_http,
        "an inline command typed letter by letter": redis_slow_typist,
        "a value of 16 MiB": redis_large,
        "20,000 commands in a pipeline": redis_pipeline,
        "publish and subscribe": redis_pub_sub,
        "a command that waits": redis_blocking,
        "QUIT": redis_quits,
    },
    "memcached": {"pymemcache": memcached_client, "the text protocol, pipelined": memcached_raw},
    "aiosmtpd": {
        "smtplib, three messages": smtp_messages,
        "a client that only listens": smtp_greeting,
        "smtplib with STARTTLS": smtp_tls,
    },
    "beanstalkd": {"greenstalk, 1,000 jobs": beanstalkd_jobs, "a command that waits": beanstalkd_waits},
    "coilmq": {"stomp.py, 200 messages": stomp_messages},
    "mariadb": {"the client's queries": mariadb_queries, "large answers": mariadb_large},
}

for name, case in CASES[SERVER].items():
    try:
        case()
        print(f"ok {name}", flush=True)
    except Exception as error:
        print(f"FAIL {name}: {type(error).__name__} {error}", flush=True)
