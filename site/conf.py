"""Sphinx's settings for the reading site, and its links from names to the reference and from terms to the glossary. make.py runs Sphinx with it."""
import json, os, re, shutil
from base64 import b64decode
from configparser import ConfigParser
from hashlib import sha256
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.writers.html5 import HTML5Translator

here = Path(__file__).resolve().parent
_cfg = ConfigParser(interpolation=None)
_cfg.read(here.parent/'settings.ini', encoding='utf-8')
_cfg = _cfg['DEFAULT']

project = html_title = _cfg['lib_name']
author = _cfg['author']
extensions = ['myst_nb', 'sphinx.ext.mathjax']
exclude_patterns = ['.ipynb_checkpoints']

nb_execution_mode = 'off'
nb_render_markdown_format = 'myst'
myst_enable_extensions = ['amsmath', 'deflist', 'dollarmath', 'fieldlist']
myst_heading_anchors = 3
myst_heading_slug_func = 'make.anchor'  # as JupyterLab names them, so that the same links work there
add_module_names = False
python_use_unqualified_type_names = True

# MathJax lies beside the pages: what is used of it, see copy_mathjax. Without its menu, which would ask for the rest.
mathjax_path = 'mathjax/tex-chtml.js'
mathjax3_config = dict(loader={'load': ['[tex]/textmacros', '[tex]/boldsymbol']}, tex={'packages': {'[+]': ['textmacros', 'boldsymbol']}}, options={'enableMenu': False})

html_theme = 'sphinx_book_theme'
templates_path = ['.']
html_static_path = ['style.css', 'progress.js']
html_css_files = ['style.css']
# The lines of text that a search shows are fetched from the pages, which a browser allows on a server but not between files.
html_js_files = [('progress.js', dict(defer='defer')), (None, dict(body="if (location.protocol==='file:') DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false", priority=900))]
html_context = dict(default_mode='auto')
html_use_index = html_domain_indices = html_show_sphinx = html_show_copyright = False
html_theme_options = dict(footer_content_items='', show_toc_level=2, use_fullscreen_button=False, pygments_light_style='a11y-high-contrast-light',
                          pygments_dark_style='a11y-high-contrast-dark', home_page_in_toc=True)
if _repo := os.environ.get('GITHUB_REPOSITORY'): # only the published site knows where it comes from
    html_theme_options.update(repository_url=f'https://github.com/{_repo}', repository_branch=os.environ.get('GITHUB_REF_NAME', 'main'), path_to_docs='nbs',
                              use_repository_button=True,
                              launch_buttons=dict(colab_url='https://colab.research.google.com', binderhub_url='https://mybinder.org', notebook_interface='jupyterlab'))

def add_alt_texts(app, doctree):
    "Give each figure the alternative text that is saved with it; MyST-NB names an image by its SHA-256"
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix!='.ipynb': return
    outputs = [o for c in json.loads(path.read_text(encoding='utf-8'))['cells'] for o in c.get('outputs', []) if 'image/png' in o.get('data', {})]
    alts = {sha256(b64decode(''.join(o['data']['image/png']))).hexdigest():o['metadata'].get('image/png', {}).get('alt', '') for o in outputs}
    for node in doctree.findall(nodes.image):
        if alt := alts.get(Path(node['uri']).stem): node['alt'] = alt

def link_prose(app, doctree):
    "Link `name`, `name(...)` and `mlp_foundations.module` in the text to the reference"
    names = json.loads((Path(app.srcdir)/'names.json').read_text(encoding='utf-8'))
    names = names.get(app.env.docname) or names['index']
    lib = set(o.rsplit('.', 1)[0] for o in names.values())
    for node in list(doctree.findall(nodes.literal)):
        if node.get('classes') or any(isinstance(o, (nodes.reference, nodes.title, addnodes.pending_xref)) for o in _above(node)): continue
        said = re.fullmatch(r'([\w.]+)(\(.*\))?', node.astext())
        target = said and (names.get(said[1]) or (said[1] if said[1] in lib else None))
        if not target: continue
        ref = addnodes.pending_xref('', refdomain='py', reftype='mod' if target in lib else 'obj', reftarget=target, refexplicit=True, refwarn=True, refdoc=app.env.docname)
        node.replace_self(ref)
        ref += node

def _above(node):
    while node := node.parent: yield node

def list_terms(app, doctree):
    "Make a definition list of the front page's glossary, a bullet list of `**term**, **term**: definition`, with a place to link to for each term"
    if app.env.docname!='index': return
    app.env.glossary = {} # term: (its place on the page, its definition)
    for items in [o for s in doctree.findall(nodes.section) if s[0].astext()=='Glossary' for o in s.findall(nodes.bullet_list)]:
        terms = nodes.definition_list(classes=['glossary'])
        for item in items:
            text = item[0]
            head,said = re.fullmatch(r'(.+?): (.+)', text.astext(), re.S).groups()
            names = [o.astext() for o in text if isinstance(o, nodes.strong)]
            ids = [f"term-{o.lower().replace(' ', '-')}" for o in names]
            app.env.glossary.update({o: (i, re.sub(r' lesson \d\d$', '', said)) for o,i in zip(names, ids)})
            while not (isinstance(text[0], nodes.Text) and text[0].startswith(': ')): text.pop(0)
            text.replace(text[0], nodes.Text(text[0][2:]))
            terms += nodes.definition_list_item('', nodes.term('', head, ids=ids), nodes.definition('', text))
        items.replace_self(terms)

