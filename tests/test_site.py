"""The reading site: builds without a warning, shows what it should and nothing else, and is sound in a browser that has no network.

The browser tests need Chromium and axe-core; they look for `chromium` (or $CHROMIUM) and for node_modules/axe-core/axe.min.js (or $AXE), and are
skipped where one is missing, unless $REQUIRE_BROWSER is set.
"""
import os, posixpath, re, shutil, sys
from base64 import b64decode, b64encode
from html import unescape
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from conftest import AXE, build, root

sys.path.insert(0, str(root/'tools'))
from run import name_of, notebooks

if not os.environ.get('REQUIRE_BROWSER'): pytest.importorskip('myst_nb', reason='no MyST-NB in this environment: `make site` installs it')

# --- the checks of the files ------------------------------------------------------------------------------------------------

def pages(site): return sorted(o for o in site.rglob('*.html') if '_static' not in o.parts)
def read(path): return path.read_text(encoding='utf-8')
def megabytes(site): return sum(o.stat().st_size for o in site.rglob('*') if o.is_file())/1e6

def loaded_from_outside(site):
    "What pages and style sheets load from another host; links that a reader may follow are none of it"
    tags = {p.name:re.findall(r'<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*?(?:src|href|data)="((?:https?:)?//[^"]*)"', read(p)) for p in pages(site)}
    styles = {p.name:re.findall(r'url\(\s*["\']?((?:https?:)?//[^)]*)|@import\s+["\'](http[^"\']*)', read(p)) for p in site.rglob('*.css')}
    return {k:v for k,v in (tags|styles).items() if v}

def broken_links(site):
    "Links within the site whose page or place on the page isn't there"
    text = {p:read(p) for p in pages(site)}
    ids = {p:set(map(unescape, re.findall(r'\b(?:id|name)="([^"]*)"', t))) for p,t in text.items()}
    res = []
    for p,t in text.items():
        for href in map(unescape, re.findall(r'<a\b[^>]*?\bhref="([^"]*)"', t)):
            url = urlsplit(href)
            if url.scheme or url.netloc or href in ('#', ''): continue
            to = (p.parent/unquote(url.path)).resolve() if url.path else p
            if not to.exists() or url.fragment and to in ids and unquote(url.fragment) not in ids[to]: res.append(f'{p.relative_to(site)}: {href}')
    return sorted(set(res))

def code_shown(page):
    "The texts of a page's blocks of code and output"
    return [unescape(re.sub(r'<[^>]*>', '', o)).strip() for o in re.findall(r'<pre\b[^>]*>(.*?)</pre>', read(page), re.S)]

def plumbing(site, nbs):
    "Directives, hidden cells, stderr and widgets without a kernel that a reader can see"
    res = []
    for path in notebooks(nbs):
        page = site/f'{name_of(path)}.html'
        shown = code_shown(page)
        if 'jupyter.widget' in read(page): res.append(f'{path.stem}: a widget')
        res += [f'{path.stem}: {l}' for o in shown for l in o.splitlines() if l.startswith('#|')]
        for i,c in enumerate(nbformat.read(path, 4).cells):
            if c.cell_type!='code': continue
            source = re.sub(r'\A(#\|.*\n?)*', '', c.source).strip()
            if re.match(r'(#\|.*\n)*#\| hide', c.source) and source in shown: res.append(f'{path.stem}: hidden cell {i}')
            html = [o['data']['text/html'] for o in c.outputs if 'text/html' in o.get('data', {})]
            res += [f'{path.stem}: HTML of cell {i} is missing' for o in html if o.strip() not in read(page)]
            res += [f'{path.stem}: stderr of cell {i}' for o in c.outputs if o.get('name')=='stderr' and o.text.strip() in shown]
    return res

def figures_amiss(site, nbs):
    "Figures that a page lacks, and images without alternative text or with another than was saved"
    res = [f'{p.name}: {o}' for p in pages(site) for o in re.findall(r'<img\b[^>]*>', read(p)) if not re.search(r'\balt="[^"]+"', o)]
    for path in notebooks(nbs):
        want = [o.metadata.get('image/png', {}) for c in nbformat.read(path, 4).cells for o in c.get('outputs', []) if 'image/png' in o.get('data', {})]
        have = [{k:unescape(v) for k,v in re.findall(r'\b(alt|width)="([^"]*)"', o)} for o in re.findall(r'<img\b[^>]*_images[^>]*>', read(site/f'{name_of(path)}.html'))]
        want = [{k:str(o[k]) for k in ('alt', 'width') if k in o} for o in want]
        if want!=have: res.append(f'{path.stem}: {len(have)} figures for {len(want)} saved, or another alternative text or width: {[o for o in want if o not in have]}')
    return res

