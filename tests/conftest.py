"""What several test files share: the reading site, built once, and one Chromium. Playwright can be started only once in a process."""
import os, shutil, subprocess, sys
from collections import Counter
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent

def pytest_terminal_summary(terminalreporter):
    "A line for each reason why tests were skipped, so that nobody overlooks it"
    reasons = Counter(o.longrepr[2].removeprefix('Skipped: ') for o in terminalreporter.stats.get('skipped', []))
    for reason,n in reasons.items(): terminalreporter.write_line(f'{n} skipped: {reason}')

def build(out, nbs=root/'nbs', **env): return subprocess.run([sys.executable, str(root/'site'/'make.py'), str(out), str(nbs)], capture_output=True, text=True,
                                                             env={**{k:v for k,v in os.environ.items() if not k.startswith('GITHUB_')}, **env})

@pytest.fixture(scope='session')
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp('site')/'_site'
    res = build(out)
    assert res.returncode==0, f'the build stopped at a warning:\n{res.stderr}'
    return out

CHROMIUM = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split()
AXE = Path(os.environ.get('AXE') or root/'node_modules'/'axe-core'/'axe.min.js')

def missing():
    "What the browser tests lack, in a line, or None"
    try: import playwright # noqa: F401
    except ImportError: return 'no playwright in this environment'
    if not find_chromium(): return 'no Chromium: install chromium, or set CHROMIUM to its path'
    if not AXE.exists(): return 'no axe-core: run the line with npm in .ci/run, or set AXE to its axe.min.js'
def need_browser():
    if why := missing(): (pytest.fail if os.environ.get('REQUIRE_BROWSER') else pytest.skip)(why)
def find_chromium(): return os.environ.get('CHROMIUM') or shutil.which('chromium') or shutil.which('google-chrome')

@pytest.fixture(scope='session')
def browser():
    need_browser()
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=find_chromium(), args=CHROMIUM)
        yield chromium
        chromium.close()

def opened(browser, html, **how):
    "A page of `html` in a context of its own; `faults`: the errors of its scripts, and what it asks others for"
    page = browser.new_context(**how).new_page()
    page.faults = []
    page.on('pageerror', lambda o: page.faults.append(str(o)))
    page.on('request', lambda o: None if o.url.startswith(('about:', 'data:')) else page.faults.append(o.url))
    page.set_content(html)
    return page
