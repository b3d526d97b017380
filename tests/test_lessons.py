"What a lesson promises its reader: half an hour, something to see in every cell, blanks to write, answers that are folded."
import ast, json, re
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
lessons = sorted((root/'nbs').glob('0[0-9]_*.ipynb'))

def cells(path): # the folded ones are left out
    return [(c['cell_type'], ''.join(c['source']), c.get('outputs')) for c in json.loads(path.read_text(encoding='utf-8'))['cells'] if not c['metadata'].get('jupyter')]
def visible(cs): return [(s, outs) for kind,s,outs in cs if kind=='code' and not s.startswith(('#| hide', '#| default_exp'))]
def prose(cs): return '\n\n'.join(s for kind,s,_ in cs if kind=='markdown')
def words(text): return len(re.findall(r"[A-Za-z][\w'’-]*", re.sub(r'\$[^$]*\$|```.*?```|\]\([^)]*\)|`[^`]*`', ' ', text, flags=re.S)))
def lines(cs): return [l for s,_ in visible(cs) for l in s.splitlines() if l.strip() and not l.startswith('#|')]

def faults(cs):
    "What a lesson of the cells `cs` has too much or too little of"
    n,w,code = len(visible(cs)),words(prose(cs)),lines(cs)
    minutes,h2 = w/200+len(code)/20,len(re.findall('^## ', prose(cs), re.M))
    seen = [i for i,(s,outs) in enumerate(visible(cs)) if any('image/png' in o.get('data', {}) or o.get('text') or 'text/plain' in o.get('data', {}) for o in outs)]
    res = [f'{n} visible code cells']*(not 35<=n<=65) + [f'{w} words']*(not 1200<=w<=2200) + [f'{minutes:.1f} minutes']*(minutes>30.5)
    res += [f'{h2} sections']*(not 5<=h2<=8) + [f'nothing to see before cell {min(seen, default=n)}']*(min(seen, default=n)>=10)
    return res + [f'{len(l)} characters: {l}' for l in code if len(l)>88]

def shows_nothing(source):
    "Whether a cell without output is more than imports and definitions"
    defs = ast.Import,ast.ImportFrom,ast.FunctionDef,ast.ClassDef
    return not all(isinstance(o, defs) or isinstance(o, ast.Expr) and isinstance(o.value, ast.Constant) for o in ast.parse(source).body)

@pytest.mark.parametrize('path', lessons, ids=lambda o: o.stem)
def test_half_an_hour(path): assert not faults(cells(path))

def test_the_series_in_words(): assert sum(words(prose(cells(o))) for o in lessons if o.stem<'08')<=16_000

@pytest.mark.parametrize('path', lessons, ids=lambda o: o.stem)
def test_every_cell_shows_something(path):
    assert not [s for s,outs in visible(cells(path)) if not outs and shows_nothing(s)]

@pytest.mark.parametrize('path', lessons, ids=lambda o: o.stem)
def test_answers_are_folded(path):
    "A prediction without an answer, or an answer that isn't folded"
    text = prose(cells(path))
    assert text.count('**Predict')>=2 and text.count('<details><summary>')==text.count('</details>')>=2

@pytest.mark.parametrize('path', lessons, ids=lambda o: o.stem)
def test_blanks_and_exercises(path):
    "Two to four places to write in a lesson, each before the end, and four to six exercises"
    no,text = path.stem[:2],prose(cells(path))
    asked = [re.findall(rf"check\('{no}\.(\w)'", s) for s,_ in visible(cells(path))]
    blanks,exercises = [o for os in asked for o in os if o.isalpha()],{o for os in asked for o in os if o.isdigit()}
    assert (2 if no!='00' else 0)<=len(blanks)<=4 and len({*blanks})==len(blanks) and 4<=len(exercises)<=6
    assert all(f'**{no}.{o}**' in text for o in exercises)

def test_what_is_too_long_is_found():
    "The limits, each passed by one"
    out = [dict(output_type='stream', text='1')]
    good = [('markdown', f'## {i}\n\n'+'word '*300, None) for i in range(5)]+[('code', f'x = {i}', out) for i in range(40)]
    assert not faults(good)
    for more,said in ((good+[('code', 'x = 1', out)]*26, '66 visible'), (good[:-6], '34 visible'), (good+[('markdown', 'word '*701, None)], '2201 words'),
                      (good[1:], '4 sections'), (good+[('code', 'x = 1\n'*460, out)], 'minutes'), (good+[('code', 'x'*89, out)], '89 characters'),
                      (good[:5]+[('code', 'x = 1', [])]*10+good[5:], 'nothing to see before cell 10')):
        assert any(said in o for o in faults(more)), said
    assert shows_nothing('x = 1') and shows_nothing('assert x') and not shows_nothing('import torch\ndef f(): pass\nclass A: pass')
