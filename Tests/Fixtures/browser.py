#!/usr/bin/env python3
"""Drives Chromium through the page of a command that runs meanwhile, over the DevTools pipe.

usage: browser.py CHROMIUM FOLDER SCREENSHOTS COMMAND [ARGUMENT...]

Prints a line for each thing found, `name: value`. The browser's files go to FOLDER. Ends only what it started.
"""
import base64, json, os, re, signal, subprocess, sys, threading, time, urllib.error, urllib.parse, urllib.request

LIMIT = 240
start = time.monotonic()


def late(*_):
    sys.exit("too late: the browser or the command says nothing")


# Later than what `until` waits for, which can say more.
signal.signal(signal.SIGALRM, late)
signal.alarm(LIMIT + 20)
chromium, folder, screenshots, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]


def tell(name, value):
    print(f"{name}: {value}", flush=True)


class Browser:
    def __init__(self):
        # Chromium reads commands from descriptor 3 and writes to 4.
        read_end, self.output = os.pipe()
        self.input, write_end = os.pipe()
        # Both ends are moved away from 3 and 4, so that neither is overwritten on the way.
        high = [os.dup2(end, number, inheritable=True) for end, number in ((read_end, 53), (write_end, 54))]
        self.process = subprocess.Popen(
            ["bash", "-c", 'exec "$@" 3<&53 4>&54 53<&- 54>&-', "bash", chromium, "--headless", "--no-sandbox",
             "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             "--disable-extensions", "--remote-debugging-pipe", f"--user-data-dir={folder}/profile"],
            pass_fds=high, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (read_end, write_end, *high):
            os.close(end)
        self.buffer, self.count, self.console = b"", 0, []
        self.session = None

    def message(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.input, 1 << 16)
            if not piece:
                sys.exit("the browser has ended")
            self.buffer += piece
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.count += 1
        request = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.output, json.dumps(request).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.count:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]
            kind, what = answer.get("method"), answer.get("params", {})
            if kind == "Runtime.exceptionThrown":
                self.console.append(json.dumps(what["exceptionDetails"])[:300])
            elif kind == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
                self.console.append(f"{what['entry']['text']} {what['entry'].get('url', '')}")

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=1500, height=1000, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=url)

    def run(self, script):
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"{script}: {json.dumps(result['exceptionDetails'])[:500]}")
        return result["result"].get("value")

    def until(self, what, script):
        while not self.run(script):
            if time.monotonic() - start > LIMIT:
                self.shoot("late")
                sys.exit(f"too late: {what}")
            time.sleep(0.1)

    def shoot(self, name):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(f"{screenshots}/{name}.png", "wb") as file:
            file.write(base64.b64decode(data))


def status(url, fields, **more):
    request = urllib.request.Request(url, data=urllib.parse.urlencode(fields).encode(), headers=more)
    try:
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code


NAMES = "[...document.querySelectorAll('#table-cache tbody tr[data-key]:not([hidden]) .c-name')].map(c => c.textContent)"


def look(url):
    browser = Browser()
    try:
        browser.open(url)
        browser.until("the page", "!!document.querySelector('#live.on')")
        count = "Number(document.querySelector('[data-live=\"size-cache\"]').textContent)"
        before = browser.run(count)
        browser.until("more entries while the run goes on", f"{count} > {before} + 3")
        tell("entries", "appear")
        browser.until("the question in flight", "document.querySelector('#table-inflight').textContent.includes('slow')")
        browser.until("a curve", "!!document.querySelector('#table-servers polyline')")
        tell("in flight and servers", "shown")

        head = "document.querySelector('#table-cache th a[data-column=name]')"
        browser.run(f"{head}.click()")
        names = browser.run(NAMES)
        tell("sorted", names == sorted(names) and len(names) > 3)
        browser.run(f"{head}.click()")
        names = browser.run(NAMES)
        tell("sorted downwards", names == sorted(names, reverse=True))
        tell("aria-sort", browser.run(f"{head}.closest('th').getAttribute('aria-sort')"))
        for theme in ("light", "dark"):
            browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
            browser.until(theme, f"matchMedia('(prefers-color-scheme: {theme})').matches")
            time.sleep(2)
            browser.shoot(theme)
            tell(theme, browser.run("getComputedStyle(document.body).backgroundColor"))
        browser.run("document.getElementById('theme').click()")
        tell("toggled", browser.run("getComputedStyle(document.body).backgroundColor"))
        browser.run("document.getElementById('counters').scrollIntoView()")
        browser.shoot("below")

        browser.run("var q = document.getElementById('q'); q.value = 'n1.test'; q.dispatchEvent(new Event('input'))")
        browser.until("the rows of the search", f"{NAMES}.includes('n1.test')")
        tell("searched", sorted(set(browser.run(NAMES))))
        browser.run("document.querySelector('#table-cache tbody tr[data-key^=\"n1.test \"] .flush button').click()")
        browser.until("the word of the flush", "/^\\d+ flushed/.test(document.getElementById('note').textContent)")
        browser.until("the row has gone", f"!{NAMES}.includes('n1.test')")
        tell("flushed", browser.run("document.getElementById('note').textContent"))
        tell("console", browser.console)

        # Without scripts: a search by its form's address, and a flush by a form.
        browser.open("about:blank")
        browser.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.call("Page.navigate", url=url + "&q=n2.test")
        browser.until("the page without scripts", "document.querySelectorAll('#table-cache tbody tr[data-key]').length > 0")
        tell("without scripts", sorted(set(browser.run(NAMES))))
        tell("live without scripts", browser.run("!!document.querySelector('#live.on')"))
        browser.shoot("plain")
        browser.run("document.querySelector('#table-cache tbody tr[data-key^=\"n2.test \"] form.flush').requestSubmit()")
        browser.until(
            "the answer to the form",
            "document.readyState == 'complete' && "
            "!document.querySelector('#table-cache tbody tr[data-key^=\"n2.test \"] form.flush')")
        tell("flushed without scripts", browser.run(
            "(document.body.textContent.match(/\\d+ flushed\\.|^403.*/) || ['neither'])[0]"))
    finally:
        browser.process.terminate()
        browser.process.wait()


run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
try:
    line = run.stderr.readline()
    found = re.match(r"inspector: (http://\S+/\?token=(\S+))$", line)
    if not found:
        sys.exit(f"no address: {line!r}")
    # The command tells of each target that it couldn't fetch: nobody may make it wait.
    threading.Thread(target=run.stderr.read, daemon=True).start()
    place, token = found.group(1), found.group(2)
    flush = urllib.parse.urljoin(place, "/flush")
    tell("without the token", status(flush, {"all": "1"}))
    tell("with a wrong token", status(flush, {"all": "1", "token": "x" * len(token)}))
    tell("from elsewhere", status(flush, {"all": "1", "token": token}, Origin="http://evil.test"))
    tell("another host", status(flush, {"all": "1", "token": token}, Host="evil.test"))
    look(place)
    tell("still running", run.poll() is None)
finally:
    run.terminate()
    run.wait()
tell("over", "yes")
