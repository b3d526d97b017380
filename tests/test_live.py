"The training to drag: its steps are those of the package, and it can be used by mouse, keys and ear."
import json, re, shutil, subprocess
from functools import cache

import pytest, torch

from conftest import AXE, opened, root
from mlp_foundations.data import get_data
from mlp_foundations.layers import Lin, Model, Relu
from mlp_foundations.live import LiveTraining, _packed, _small, live_training
from mlp_foundations.training import CrossEntropy
from test_javascript import need

@cache
def digits():
    x,y,xv,yv = get_data()
    return x[:2000],y[:2000],xv[:500],yv[:500]

def case():
    "A net with a dead unit, rows, and twenty batches of several sizes"
    g = torch.Generator().manual_seed(0)
    def some(*n): return torch.randn(*n, generator=g, dtype=torch.float64)
    w1,b1,w2,b2,x = some(12, 6)/3,some(6)/2,some(6, 4),some(4),some(40, 12)
    b1[3] = -100.
    y = torch.arange(40)%4
    return w1,b1,w2,b2,x,y,[torch.randperm(40, generator=g)[:k].tolist() for k in (1, 2, 7, 40)*5],.3

def ours():
    "The same twenty steps by the package"
    w1,b1,w2,b2,x,y,batches,lr = case()
    model,losses = Model([Lin(w1, b1), Relu(), Lin(w2, b2)], CrossEntropy()),[]
    for rows in batches:
        losses.append(model(x[rows], y[rows]).item())
        model.backward()
        for p in model.params(): p -= lr*p.g
    out = model(x)
    return losses,dict(w1=w1, b1=b1, w2=w2, b2=b2),dict(dead=(model.layers[1].out==0).all(0).double().mean().item(), right=(out.argmax(1)==y).double().mean().item())

def amiss(folder=root):
    "What differs from the package"
    need(shutil.which('node'), 'node')
    w1,b1,w2,b2,x,y,batches,lr = case()
    sent = dict(net=dict(m=12, nh=6, c=4, w1=w1.flatten().tolist(), b1=b1.tolist(), w2=w2.flatten().tolist(), b2=b2.tolist()), x=x.flatten().tolist(), y=y.tolist(), batches=batches, lr=lr)
    res = subprocess.run(['node', 'tests/live.test.mjs'], cwd=folder, input=json.dumps(sent), capture_output=True, text=True, encoding='utf-8')
    assert res.returncode==0, res.stderr
    got,(losses,params,seen) = json.loads(res.stdout),ours()
    def near(a, b): return torch.allclose(torch.tensor(a, dtype=torch.float64), torch.as_tensor(b, dtype=torch.float64).flatten(), rtol=1e-10, atol=1e-10)
    mean = [sum(losses[max(0, i-2):i+1])/min(i+1, 3) for i in range(20)]
    found = ['losses']*(not near(got['losses'], losses)) + ['mean']*(not near(got['mean'], mean)) + [k for k,o in params.items() if not near(got['net'][k], o)] + [k for k,o in seen.items() if abs(got['seen'][k]-o)>1e-12]
    for scale,w in zip((.1, 1, 10), got['first'], strict=True):
        w,std = torch.tensor(w),scale*(2/196)**.5 # 5,880 numbers: their mean and std are near to 5 standard errors
        if abs(w.mean())>5*std/5880**.5 or abs(w.std()/std-1)>5/(2*5880)**.5: found.append(f'first weights at {scale}')
    return found + ['order']*(sorted(got['order'])!=[*range(500)] or got['order']==[*range(500)])

def test_its_steps_are_those_of_the_package():
    assert not amiss() and 0<ours()[2]['dead']<1

