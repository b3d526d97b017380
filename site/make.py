"""Build the reading site: the notebooks as they were saved, and a reference of the package beside them.

    python site/make.py [OUT [NBS]]      (default: _site and nbs, of this repository)

No cell is run. The notebooks are copied to a temporary folder without what only authors need (hidden cells, directives, stderr), a page of
reference for each module is written beside them from its docments, and Sphinx makes the site from that folder, as conf.py says.
A warning, such as a broken link, ends the build with status 1.
"""
import ast, inspect, json, os, re, shutil, symtable, sys, tempfile
from importlib import import_module
from pathlib import Path

import nbformat
from fastcore.docments import docments
from sphinx.cmd.build import build_main

here = Path(__file__).resolve().parent
root = here.parent
sys.path[:0] = [str(root), str(root/'tools')]
from run import FOLDERS, name_of, notebooks
LIB = 'mlp_foundations'

# --- what a reader sees of a cell ---------------------------------------------------------------------------------------

def directives(cell): return re.findall(r'#\| (.*)', re.match(r'(#\|.*\n?)*', cell.source)[0])

def for_readers(cell):
    "`cell` without directives, stderr and what needs a kernel; of a hidden one only figures, tables and HTML; a folded one folded; None if nothing is left to see"
    if cell.cell_type!='code': return cell
    hidden,folded = 'hide' in directives(cell),cell.metadata.get('jupyter', {}).get('source_hidden')
    cell.source = re.sub(r'\A(#\|.*\n?)*', '', cell.source).strip('\n')
    widget = 'application/vnd.jupyter.widget-view+json'
    def seen(o):
        kinds = {*o.get('data', {})}
        if o.get('name')=='stderr' or widget in kinds and kinds<={widget, 'text/plain'}: return False # a slider that nothing would move
        return not hidden or kinds & {'image/png', 'text/markdown', 'text/html'}
    cell.outputs = [o for o in cell.outputs if seen(o)]
    for o in cell.outputs: o.get('data', {}).pop(widget, None)
    cell.metadata.tags = ['remove-input'] if hidden or not cell.source else ['hide-input'] if folded else []
    return cell if cell.outputs or 'remove-input' not in cell.metadata.tags else None

def show_pages(cells):
    "In a notebook of exercises: what `page` shows stands without the call, and the entry is folded under a name of its own"
    for c in cells:
        if c.cell_type!='code': continue
        if re.fullmatch(r"page\('[^']*'\)", c.source): c.metadata.tags = ['remove-input']
        if 'hide-input' in c.metadata.tags: c.metadata.mystnb = {f'code_prompt_{k}': f'{k.title()} the entry that check runs' for k in ('show', 'hide')}

def series(index):
    "What the table of the front page says of each lesson: its page, the minutes that it takes, the deeper notebooks beside it"
    tables = ''.join(''.join(o.get('data', {}).get('text/markdown', '')) for c in index.cells for o in c.get('outputs', []))
    for doc,more,minutes in re.findall(r'^\| \[[^\]]*\]\((\d\d_\w+)\.ipynb\)(.*) \| (\d+) min \|$', tables, re.M): yield doc,int(minutes),re.findall(r'\((deeper/\w+)\.ipynb\)', more)

def as_markdown(nb, doc):
    "The notebook as readers see it, as one Markdown text: pictures by their alternative texts, what can be clicked by a line"
    parts = []
    for c in nb.cells:
        if c.cell_type=='markdown': parts.append(re.sub(r'(\]\([\w./-]+)\.ipynb', r'\1.md', c.source))
        elif 'remove-input' not in c.metadata.get('tags', []): parts.append(f'```python\n{c.source}\n```')
        for o in c.get('outputs', []):
            data,meta = o.get('data', {}),o.get('metadata', {})
            if 'image/png' in data: parts.append(f"*Figure: {meta.get('image/png', {}).get('alt') or ''.join(data.get('text/plain', ''))}*")
            elif 'text/markdown' in data: parts.append(re.sub(r'(\]\([\w./-]+)\.ipynb', r'\1.md', ''.join(data['text/markdown'])))
            elif text := ''.join(o.get('text', '') or data.get('text/plain', '')).rstrip(): parts.append(f'```text\n{text}\n```')
    return '\n\n'.join(o for o in parts if o.strip())+'\n'