def names_amiss(site):
    "Exported names that the reference lacks, that it can't place in a lesson, or that no lesson links to"
    from importlib import import_module
    res = []
    lessons = ''.join(read(p) for p in pages(site) if p.parent.name!='api')
    for page in site.glob('api/*.html'):
        if page.stem=='index': continue
        for name in import_module(f'mlp_foundations.{page.stem}').__all__:
            anchor = f'mlp_foundations.{page.stem}.{name}'
            if f'id="{anchor}"' not in read(page): res.append(f'{anchor} has no entry')
            if not re.search(rf'href="(?:\.\./)?api/{page.name}#{re.escape(anchor)}"', lessons): res.append(f'{anchor} is linked from no lesson')
    return res

def term_links(page):
    "The links from a page to the glossary: where they lead, what they say when pointed at, and their text"
    return [tuple(map(unescape, o)) for o in re.findall(r'<a class="term[^"]*" href="([^"]*)" title="([^"]*)">([^<]*)</a>', read(page))]

def terms_amiss(site):
    "Terms of the glossary that no lesson uses, or not the one named beside them, if only in a heading, and those that a page links twice"
    def words(page): return ' '.join(re.sub(r'<[^>]*>', '', read(page).partition('<article')[2]).lower().split())
    res,links = [],{p.stem: [o[0].partition('#')[2] for o in term_links(p)] for p in pages(site)}
    entries = re.findall(r'<dt id="(term-.*?)</dt>(.*?)</dd>', read(site/'index.html'), re.S)
    for names,said in entries:
        ids,named = re.findall('term-[^"]+', names),re.findall(r'href="([^"#]+)\.html', said)
        res += [f'{i}: no lesson links to it' for i in ids if not any(i in links[o] for o in links)]
        res += [f'{ids[0]}: not in {o}' for o in named if not any(i[5:].replace('-', ' ') in words(site/f'{o}.html').replace('-', ' ') for i in ids)] + [f'{ids[0]}: no lesson is named']*(len(named)!=1)
    return res+[f'{p}: {i} twice' for p,o in links.items() for i in {*o} if o.count(i)>1]+['no glossary']*(not entries)

# --- on our site --------------------------------------------------------------------------------------------------------------


def test_size(site): assert megabytes(site) < 40
def test_every_notebook_has_a_page(site):
    "In the folder that links from GitHub and JupyterLab name too, with the notebook to download, and in the menu of every page under the caption of its folder"
    names = list(map(name_of, notebooks()))
    assert not [o for o in names if not (site/f'{o}.html').exists() or not (site/'_sources'/f'{o}.ipynb').exists()]
    for page in ('index.html', 'workshop/trace.html', '03_forward.html'):
        menu = re.split(r'<span class="caption-text">', read(site/page).partition('</nav>')[0])
        lessons = re.split(r'<li class="toctree-l1', next(o for o in menu if o.startswith('Lessons')))
        for o in names:
            if o=='index' or f'{o}.html'==page: continue
            href = f'href="{posixpath.relpath(f"{o}.html", posixpath.dirname(page))}"'
            assert [m.partition('<')[0] for m in menu[1:] if href in m]==['Workshop' if 'workshop/' in o else 'Lessons'], (page, o)
            if o[:2] in ('de', 'ex') and page[:3]!='03_': # under its lesson: that which links to it first
                lesson = next(l for l in sorted(names) if re.match(r'\d\d_', l) and f']({o}.ipynb' in (root/'nbs'/f'{l}.ipynb').read_text(encoding='utf-8'))
                assert [f'href="{posixpath.relpath(f"{lesson}.html", posixpath.dirname(page))}"' in l for l in lessons if href in l]==[True], (page, o, lesson)
def test_the_reference_has_every_name(site):
    assert {'data', 'matmul', 'init', 'forward', 'backward', 'layers', 'nn', 'training'} <= {p.stem for p in site.glob('api/*.html')}
    assert not names_amiss(site)
def test_the_reference_says_where(site):
    "The section of the lesson and the line of the source"
    for mod,name,section,line in [('backward', 'lin_grad', 'The linear layer', 'def lin_grad('), ('training', 'fit', 'fit', 'def fit('), ('layers', 'Lin', None, 'class Lin(')]:
        entry = read(site/'api'/f'{mod}.html').partition(f'id="mlp_foundations.{mod}.{name}"')[2].partition('<dl class="py')[0]
        source = (root/'mlp_foundations'/f'{mod}.py').read_text(encoding='utf-8').splitlines()
        n = int(re.search(r'line (\d+)', re.sub('<[^>]*>', '', entry))[1])
        assert any(o.startswith(line) for o in source[n-1:n+2]) and (section is None or 'in the section' in entry and section in entry), (mod, name)

