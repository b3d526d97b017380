"The pad: what the page computes is what the package computes, and everybody can use it."
import io, json, re, shutil, subprocess
from base64 import b64decode, b64encode
from functools import cache

import numpy as np
import pytest, torch
from PIL import Image

from conftest import AXE, need_browser, root
from mlp_foundations.data import get_data, get_test, normalize
from mlp_foundations.init import kaiming_normal
from mlp_foundations.layers import Lin, Model, Mse, Relu
from mlp_foundations.show import _grid
from mlp_foundations.trace import trace
from mlp_foundations.pad import DigitPad, pad
from mlp_foundations.training import CrossEntropy, fit
from test_javascript import need

@cache
def digits():
    "mean, std, the test digits as bytes, and their labels"
    x_train,*_ = get_data()
    x,y = get_test()
    return x_train.mean(),x_train.std(),(x*256).round().to(torch.uint8),y

@cache
def net(*hidden):
    "A net that was trained for one epoch"
    x_train,y_train,*_ = get_data()
    mean,std,*_ = digits()
    g,sizes = torch.Generator().manual_seed(1),(784, *(hidden or (50,)), 10)
    layers = [l for a,b in zip(sizes, sizes[1:]) for l in (Relu(), Lin(kaiming_normal(a, b, generator=g), torch.zeros(b)))][1:]
    model = Model(layers, CrossEntropy())
    fit(model, normalize(x_train, mean, std), y_train, epochs=1, generator=g, progress=False)
    return model

def row(greys):
    mean,std,*_ = digits()
    return normalize(torch.as_tensor(greys, dtype=torch.float32).view(1, 784)/256, mean, std)

@pytest.fixture(scope='module')
def html(tmp_path_factory): return pad(net(), *digits()[:2]).save(tmp_path_factory.mktemp('pad')/'pad.html').read_text(encoding='utf-8')

@pytest.fixture(scope='module')
def page(browser, html):
    context = browser.new_context(viewport=dict(width=1280, height=1000))
    page = context.new_page()
    page.faults = []
    page.on('pageerror', lambda o: page.faults.append(str(o)))
    page.on('request', lambda o: None if o.url.startswith(('about:', 'data:')) else page.faults.append(o.url))
    page.set_content(html)
    yield page
    context.close()
    assert not page.faults

@pytest.fixture
def fresh(page):
    for o in ('clear', 'example', 'reset'): page.evaluate(f"document.querySelector('.p-{o}').click()")
    return page

STATE = '''() => { const {greys, acts, p, label, loss, grads, layers, taught} = document.querySelector('.mlp-pad').pad;
  return JSON.parse(JSON.stringify({greys, acts, p, label, loss, grads, layers: layers, taught: taught.length}, (_, v) => ArrayBuffer.isView(v) ? [...v] : v)) }'''
def state(page): return page.evaluate(STATE)
def text(page, name): return page.locator(f'.p-{name}').first.inner_text()
def press(page, name): page.locator(f'.p-{name}').first.click()
def settled(page): page.evaluate('() => new Promise(o => requestAnimationFrame(() => requestAnimationFrame(o)))')
def near(got, want): return torch.allclose(torch.tensor(got, dtype=torch.float64).flatten(), want.double().flatten(), rtol=1e-5, atol=1e-5)

def same_numbers(s, model):
    "What differs between the page's state `s` and the package"
    x,targ = row(s['greys']),torch.tensor([s['label']])
    model = Model([Lin(l.w.double(), l.b.double()) if type(l) is Lin else Relu() for l in model.layers], CrossEntropy())
    loss = model(x.double(), targ)
    model.backward()
    res = ['loss']*(not near([s['loss']], loss)) + ['logits']*(not near(s['acts'][-1], model.layers[-1].out)) + ['hidden']*(not near(s['acts'][2], model.layers[1].out))
    res += ['pixels']*(not near(s['grads']['acts'][0], model.layers[0].args[0].g))
    for k,l in enumerate(o for o in model.layers if type(o) is Lin):
        res += [f'{n}{k+1}.g' for n in 'wb' if not near(s['grads']['layers'][k][n], getattr(l, n).g)]
        res += [f'{n}{k+1}' for n in 'wb' if not near(s['layers'][k][n], getattr(l, n))]
    return res