def llms(pages):
    "The site's list for readers with an assistant (llmstxt.org); `pages`: section, page, title, what it is about"
    lines = [f'# {LIB}', '', '> A multilayer perceptron from nothing, on MNIST: a literate notebook series and the package that it exports.', '',
             'Each page is one notebook as Markdown: text, code, and what the code has shown.']
    for section in dict.fromkeys(o[0] for o in pages):
        lines += ['', f'## {section}', '', *(f'- [{title}]({doc}.md): {about}' for s,doc,title,about in pages if s==section)]
    return '\n'.join(lines)+'\n'

# --- which name is whose --------------------------------------------------------------------------------------------------

def scopes(table):
    "The names bound in the scopes inside `table`"
    for child in table.get_children():
        yield from (s.get_name() for s in child.get_symbols() if s.is_parameter() or s.is_assigned() and s.is_local())
        yield from scopes(child)

def name_cells(cells, own, public):
    "Store in each code cell's metadata which of its names are the package's: `names`, and those that it exports itself: `defines`"
    known,heading = {},''
    for cell in cells:
        if cell.cell_type=='markdown': heading = ([heading]+re.findall(r'^##+ (.+)', cell.source, re.M))[-1]
        if cell.cell_type!='code': continue
        source = re.sub(r'^([%!].*)$', r'#\1', cell.source, flags=re.M)
        try: tree,table = ast.parse(source),symtable.symtable(source, '', 'exec')
        except SyntaxError: continue
        bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
        exports = any(o.startswith('export') for o in directives(cell))
        defined = [o for o in public.get(own, {}) if exports and o in bound]
        cell.metadata.section = heading
        for o in bound: known.pop(o, None)
        for o in ast.walk(tree):
            if isinstance(o, ast.ImportFrom) and (o.module or '').startswith(LIB+'.'):
                names = public.get(o.module.partition('.')[2], {})
                known.update({a.asname or a.name:names[a.name] for a in o.names if a.name in names} if o.names[0].name!='*' else names)
        known.update({o:public[own][o] for o in defined})
        used = {o.id for o in ast.walk(tree) if isinstance(o, ast.Name)} | {a.name for o in ast.walk(tree) if isinstance(o, ast.ImportFrom) for a in o.names}
        cell.metadata.names = {o:known[o] for o in (used-set(scopes(table))) | set(defined) if o in known}
        cell.metadata.defines = defined
    return known

def with_labels(cells, own):
    "`cells`, with a label before each that exports names, for the reference to point at"
    for cell in cells:
        if names := cell.metadata.get('defines'): yield nbformat.v4.new_markdown_cell('\n'.join(f'({own}-{o})=' for o in names))
        yield cell

# --- the reference --------------------------------------------------------------------------------------------------------

def escape(text):
    "`text` with Markdown's signs made harmless outside of backticks"
    return ''.join(o if o.startswith('`') else re.sub(r'([\\*_<>\[\]#$|{}])', r'\\\1', o) for o in re.split(r'(`[^`]*`)', text or ''))

class _Shown(str): __repr__ = str.__str__
def signature(f):
    "The arguments of `f` and their defaults, without self and types"
    shown = lambda o: _Shown(o.__name__) if callable(o) else o
    sig = inspect.signature(f)
    return str(sig.replace(return_annotation=sig.empty, parameters=[p.replace(annotation=p.empty, default=shown(p.default) if p.default is not p.empty else p.empty)
                                                                    for p in sig.parameters.values() if p.name!='self']))

def of_package(kind):
    "The name of a type; with its module if it is ours, since two modules have a `Module`"
    return f'{kind.__module__}.{kind.__name__}' if kind.__module__.startswith(LIB) else kind.__name__

def fields(f):
    "What each argument of `f` means, and what it returns"
    types = {k:p.annotation for k,p in inspect.signature(f).parameters.items() if isinstance(p.annotation, type) and p.annotation is not p.empty}
    for name,o in docments(f, full=True).items():
        if not o.docment: continue
        yield f":{'returns' if name=='return' else f'param {name}'}: {escape(' '.join(o.docment.split()))}"
        if name in types: yield f':type {name}: {of_package(types[name])}'

