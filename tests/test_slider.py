"""Pictures under a slider as they are saved: small, free of widgets, and moved by the keyboard in a browser. test_jupyterlab.py has the live ones.

The browser tests are skipped where test_site.py's are, unless $REQUIRE_BROWSER is set.
"""
import re
from html import unescape
import sys
from pathlib import Path

import nbformat
import pytest

from test_site import PAGE, problems

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'tools'))
from run import name_of, notebooks

def sliders(folder):
    "The outputs with a slider in the notebooks of `folder`, by notebook and cell"
    return {f'{name_of(p)}-{c.id}': o['data'] for p in notebooks(folder) for c in nbformat.read(p, 4).cells for o in c.get('outputs', []) if re.search('<div style="display:grid[^>]*>\n<input type="range"', o.get('data', {}).get('text/html', ''))}

def alts(html): return [unescape(o) for o in re.findall(r'<img alt="([^"]*)"', html)]
def values(html): return re.findall(r'<figcaption[^>]*>([^<]*)', html)

saved = sliders(root/'nbs')
here = pytest.mark.parametrize('name', saved)

def test_there_are_sliders(): assert {'00_data', '02_init', '07_training'} <= {o.split('-')[0] for o in saved}

@here
def test_saved(name):
    html = saved[name]['text/html']
    assert set(saved[name])=={'text/html', 'text/plain'} # no widget, which would be dead in a saved notebook
    assert len(html)<400_000 and not re.search(r'https?:|//', re.sub('base64,[^"]*', '', html))
    assert len(values(html))==len(set(values(html)))==len(set(alts(html)))>=5 # each picture is described, and as itself
    assert html.count('<script')==1

def shown(page):
    "The text and the picture's alternative text that can be seen, and what a screen reader is told of the slider"
    return page.evaluate('''() => [[...document.querySelectorAll('figcaption')].filter(o => o.checkVisibility()).map(o => o.innerText).join(),
        [...document.images].filter(o => o.checkVisibility() && o.naturalWidth).map(o => o.alt).join(), document.querySelector('input').ariaValueText]''')

@here
@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_moves_by_the_keyboard(name, theme, browser, tmp_path):
    html,path = saved[name]['text/html'],tmp_path/'page.html'
    path.write_text(PAGE.format(html).replace('<meta', f'<meta name="color-scheme" content="{theme}"><meta', 1), encoding='utf-8')
    context = browser.new_context(viewport=dict(width=390, height=900), color_scheme=theme)
    assert not problems(context, path, contrast=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.keyboard.press('Tab')
    seen = [shown(page)]
    for _ in values(html)[1:]:
        page.keyboard.press('ArrowRight')
        seen.append(shown(page))
    assert [o[:2] for o in seen]==[list(o) for o in zip(values(html), alts(html))] and [o[2] for o in seen[1:]]==values(html)[1:]
    page.keyboard.press('Home')
    assert shown(page)==[values(html)[0], alts(html)[0], values(html)[0]]
    context.close()

@here
def test_without_scripts(name, browser, tmp_path):
    html,path = saved[name]['text/html'],tmp_path/'page.html'
    path.write_text(PAGE.format(html), encoding='utf-8')
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator('figure img').first.is_visible() and not page.locator('input').is_visible() and not page.locator('figure img').last.is_visible()
    page.locator('summary').click()
    assert page.locator('figure img').count()==len(values(html)) and page.locator('figure img').last.is_visible() and page.locator('figcaption').last.is_visible()
    context.close()

def test_on_the_site(site, browser):
    for name,data in saved.items():
        context = browser.new_context()
        page = context.new_page()
        page.goto((site/f'{name.split("-")[0]}.html').as_uri())
        slider = page.locator('input[type=range]').first
        slider.focus()
        page.keyboard.press('End')
        assert slider.evaluate('o => [o.ariaValueText, o.parentElement.querySelector("figcaption").innerText, o.parentElement.querySelector("img").alt]')==[values(data['text/html'])[-1]]*2+alts(data['text/html'])[-1:]
        context.close()
