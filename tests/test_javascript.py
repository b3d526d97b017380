"Scripts and styles are files: biome lints and formats them, node tests what needs no browser."
import os, shutil, subprocess
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
biome = root/'node_modules'/'.bin'/'biome'

def run(*args): return subprocess.run([str(o) for o in args], cwd=root, capture_output=True, text=True, encoding='utf-8')
def need(there, what):
    if not there: (pytest.fail if os.environ.get('REQUIRE_BROWSER') else pytest.skip)(f'no {what}: run the line with npm in .ci/run')

def test_lint_and_format():
    need(biome.exists(), 'biome')
    res = run(biome, 'check', '--error-on-warnings')
    assert res.returncode==0, res.stdout+res.stderr

@pytest.mark.parametrize('text, rule', [('a = 1\n', 'format'), ("const a = 1;\nif (a == '1') alert(a);\n", 'noDoubleEquals')])
def test_biome_finds_what_is_wrong(tmp_path, text, rule):
    need(biome.exists(), 'biome')
    (tmp_path/'a.js').write_text(text)
    shutil.copy(root/'biome.json', tmp_path)
    res = subprocess.run([str(biome), 'check', '--error-on-warnings', 'a.js'], cwd=tmp_path, capture_output=True, text=True)
    assert res.returncode and rule in res.stdout+res.stderr
