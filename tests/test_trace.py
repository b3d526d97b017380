"""The stepper of `trace` in a browser: buttons, keys and focus, two on a page, light, dark and narrow, and without its script.

Needs Chromium and axe-core as test_site.py does, and is skipped where one is missing, unless $REQUIRE_BROWSER is set.
"""
import re

import pytest
import torch

from test_site import AXE, CONTRAST, LOOK

from mlp_foundations.layers import Lin, Model, Mse, Relu
from mlp_foundations.trace import trace
from mlp_foundations.training import CrossEntropy

class Ungated(Relu):
    "a gate <b>that</b> never shuts"
    def bwd(self, out, inp): inp.g = out.g

def rand(*size, g=torch.Generator().manual_seed(0)): return torch.randn(*size, generator=g)
def small(relu=Relu): return trace(Model([Lin(rand(3, 2), rand(2)), relu(), Lin(rand(2, 1), rand(1))], Mse()), rand(4, 3), rand(4))
def digit(): return trace(Model([Lin(rand(784, 50)/28, rand(50)), Relu(), Lin(rand(50, 10), rand(10))], CrossEntropy()), rand(1, 784), torch.tensor([3]))

PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>x</title><style>:root {{ color-scheme: light dark }}</style><body><input id="before" value="abc">{}<p>between</p>{}<input id="after"></body></html>'

@pytest.fixture(scope='module')
def page_html():
    return PAGE.format(small(Ungated)._stepper(), digit()._stepper())

def shown(page, k):
    "The titles of the steps that stepper number `k` shows"
    return page.locator('.mlp-trace').nth(k).locator('.t-step').evaluate_all("o => o.filter(s => s.checkVisibility()).map(s => s.querySelector('.t-title').innerText)")

def at(page): return [''.join(shown(page, k)).partition(',')[0] for k in range(page.locator('.mlp-trace').count())]

# --- what must hold; each is a list of what doesn't --------------------------------------------------------------------

def moves(page):
    "Buttons and keys of the first stepper, and that the second stands still"
    res,first = [],page.locator('.mlp-trace').first
    def want(what, *steps):
        if at(page)!=[f'Step {o}' for o in steps]: res.append(f'{what}: {at(page)}, not {steps}')
    want('at the start', '1 of 12', '1 of 12')
    for name,k in (('next →', 2), ('next →', 3), ('← back', 2), ('last', 12), ('next →', 12), ('first', 1), ('← back', 1)):
        first.locator('.t-go button', has_text=name).click(force=True) # at an end it only says that it is disabled, so that the focus stays
        want(name, f'{k} of 12', '1 of 12')
    first.locator('.t-map button').nth(4).click()
    if first.locator('[aria-current=step]').count()!=1: res.append('no current step on the map')
    first.focus()
    page.keyboard.press('Home')
    for key,k in (('ArrowRight', 2), ('ArrowRight', 3), ('ArrowLeft', 2), ('End', 12), ('ArrowRight', 12), ('Home', 1), ('ArrowLeft', 1), ('Shift+ArrowRight', 1), ('Control+ArrowRight', 1)):
        page.keyboard.press(key)
        want(key, f'{k} of 12', '1 of 12')
    return res

def keys_stay_out(page):
    "Keys that are pressed elsewhere move no stepper, and do there what they do"
    page.locator('#before').focus()
    page.keyboard.press('Home')
    page.keyboard.press('ArrowRight')
    place = page.evaluate("document.querySelector('#before').selectionStart")
    page.evaluate('document.activeElement.blur()')
    page.keyboard.press('ArrowRight')
    return [f'keys elsewhere: {at(page)}, the cursor at {place}']*(at(page)!=['Step 1 of 12']*2 or place!=1)

def tabbing(page):
    "From the field before to the one after by Tab alone, each stop visible; Enter on a button works"
    page.locator('#before').focus()
    stops,res = [],[]
    for _ in range(60):
        page.keyboard.press('Tab')
        o = page.evaluate("(o => [o.id || o.textContent.trim().slice(0, 12), o.checkVisibility(), getComputedStyle(o).outlineStyle!=='none' || o.id!==''])(document.activeElement)")
        stops.append(o[0])
        if not (o[1] and o[2]): res.append(f'{o[0]}: not visible, or without a mark of the focus')
        if o[0]=='next →' and stops.count('next →')==1: page.keyboard.press('Enter')
        if o[0]=='after': break
    if stops[-1]!='after' or len(stops)!=2*(1+12+4+2)+1: res.append(f'stops: {stops}')
    if at(page)!=['Step 2 of 12', 'Step 1 of 12']: res.append(f'Enter on next: {at(page)}')
    return res