def markdown_amiss(site, nbs):
    "Pages without their Markdown or missing in llms.txt, links in it that lead nowhere, and what it shows that readers don't see"
    res,listed = [],read(site/'llms.txt')
    for path in notebooks(nbs):
        doc = name_of(path)
        page = site/f'{doc}.md'
        if not page.exists() or f']({doc}.md): ' not in listed: res.append(f'{doc}: no Markdown, or not listed'); continue
        text = read(page)
        if f'{path.stem}.md"' not in read(site/f'{doc}.html').partition('</head>')[0]: res.append(f'{doc}: its page does not name it')
        if re.search('base64,[A-Za-z0-9+/]{99}', text) or re.search(r'^#\| ', text, re.M): res.append(f'{doc}: plumbing')
        res += [f'{doc}: {o}' for o in re.findall(r'\]\(((?!http)[^)#\s]+\.md)', text) if not (page.parent/o).exists()]
        for c in nbformat.read(path, 4).cells:
            source = re.sub(r'\A(#\|.*\n?)*', '', c.source).strip()
            if c.cell_type=='code' and source and not source.startswith('page(') and (source in text)==bool(re.match(r'(#\|.*\n)*#\| hide', c.source)): res.append(f'{doc}: {source[:40]}')
            if c.cell_type=='code': res += [f'{doc}: a figure without words' for o in c.outputs if 'image/png' in o.get('data', {}) and ' '.join(o.metadata.get('image/png', {}).get('alt', '?').split()) not in ' '.join(text.split())]
    return res + ['llms.txt']*(not re.match(r'# .+\n\n> .+\n', listed))
def test_markdown(site): assert not markdown_amiss(site, root/'nbs')

def test_nothing_from_outside(site): assert not loaded_from_outside(site)
def test_links(site): assert not broken_links(site)
def test_no_plumbing(site): assert not plumbing(site, root/'nbs')
def test_figures(site): assert not figures_amiss(site, root/'nbs')
def test_terms(site): assert not terms_amiss(site)
def test_no_repository_is_invented(site): assert not [p.name for p in pages(site) if re.search(r'colab\.research|mybinder|codespaces|github\.com/', read(p))]

def test_the_students_site_holds_no_solutions(tmp_path):
    import kit
    for p in notebooks():
        if p.parent.name=='exercises': continue
        (tmp_path/'nbs'/name_of(p)).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(kit.for_students(nbformat.read(p, 4), 'x.whl'), tmp_path/'nbs'/f'{name_of(p)}.ipynb')
    res = build(tmp_path/'out', tmp_path/'nbs') # a link to what isn't there would end it
    assert res.returncode==0, res.stderr
    assert not [o for o in (tmp_path/'out').rglob('*') if o.is_file() and re.search(rb'exercises/e\d\d', o.read_bytes())]

# --- the checks of a page in the browser --------------------------------------------------------------------------------------

LOOK = r'''async () => {
  if (window.MathJax?.startup?.promise) await MathJax.startup.promise;
  const res = [], visible = o => o.checkVisibility() && o.getBoundingClientRect().width>20;
  for (const o of document.querySelectorAll('.math')) if (!o.querySelector('mjx-container')) res.push('maths not typeset: '+o.textContent.slice(0, 60));
  for (const o of document.querySelectorAll('mjx-merror')) res.push('maths with an error: '+o.closest('mjx-container').textContent.slice(0, 60)+' '+(o.getAttribute('data-mjx-error') || ''));
  const prose = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (prose.nextNode()) {
    const o = prose.currentNode;
    if (/\$\$|\\\[|\\\(/.test(o.data) && !o.parentElement.closest('pre, code, script, style, .mjx-container')) res.push('maths left as text: '+o.data.trim().slice(0, 60));
  }
  for (const o of document.images) {
    o.loading = 'eager';
    try { await o.decode() } catch (e) {}
    if (!o.naturalWidth || !visible(o) && !o.closest('[hidden]')) res.push('image not shown: '+o.src.split('/').pop());
    if (!o.alt.trim()) res.push('image without alternative text: '+o.src.split('/').pop());
  }
  if (document.documentElement.scrollWidth>innerWidth) res.push(`wider than the window: ${document.documentElement.scrollWidth} of ${innerWidth} pixels`);
  return res;
}'''
CONTRAST = '''async () => { // of the thousands of words of code, and of the formulas, one of each kind is enough
  const seen = new Set();
  for (const o of document.querySelectorAll('pre span, mjx-container')) {
    const style = getComputedStyle(o), kind = [o.localName, style.color, style.backgroundColor, style.fontWeight, o.parentElement.className, o.closest('pre')?.parentElement.className].join();
    if (seen.has(kind)) o.remove(); else seen.add(kind);
  }
  return (await axe.run(document, {runOnly: ['color-contrast'], resultTypes: ['violations']})).violations.flatMap(
    o => o.nodes.map(n => `contrast: ${n.any[0].data.contrastRatio} of ${n.any[0].data.expectedContrastRatio}: ${n.html.slice(0, 100)}`));
}'''

