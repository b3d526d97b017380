"""JupyterLab for real: a server with a token on loopback, every notebook of a copy of nbs/ opened in Chromium, Run All, and a look at what came.

Screenshots are kept in executed/screenshots/. Skipped where there is no Chromium, unless $REQUIRE_BROWSER is set.
"""
import os, re, secrets, shutil, socket, subprocess, sys, time, urllib.request
from pathlib import Path

import nbformat
import pytest

from conftest import need_browser, root

sys.path.insert(0, str(root/'tools'))
from run import name_of, notebooks

# All lessons, and of the folders those that do what others don't: a process of their own, compiled code, files, sliders, a stepper, the answers of `check`.
beside = 'deeper/fit', 'deeper/nn_neighbours', 'deeper/files', 'exercises/e04', 'workshop/show', 'workshop/trace'
names = [o for o in map(name_of, notebooks()) if '/' not in o or o in beside]
shots = root/'executed'/'screenshots'

BAR = 'from time import sleep\nfrom tqdm import tqdm\nfor _ in tqdm(range(20), unit="step"): sleep(.05)'
SLIDER = '''import matplotlib.pyplot as plt
from mlp_foundations.show import show_slider
def draw(v):
    if v==4: raise ValueError("four is refused")
    return plt.figure(figsize=(3, 1)), f"drawn for {v:.3g}"
try: show_slider(draw, [1, 2, 8, 32, 128, 512, 2048], "v")
finally: plt.close("all")'''
STEPS = '''import torch
from mlp_foundations.all import *
trace(Model([Lin(torch.ones(2, 3), torch.zeros(3)), Relu(), Lin(torch.ones(3, 1), torch.zeros(1))], Mse()), torch.ones(4, 2), torch.ones(4))'''
PAD = '''import torch
from mlp_foundations.all import *
from mlp_foundations.pad import pad
g = torch.Generator().manual_seed(0)
model = Model([Lin(kaiming_normal(784, 50, generator=g), torch.zeros(50)), Relu(), Lin(kaiming_normal(50, 10, generator=g), torch.zeros(10))], CrossEntropy())
pad(model, .13, .31)'''
KEYS = '''from mlp_foundations.all import *
small_net()'''
LIVE = '''from mlp_foundations.all import *
x,y,x_valid,y_valid = get_data()
live_training(x[:2000], y[:2000], x_valid[:500], y_valid[:500])'''
FAULTS = {'error': '1/0', 'warning': 'import warnings\nwarnings.warn("mind the gap")', 'broken bar': 'from tqdm import tqdm\nfor i in tqdm(range(20)):\n    if i==7: break',
          'broken picture': 'from IPython.display import display\ndisplay({"image/png": "bm8gcGljdHVyZQ==", "text/plain": "x"}, raw=True)'}

def write(path, *sources): nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(o) for o in sources],
                                          metadata=dict(kernelspec=dict(name='python3', display_name='Python 3', language='python'))), path)

@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    "The address of a JupyterLab on a copy of nbs/, as a new user has it, and its token"
    need_browser()
    tmp = tmp_path_factory.mktemp('lab')
    shutil.copytree(root/'nbs', tmp/'nbs', ignore=shutil.ignore_patterns('.ipynb_checkpoints'))
    write(tmp/'nbs'/'bar.ipynb', BAR)
    write(tmp/'nbs'/'live.ipynb', SLIDER)
    write(tmp/'nbs'/'steps.ipynb', STEPS)
    write(tmp/'nbs'/'pad.ipynb', PAD)
    write(tmp/'nbs'/'training.ipynb', LIVE)
    write(tmp/'nbs'/'keys.ipynb', PAD, KEYS, STEPS)
    write(tmp/'nbs'/'no widgets.ipynb', 'import sys\nsys.modules["ipywidgets"] = None', SLIDER)
    for name,source in FAULTS.items(): write(tmp/'nbs'/f'{name}.ipynb', source)
    settings = tmp/'settings'/'@jupyterlab'/'notebook-extension'
    settings.mkdir(parents=True)
    (settings/'tracker.jupyterlab-settings').write_text('{"windowingMode": "none"}') # every cell is in the page, not only those in sight
    (tmp/'config'/'labconfig').mkdir(parents=True)
    (tmp/'config'/'labconfig'/'page_config.json').write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}') # no questions, no news
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    token = secrets.token_hex(16)
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'JUPYTER_CONFIG_DIR': str(tmp/'config'), 'JUPYTER_RUNTIME_DIR': str(tmp/'runtime'), 'JUPYTERLAB_SETTINGS_DIR': str(tmp/'settings'),
           'JUPYTERLAB_WORKSPACES_DIR': str(tmp/'workspaces'), 'PYTHONPATH': str(root), 'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'}
    log = open(tmp/'log', 'w')
    server = subprocess.Popen([sys.executable, '-m', 'jupyterlab', '--no-browser', '--ip=127.0.0.1', f'--port={port}', '--ServerApp.port_retries=0', '--allow-root', f'--ServerApp.root_dir={tmp/"nbs"}',
                               f'--IdentityProvider.token={token}', '--LabApp.expose_app_in_browser=True'], cwd=tmp, env=env, stdout=log, stderr=log)
    url = f'http://127.0.0.1:{port}'
    try:
        for _ in range(120):
            try: urllib.request.urlopen(f'{url}/api/status?token={token}'); break
            except OSError: time.sleep(.5)
            if server.poll() is not None: break
        else: pytest.fail((tmp/'log').read_text())
        assert server.poll() is None, (tmp/'log').read_text()
        yield url,token
    finally:
        server.terminate()
        server.wait(30)
        log.close()

