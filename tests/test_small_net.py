"The small net to drag: its gradients are autograd's, and it can be used by mouse, finger, keys and ear."
import json, re, shutil, subprocess

import pytest, torch

from conftest import AXE, opened, root
from mlp_foundations.small_net import SmallNet, small_net
from test_javascript import need

def settings(n=100):
    "Values of the net: in some of them a unit is closed, or exactly at 0"
    g = torch.Generator().manual_seed(0)
    def some(k): return ((torch.rand(k, generator=g, dtype=torch.float64)*6-3)*10).round().div(10)
    res = [dict(x=some(2), w1=some(4), b1=some(2), w2=some(2), b2=some(1), targ=some(1)) for _ in range(n)]
    res[0].update(x=torch.tensor([1., 1.], dtype=torch.float64), w1=torch.tensor([1., 1., -1., 1.], dtype=torch.float64), b1=torch.zeros(2, dtype=torch.float64))
    return res

def want(v):
    "What autograd says"
    v = {k: o.clone().requires_grad_() for k,o in v.items()}
    w1 = v['w1'].view(2, 2)
    l1 = v['x']@w1 + v['b1']
    l2 = l1.relu()
    out = l2@v['w2'] + v['b2']
    loss = ((out-v['targ'])**2).mean()
    for o in (l1, l2, out): o.retain_grad()
    loss.backward()
    return dict(l1=l1, l2=l2, out=out, loss=loss, outG=out.grad, l2G=l2.grad, l1G=l1.grad, parts=l1.grad*w1), {k: v[k].grad for k in ('x', 'w1', 'b1', 'w2', 'b2')}

def amiss(folder=root):
    "What differs from autograd, and which written formulas don't come to their value"
    need(shutil.which('node'), 'node')
    vs = settings()
    res = subprocess.run(['node', 'tests/small_net.test.mjs'], cwd=folder, input=json.dumps([{k: o.tolist() for k,o in v.items()} for v in vs]), capture_output=True, text=True, encoding='utf-8')
    assert res.returncode==0, res.stderr
    def near(a, b): return torch.allclose(torch.tensor(a, dtype=torch.float64).flatten(), b.detach().flatten(), rtol=1e-10, atol=1e-10)
    found = set()
    for got,v in zip(json.loads(res.stdout), vs, strict=True):
        values,grads = want(v)
        found |= {k for k,o in values.items() if not near(got[k], o)} | {f'{k}.g' for k,o in grads.items() if not near(got['grads'][k], o)}
        if not near([sum(o) for o in got['parts']], grads['x']): found.add('the parts do not add up')
        for name,text in got['formulas']:
            *_,numbers,value = text.replace('−', '-').split(' = ') if text.count(' = ')>1 else (None, text.replace('−', '-').split(' = ')[-1], text.replace('−', '-').split(' = ')[-1])
            made = eval(re.sub(r'(\d) \(', r'\1*(', numbers.replace('·', '*')))
            if abs(made-float(value))>.03*max(.1, abs(float(value)), *[abs(float(o)) for o in re.findall(r'-?[\d.]+', numbers)]): found.add(f'{name} = {text}')
    return found

def test_gradients_are_those_of_autograd():
    assert not amiss()
    shut = [(want(v)[0]['l1']<=0).sum().item() for v in settings()]
    assert {*shut}=={0, 1, 2} # open, one closed, both closed

@pytest.mark.parametrize('old, new', [('g * (l1[j] > 0)', 'g'), ('(l1[j] > 0));', '(l1[j] >= 0));'), ('[a, b]) => a + b', '[a]) => a'), ('2 * (out - targ[0])', 'out - targ[0]'), ('x[k >> 1]', 'x[k % 2]'), ('x[1] * w1[2 + j]', 'x[1] * w1[1 + j]'), ("l2[${j}] · out.g = ${times(p.l2[j]", "l2[${j}] · out.g = ${times(p.l1[j]")])
def test_a_wrong_gradient_is_found(tmp_path, old, new):
    for o in ('tests', 'mlp_foundations'): (tmp_path/o).mkdir()
    shutil.copy(root/'tests'/'small_net.test.mjs', tmp_path/'tests')
    (tmp_path/'package.json').write_text('{"type": "module"}')
    text = (root/'mlp_foundations'/'small_net.js').read_text(encoding='utf-8')
    assert old in text
    (tmp_path/'mlp_foundations'/'small_net.js').write_text(text.replace(old, new), encoding='utf-8')
    assert amiss(tmp_path)

@pytest.fixture(scope='module')
def html(tmp_path_factory): return small_net().save(tmp_path_factory.mktemp('net')/'net.html').read_text(encoding='utf-8')

def values(page): return page.evaluate("document.querySelector('.mlp-small-net').net.values")
def chip(page, name): return page.locator(f'.n-chip[aria-label="{name}"]').first
def middle(o): return (b := o.bounding_box())['x']+b['width']/2,b['y']+b['height']/2