def problems(context, path, theme=None, contrast=False):
    "What is wrong with the page at `path` as `context` shows it"
    page,res = context.new_page(),[]
    page.on('console', lambda o: res.append(f'console: {o.text}') if o.type=='error' else None)
    page.on('pageerror', lambda o: res.append(f'script error: {o}'))
    page.on('request', lambda o: None if o.url.startswith(('file:', 'data:', 'blob:')) else res.append(f'request to the outside: {o.url}'))
    page.goto(path.as_uri())
    res += page.evaluate(LOOK)
    if theme and page.evaluate('document.documentElement.dataset.theme')!=theme: res.append(f'not {theme}')
    if contrast:
        page.add_script_tag(path=AXE)
        res += sorted(set(page.evaluate(CONTRAST)))
    page.close()
    return res

def some(site):
    "The lessons and the workshop, and of the other folders, whose pages are of one kind, two each: for the dark and for a phone"
    return [p for p in pages(site) if p.parent in (site, site/'workshop')] + [p for o in ('deeper', 'exercises', 'api') for p in sorted((site/o).glob('*.html'))[:2]]

@pytest.mark.parametrize('width, theme', [(1400, 'light'), (1400, 'dark'), (390, 'dark')]) # the layout doesn't depend on the theme
def test_pages_in_the_browser(site, browser, theme, width):
    context = browser.new_context(viewport=dict(width=width, height=900), color_scheme=theme)
    found = {str(p.relative_to(site)): problems(context, p, theme, contrast=width==1400) for p in (pages(site) if theme=='light' else some(site))} # colours don't depend on the width
    context.close()
    assert not {k:v for k,v in found.items() if v}

def too_long(site, browser, chars=88):
    "Lessons in which code scrolls sideways at 1280 pixels, and how many characters fit"
    page,res = browser.new_page(viewport=dict(width=1280, height=900)),[]
    for path in sorted(site.glob('[0-9]*_*.html')):
        page.goto(path.as_uri())
        wide = page.evaluate("[...document.querySelectorAll('.cell_input pre')].filter(o => o.innerText && o.scrollWidth>o.clientWidth).length")
        fits = page.evaluate("(() => { const pre = document.querySelector('.cell_input pre'), s = document.createElement('span'); s.textContent = 'x'.repeat(100); pre.append(s); const w = s.getBoundingClientRect().width/100, c = getComputedStyle(pre); s.remove(); return (pre.clientWidth-parseFloat(c.paddingLeft)-parseFloat(c.paddingRight))/w })()")
        if wide or fits<chars: res.append(f'{path.stem}: {wide} cells scroll, {fits:.1f} characters fit')
    page.close()
    return res
def test_code_fits_at_1280_pixels(site, browser):
    assert not too_long(site, browser) and too_long(site, browser, 200) # it can fail

def test_previous_and_next_say_the_minutes(site):
    "From lesson to lesson; a deeper notebook or exercises lead back to their lesson and on to the next"
    minutes = dict(re.findall(r'href="(\d\d_\w+)\.html">.*?<p>(\d+) min</p></td>', read(site/'index.html').replace('\n', '')))
    assert len(minutes)==10
    def around(doc): return [(posixpath.normpath(posixpath.join(posixpath.dirname(doc), h)), ' '.join(re.sub('<[^>]*>', ' ', t).split())) for h,t in re.findall(r'<a class="(?:left-prev|right-next)"\s+href="([^"]*)"(.*?)</a>', read(site/f'{doc}.html'), re.S)]
    lessons = sorted(minutes)
    for doc,want in [('03_forward', lessons[2:5:2]), ('00_data', ['index', lessons[1]]), ('09_distributed', lessons[8:9]), ('deeper/shapes', lessons[3:5]), ('exercises/e03', lessons[3:5]), ('index', lessons[:1])]:
        got = around(doc)
        assert [o[0] for o in got]==[f'{o}.html' for o in want] and all(o=='index' or f'({minutes[o]} min)' in t for o,(_,t) in zip(want, got)), (doc, got)