@pytest.mark.parametrize('old, new', [('(k === y[r])) /', '0) /'), ('if (l2[j] > 0) l1G', 'l1G'), ('-= lr *', '+= lr *'), ('v * l1G[j]', 'l1G[j]'), ('+ top - out[y[r]]', '- out[y[r]]'), ('used[j] = 1', 'used[0] = 1'), ('Math.sqrt(2 / m)', 'Math.sqrt(1 / m)'), ('order[j], order[i]];', 'order[i], order[i]];'), ('Math.cos(', 'Math.abs('), ('values[i - k]', 'values[i]'), ('Math.min(i + 1, k)', 'k')])
def test_a_wrong_step_is_found(tmp_path, old, new):
    for o in ('tests', 'mlp_foundations'): (tmp_path/o).mkdir()
    shutil.copy(root/'tests'/'live.test.mjs', tmp_path/'tests')
    (tmp_path/'package.json').write_text('{"type": "module"}')
    text = (root/'mlp_foundations'/'live.js').read_text(encoding='utf-8')
    assert old in text
    (tmp_path/'mlp_foundations'/'live.js').write_text(text.replace(old, new), encoding='utf-8')
    assert amiss(tmp_path)

@pytest.fixture(scope='module')
def html(tmp_path_factory): return live_training(*digits()).save(tmp_path_factory.mktemp('live')/'live.html').read_text(encoding='utf-8')

@pytest.fixture(scope='module')
def phone(browser):
    "One page for many tests, narrow and with touch"
    page = opened(browser, '', viewport=dict(width=390, height=900), has_touch=True)
    yield page
    page.context.close()
def live(page, what): return page.evaluate(f"document.querySelector('.mlp-live').live.{what}")
def said(page): return page.locator('.v-said').text_content()

def runs(page):
    "Nothing moves unasked; a run goes on, counts its steps, learns, and says where it paused; a new scale begins again"
    page.wait_for_timeout(100)
    if live(page, 'steps')!=0: return ['moved unasked']
    res = []
    page.locator('.v-run').click()
    page.wait_for_function("document.querySelector('.mlp-live').live.steps>=62", timeout=20_000)
    rate = page.wait_for_function("document.querySelector('.mlp-live').live.rate", timeout=5_000).json_value()
    page.locator('.v-run').click()
    steps = live(page, 'steps')
    print(f'{rate:.0f} steps a second')
    page.wait_for_timeout(100)
    if live(page, 'steps')!=steps or not said(page).startswith(f'Paused: {steps} steps ('): res.append(said(page))
    if page.locator('.v-rate').inner_text()!=f"Speed: {live(page, 'rate'):.0f} steps a second.": res.append('the speed is not shown')
    if live(page, 'losses.length')!=steps or not live(page, 'losses.slice(-10).reduce((a, b) => a + b)/10')<1: res.append('learns nothing')
    epochs = re.match(r'(\d+) steps \((\S+) epochs\)', page.locator('.v-state').inner_text())
    if not epochs or float(epochs[2])!=float(f'{steps//32+steps%32*64/2000:.3g}'): res.append(f'{steps} steps, but {epochs}')
    right = float(re.search(r'(\d+) % of 500 other', page.locator('.v-state').inner_text())[1])
    if not 70<=right<=100 or page.locator('.v-loss').get_attribute('d').count('L')<30: res.append(f'{right} % right, or no curve')
    def rough(curve): return page.locator(curve).evaluate("o => { const y = o.getAttribute('d').split('L').map(p => +p.split(' ')[1]); return y.slice(1).reduce((s, v, i) => s + Math.abs(v - y[i]), 0) }")
    if not 0<rough('.v-mean')<.7*rough('.v-loss'): res.append('the mean is no smoother than the loss')
    first = live(page, 'net.w1[0]')
    page.locator('.v-scale').fill('0.3')
    if live(page, 'steps')!=0 or live(page, 'net.w1[0]')==first or 'New first weights' not in said(page): res.append('the scale')
    return res
def counts(page):
    "The steps a second are those that the page takes, give or take those of a frame at both ends"
    page.locator('.v-run').click()
    said,seen = page.evaluate('''async () => {
      const {live} = document.querySelector('.mlp-live'), when = async f => { while (!f()) await new Promise(requestAnimationFrame) };
      await when(() => live.rate);
      const [since, steps] = [live.since, live.steps];
      await when(() => live.since!==since);
      return [live.rate*(live.since - since)/1000, live.steps - steps] }''')
    page.locator('.v-run').click()
    return [] if abs(said-seen)<4.5 else [f'it counts {said:.1f} steps, not {seen}']