NO_PROSE = nodes.title, nodes.reference, nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.block_quote, nodes.raw, nodes.comment
def link_terms(app, doctree, docname):
    "Link the first use of each term of the glossary in the text of a lesson or a deeper notebook"
    glossary = getattr(app.env, 'glossary', {})
    if not glossary or not re.match(r'\d\d_|deeper/', docname): return
    for o in list(doctree.findall(nodes.TextElement)): # the lines of a paragraph as one text: a term may stand on two of them
        o[:] = [nodes.Text(''.join(group)) if text else p for text,group in groupby(o.children, lambda o: type(o) is nodes.Text) for p in ([0] if text else group)]
    todo,forms = {},[]
    for o in sorted(glossary, key=len, reverse=True): # 'upstream gradient' before 'gradient'
        todo[o.lower()] = glossary[o]
        forms.append(f"({re.escape(o)}){'[sd]?' if o[-1]=='e' else '(?:e?s)?'}".replace(r'\ ', r'\s+'))
    place,term = app.builder.get_relative_uri(docname, 'index'),re.compile(rf"(?<![\w-])(?:{'|'.join(forms)})(?![\w-])", re.I)
    for node in list(doctree.findall(nodes.Text)):
        if any(isinstance(o, NO_PROSE) or 'cell_output' in o.get('classes', ()) for o in _above(node)): continue
        parts,end = [],0
        for found in term.finditer(node):
            name = ' '.join(found[found.lastindex].lower().split())
            if name not in todo: continue
            anchor,said = todo.pop(name)
            parts += [nodes.Text(node[end:found.start()]), nodes.reference('', found[0], refuri=f'{place}#{anchor}', reftitle=said, internal=True, classes=['term'])]
            end = found.end()
        if parts: node.parent.replace(node, [*parts, nodes.Text(node[end:])])

def pass_names(app, doctree):
    "Tell each code cell's source which of its names are the package's"
    for cell in doctree.findall(lambda o: isinstance(o, nodes.container) and o.get('cell_metadata')):
        for block in cell.findall(nodes.literal_block):
            if 'cell_input' in block.parent['classes']: block['names_'] = cell['cell_metadata'].get('names')

def visit_literal_block(self, node):
    "As Sphinx does, with links on the names that `pass_names` left"
    try: HTML5Translator.visit_literal_block(self, node)
    finally:
        objects,names = self.builder.env.get_domain('py').objects,node.get('names_') or {}
        def link(m):
            o = objects[names[m[2]]]
            href = self.builder.get_relative_uri(self.docnames[0], o.docname)
            return f'<a class="api" href="{href}#{o.node_id}">{m[1]}</a>'
        if names: self.body[-1] = re.sub(rf'(?<!<span class="o">\.</span>)(<span class="n[fc]?">({"|".join(names)})</span>)(?!<span class="o">=</span>)', link, self.body[-1])

def show_neighbours(app, pagename, templatename, context, doctree):
    "Previous and next lead from lesson to lesson, with the minutes that each takes; the page says where it is as Markdown"
    series = json.loads((Path(app.srcdir)/'series.json').read_text(encoding='utf-8'))
    lessons = [doc for doc,*_ in series['lessons']]
    def page(i):
        doc,title,minutes = series['lessons'][i]
        return dict(link=app.builder.get_relative_uri(pagename, doc), title=f'{title} ({minutes} min)' if minutes else title)
    if pagename in series['markdown']: context['metatags'] = context.get('metatags', '')+f'<link rel="alternate" type="text/markdown" href="{Path(pagename).name}.md">'
    of = series['of'].get(pagename, pagename)
    if of not in lessons and of!='index' or not lessons: return
    i = lessons.index(of) if of in lessons else -1
    context['next'] = page(i+1) if i+1<len(lessons) else None
    if pagename!=of: context['prev'] = page(i)
    elif i>0: context['prev'] = page(i-1)

def copy_mathjax(app, error):
    "Copy TeX input, CHTML output and its fonts: 2 of MathJax's 24 MB"
    if error: return
    src,dst = Path(find_spec('sphinx-mathjax-offline').submodule_search_locations[0])/'static'/'mathjax',Path(app.outdir)/'_static'/'mathjax'
    for o in ('output/chtml/fonts', 'input/tex/extensions'): shutil.copytree(src/o, dst/o, dirs_exist_ok=True)
    shutil.copy(src/'tex-chtml.js', dst)

def setup(app):
    for f in (add_alt_texts, link_prose, list_terms, pass_names): app.connect('doctree-read', f)
    app.connect('doctree-resolved', link_terms)
    app.connect('html-page-context', show_neighbours)
    app.connect('build-finished', copy_mathjax)
    app.add_node(nodes.literal_block, override=True, html=(visit_literal_block, None))