def progress_amiss(site, browser):
    "What is wrong with the finished lessons that a browser keeps"
    context = browser.new_context(viewport=dict(width=1400, height=900))
    page,res = context.new_page(),[]
    def mine(): return page.locator('.progress-of-series')
    page.goto((site/'index.html').as_uri())
    if mine().inner_text().strip(): res.append('said before anything is finished')
    for doc in ('00_data', '02_init'):
        page.goto((site/f'{doc}.html').as_uri())
        mine().locator('button').focus()
        page.keyboard.press('Enter')
        if mine().locator('button').get_attribute('aria-pressed')!='true' or page.evaluate('document.activeElement.innerText')[:1]!='✓': res.append(f'{doc}: not pressed, or the focus is lost')
    marked = page.locator('.bd-sidebar-primary li.toctree-l1 > a:has(.finished)').all_inner_texts()
    if [o[:2] for o in marked]!=['00', '02'] or 'finished' not in marked[0]: res.append(f'marked: {marked}')
    page.goto((site/'deeper'/'shapes.html').as_uri())
    if page.locator('.bd-sidebar-primary .finished').count()!=2 or mine().count() and mine().inner_text().strip(): res.append('on a deeper page')
    page.goto((site/'index.html').as_uri())
    if not re.fullmatch(r'2 of 10 lessons finished. Next: 01 Matrix multiplication. forget', ' '.join(mine().inner_text().split())): res.append(mine().inner_text())
    page.add_script_tag(path=AXE)
    res += page.evaluate("async () => (await axe.run('.progress-of-series')).violations.map(o => o.id)")
    mine().locator('button').click()
    if page.locator('.finished').count() or mine().inner_text().strip(): res.append('not forgotten')
    if context.cookies(): res.append('a cookie')
    context.close()
    return res
def test_finished_lessons_are_kept_in_the_browser(site, browser): assert not progress_amiss(site, browser)
@pytest.mark.parametrize('old, new', [('localStorage.setItem(KEY, JSON.stringify(list));', ''), ("'<span class=\"finished\">", "'<span>"), ('box.firstChild.focus()', 'box.blur()'), ('!done.includes(name(a))', 'done.includes(name(a))'), ('keep([])', 'show()')])
def test_a_fault_in_the_progress_is_found(site, browser, tmp_path, old, new):
    some = tmp_path/'site'
    some.mkdir()
    for o in ('index.html', '00_data.html', '02_init.html', 'deeper/shapes.html', '_static'):
        (some/o).parent.mkdir(exist_ok=True)
        (shutil.copytree if (site/o).is_dir() else shutil.copy)(site/o, some/o)
    text = read(some/'_static'/'progress.js')
    assert old in text
    (some/'_static'/'progress.js').write_text(text.replace(old, new), encoding='utf-8')
    try: res = progress_amiss(some, browser)
    except Exception as e: res = [str(e)]
    assert res

def test_on_paper(site, browser):
    "No menus and no buttons, nothing wider than the sheet, and the code is all there"
    page = browser.new_page(viewport=dict(width=700, height=990))
    page.goto((site/'05_refactor.html').as_uri())
    buttons = "[...document.querySelectorAll('.bd-sidebar, .prev-next-area, .bd-article .copybtn, .progress-of-series, .as-markdown')].filter(o => o.checkVisibility()).length"
    seen = page.evaluate(buttons)
    page.emulate_media(media='print')
    assert seen and not page.evaluate(buttons) and page.evaluate('document.documentElement.scrollWidth<=innerWidth')
    assert not page.evaluate("[...document.querySelectorAll('pre')].filter(o => o.checkVisibility() && o.scrollWidth>o.clientWidth+1).length")
    assert page.locator('.bd-article .t-step').evaluate_all('o => o.every(s => s.checkVisibility())')
    page.close()

def test_menus_open_on_a_phone(site, browser):
    page = browser.new_page(viewport=dict(width=390, height=844))
    page.goto((site/'03_forward.html').as_uri())
    for menu,link in (('primary', '04_backward.html'), ('secondary', '#recap')):
        page.locator(f'.{menu}-toggle:visible').first.click()
        page.locator(f'dialog[open] a[href="{link}"]').wait_for(timeout=5000)
        page.keyboard.press('Escape')
    page.close()

def test_an_answer_is_folded_until_it_is_opened(site, browser):
    page = browser.new_page()
    page.goto((site/'index.html').as_uri())
    answer = page.locator('.bd-article section > details').first
    assert not answer.locator('code').is_visible()
    answer.locator('summary').click()
    answer.locator('code').wait_for(timeout=5000) # the Markdown in it is rendered
    page.close()