def breaks(page):
    "With lr 10, set by keys, most units die; a loss that is no longer a number is said, and ends the run"
    page.locator('.v-lr').focus()
    page.keyboard.press('End')
    text = page.locator('.v-lr').evaluate('o => o.ariaValueText')+page.locator('.v-lr-text').inner_text()
    page.locator('.v-run').click()
    page.wait_for_function("document.querySelector('.mlp-live').live.steps>=40", timeout=20_000)
    page.locator('.v-run').click()
    dead = int(re.search(r'(\d+) % of the 30 units are dead', said(page))[1])
    res = ['lr is not said']*(text!='1010') + [f'{dead} % dead']*(dead<50)
    page.evaluate("document.querySelector('.mlp-live').live.net.w1[0] = NaN")
    page.locator('.v-run').click()
    page.wait_for_function("!document.querySelector('.mlp-live').live.running", timeout=5_000)
    if not said(page).startswith('The loss is no longer a number after ') or live(page, 'running'): res.append(said(page))
    if page.locator('.v-state').inner_text()!=said(page): res.append('not shown') # who sees reads it too
    steps = live(page, 'steps')
    page.locator('.v-one').click()
    if live(page, 'steps')!=steps: res.append('it goes on')
    page.locator('.v-again').click()
    if live(page, 'steps') or live(page, 'broken') or 'no longer' in page.locator('.v-state').inner_text(): res.append('no new start')
    return res
def by_keys_and_touch(page):
    "Tab goes to three sliders and three buttons, each with a mark of the focus; the arrows move a slider, Enter and Space press a button, and so does a finger"
    res,stops = [],[]
    for _ in range(6):
        page.keyboard.press('Tab')
        stops.append(page.evaluate("(o => getComputedStyle(o).outlineStyle!=='none' && o.className)(document.activeElement)"))
        if stops[-1]=='v-bs': page.keyboard.press('ArrowRight')
        if stops[-1]=='v-run':
            page.keyboard.press('Enter')
            page.wait_for_function("document.querySelector('.mlp-live').live.steps>2", timeout=5_000)
            page.keyboard.press('Space')
    if stops!=['v-lr', 'v-bs', 'v-scale', 'v-run', 'v-one', 'v-again']: res.append(f'stops: {stops}')
    if page.locator('.v-bs').evaluate('o => o.ariaValueText')!='128' or page.locator('.v-bs-text').inner_text()!='128': res.append('the batch size is not said')
    steps = live(page, 'steps')
    page.locator('.v-one').tap()
    if live(page, 'running') or live(page, 'steps')!=steps+1: res.append('a finger, or Space, does nothing')
    return res+['JupyterLab would take the keys']*(page.locator('.mlp-live :is(input, button)[data-lm-suppress-shortcuts=true]').count()!=6)
def same_again(page):
    "The same sliders give the same losses again, step by step"
    def five():
        page.locator('.v-again').click()
        for _ in range(5): page.locator('.v-one').click()
        return live(page, 'losses')
    a,b = five(),five()
    return ['another run']*(a!=b or len(a)!=5) + ['not said']*(not said(page).startswith('Loss '))
def looks(page):
    page.add_script_tag(path=str(AXE))
    page.locator('.v-one').click()
    found = page.evaluate("async () => (await axe.run()).violations.map(o => `${o.id}: ${o.nodes[0].html.slice(0, 120)}`)")
    wide = page.evaluate('document.documentElement.scrollWidth>innerWidth')
    small = page.evaluate("[...document.querySelectorAll('button, input')].filter(o => { const r = o.getBoundingClientRect(); return Math.min(r.width, r.height)<24 }).length")
    alts = page.evaluate("[document.querySelector('.v-graph').getAttribute('aria-label'), document.querySelector('.v-weights').ariaLabel]")
    return found+['too wide']*wide+['small targets']*(small>0)+([] if 'loss ' in alts[0] and 'dead' in alts[0] and '30 hidden units' in alts[1] else alts)

@pytest.mark.parametrize('check', [runs, counts, breaks, same_again, by_keys_and_touch], ids=lambda o: o.__name__)
def test_live(phone, html, check):
    phone.set_content(html)
    assert not check(phone) and not phone.faults