def scribble(page, lines):
    page.locator('.p-paper').first.scroll_into_view_if_needed()
    box = page.locator('.p-paper').first.bounding_box()
    for line in lines:
        for i,(x,y) in enumerate(line):
            page.mouse.move(box['x']+x*box['width'], box['y']+y*box['height'], steps=1 if i==0 else 8)
            if i==0: page.mouse.down()
        page.mouse.up()
    settled(page)

BAD_4 = [[(.3, .15), (.22, .5), (.72, .46)], [(.66, .12), (.6, .55), (.7, .9)]]

def test_it_begins_with_something_to_see(fresh):
    assert state(fresh)['p'][4]>.5 and text(fresh, 'said').startswith('Read as 4, ') and not same_numbers(state(fresh), net())
    assert [o.split('\n')[0] for o in fresh.locator('.p-bars li').all_inner_texts()]==list('0123456789')
    shown = [float(o) for o in fresh.locator('.p-bars output').all_inner_texts()]
    assert all(abs(a-b)<=.0051 for a,b in zip(shown, state(fresh)['p'])) and fresh.locator('.p-bars li', has_text='◀').inner_text()[0]=='4'

def test_a_mouse_draws_and_the_numbers_are_those_of_the_package(fresh):
    before = state(fresh)['greys']
    scribble(fresh, BAD_4)
    s = state(fresh)
    assert s['greys']!=before and not same_numbers(s, net())
    assert s['p'].index(max(s['p']))==4 and 'Read as 4' in text(fresh, 'said') # a badly drawn 4
    assert len(fresh.evaluate("document.querySelector('.mlp-pad').pad.strokes"))==2 # the 4 that was there has gone
    press(fresh, 'undo')
    press(fresh, 'undo')
    assert state(fresh)['greys'] is None and text(fresh, 'said')=='Nothing is drawn.' and fresh.locator('.p-teach').get_attribute('aria-disabled')=='true'

def test_a_lesson_is_a_step_of_sgd(fresh):
    scribble(fresh, BAD_4)
    model,first = net(),state(fresh)
    fresh.locator('.p-label').select_option('9')
    s = state(fresh)
    assert s['label']==9 and not same_numbers(s, model)
    stepped = Model([Lin(l.w.clone(), l.b.clone()) if type(l) is Lin else Relu() for l in model.layers], CrossEntropy())
    for k in range(3):
        x = row(s['greys'])
        stepped(x, torch.tensor([9]))
        stepped.backward()
        for o in stepped.params(): o -= .01*o.g
        press(fresh, 'teach')
        now = state(fresh)
        assert not same_numbers(now, stepped) and now['p'][9]>s['p'][9] and now['taught']==k+1
        said = re.match(r'Loss for 9: (\S+) before, (\S+) now', text(fresh, 'said'))
        assert float(said[1])==pytest.approx(s['loss'], rel=1e-2) and float(said[2])==pytest.approx(now['loss'], rel=1e-2)
        s = now
    press(fresh, 'unteach')
    assert state(fresh)['taught']==2 and state(fresh)['layers']!=s['layers']
    press(fresh, 'reset')
    last = state(fresh)
    assert last['layers']==first['layers'] and last['p']==first['p'] and last['taught']==0 and last['label']==9

def test_1000_test_digits(page):
    _,_,x,_ = digits()
    got = page.evaluate("rows => rows.map(o => [...document.querySelector('.mlp-pad').pad.read(o).at(-1)])", x[:1000].tolist())
    want = net()(normalize(x[:1000].float()/256, *digits()[:2]))
    assert near(got, want) and torch.tensor(got).argmax(1).equal(want.argmax(1))

def large(image, g):
    "A test digit, (784,) bytes, drawn large: its ink scaled to 60 to 95 % of a square of 280 pixels, somewhere in it"
    image = image.view(28, 28).numpy()
    r,c = image.any(1).nonzero()[0],image.any(0).nonzero()[0]
    cut = image[r[0]:r[-1]+1, c[0]:c[-1]+1]
    k = 280*(.6+.35*torch.rand((), generator=g).item())/max(cut.shape)
    big = Image.fromarray(cut).resize((max(1, round(cut.shape[1]*k)), max(1, round(cut.shape[0]*k))), Image.Resampling.BICUBIC)
    paper = Image.new('L', (280, 280))
    paper.paste(big, tuple(torch.randint(0, 281-o, (), generator=g).item() for o in big.size))
    return np.asarray(paper)/255