def spoken(page):
    "What a screen reader is told: names, words for pictures, and the live region at each step"
    res = page.evaluate('''() => [...document.querySelectorAll('.mlp-trace')].flatMap(root => [
      root.getAttribute('aria-label')?.startsWith('A pass, step by step') && root.getAttribute('role')==='group' ? [] : ['a frame without a name'],
      [...root.querySelectorAll('button')].filter(o => !o.textContent.trim()).map(() => 'a button without a name'),
      [...root.querySelectorAll('img')].filter(o => !/^Heat map of .*: mean .*from .* to .*white .*black/.test(o.alt)).map(o => 'a picture without its words: '+o.alt)].flat())''')
    page.locator('.mlp-trace').first.focus()
    for k in range(2, 13):
        page.keyboard.press('ArrowRight')
        live = page.locator('.mlp-trace').first.locator('[aria-live=polite]')
        if not live.count() or f'Step {k} of 12' not in live.inner_text(): return res+[f'step {k} is not spoken']
    return res

def begun(start):
    "A page whose first stepper begins at step number `start`"
    rec = small(Ungated)
    rec.start = start-1
    return PAGE.format(rec._stepper(), digit()._stepper())

def begins_at_9(page):
    "The first stepper opens at its ninth step, with that one marked on its map, and goes on from there; the second at its first"
    res = [] if at(page)==['Step 9 of 12', 'Step 1 of 12'] else [f'begins at {at(page)}']
    first = page.locator('.mlp-trace').first
    marked = first.locator('.t-map button[aria-current=step]').evaluate_all('o => o.map(b => b.dataset.to)')
    if marked!=['8']: res.append(f'marked: {marked}')
    first.locator('.t-go button', has_text='← back').click(force=True)
    return res + [f'then {at(page)}']*(at(page)!=['Step 8 of 12', 'Step 1 of 12'])

def wrong_is_marked(page):
    "A wrong gradient says so in words where it is made, and on the map"
    first = page.locator('.mlp-trace').first
    marks = first.locator('.t-map button', has_text='✗').all_inner_texts()
    if 'gradients DIFFER from autograd: l1.g' not in first.locator('.t-head').inner_text() or len(marks)!=4: return [f'marks: {marks}']
    first.locator('.t-map button', has_text='✗').last.click()
    said = first.locator('.t-wrong:visible').all_inner_texts()
    return [] if len(said)==1 and 'The mistake is in Ungated.bwd' in said[0] else [f'said: {said}']

def unfolds(page):
    "A value is chosen by keys, by pointing at a number, and by pointing at a square of a picture; each time its sum is said"
    last = page.locator('.mlp-trace').last
    def said(): return last.locator('.t-unfold output:visible').inner_text()
    def go(name): last.locator(f'.t-map button[title^="{name} = "]').click()
    res = []
    row,col = (last.locator('.t-unfold input:visible').nth(k) for k in (0, 1))
    col.fill('7')
    if not said().startswith('l1[0, 7] = ') or ' more, together ' not in said(): res.append(said())
    row.focus()
    page.keyboard.press('ArrowRight')
    if at(page)[1]!='Step 1 of 12': res.append('a key in the field left the step')
    go('w1.g')
    box = last.locator('.t-result:visible img').bounding_box()
    page.mouse.click(box['x']+(29*3+14.5)*box['width']/289, box['y']+(29+10.5)*box['height']/144) # the picture of unit 13, row 10, column 14
    if not re.match(r'w1.g\[(265|266|293|294), 13\] = ', said()): res.append(said()) # a value is one pixel wide here
    go('loss')
    if not said().startswith('loss = −log(') or last.locator('.t-unfold input:visible').count(): res.append(said())
    go('out.g')
    last.locator('.t-result:visible td').nth(4).click()
    if not said().startswith('out.g[0, 4] = (') or last.locator('td.t-one:visible').count()!=1: res.append(said())
    return res

CHECKS = unfolds, moves, keys_stay_out, tabbing, spoken, wrong_is_marked