@pytest.mark.parametrize('width, theme', [(1280, 'light'), (390, 'dark')])
def test_looks(browser, html, width, theme):
    page = opened(browser, html, viewport=dict(width=width, height=900), color_scheme=theme)
    assert not looks(page)
    page.context.close()

def test_with_less_motion_and_two_on_a_page(browser):
    page = opened(browser, live_training(*digits())._html()*2, reduced_motion='reduce')
    page.evaluate("window.drawn = 0; new MutationObserver(() => drawn++).observe(document.querySelector('.v-loss'), {attributes: true}); window.began = performance.now()")
    page.locator('.v-run').first.click()
    page.wait_for_function("document.querySelector('.mlp-live').live.steps>60", timeout=20_000)
    drawn,seconds = page.evaluate("[drawn, (performance.now() - began)/1000]")
    assert 1<=drawn<=2*seconds+1 and page.evaluate("[...document.querySelectorAll('.mlp-live')].map(o => o.live.steps>0)")==[True, False]
    page.context.close()

def test_without_javascript(browser, html):
    page = opened(browser, html, java_script_enabled=False)
    assert page.locator('.v-none').is_visible() and not page.locator('.v-all').is_visible()
    page.context.close()

@pytest.mark.parametrize('old, new, check', [
    ('live.steps += 1', 'live.steps += 2', runs), ('live.rows += rows.length', 'live.rows += bs', runs), ('meanOfLast(losses, 20)', 'losses', runs), ('live.steps - live.counted', 'live.steps - live.counted + 9', counts), ('live.broken ? broken : ', '', breaks), ('if (live.broken) return draw();', '', breaks),
    ('outline: 3px solid currentColor', 'outline: none', by_keys_and_touch), ('lmSuppressShortcuts', 'lm', by_keys_and_touch), ('String(lr.bs)', 'find("bs").value', by_keys_and_touch), ("find('none').remove();", "find('none').remove(); find('run').click();", runs), ('stop(`Paused: ', 'stop(`', runs), ('The loss is no longer', 'Paused: the loss is no longer', breaks), ('ariaValueText = text', 'ariaBusy = text', breaks),
    ('[generator(7), []]', '[Math.random, []]', same_again), ('canvas.ariaLabel = `The', 'canvas.title = `The', looks), ('max-width: 430px', 'width: 430px', looks)])
def test_a_fault_is_found(phone, html, old, new, check):
    assert old in html
    phone.set_content(html.replace(old, new))
    try: res = check(phone)
    except Exception as e: res = [str(e)]
    phone.faults.clear()
    assert res

def test_the_digits_are_packed_and_come_back(browser, html):
    x = digits()[0]
    small = _small(x)
    page = opened(browser, html)
    got = page.evaluate("(() => { const s = document.querySelector('.v-digits').dataset.train; return [...Uint8Array.from(atob(s), o => o.charCodeAt(0)).slice(0, 9800)] })()")
    pairs = torch.tensor(got).view(100, 98)
    assert torch.stack([pairs//16, pairs%16], -1).view(100, 196).equal(small[:100].long()) and small.max()<=15 and len(_packed(small))==4*((2000*98+2)//3)
    assert torch.allclose(small[0].view(14, 14)[3, 7]*1., (x[0].view(28, 28)[6:8, 14:16].mean()*15).round())
    page.context.close()

def test_what_it_refuses_and_shows(tmp_path):
    x,y,xo,yo = digits()
    for args,said in [((x[:, :700], y, xo, yo), r'\(n, 784\)'), ((x, y[:5], xo, yo), 'n labels'), ((x*2-1, y, xo, yo), 'before normalising'), ((x[:9], y[:9], xo, yo), '500 digits or more'), ((x, y, xo*3, yo), 'x_other goes')]:
        with pytest.raises(ValueError, match=said): live_training(*args)
    shown = live_training(x, y, xo, yo)
    assert isinstance(shown, LiveTraining) and set(shown._repr_mimebundle_())=={'text/html', 'text/plain'} and shown.save(tmp_path/'a.html').stat().st_size<500_000