RUN_ALL = '''async name => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = await app.commands.execute('docmanager:open', {path: name+'.ipynb', factory: 'Notebook'});
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  app.shell.activateById(panel.id);
  window.panel = panel;
  await app.commands.execute('notebook:run-all-cells');
}'''
DONE = '''() => window.panel.content.widgets.every(o => o.model.type!=='code' || !o.model.sharedModel.source.trim() || o.model.executionCount && o.model.executionState!=='running')
              && window.panel.sessionContext.session.kernel.status==='idle' || window.panel.content.widgets.some(o => o.model.type==='code' && o.model.outputs.toJSON().some(p => p.output_type==='error'))'''
SEEN = '''async () => {
  const cells = [];
  for (const [i, o] of window.panel.content.widgets.entries()) {
    if (o.model.type!=='code') continue;
    const images = [...o.node.querySelectorAll('.jp-OutputArea-output img')];
    for (const img of images) try { await img.decode() } catch (e) {}
    cells.push({i, outputs: o.model.outputs.toJSON(), images: images.filter(o => o.naturalWidth && o.checkVisibility()).length,
                stderr: [...o.node.querySelectorAll('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')].map(o => o.innerText)});
  }
  return cells;
}'''

def run_all(browser, lab, name, seconds=300, then=None, script=''):
    "What each code cell of the notebook shows after Run All, and what `then` makes of the page, in which `script` runs first; a screenshot at its first figure"
    url,token = lab
    context = browser.new_context(viewport=dict(width=1400, height=1000))
    context.add_init_script(script)
    page = context.new_page()
    page.set_default_timeout(seconds*1000)
    page.goto(f'{url}/lab/workspaces/{secrets.token_hex(4)}?token={token}')
    page.wait_for_function('window.jupyterapp')
    page.evaluate(RUN_ALL, name)
    page.wait_for_function(DONE)
    page.wait_for_timeout(500)
    cells = page.evaluate(SEEN)
    page.evaluate('(document.querySelector(".jp-OutputArea-output img") || document.querySelector(".jp-OutputArea-output"))?.scrollIntoView({block: "center"})')
    page.wait_for_timeout(300)
    shots.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=shots/f"{name.replace('/', '-')}.png")
    seen = then and then(page)
    page.evaluate('window.panel.sessionContext.shutdown()')
    context.close()
    return (cells, seen) if then else cells

def problems(cells):
    "Errors, warnings, pictures that aren't drawn and progress bars that aren't finished, by cell"
    res = []
    for c in cells:
        res += [f"cell {c['i']}: {o['ename']}: {o['evalue']}" for o in c['outputs'] if o['output_type']=='error']
        pictures = sum('image/png' in o.get('data', {}) for o in c['outputs'])
        if c['images']<pictures: res.append(f"cell {c['i']}: {c['images']} of {pictures} pictures drawn")
        lines = [l for o in c['stderr'] for l in o.splitlines() if l.strip()]
        res += [f"cell {c['i']}: bar not finished: {l}" for l in lines if re.search(r'\d+%\|', l) and '100%|' not in l]
        res += [f"cell {c['i']}: on stderr: {l}" for l in lines if not re.search(r'\d+%\|', l)]
    return res

