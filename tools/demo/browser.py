"""Headless Chromium for the walk: a fresh profile each, errors collected."""

import json
import os
import re
import subprocess
import time

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

CHROMIUM = "/usr/bin/chromium"
DRIVER = "/usr/bin/chromedriver"
STEP_SECONDS = 30

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions",
    "--window-size=1280,1000",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, "
    "EXCLUDE localhost",
]


def user_agent():
    """A shopper's browser: a headless one would be taken for a bot."""
    shown = subprocess.run([CHROMIUM, "--version"], capture_output=True,
                           text=True, timeout=30, check=False).stdout
    major = re.search(r"(\d+)\.", shown)
    return ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
            "Gecko) Chrome/%s.0.0.0 Safari/537.36"
            % (major[1] if major else "120"))


AGENT = None


class Late(Exception):
    """Something did not happen before its deadline."""


def until(what, seconds, probe, pause=0.2):
    """Polls; the probe's first true answer, or Late."""
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise Late("%s: not within %d s" % (what, seconds))
        time.sleep(pause)


class Browser:
    def __init__(self, name, directory):
        global AGENT
        if AGENT is None:
            AGENT = user_agent()
        self.name = name
        self.directory = directory
        self.errors = []
        os.makedirs(directory, exist_ok=True)
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in FLAGS:
            options.add_argument(flag)
        options.add_argument("--user-agent=" + AGENT)
        options.add_argument("--user-data-dir="
                             + os.path.join(directory, "profile-" + name))
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(
            service=Service(DRIVER, log_path=os.devnull), options=options)
        self.driver.set_page_load_timeout(STEP_SECONDS)
        self.driver.set_script_timeout(STEP_SECONDS)

    def collect(self):
        for entry in self.driver.get_log("browser"):
            if entry["level"] == "SEVERE":
                self.errors.append(entry["message"])

    def open(self, url):
        self.driver.get(url)
        self.collect()

    def find(self, css):
        def probe():
            for element in self.driver.find_elements(By.CSS_SELECTOR, css):
                try:
                    if element.is_displayed() or \
                            element.get_attribute("type") in ("checkbox",
                                                              "radio"):
                        return element
                except WebDriverException:
                    return None
            return None
        return until("%s: %s on %s" % (self.name, css, self.path()),
                     STEP_SECONDS, probe)

    def path(self):
        return re.sub(r"^https?://[^/]+", "", self.driver.current_url)

    def click(self, css):
        element = self.find(css)
        self.driver.execute_script(
            "arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def fill(self, name, text):
        field = self.find('[name="%s"]' % name)
        field.clear()
        field.send_keys(text)

    def wait_path(self, start):
        until("%s: page %s, still on %s" % (self.name, start, self.path()),
              STEP_SECONDS, lambda: self.path().startswith(start))
        self.collect()

    def json(self, path):
        text = self.driver.execute_async_script(
            "var done = arguments[arguments.length - 1];"
            "fetch(arguments[0]).then(function (r) { return r.text(); })"
            ".then(done, function (e) { done('null'); });", path)
        return json.loads(text)

    def picture(self):
        try:
            self.driver.save_screenshot(
                os.path.join(self.directory, self.name + ".png"))
        except WebDriverException:
            pass

    def leave(self):
        """As a closed tab: the page gets its pagehide, then all is gone."""
        try:
            self.driver.get("about:blank")
            self.collect()
        except WebDriverException as problem:
            self.errors.append("leaving: %s" % problem.msg)
        self.driver.quit()