LARGE = '''async urls => Promise.all(urls.map(async url => {
  const picture = new Image(); picture.src = url; await picture.decode();
  const canvas = new OffscreenCanvas(280, 280).getContext('2d'); canvas.drawImage(picture, 0, 0);
  const {data} = canvas.getImageData(0, 0, 280, 280), {toMnist, read} = document.querySelector('.mlp-pad').pad;
  const greys = toMnist(Float64Array.from({length: 78400}, (_, i) => data[4*i]/255), 280);
  return [[...greys], [...read(greys).at(-1)]] }))'''
def png(ink):
    Image.fromarray((ink*255).round().astype(np.uint8)).save(f := io.BytesIO(), 'png')
    return 'data:image/png;base64,'+b64encode(f.getvalue()).decode()

def test_real_digits_drawn_large_are_read_as_before(page):
    _,_,x,_ = digits()
    g,n = torch.Generator().manual_seed(0),300
    before = net()(normalize(x[:n].float()/256, *digits()[:2])).argmax(1)
    got = page.evaluate(LARGE, [png(large(o, g)) for o in x[:n]])
    read = torch.tensor([o[1] for o in got]).argmax(1)
    same = (read==before).float().mean().item()
    print(f'{same:.1%} of {n} digits are read as before')
    assert same>=.97
    im = torch.tensor([o[0] for o in got]).view(n, 28, 28)
    rows = (im>0).any(2).sum(1).maximum((im>0).any(1).sum(1))
    assert (im.amax((1, 2))==255).all() and rows.max()<=21