def folds_amiss(page):
    "What is wrong with the exercises on a page of theirs: three folds each, closed, that show hint, solution and slips, whose lines can be read and told apart"
    page.add_script_tag(path=AXE)
    res = page.evaluate(r'''() => [...document.querySelectorAll('.bd-article section section')].filter(o => /^\d\d\.\d /.test(o.querySelector('h2').innerText)).flatMap(o => {
      const name = o.querySelector('h2').innerText.slice(0, 4), folds = [...o.querySelectorAll('.cell_output > details')], res = [], inside = (i, what) => folds[i].querySelector(what);
      if (folds.map(f => f.querySelector('summary').innerText.split(':')[0]).join()!=='Hint,Solution,Usual slips') return [name+': folds '+folds.map(f => f.querySelector('summary').innerText)];
      if (folds.some(f => f.open) || folds.some(f => f.children[1]?.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}) && f.children[1].getBoundingClientRect().height)) res.push(name+': open');
      folds.forEach(f => f.open = true);
      if (!inside(0, 'p') || !inside(1, '.highlight-python')) res.push(name+': no hint or no solution');
      const slips = +folds[2].querySelector('summary').innerText.split(':')[1], diffs = folds[2].querySelectorAll('.highlight-diff');
      if (!slips || diffs.length!==slips) res.push(`${name}: ${diffs.length} differences for ${slips} slips`);
      for (const d of diffs) {
        const [gone, come] = ['.gd', '.gi'].map(k => [...d.querySelectorAll(k)]), colours = l => l.map(o => getComputedStyle(o).backgroundColor);
        if (!gone.length && !come.length) res.push(name+': a difference without a line');
        if (gone.some(o => o.innerText[0]!=='-') || come.some(o => o.innerText[0]!=='+') || colours(gone).some(c => /, 0\)$/.test(c) || colours(come).includes(c))) res.push(name+': lines that look alike');
      }
      if ([...o.querySelectorAll('pre')].some(p => p.innerText.trim().startsWith('page('))) res.push(name+': the call of page');
      return res;
    })''')
    return res + page.evaluate(LOOK) + sorted(set(page.evaluate(CONTRAST)))

@pytest.mark.parametrize('width, theme', [(1400, 'dark'), (390, 'light')])
def test_exercises_are_one_click_from_their_lesson(site, browser, theme, width):
    page = browser.new_page(viewport=dict(width=width, height=900), color_scheme=theme)
    for lesson in sorted(site.glob('0*_*.html')):
        page.goto(lesson.as_uri())
        link = page.locator('a', has_text='Hint, solution and usual slips of').last
        name = link.inner_text().split()[-1]
        link.click()
        page.wait_for_url('**/exercises/e*.html#*')
        assert page.evaluate("document.getElementById(decodeURIComponent(location.hash.slice(1))).closest('section').querySelector('h2').innerText").startswith(f'{name} ')
        assert not folds_amiss(page), lesson.stem
    page.close()

@pytest.mark.parametrize('said, change', {
    'folds Hint': "document.querySelector('.cell_output > details:last-of-type').remove()", ': open': "document.querySelector('.cell_output > details').open = true", 'no hint': "document.querySelector('.cell_output > details p').remove()",
    'differences for': "document.querySelector('.highlight-diff').remove()", 'without a line': "document.querySelectorAll('.gd, .gi').forEach(o => o.className = '')", 'look alike': "document.querySelectorAll('.gd').forEach(o => o.style.background = 'none')",
    'the call of page': "document.querySelector('.cell_output > details').insertAdjacentHTML('beforebegin', \"<pre>page('04.1')</pre>\")", 'contrast': "document.querySelectorAll('.gd').forEach(o => o.style.setProperty('color', '#aaa', 'important'))"}.items())
def test_a_fault_in_a_page_of_exercises_is_found(site, browser, said, change):
    page = browser.new_page()
    page.goto((site/'exercises'/'e04.html').as_uri())
    if said!='contrast': assert not folds_amiss(page)
    page.reload()
    page.evaluate(change)
    assert said in '\n'.join(folds_amiss(page))
    page.close()

def found_by_search(browser, site, words, theme='light'):
    "The links that a search for `words` shows, typed into the first page's field, and what can't be read in them"
    page = browser.new_page(color_scheme=theme)
    page.goto((site/'index.html').as_uri())
    page.keyboard.press('Control+k')
    page.locator('input[type=search]:visible').first.fill(words)
    page.keyboard.press('Enter')
    page.wait_for_url('**/search.html?**')
    page.wait_for_function("/found|match/.test(document.querySelector('#search-results .search-summary')?.textContent || '')")
    res = page.eval_on_selector_all('#search-results li a', 'o => o.map(a => a.getAttribute("href"))')
    page.add_script_tag(path=AXE)
    unread = page.evaluate(CONTRAST)
    page.close()
    return res,unread

@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_search(browser, site, theme):
    found,unread = found_by_search(browser, site, 'lin_grad', theme)
    assert not unread
    assert any('api/backward.html#mlp_foundations.backward.lin_grad' in o for o in found) and any(o.startswith('04_backward.html') for o in found)
    assert not found_by_search(browser, site, 'xyzzyplugh')[0]