def found(browser, html, check, **how):
    "What `check` finds on the page `html`, with errors and requests"
    context = browser.new_context(**how)
    page,res = context.new_page(),[]
    page.set_default_timeout(5000)
    page.on('console', lambda o: res.append(f'console: {o.text}') if o.type=='error' else None)
    page.on('pageerror', lambda o: res.append(f'script error: {o}'))
    page.on('request', lambda o: None if o.url.startswith(('about:', 'data:')) else res.append(f'request: {o.url}'))
    try:
        page.set_content(html)
        return res+check(page)
    finally: context.close()

@pytest.mark.parametrize('check', CHECKS, ids=lambda o: o.__name__)
def test_stepper(browser, page_html, check): assert not found(browser, page_html, check)

def test_the_step_that_it_begins_at(browser): assert not found(browser, begun(9), begins_at_9)
@pytest.mark.parametrize('old, new', [('show(+root.dataset.start)', 'show(0)'), ('+b.dataset.to === at', '+b.dataset.to === 0'), ('data-start="8"', 'data-start="7"')])
def test_a_stepper_that_begins_elsewhere_is_found(browser, old, new):
    html = begun(9)
    assert old in html and found(browser, html.replace(old, new), begins_at_9)

def looks(page):
    "The page at each step: nothing too wide, every picture drawn, contrast"
    page.add_script_tag(path=AXE)
    res = []
    for k in range(12):
        res += page.evaluate(LOOK)+page.evaluate(CONTRAST.replace('pre span, mjx-container', '.none'))
        for o in page.locator('.mlp-trace').all():
            o.focus()
            page.keyboard.press('ArrowRight')
    return sorted(set(res))

@pytest.mark.parametrize('theme', ['light', 'dark'])
@pytest.mark.parametrize('width', [1200, 390])
def test_looks(browser, page_html, theme, width):
    assert not found(browser, page_html, looks, color_scheme=theme, viewport=dict(width=width, height=900))

def all_there(page):
    "Without a script: every step is there to read, and no button that does nothing"
    res = [] if [len(shown(page, k)) for k in (0, 1)]==[12, 12] else [f'{[len(shown(page, k)) for k in (0, 1)]} steps']
    return res+['a dead button']*(page.locator('button:visible').count()>0)
def test_without_its_script(browser, page_html): assert not found(browser, page_html, all_there, java_script_enabled=False)

def test_a_saved_page(browser, tmp_path):
    html = digit().save(tmp_path/'pass.html').read_text(encoding='utf-8')
    assert not found(browser, html, lambda page: [] if at(page)==['Step 1 of 12'] and page.title().startswith('Lin → Relu') else [f'{at(page)}, {page.title()}'])
    assert len(html)<1e6

# --- the checks bite ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('old, new, check', [
    ("root.addEventListener('keydown'", "document.addEventListener('keydown'", keys_stay_out), ("root.addEventListener('keydown'", "document.addEventListener('keydown'", moves),
    (" || e.target.matches('input')", '', unfolds), ('- left) * w', '- left) * h', unfolds), ('y === j : y', 'y !== j : y', unfolds),
    ('at + +b.dataset.by', 'at - +b.dataset.by', moves), ("e.ctrlKey || ", '', moves), ('o.hidden = i !== at', 'o.hidden = false', moves), ('aria-live=&quot;polite&quot;', '', spoken),
    ('alt="Heat map of w1', 'alt="Map of w1', spoken), ('root.tabIndex = 0', '', tabbing), ('outline: 2px solid currentColor;\noutline-offset: 2px', 'outline: none', tabbing),
    ('&lt;button type=&quot;button&quot; data-by=&quot;-1', '&lt;button hidden data-by=&quot;-1', tabbing), (' ✗', '', wrong_is_marked), ('The mistake is in', 'Mind', wrong_is_marked),
    ('font-size: 0.9rem', 'font-size: 0.9rem; color: #999', looks), ('max-width: 60rem', 'width: 70rem', looks), ('data:image/png;base64,', 'data:image/png;base64,A', looks),
    ('</body>', '<script>nothing.at.all</script></body>', moves), ('</body>', '<img alt="x" src="http://127.0.0.1:9/x.png"></body>', moves), ('</body>', '<button>x</button></body>', all_there)])
def test_a_fault_is_found(browser, page_html, old, new, check):
    assert old in page_html
    how = dict(viewport=dict(width=390, height=900)) if check is looks else dict(java_script_enabled=False) if check is all_there else {}
    try: res = found(browser, page_html.replace(old, new), check, **how)
    except Exception as e: res = [str(e)]
    assert res