def test_a_finger(browser, html):
    context = browser.new_context(viewport=dict(width=390, height=844), has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_content(html)
    touch,box = context.new_cdp_session(page),page.locator('.p-paper').first.bounding_box()
    for line in BAD_4:
        for i,(x,y) in enumerate(line):
            point = dict(x=box['x']+x*box['width'], y=box['y']+y*box['height'])
            touch.send('Input.dispatchTouchEvent', dict(type='touchStart' if i==0 else 'touchMove', touchPoints=[point]))
        touch.send('Input.dispatchTouchEvent', dict(type='touchEnd', touchPoints=[]))
    settled(page)
    assert 'Read as 4' in text(page, 'said') and page.evaluate('scrollY')==0 and len(page.evaluate("document.querySelector('.mlp-pad').pad.strokes"))==2
    context.close()

def by_keys(page):
    "Draw a 1 by keys only; what is wrong"
    page.locator('.p-clear').focus()
    page.keyboard.press('Enter')
    page.locator('.p-paper').focus()
    for o in ['Shift+ArrowUp']*4: page.keyboard.press(o)
    res = [] if text(page, 'said')=='Pen at 50 % across, 10 % down.' else [text(page, 'said')]
    for o in [' ']+['ArrowDown']*28+[' ']: page.keyboard.press(o)
    settled(page)
    s = state(page)
    if not s['greys']: return ['nothing is drawn']
    rows = torch.tensor(s['greys']).view(28, 28)
    res += [] if 2<=(rows>0).any(0).sum()<=6 and (rows>0).any(1).sum()>=20 else ['no line']
    res += [] if s['p'].index(max(s['p']))==1 and text(page, 'said').startswith('Read as 1') else [f"{text(page, 'said')}"]
    page.keyboard.press('ArrowLeft')
    res += [] if text(page, 'said').startswith('Pen at ') else ['the pen is not said']
    page.keyboard.press('Backspace')
    return res+['not taken back']*(state(page)['greys'] is not None)
def test_by_keys(fresh): assert not by_keys(fresh)

def looks(page):
    "What axe finds, and whether the page is too wide, or a target too small"
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("async () => (await axe.run()).violations.map(o => `${o.id}: ${o.nodes[0].html.slice(0, 120)}`)")
    wide = page.evaluate('document.documentElement.scrollWidth>innerWidth')
    small = page.evaluate("[...document.querySelectorAll('.mlp-pad :is(button, select, summary)')].filter(o => { const r = o.getBoundingClientRect(); return r.width && Math.min(r.width, r.height)<24 }).map(o => o.className)")
    empty = page.evaluate("[...document.querySelectorAll('.mlp-pad canvas')].filter(o => !o.ariaLabel || o.ariaLabel.length<12).map(o => o.className)")
    return found+['too wide']*wide+small+[f'no label: {o}' for o in empty]

@pytest.mark.parametrize('width, theme, opened', [(1280, 'light', False), (1280, 'dark', True), (390, 'dark', False), (390, 'light', True)])
def test_looks(browser, html, width, theme, opened):
    context = browser.new_context(viewport=dict(width=width, height=900), color_scheme=theme)
    page = context.new_page()
    page.set_content(html)
    if opened: press(page, 'step')
    assert not looks(page)
    context.close()

def test_two_on_a_page_and_a_deeper_net(browser):
    need_browser()
    context = browser.new_context()
    page = context.new_page()
    page.set_content(pad(net(), *digits()[:2])._html()+pad(net(30, 20), *digits()[:2])._html())
    ids = page.evaluate("[...document.querySelectorAll('.p-help[id]')].map(o => o.id)")
    scribble(page, BAD_4)
    others = page.evaluate("[...document.querySelectorAll('.mlp-pad')].map(o => [o.pad.strokes.length, o.pad.first, o.pad.acts.map(a => a.length)])")
    assert len({*ids})==2 and others==[[2, False, [784, 50, 50, 10]], [2, True, [784, 30, 30, 20, 20, 10]]] and page.locator('.p-units canvas').count()==3
    context.close()

def test_without_javascript(browser, html):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(html)
    assert page.locator('.p-none').is_visible() and not page.locator('.p-all').is_visible()
    context.close()

def steps(page):
    "The stepper of the digit: opened, gone through by keys, following a new drawing, closed; what is wrong"
    press(page, 'step')
    frame = page.locator('.p-steps .mlp-trace')
    def said(): return frame.locator('.t-unfold output:visible').inner_text()
    res = [] if said().startswith('l1[0, ') and ' more, together ' in said() else [said()]
    frame.focus()
    for _ in range(3): page.keyboard.press('ArrowRight')
    first = said()
    if not first.startswith('loss = −log(') or f"{state(page)['loss']:.3g}" not in first.replace('−', '-'): res.append(first)
    scribble(page, BAD_4)
    if said()==first or not said().startswith('loss = '): res.append('another drawing, the same step')
    before = said()
    press(page, 'teach')
    if said()==before: res.append('taught, and the same step')
    press(page, 'step')
    return res+['not closed']*frame.count()
def test_step_through_your_digit(fresh): assert not steps(fresh)

def passes():
    "Nets with two and three linear layers, and a digit"
    for model in (net(), net(30, 20)): yield model,digits()[2][5],torch.tensor([7])
def amiss(folder=root):
    "Where the steps that the page makes differ from those of `trace`"
    need(shutil.which('node'), 'node')
    sent = []
    for model,x,y in passes():
        model = Model([Lin(l.w.double(), l.b.double()) if type(l) is Lin else Relu() for l in model.layers], CrossEntropy())
        sent.append((dict(layers=[dict(w=l.w.flatten().tolist(), b=l.b.tolist()) for l in model.layers if type(l) is Lin], x=row(x)[0].tolist(), label=7), trace(model, row(x).double(), y)._steps()))
    res = subprocess.run(['node', 'tests/steps.test.mjs'], cwd=folder, input=json.dumps([a for a,_ in sent]), capture_output=True, text=True, encoding='utf-8')
    assert res.returncode==0, res.stderr
    found = []
    for got,(_,want) in zip(json.loads(res.stdout), sent, strict=True):
        if [(o['name'], o['phase'], o['layer']) for o in got]!=[(s.name, s.phase, s.call.name) for s in want]: return ['other steps']
        for o,s in zip(got, want, strict=True):
            value = _grid(s.value)
            if (o['rows'], o['cols'])!=tuple(value.shape) or not near(o['all'], value): found.append(o['name'])
            if not near(o['made'], value.flatten()[:400]): found.append(f"{o['name']}: the sum")
    return found
def test_the_pages_steps_are_those_of_trace(): assert not amiss()
@pytest.mark.parametrize('old, new', [('grads.acts.map(row)', 'acts.map(row)'), ('+(v > 0)', '+(v > 1)'), ('+(j === label)', '+(j > label)'), ('a[i].t]', 'g[i].t]'), ('.reverse()', '')])
def test_a_wrong_step_is_found(tmp_path, old, new):
    (tmp_path/'tests').mkdir()
    shutil.copytree(root/'mlp_foundations', tmp_path/'mlp_foundations', ignore=lambda d, names: [o for o in names if not o.endswith('.js')])
    shutil.copy(root/'tests'/'steps.test.mjs', tmp_path/'tests')
    (tmp_path/'package.json').write_text('{"type": "module"}')
    path = tmp_path/'mlp_foundations'/'steps.js'
    text = path.read_text(encoding='utf-8')
    assert old in text
    path.write_text(text.replace(old, new), encoding='utf-8')
    assert amiss(tmp_path)

@pytest.mark.parametrize('old, new, check', [
    ('v / 256', 'v / 255', 'numbers'), ('- mean) / std', ') / std', 'numbers'), ('acts[2 * k - 1][i] > 0', 'acts[2 * k - 1][i] > 1', 'numbers'), ('pad.label = +', 'pad.label = 1 + +', 'numbers'),
    ('place.firstElementChild?.dataset.at', '0', steps), ('if (opened() && pad.greys) steps();', '', steps), ("e.key === ' '", "e.key === 'x'", by_keys), ('e.shiftKey ? 28 : 7', '7', by_keys), ("'Backspace'", "'Delete'", by_keys),
    ('aria-label="The square to draw on" ', '', looks), ('.p-digit, .p-wish', '.p-none', 'wide'), ('min-height: 1.9rem', 'height: 1rem; padding: 0; line-height: 1', looks), ('ariaLabel = greys', 'ariaBusy = greys', looks)])
def test_a_fault_is_found(browser, html, old, new, check):
    assert old in html
    context = browser.new_context(viewport=dict(width=390, height=900))
    page = context.new_page()
    page.set_content(html.replace(old, new))
    if check=='numbers': res = same_numbers(state(page), net()) + (['label'] if state(page)['label']!=4 else [])
    elif check=='wide': res = ['large'] if page.locator('.p-digit').bounding_box()['width']>150 else []
    else: res = check(page)
    context.close()
    assert res

def test_what_it_refuses():
    w = torch.zeros
    for model,error,said in [(3, TypeError, 'not int'), (Model([Lin(w(784, 10), w(10))], Mse()), TypeError, 'Lin, Mse'), (Model([Lin(w(784, 5), w(5)), Relu(.5), Lin(w(5, 10), w(10))], CrossEntropy()), TypeError, 'Relu'),
                             (Model([Lin(w(784, 9), w(9))], CrossEntropy()), ValueError, '784 to 9'), (Model([Lin(w(784, 10)+torch.inf, w(10))], CrossEntropy()), ValueError, 'smaller lr')]:
        with pytest.raises(error, match=said): pad(model, .1, .3)
    for mean,std in [(.1, 0.), (.1, -1.), (torch.nan, .3), (.1, torch.inf)]:
        with pytest.raises(ValueError, match='mean and the standard deviation'): pad(net(), mean, std)

def test_the_page_holds_the_weights_and_the_model_stays(tmp_path):
    model = Model([Lin(l.w.double(), l.b.double()) if type(l) is Lin else Relu() for l in net().layers], CrossEntropy())
    shown = pad(model, .1, .3)
    model.layers[0].w += 1 # the pad has copies
    page = shown.save(tmp_path/'pad.html').read_text(encoding='utf-8')
    got = np.frombuffer(b64decode(re.search('data-all="(.*?)"', page)[1]), '<f4')
    assert np.array_equal(got, torch.cat([p.flatten() for p in net().params()]).numpy()) and isinstance(shown, DigitPad) and repr(shown)=='<pad of 784 → 50 → 10>'
    assert (tmp_path/'pad.html').stat().st_size<=250_000 and set(shown._repr_mimebundle_())=={'text/html', 'text/plain'}
    assert json.loads(re.search('data-net="(.*?)"', page)[1].replace('&quot;', '"'))==dict(sizes=[784, 50, 10], mean=.1, std=.3, lr=.01)