# --- the checks bite: each is seen to fail on a small site with faults ----------------------------------------------------------

PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='
PIXEL_2 = b64encode(b64decode(PIXEL)+b'0').decode()
WIDGET = 'application/vnd.jupyter.widget-view+json'
def figure(png, **meta): return nbformat.v4.new_output('display_data', {'image/png': png, 'text/plain': 'x'}, metadata={'image/png': meta})
def display(**data): return nbformat.v4.new_output('display_data', data)
def stream(name, text): return nbformat.v4.new_output('stream', name=name, text=text)
def small(folder, *cells, other=()):
    "Notebooks in `folder`, the front page with `cells` and the state of a widget, a lesson with `other`"
    folder.mkdir()
    state = {'widgets': {'application/vnd.jupyter.widget-state+json': {'state': {'a': {}}, 'version_major': 2, 'version_minor': 0}}}
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell('# A page'), *cells], metadata=state), folder/'index.ipynb')
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell('# Another'), nbformat.v4.new_markdown_cell('## 0.1 A `place`, there?'), *other]), folder/'00_other.ipynb')
    (folder/'workshop').mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell('# A tool\n\nTo [a place](../00_other.ipynb#0.1-A-place,-there?).')]), folder/'workshop'/'tool.ipynb')
    return folder
def md(text): return nbformat.v4.new_markdown_cell(text)
def code(source, *outputs): return nbformat.v4.new_code_cell(source, outputs=list(outputs))

@pytest.fixture(scope='module')
def small_site(tmp_path_factory):
    "A site of two pages with a repository's name, and its notebooks"
    nbs = small(tmp_path_factory.mktemp('small')/'nbs', md('To [the other](00_other.ipynb), [a place there](00_other.ipynb#0.1-A-place,-there?) and [here](#A-page), $x^2$.'), code('#| default_exp small'), code('#| hide\nunseen = 1', stream('stdout', 'unheard')),
                code('#| hide\nmoving()', display(**{'text/html': '<b class="steps">steps</b><script>document.currentScript.previousSibling.title = "1"</script>', 'text/plain': 'unheard'})),
                code('slider()', display(**{WIDGET: {'model_id': 'a'}, 'text/plain': 'unheard'}), display(**{WIDGET: {'model_id': 'a'}, 'text/html': '<i>frames</i>', 'text/plain': 'unheard'})),
                code('#| hide\n#| exporti\nunseen = 2'), code('#| hide\ndraw()', stream('stdout', 'unheard'), figure(PIXEL, alt='A "dot" & a line', width=40)),
                code('#| export\nseen = 1', stream('stderr', '50%|##'), stream('stdout', 'heard')), code('two()', figure(PIXEL_2, alt='one', width=30)))
    res = build(nbs.parent/'out', nbs, GITHUB_REPOSITORY='owner/name')
    assert res.returncode==0, res.stderr
    return nbs.parent/'out', nbs

def test_cells_for_readers(small_site):
    site,nbs = small_site
    assert code_shown(site/'index.html')==['slider()', 'seen = 1', 'heard', 'two()']
    assert all(o in read(site/'index.html') for o in ('<b class="steps">steps</b><script>', '<i>frames</i>')) and not re.search('require.js|html-manager|jupyter.widget', read(site/'index.html'))
    assert not (plumbing(site, nbs) or figures_amiss(site, nbs) or broken_links(site) or loaded_from_outside(site))
    for o in ('colab.research.google.com/github/owner/name/blob/main/nbs/00_data.ipynb', 'mybinder.org/v2/gh/owner/name/main?urlpath=lab/tree/nbs/index.ipynb', 'codespaces.new/owner/name'):
        assert f'href="https://{o}"' in read(site/'index.html')
    assert 'https://colab.research.google.com/github/owner/name/blob/main/nbs/00_other.ipynb' in read(site/'00_other.html')
    assert 'https://colab.research.google.com/github/owner/name/blob/main/nbs/workshop/tool.ipynb' in read(site/'workshop'/'tool.html')