def entry(kind, name, o, where='', fence='`````'):
    "The entry of the reference for `o`, with those of its documented methods"
    call = o.__init__ if inspect.isclass(o) and o.__init__ is not object.__init__ else o
    made = inspect.isclass(o) and call is o
    yield f"{fence}{{py:{kind}}} {name}{'' if made or not callable(o) else signature(call)}"
    yield '\n'+escape(inspect.getdoc(o))+'\n'
    if not made and callable(o): yield from fields(call)
    yield '\n'+where+'\n'
    if inspect.isclass(o):
        for k,m in vars(o).items():
            if inspect.isfunction(m) and m.__doc__ and (k[0]!='_' or k=='__call__'): yield from entry('method', k, m, fence=fence[:-1])
    yield fence

def source_line(o):
    "Where `o` is written, such as 'mlp_foundations/training.py, line 63'; '' for what is no function or class of ours"
    try: return f"`{LIB}/{Path(inspect.getsourcefile(o)).name}`, line {inspect.getsourcelines(o)[1]}"
    except (TypeError, OSError): return ''

def write_reference(folder, lessons, public, sections):
    "A page for each module that `lessons` (docname, title, module) write, and one that lists all names"
    rows = []
    for doc,title,mod in lessons:
        if not public.get(mod): continue
        m = import_module(f'{LIB}.{mod}')
        text = [f'# {mod}', f'```{{py:module}} {LIB}.{mod}\n```', escape(m.__doc__), f'Lesson: [{title}](../{doc}.ipynb)']
        rows += [f'\n## [{mod}]({mod}.md)\n', escape(m.__doc__)]
        for name in public[mod]:
            o = getattr(m, name)
            kind = 'class' if inspect.isclass(o) else 'function' if callable(o) else 'data'
            section = f', in the section "{escape(sections[mod,name])}"' if sections.get((mod,name)) else ''
            where = f'Written in {{ref}}`{title} <{mod}-{name}>`{section}' + (f'. Source: {line}' if (line := source_line(o)) else '')
            text.append('\n'.join(entry(kind, name, o, where)))
            rows.append(f'\n{{py:obj}}`{name} <{LIB}.{mod}.{name}>`\n: {escape(inspect.getdoc(o))}')
        (folder/f'{mod}.md').write_text('\n\n'.join(text), encoding='utf-8')
    toc = '\n'.join(mod for *_,mod in lessons if public.get(mod))
    (folder/'index.md').write_text('\n'.join(['# Reference\n', f'Every name that the lessons and the workshop export. `from {LIB}.all import *` brings them all, except those of `nn`.', *rows,
                                             f'\n```{{toctree}}\n:hidden:\n{toc}\n```']), encoding='utf-8')

def anchor(title):
    "The anchor of a heading, as JupyterLab makes it"
    return title.strip().replace(' ', '-')

def elsewhere(repo, branch):
    "Where the lessons open without an installation, once the repository has an address"
    return (f'Or without installing anything, in [Colab](https://colab.research.google.com/github/{repo}/blob/{branch}/nbs/00_data.ipynb) (each lesson has such a link, under its rocket), '
            f'in [Binder](https://mybinder.org/v2/gh/{repo}/{branch}?urlpath=lab/tree/nbs/index.ipynb), or in [Codespaces](https://codespaces.new/{repo}).')

# --- all together ---------------------------------------------------------------------------------------------------------