def by_keys(page):
    "Step a weight by keys: value, gradient and loss follow, and are said"
    chip(page, 'w1[0,0]').focus()
    before,res = chip(page, 'w1[0,0]').get_attribute('aria-valuetext'),[]
    for key in ('ArrowUp', 'ArrowRight', 'PageUp', 'ArrowDown'): page.keyboard.press(key)
    if abs(values(page)['w1'][0]-1.9)>1e-9: res.append(f"w1[0,0] is {values(page)['w1'][0]}")
    said = chip(page, 'w1[0,0]').get_attribute('aria-valuetext')
    if said==before or not re.fullmatch(r'1.9, gradient \S+; loss \S+', said) or chip(page, 'w1[0,0]').get_attribute('aria-valuenow')!='1.9': res.append(said)
    if page.locator('li.n-now').all_inner_texts()[:1]!=[o for o in page.locator('.n-lines li').all_inner_texts() if o.startswith('w1[0,0].g')]: res.append('its formula is not marked')
    page.keyboard.press('Home')
    if values(page)['w1'][0]!=-3: res.append('Home')
    return res
def drags(page):
    "Drag an input with the mouse; both parts of its gradient are shown, and a closed unit is marked by dashes and a word"
    res,(x,y) = [],middle(chip(page, 'b1[0]'))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x-150, y, steps=5)
    page.mouse.up()
    page.mouse.move(x, y+200)
    if values(page)['b1'][0]!=-2.9: res.append(f"b1[0] is {values(page)['b1'][0]}")
    text = page.locator('svg').first.text_content()
    if 'ReLU is closed' not in text or page.locator('line.n-shut').count()!=4: res.append('not seen to be closed')
    if not re.search(r'\.g = 0 \+ \S+', chip(page, 'x[0]').text_content()): res.append(chip(page, 'x[0]').text_content())
    return res
def learns(page):
    "Steps of SGD make the loss small; the first values come back"
    first = values(page)
    for _ in range(60): page.locator('.n-step').click()
    last = page.evaluate("document.querySelector('.mlp-small-net').net.pass.loss")
    res = [] if last<1e-3 and 'Steps: 60.' in page.locator('.n-count').inner_text() else [f'loss {last}']
    page.locator('.n-again').click()
    return res + ['not as at first']*(values(page)!=first)
def looks(page):
    page.add_script_tag(path=str(AXE))
    page.locator('.n-chip').first.focus()
    found = page.evaluate("async () => (await axe.run()).violations.map(o => `${o.id}: ${o.nodes[0].html.slice(0, 120)}`)")
    wide = page.evaluate('document.documentElement.scrollWidth>innerWidth')
    small = page.evaluate("[...document.querySelectorAll('.n-chip, button')].filter(o => { const r = o.getBoundingClientRect(); return Math.min(r.width, r.height)<24 }).length")
    letters = page.evaluate("12*document.querySelector('svg').getBoundingClientRect().width/360")
    return found+['too wide']*wide+[f'{small} small targets']*(small>0)+[f'letters of {letters} px']*(letters<11)

@pytest.mark.parametrize('check', [by_keys, drags, learns], ids=lambda o: o.__name__)
def test_small_net(browser, html, check):
    page = opened(browser, html)
    assert not check(page) and not page.faults
    page.context.close()

@pytest.mark.parametrize('width, theme', [(1280, 'light'), (390, 'dark')])
def test_looks(browser, html, width, theme):
    page = opened(browser, html, viewport=dict(width=width, height=900), color_scheme=theme)
    assert not looks(page)
    page.context.close()

def test_a_finger_and_two_on_a_page(browser):
    page = opened(browser, '<meta name="viewport" content="width=device-width">'+small_net()._html()*2, viewport=dict(width=390, height=844), has_touch=True, is_mobile=True)
    touch,(x,y) = page.context.new_cdp_session(page),middle(chip(page, 'x[0]'))
    for k,kind in enumerate(['touchStart', 'touchMove', 'touchMove', 'touchEnd']): touch.send('Input.dispatchTouchEvent', dict(type=kind, touchPoints=[] if kind=='touchEnd' else [dict(x=x+25*k, y=y)]))
    page.evaluate('() => new Promise(o => requestAnimationFrame(() => requestAnimationFrame(o)))')
    got = page.evaluate("[...document.querySelectorAll('.mlp-small-net')].map(o => o.net.values.x[0])")
    assert got[0]>=2 and got[1]==1.5 and page.evaluate('scrollY')==0 and page.locator('.mlp-small-net [data-lm-suppress-shortcuts=true]').count()==2*(12+2)
    page.context.close()

def test_without_javascript(browser, html):
    page = opened(browser, html, java_script_enabled=False)
    assert page.locator('.n-none').is_visible() and not page.locator('.n-all').is_visible()
    page.context.close()

@pytest.mark.parametrize('old, new, check', [
    ('PageUp: 1', 'PageUp: 0.1', by_keys), ("'aria-valuetext',", "'aria-x',", by_keys), ("toggle('n-now', on)", "toggle('n-now', !on)", by_keys), ('/ 50', '/ 5', drags), ("toggle('n-shut', !!", "toggle('n-shut', !", drags),
    ('- 0.05 *', '+ 0.05 *', learns), ("role: 'slider'", "role: 'img'", looks), ('max-width: 430px', 'max-width: 200px', looks)])
def test_a_fault_is_found(browser, html, old, new, check):
    assert old in html
    page = opened(browser, html.replace(old, new), viewport=dict(width=390, height=900))
    assert check(page)
    page.context.close()

def test_in_a_notebook():
    shown = small_net()._repr_mimebundle_()
    assert isinstance(small_net(), SmallNet) and set(shown)=={'text/html', 'text/plain'} and len(shown['text/html'])<20_000