@pytest.mark.parametrize('name', names)
def test_run_all(browser, lab, name):
    cells = run_all(browser, lab, name)
    assert cells and not problems(cells)
    pictures = lambda cells: sum('image/png' in o.get('data', {}) for c in cells for o in c.get('outputs', []))
    assert pictures(cells)==pictures(nbformat.read(root/'nbs'/f'{name}.ipynb', 4).cells)
    if name=='07_training': assert any('100%|' in o for c in cells for o in c['stderr']), 'no progress bar'

def test_a_progress_bar_is_one_line_that_ends_full(browser, lab):
    cells = run_all(browser, lab, 'bar')
    lines = [l for c in cells for o in c['stderr'] for l in o.splitlines() if l.strip()]
    assert not problems(cells) and len(lines)==1 and re.match(r'100%\|█+\| 20/20 .*step/s', lines[0])

def picture(page, alt):
    "Wait for the only picture to be the one that is described so"
    page.wait_for_function('alt => [...document.querySelectorAll(".jp-OutputArea-output img")].filter(o => o.checkVisibility() && o.naturalWidth).map(o => o.alt).join()===alt', arg=alt, timeout=30_000)

def test_a_live_slider_draws_between_the_values(browser, lab):
    def move(page):
        picture(page, 'drawn for 1')
        page.locator('.noUi-handle').focus()
        page.keyboard.press('ArrowRight')
        picture(page, 'drawn for 1.19') # the fourth root of two
        page.locator('.noUi-handle').focus()
        for _ in range(5): page.keyboard.press('ArrowRight')
        page.get_by_text('four is refused').first.wait_for() # not the picture of another value
        page.keyboard.press('ArrowRight')
        picture(page, 'drawn for 5.66')
        return page.locator('.widget-readout').inner_text()
    cells,read = run_all(browser, lab, 'live', then=move)
    assert not problems(cells) and read=='5.66' and {'text/html', 'application/vnd.jupyter.widget-view+json'} <= set(cells[0]['outputs'][0]['data'])

def test_a_slider_without_widgets_is_the_saved_one(browser, lab):
    def move(page):
        picture(page, 'drawn for 1')
        page.locator('input[type=range]').focus()
        for key,alt in (('ArrowRight', '2'), ('End', '2.05e+03'), ('ArrowLeft', '512'), ('ArrowUp', '2.05e+03')):
            page.keyboard.press(key)
            picture(page, f'drawn for {alt}')
    cells,_ = run_all(browser, lab, 'no widgets', then=move)
    assert not problems(cells) and set(cells[1]['outputs'][0]['data'])=={'text/html', 'text/plain'}

def test_a_training_keeps_its_keys(browser, lab):
    "The arrows move the slider; b, which adds a cell elsewhere, adds none; Enter runs the training and not the cell"
    def move(page):
        def live(what): return page.evaluate(f"document.querySelector('.mlp-live').live.{what}")
        page.locator('.mlp-live .v-bs').focus()
        for key in ('ArrowRight', 'b', 'ArrowDown', 'ArrowRight'): page.keyboard.press(key)
        page.locator('.mlp-live .v-run').focus()
        for key in ('b', 'Enter'): page.keyboard.press(key)
        bs,cells = page.locator('.v-bs-text').inner_text(),page.locator('.jp-Notebook .jp-CodeCell').count()
        page.wait_for_function("document.querySelector('.mlp-live').live.rate", timeout=20_000)
        page.keyboard.press('Space')
        steps = live('steps')
        page.wait_for_timeout(200)
        return bs,cells,live('steps')==steps>0
    cells,seen = run_all(browser, lab, 'training', then=move)
    assert not problems(cells) and seen==('128', 1, True), seen

def test_pad_net_and_stepper_keep_their_keys(browser, lab):
    "b, which adds a cell elsewhere, adds none, and the arrows do what they say"
    def move(page):
        page.locator('.p-paper').focus()
        for key in ('b', 'ArrowDown'): page.keyboard.press(key)
        said = page.locator('.p-said').inner_text()
        for name in ('.p-clear', '.p-label', '.n-chip >> nth=0', '.n-step', '.t-go button >> nth=2', '.t-unfold input:visible >> nth=0'):
            page.locator(name).focus()
            page.keyboard.press('b')
        page.locator('.n-chip').first.focus()
        page.keyboard.press('ArrowUp')
        value = page.locator('.n-chip').first.get_attribute('aria-valuenow')
        page.locator('.mlp-trace').focus()
        page.keyboard.press('b')
        return said,value,page.locator('.jp-Notebook .jp-CodeCell').count()
    cells,seen = run_all(browser, lab, 'keys', then=move)
    assert not problems(cells) and seen==('Pen at 50 % across, 53 % down.', '1.6', 3), seen