def assemble(nbs, folder):
    "Write into `folder` the source of the site for the notebooks in `nbs`"
    (folder/'api').mkdir()
    path_of = {o: nbs/f'{o}.ipynb' for o in map(name_of, notebooks(nbs))}
    table = list(series(nbformat.read(path_of['index'], 4)))
    minutes = {doc: o for doc,o,_ in table}
    children = {doc: [o for o in [*deeper, f'exercises/e{doc[:2]}'] if o in path_of] for doc,_,deeper in table if doc in path_of}
    of = {o: doc for doc,l in children.items() for o in l}
    sections,markdown,about = {},{},{}
    found,public,lessons,prose,menu = [],{},[],{},{o: [] for o in ('lessons', *FOLDERS)}
    for path in notebooks(nbs):
        nb,doc = nbformat.read(path, 4),name_of(path)
        own = next((o.split()[1] for c in nb.cells for o in directives(c) if o.startswith('default_exp')), None)
        title = next((l[2:] for c in nb.cells if c.cell_type=='markdown' for l in c.source.splitlines() if l.startswith('# ')), path.stem).replace('`', '')
        if number := re.match(r'(\d+)_', path.stem):
            title = title if title.startswith(number[1]) else f'{number[1]} {title}'
        if number or '/' in doc:
            if doc not in of: menu[doc.split('/')[0] if '/' in doc else 'lessons'].append(f'{title} <{doc}>')
            lessons.append((doc, title, own))
            if own:
                m = import_module(f'{LIB}.{own}')
                public[own] = {o:f'{m.__name__}.{o}' for o in m.__all__ if getattr(getattr(m, o), '__module__', m.__name__)==m.__name__}
        found.append((doc, nb, own))
    for doc,nb,own in found:
        known = name_cells(nb.cells, own, public)
        prose[doc] = {k:v for names in [*reversed(public.values()), known, public.get(own, {})] for k,v in names.items()}
        nb.metadata.pop('widgets', None) # for which MyST-NB would load scripts from another host
        nb.metadata.language_info = dict(name='python', pygments_lexer='ipython3')
        nb.cells = [o for o in map(for_readers, nb.cells) if o]
        if doc.startswith('exercises/'): show_pages(nb.cells)
        sections.update({(own, o): c.metadata.section for c in nb.cells for o in c.metadata.get('defines', [])})
        markdown[doc] = as_markdown(nb, doc)
        about[doc] = next((l[2:] for c in nb.cells if c.cell_type=='markdown' for l in c.source.splitlines() if l.startswith('> ')), '')
        nb.cells = list(with_labels(nb.cells, own))
        if doc in children: nb.cells.append(nbformat.v4.new_markdown_cell('\n'.join(['```{toctree}', ':hidden:', *(f'/{o}' for o in children[doc]), '```'])))
        nb.cells.append(nbformat.v4.new_markdown_cell(f'<p class="as-markdown"><a href="{Path(doc).name}.md">This page as Markdown</a></p>'))
        if doc=='index' and (repo := os.environ.get('GITHUB_REPOSITORY')):
            start = next((i for i,c in enumerate(nb.cells) if c.source=='## The lessons'), len(nb.cells))
            nb.cells.insert(start, nbformat.v4.new_markdown_cell(elsewhere(repo, os.environ.get('GITHUB_REF_NAME', 'main'))))
        if doc=='index': nb.cells.append(nbformat.v4.new_markdown_cell('\n'.join([
            *(l for k,o in menu.items() if o for l in ('```{toctree}', ':hidden:', f':caption: {k.title()}', *o, '```')),
            '```{toctree}', ':hidden:', ':caption: Package', 'api/index', '```'])))
        (folder/doc).parent.mkdir(exist_ok=True)
        nbformat.write(nb, folder/f'{doc}.ipynb')
    for _,_,mod in lessons: prose[f'api/{mod}'] = {**prose['index'], **public.get(mod, {})}
    (folder/'names.json').write_text(json.dumps(prose), encoding='utf-8')
    write_reference(folder/'api', lessons, public, sections)
    titles = {doc: title for doc,title,_ in lessons}
    (folder/'series.json').write_text(json.dumps(dict(lessons=[(doc, titles[doc], minutes.get(doc)) for doc in titles if '/' not in doc], of=of, markdown=list(markdown))), encoding='utf-8')
    named = dict(lessons='Lessons', deeper='Deeper', exercises='Exercises', workshop='Workshop')
    pages = [(named[doc.split('/')[0] if '/' in doc else 'lessons'], doc, titles.get(doc, LIB), about[doc]) for doc in markdown]
    return markdown,llms(sorted(pages, key=lambda o: list(named.values()).index(o[0])))

def main(out=root/'_site', nbs=root/'nbs'):
    out,nbs = Path(out),Path(nbs)
    with tempfile.TemporaryDirectory() as tmp:
        src = Path(tmp)/'src'
        src.mkdir()
        markdown,listed = assemble(nbs, src)
        status = build_main(['-q', '-W', '--keep-going', '-c', str(here), '-d', f'{tmp}/doctrees', str(src), f'{tmp}/out']) # MyST-NB leaves a folder beside it
        shutil.rmtree(out, ignore_errors=True)
        shutil.move(f'{tmp}/out', out)
    for doc,text in markdown.items(): (out/f'{doc}.md').write_text(text, encoding='utf-8')
    (out/'llms.txt').write_text(listed, encoding='utf-8')
    for p in notebooks(nbs): shutil.copy(p, out/'_sources'/f'{name_of(p)}.ipynb') # what the download button gives: the notebook with all its cells
    if status: sys.exit(status)
    print(f'Open {out/"index.html"}')

if __name__=='__main__': main(*sys.argv[1:])