def test_the_first_use_of_a_term_links_to_the_glossary(tmp_path):
    "In the text of a lesson: not in a heading, a subtitle, code, a link, maths or an output, and the longest term that fits"
    glossary = '- **weight**, **bias**: A number, as in `x@w`. [lesson 00](00_other.ipynb)\n- **gradient**: How *fast*. [lesson 00](00_other.ipynb)\n- **upstream gradient**: From behind. [lesson 00](00_other.ipynb)\n- **loss**: How wrong. [lesson 00](00_other.ipynb)'
    other = [md('> A weight.'), md('## The loss of a weight'), code('x', display(**{'text/markdown': 'A loss.'})),
             md('`weight`, $weight$, [a weight](index.ipynb), weighted, a set-weight; then *Weights*, and a weight again.\n\n$$weight$$\n\nAn **upstream\ngradient**. Upstream gradients and gradients.'),
             md('<details><summary>Answer</summary>\n\nThe `loss` is no loss; two losses, and biases.\n\n</details>')]
    nbs = small(tmp_path/'nbs', md('## Glossary'), md('In order, with loss:'), md(glossary), md('## After\n\nA weight.'), other=other)
    res = build(tmp_path/'out', nbs)
    assert res.returncode==0, res.stderr
    site = tmp_path/'out'
    assert [(h, ' '.join(t.split()), said) for h,said,t in term_links(site/'00_other.html')]==[
        ('index.html#term-weight', 'Weights', 'A number, as in x@w.'), ('index.html#term-upstream-gradient', 'upstream gradient', 'From behind.'), ('index.html#term-gradient', 'gradients', 'How fast.'),
        ('index.html#term-loss', 'loss', 'How wrong.'), ('index.html#term-bias', 'biases', 'A number, as in x@w.')]
    assert not any(term_links(o) for o in (site/'index.html', site/'workshop'/'tool.html'))
    assert not (broken_links(site) or terms_amiss(site))
    page = site/'00_other.html'
    for old,new in (('index.html#term-loss', 'index.html#term-gradient'), ('class="term', 'class="')):
        text = read(page)
        page.write_text(text.replace(old, new), encoding='utf-8')
        assert terms_amiss(site)
        page.write_text(text, encoding='utf-8')

@pytest.mark.parametrize('old, new, check', [
    ('<i>frames</i>', '<script type="application/vnd.jupyter.widget-view+json">{}</script>', plumbing), ('<b class="steps">', '<b>', plumbing),
    ('>seen<', '>#| export\nseen<', plumbing), ('heard', '50%|##', plumbing), ('heard', 'unseen = 1', plumbing),
    ('alt="one"', 'alt=""', figures_amiss), ('alt="one"', 'alt="two"', figures_amiss), ('width="30"', '', figures_amiss), ('<img alt="one"', '<p alt="one"', figures_amiss),
    ('href="00_other.html"', 'href="01_other.html"', broken_links), ('href="00_other.html"', 'href="00_other.html#nowhere"', broken_links),
    ('</head>', '<script src="https://example.org/x.js"></script></head>', loaded_from_outside)])
def test_a_fault_in_the_files_is_found(small_site, tmp_path, old, new, check):
    site,nbs = shutil.copytree(small_site[0], tmp_path/'out'),small_site[1]
    text = read(site/'index.html')
    assert old in text
    (site/'index.html').write_text(text.replace(old, new), encoding='utf-8')
    assert check(site, nbs) if check in (plumbing, figures_amiss) else check(site)

def test_a_warning_ends_the_build(tmp_path):
    res = build(tmp_path/'out', small(tmp_path/'nbs', md('To [nowhere](09_nowhere.ipynb), [no place](00_other.ipynb#noplace).'), md('![x](none.png)'), md('{ref}`gone`')))
    assert res.returncode and all(o in res.stderr for o in ('09_nowhere', 'noplace', 'none.png', 'gone'))

PAGE = '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><title>x</title><body><article>{}</article></body></html>'
@pytest.mark.parametrize('html, said', [
    ('<p>A <code>$$</code> and a sound image <img width="40" alt="a dot" src="data:image/png;base64,%s"></p>' % PIXEL, None),
    ('<script>console.error("broken")</script>', 'console: broken'), ('<script>nothing.at.all</script>', 'script error'), ('<img alt="x" width="40" src="http://127.0.0.1:9/x.png">', 'request to the outside'),
    ('<p>$$x^2$$</p>', 'maths left as text'), ('<span class="math">\\(x\\)</span>', 'maths not typeset'), ('<img alt="x" width="40" src="none.png">', 'image not shown'),
    ('<img alt="x" style="display: none" src="data:image/png;base64,%s">' % PIXEL, 'image not shown'), ('<img alt=" " width="40" src="data:image/png;base64,%s">' % PIXEL, 'without alternative text'),
    ('<div style="width: 500px">wide</div>', 'wider than the window'), ('<p style="color: #999; background: #fff">pale</p>', 'contrast'), ('<script>document.documentElement.dataset.theme = "dark"</script>', 'not light')])
def test_a_faulty_page_is_found(tmp_path, browser, html, said):
    path = tmp_path/'page.html'
    path.write_text(PAGE.format(html), encoding='utf-8')
    context = browser.new_context(viewport=dict(width=390, height=900))
    found = problems(context, path, 'light', contrast=True)
    context.close()
    assert any(said in o for o in found) if said else not found, found