def test_a_stepper_steps(browser, lab):
    def move(page):
        def step(): return '; '.join(page.locator('.mlp-trace .t-step').evaluate_all("o => o.filter(s => s.checkVisibility()).map(s => s.querySelector('.t-title').innerText)")).partition(' of')[0]
        seen = [step()]
        page.locator('.mlp-trace').get_by_text('next').click()
        seen.append(step())
        for key in ('ArrowRight', 'ArrowLeft', 'End', 'Home'):
            page.keyboard.press(key)
            seen.append(step())
        return seen
    cells,seen = run_all(browser, lab, 'steps', then=move)
    assert not problems(cells) and seen[:4]==['Step 1', 'Step 2', 'Step 3', 'Step 2'] and seen[4] not in seen[:4] and seen[5]=='Step 1', seen

def test_a_pad_is_stepped_through_by_the_kernel_and_without_one_by_the_page(browser, lab):
    def move(page):
        def loss(): return page.evaluate("document.querySelector('.mlp-pad').pad.loss")
        kernel = page.locator('.mlp-pad-shown .mlp-trace')
        page.locator('.p-step').click()
        kernel.wait_for(timeout=20_000)
        seen = [kernel.locator('.t-head').inner_text()]
        def same(): # the loss of the kernel's pass is that of the page
            kernel.locator('.t-map button[title^="loss"]').click()
            page.wait_for_function("loss => document.querySelector('.mlp-pad-shown .t-result td:not([hidden] *)')?.innerText==Number(loss.toPrecision(3))", arg=loss(), timeout=20_000)
        same()
        page.locator('.p-label').select_option('7')
        page.wait_for_timeout(500)
        same()
        before = loss()
        page.locator('.p-teach').click()
        page.wait_for_timeout(1500)
        same()
        seen += [before>loss(), page.locator('.p-steps .mlp-trace').count()]
        page.locator('.p-step').click()
        seen.append(kernel.count())
        page.evaluate('window.panel.sessionContext.shutdown()')
        page.locator('.p-step').click()
        page.locator('.p-steps .mlp-trace').wait_for(timeout=20_000)
        return seen
    cells,seen = run_all(browser, lab, 'pad', then=move)
    assert not problems(cells) and seen==['Lin → Relu → Lin → CrossEntropy, 1 row: 12 steps. 8 of 8 gradients agree with autograd.', True, 0, 0]

FRAMES = "window.frames_ = []; new MutationObserver(() => document.querySelectorAll('.jp-OutputArea-output img').forEach(o => frames_.includes(o.src) || frames_.push(o.src))).observe(document, {subtree: true, childList: true, attributes: true})"

def test_the_figure_of_the_first_page_moves_while_it_trains(browser, lab):
    "And ends as one figure, which is saved with its alternative text"
    cells,(seen,last) = run_all(browser, lab, 'index', then=lambda page: page.evaluate('[frames_, document.querySelector(".jp-OutputArea-output img").src]'), script=FRAMES)
    figures = [o for c in cells for o in c['outputs'] if 'image/png' in o.get('data', {})]
    saved = [o.data['text/plain'] for c in nbformat.read(root/'nbs'/'index.ipynb', 4).cells for o in c.get('outputs', []) if 'image/png' in o.get('data', {})]
    assert not problems(cells) and [''.join(o['data']['text/plain']) for o in figures]==saved and len(seen)>4
    assert figures[0]['metadata']['image/png']['alt']==saved[0] and last.partition(',')[2]==figures[0]['data']['image/png']

def test_an_answer_is_folded_until_it_is_opened(browser, lab):
    def move(page):
        answer = page.locator('.jp-MarkdownOutput details').first
        folded = not answer.locator('code').is_visible()
        answer.locator('summary').click()
        answer.locator('code').wait_for(timeout=5000) # the Markdown in it is rendered
        return folded
    assert run_all(browser, lab, 'index', then=move)[1]

@pytest.mark.parametrize('name, said', [('error', 'ZeroDivisionError'), ('warning', 'mind the gap'), ('broken bar', 'bar not finished'), ('broken picture', '0 of 1 pictures drawn')])
def test_a_fault_is_found(browser, lab, name, said):
    found = problems(run_all(browser, lab, name))
    (shots/f'{name}.png').unlink()
    assert any(said in o for o in found), found
